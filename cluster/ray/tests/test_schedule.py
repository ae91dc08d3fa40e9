"""The order of steps, and what is tried again: no Ray, no films."""

from upright_ray.schedule import Schedule, pause
from upright_ray.steps import PLAN, RENDER, SEGMENT, Result
from upright_ray.titles import Title


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def titles(count):
    return [Title(f"/films/{number}.mp4", f"t{number}") for number in range(count)]


def name(step):
    return (step.state.title.name, step.kind, step.number)


def take(schedule, limit):
    return list(iter(lambda: schedule.next(limit), None))


def planned(schedule, segments, limit=1):
    """The first title's plan has come in."""
    schedule.ended(schedule.next(limit), Result(segments=segments, node="a"))


def test_ends_of_titles_come_first_and_titles_in_order():
    schedule = Schedule(titles(2), retries=0)
    order = []
    while not schedule.is_over:
        step = schedule.next(1)
        order.append(name(step))
        schedule.ended(step, Result(segments=2, node="a"))
    assert order == [
        ("t0", PLAN, None), ("t0", SEGMENT, 0), ("t0", SEGMENT, 1), ("t0", RENDER, 2),
        ("t1", PLAN, None), ("t1", SEGMENT, 0), ("t1", SEGMENT, 1), ("t1", RENDER, 2),
    ]
    assert (schedule.counts.done, schedule.counts.encoded, schedule.counts.near) == (2, 4, 4)


def test_the_next_title_is_planned_while_few_segments_wait():
    schedule = Schedule(titles(9), retries=0)
    first, second = take(schedule, 4)
    assert [first.kind, second.kind] == [PLAN, PLAN]  # half of what may be in flight
    schedule.ended(first, Result(segments=3, node="a"))
    # Three wait, more than two: none is planned until one remains.
    assert [name(step) for step in take(schedule, 4)] == [("t0", SEGMENT, 0), ("t0", SEGMENT, 1), ("t2", PLAN, None)]


def test_a_hundred_thousand_titles_are_never_in_flight_nor_open_together():
    limit, count = 32, 100_000
    schedule = Schedule(titles(count), retries=0)
    in_flight, most_open, most_waiting = [], 0, 0
    while not schedule.is_over:
        in_flight += take(schedule, limit)
        assert len(in_flight) <= limit
        most_open, most_waiting = max(most_open, len(schedule.open)), max(most_waiting, schedule.waiting)
        schedule.ended(in_flight.pop(0), Result(segments=3, node="a"))
    assert schedule.counts.done == count
    assert most_open <= 2 * limit
    assert most_waiting <= 3 * limit


def test_what_may_pass_is_tried_again_after_a_while_and_what_will_not_is_not():
    for exit, tries in [(74, 3), (75, 3), (-9, 3), (143, 3), (2, 1), (65, 1), (66, 1), (69, 1), (70, 1), (73, 1)]:
        clock, events = Clock(), []
        schedule = Schedule(titles(1), retries=2, tell=events.append, clock=clock)
        begun = 0
        while not schedule.is_over:
            step = schedule.next(8)
            if step is None:
                clock.now += 1
                continue
            begun += 1
            schedule.ended(step, Result(exit, "because"))
        assert begun == tries, exit
        assert schedule.counts.failed == 1
        assert events[-1]["error"] == "because"
        assert events[-1]["exit"] == (exit if exit > 0 else None)
        assert clock.now >= sum(pause(n, Result(exit)) for n in range(1, tries))


def test_what_was_lost_is_tried_again_at_once_and_counted_as_encoded_twice_only_if_it_was():
    schedule = Schedule(titles(1), retries=1, clock=Clock())
    planned(schedule, 2)
    one, other = take(schedule, 2)
    schedule.ended(one, Result(-1, "lost", is_lost=True))
    schedule.ended(other, Result(-1, "lost", is_lost=True))
    one, other = take(schedule, 2)
    assert (one.tries, other.tries) == (1, 1)
    schedule.ended(one, Result())
    schedule.ended(other, Result(was_there=True))
    schedule.ended(schedule.next(2), Result())
    counts = schedule.counts
    assert (counts.lost, counts.twice, counts.encoded, counts.stored, counts.done) == (2, 1, 1, 1, 1)


def test_a_failed_title_gives_out_nothing_more_and_stops_no_other():
    schedule = Schedule(titles(2), retries=0)
    planned(schedule, 50)
    one, other = schedule.next(2), schedule.next(2)
    schedule.ended(one, Result(65, "broken"))
    assert schedule.waiting == 0
    schedule.ended(other, Result())
    rest = []
    while not schedule.is_over:
        step = schedule.next(2)
        rest.append(name(step))
        schedule.ended(step, Result(segments=1, node="a"))
    assert rest == [("t1", PLAN, None), ("t1", SEGMENT, 0), ("t1", RENDER, 1)]
    assert (schedule.counts.failed, schedule.counts.done, schedule.counts.encoded) == (1, 1, 2)


def test_a_film_without_segments_is_rendered_at_once_and_a_published_one_not_at_all():
    schedule = Schedule(titles(2), retries=0)
    planned(schedule, None)
    step = schedule.next(1)
    assert name(step) == ("t0", RENDER, None)
    schedule.ended(step, Result())
    schedule.ended(schedule.next(1), Result(segments=12, was_there=True))
    assert schedule.next(1) is None
    assert schedule.is_over
    assert (schedule.counts.done, schedule.counts.was_done) == (1, 1)
