"""Shows a batch: a line for people on standard error, JSON Lines for machines on standard output."""

import json
import sys

# Of the lines' form, which has more in a line of progress than that of `upright batch`.
VERSION = 1


class Screen:
    def __init__(self, mode, titles):
        self._mode = mode
        self._titles = titles
        self._has_bar = False

    def show(self, schedule, cores):
        counts = schedule.counts
        if self._mode == "json":
            self.tell({
                "event": "progress", "titles": self._titles, "done": counts.done + counts.was_done,
                "failed": counts.failed, "percent": self._percent(schedule), "encoded": counts.encoded,
                "stored": counts.stored, "twice": counts.twice, "lost": counts.lost, "waiting": schedule.waiting,
                "in_flight": schedule.in_flight, "cores": cores,
                "running": [
                    {"title": name, "percent": round(100 * state.progress, 1)} for name, state in schedule.open.items()
                ],
            })
        elif self._mode == "bar":
            failed = f", {counts.failed} failed" if counts.failed else ""
            self._bar(
                f"{self._percent(schedule):5.1f}%  {counts.done + counts.was_done} of {self._titles} films{failed};  segments: "
                f"{counts.encoded} encoded, {counts.stored} were there, {schedule.waiting} wait;  {cores:g} cores"
            )

    def _percent(self, schedule):
        counts = schedule.counts
        ended = counts.done + counts.was_done + counts.failed + sum(state.progress for state in schedule.open.values())
        return round(100 * ended / self._titles, 1) if self._titles else 100.0

    def tell(self, event):
        if self._mode == "json":
            print(json.dumps({"version": VERSION, **event}), flush=True)
        elif event["event"] == "again":
            self.say(f"{event['title']}: {event['step']} again: {event['message']}")
        elif event["event"] == "title" and event["error"]:
            self.say(f"{event['name']}: failed: {event['error']}")

    def say(self, text):
        """Between two states of the bar."""
        self.end()
        print(text, file=sys.stderr, flush=True)

    def _bar(self, text):
        if sys.stderr.isatty():
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
            self._has_bar = True
        else:
            print(text, file=sys.stderr, flush=True)

    def end(self):
        if self._has_bar:
            print(file=sys.stderr)
        self._has_bar = False
