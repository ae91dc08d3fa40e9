"""Which step comes next. It knows nothing of Ray: steps go out by `next`, results come in by `ended`."""

import heapq
import itertools
import time
from collections import deque
from typing import NamedTuple

from .steps import PLAN, RENDER, SEGMENT

DONE, WAS_DONE, FAILED = "done", "was_done", "failed"


class TitleState:
    """How far a title is. The numbers of steps and segments are of this run alone."""

    def __init__(self, title):
        self.title = title
        self.outcome = None
        self.exit = None
        self.error = None
        self.node = None  # that has planned it
        self.segments = None
        self.frames = None
        self.begun = 0  # segments that were given out
        self.encoded = 0
        self.stored = 0
        self.retries = 0
        self.seconds = 0.0

    @property
    def waiting(self):
        return (self.segments or 0) - self.begun

    @property
    def progress(self):
        """From 0 to 1."""
        if self.outcome:
            return 1.0
        return (self.encoded + self.stored) / (self.segments + 1) if self.segments else 0.0


class Step(NamedTuple):
    state: TitleState
    kind: str
    number: int = None  # of the segment
    tries: int = 0  # before this one


class Counts:
    """Of all titles together, in this run."""

    def __init__(self):
        self.done = self.was_done = self.failed = 0
        self.encoded = 0  # segments
        self.stored = 0  # segments that were there already
        self.twice = 0  # segments that were encoded though a try before had begun to
        self.near = 0  # segments that ran where their film was planned
        self.lost = 0  # steps that were lost with their worker or machine


class Schedule:
    """Titles are taken in their order, and their ends first: renditions before segments before plans. So few titles are open
    at a time, however many there are. Steps that were tried in vain come again after a while."""

    def __init__(self, titles, retries, tell=lambda event: None, clock=time.monotonic):
        self.counts = Counts()
        self.states = []  # of the titles that were begun
        self.open = {}  # the same without those that came to their end, in order
        self.in_flight = 0
        self.waiting = 0  # segments
        self._unplanned = deque(titles)
        self._plans = 0  # in flight, or to be tried again
        self._with_segments = deque()
        self._to_render = deque()
        self._again = []
        self._serial = itertools.count()
        self._retries = retries
        self._tell = tell
        self._clock = clock

    @property
    def is_over(self):
        return not self._unplanned and not self.open and self.in_flight == 0

    def next(self, limit):
        """A step, unless `limit` are in flight or nothing can be done now."""
        if self.in_flight >= limit:
            return None
        step = self._try_again() or self._render() or self._plan(limit) or self._segment()
        if step:
            self.in_flight += 1
        return step

    def _try_again(self):
        while self._again and self._again[0][0] <= self._clock():
            step = heapq.heappop(self._again)[-1]
            if not step.state.outcome:
                return step
        return None

    def _render(self):
        while self._to_render:
            state = self._to_render.popleft()
            if not state.outcome:
                return Step(state, RENDER, state.segments)
        return None

    def _plan(self, limit):
        """Only while few segments wait: enough that the cores stay busy while the next film is looked at."""
        few = max(1, limit // 2)
        if not self._unplanned or self.waiting >= few or self._plans >= few:
            return None
        state = TitleState(self._unplanned.popleft())
        self.states.append(state)
        self.open[state.title.name] = state
        self._plans += 1
        return Step(state, PLAN)

    def _segment(self):
        while self._with_segments:
            state = self._with_segments[0]
            if state.outcome or state.waiting == 0:
                self._with_segments.popleft()
                continue
            state.begun += 1
            self.waiting -= 1
            return Step(state, SEGMENT, state.begun - 1)
        return None

    def ended(self, step, result):
        state = step.state
        self.in_flight -= 1
        state.seconds += result.seconds
        self.counts.lost += result.is_lost
        if result.exit != 0 or result.is_lost:
            self._failed(step, result)
            return
        if step.kind == SEGMENT:
            self._count_segment(step, result)
        elif step.kind == PLAN:
            self._plans -= 1
            state.node, state.segments, state.frames = result.node, result.segments, result.frames
        # Segments of a title that has failed meanwhile are in the store for the next time.
        if state.outcome:
            return

        if step.kind == RENDER or (step.kind == PLAN and result.was_there):
            self._close(state, WAS_DONE if result.was_there else DONE)
        elif step.kind == PLAN and state.segments:
            self._with_segments.append(state)
            self.waiting += state.segments
        elif state.encoded + state.stored == (state.segments or 0):
            self._to_render.append(state)

    def _count_segment(self, step, result):
        for counts in (step.state, self.counts):
            if result.was_there:
                counts.stored += 1
            else:
                counts.encoded += 1
        self.counts.twice += step.tries > 0 and not result.was_there
        self.counts.near += result.node == step.state.node

    def _failed(self, step, result):
        state = step.state
        if not state.outcome and result.may_pass and step.tries < self._retries:
            state.retries += 1
            again = step._replace(tries=step.tries + 1)
            heapq.heappush(self._again, (self._clock() + pause(again.tries, result), next(self._serial), again))
            self._tell({"event": "again", "title": state.title.name, "step": step.kind, "message": result.message})
            return
        self._plans -= step.kind == PLAN
        if not state.outcome:
            state.error, state.exit = result.message, result.exit if result.exit > 0 else None
            self.waiting -= state.waiting
            self._close(state, FAILED)

    def _close(self, state, outcome):
        state.outcome = outcome
        del self.open[state.title.name]
        setattr(self.counts, outcome, getattr(self.counts, outcome) + 1)
        self._tell({"event": "title", **describe(state)})


def pause(tries, result):
    """Seconds before a step is tried again. One that was lost waits for nothing; whatever else made it fail may last."""
    return 0 if result.is_lost else 4 ** (tries - 1)


def describe(state):
    """As `upright batch` does: docs/summary.schema.json."""
    return {
        "name": state.title.name,
        "input": state.title.input,
        "outcome": state.outcome or "unfinished",
        "error": state.error,
        "exit": state.exit,
        "warnings": [],
        "frames": state.frames,
        "segments": state.segments,
        "encoded": state.encoded,
        "retries": state.retries,
        "seconds": round(state.seconds, 3),
    }
