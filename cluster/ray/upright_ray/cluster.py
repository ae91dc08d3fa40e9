"""Carries a schedule out on a Ray cluster."""

import logging
import os
import re
import socket
import time

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from . import steps

SECONDS_FOR_AN_ANSWER = 10
SECONDS_OF_A_LOOK = 1.0
# Steps in flight for each that has cores: the next one is there when one ends. More would only fill the driver.
STEPS_FOR_A_PLACE = 2


def connect(address):
    """To the cluster at `address` or in RAY_ADDRESS; without either, one that is begun here and ends with this process."""
    address = address or os.environ.get("RAY_ADDRESS")
    match = re.fullmatch(r"([^:/]+):(\d+)", address or "")
    if match:
        # Ray itself tries for many minutes, and says nothing.
        socket.create_connection((match[1], int(match[2])), SECONDS_FOR_AN_ANSWER).close()
    ray.init(address=address, log_to_driver=False, logging_level=logging.WARNING)


# What is lost is tried again by the schedule, which counts it: two who do that would multiply it.
@ray.remote(max_retries=0)
def do(*arguments):
    result = steps.do(*arguments)
    result.node = ray.get_runtime_context().get_node_id()
    return result


def carry_out(schedule, job, cores_of_a_step, show):
    in_flight = {}
    cores, looked = 0, None
    while not schedule.is_over:
        now = time.monotonic()
        if looked is None or now - looked >= SECONDS_OF_A_LOOK:
            # Machines come and go.
            cores, looked = ray.cluster_resources().get("CPU", 0), now
            show(schedule, cores)
        limit = STEPS_FOR_A_PLACE * max(1, int(cores / cores_of_a_step))
        while step := schedule.next(limit):
            in_flight[begin(job, step, cores_of_a_step)] = step
        for reference in wait_for_some(in_flight):
            schedule.ended(in_flight.pop(reference), fetch(reference))
    show(schedule, cores)


def begin(job, step, cores):
    task = do.options(num_cpus=cores, scheduling_strategy=place(step), name=f"{step.kind} {step.state.title.name}")
    return task.remote(job, step.state.title, step.kind, step.number)


def place(step):
    """Where the film was planned it is in the system's cache, and need not be read over the network once more. Soft: that
    node may be gone. And where it has no core to spare another node does it: reading a film costs less than waiting for
    a core. (Ray Serve asks for that the same way.) Plans are spread, so that each node gets films of its own."""
    if step.state.node is None:
        return "SPREAD"
    return NodeAffinitySchedulingStrategy(step.state.node, soft=True, _spill_on_unavailable=True)


def wait_for_some(in_flight):
    """Those that have ended, after a second at most."""
    if not in_flight:
        time.sleep(SECONDS_OF_A_LOOK / 10)
        return []
    references = list(in_flight)
    ready, _ = ray.wait(references, num_returns=1, timeout=SECONDS_OF_A_LOOK)
    if ready:
        ready, _ = ray.wait(references, num_returns=len(references), timeout=0)
    return ready


def fetch(reference):
    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        # A fault in the code here.
        return steps.Result(70, str(error))
    except ray.exceptions.RayError as error:
        said = str(error).strip().splitlines()
        return steps.Result(-1, f"lost: {said[0] if said else type(error).__name__}", is_lost=True)
