"""Runs a batch of films over a Ray cluster: a plan for each, its segments on whatever machine is free, and then the
renditions, joined from the segments."""
