#!/usr/bin/env python3
"""Tests of simulate.py: `python3 benches/catalogue/test_simulate.py`."""

import unittest
from contextlib import redirect_stdout
from dataclasses import replace
from io import StringIO

import simulate


def small(*more):
    """A cluster that is simulated quickly."""
    return simulate.options(["--titles", "6000", "--nodes", "40", "--scale", "1", *more])


def even(*more):
    """The same without chance, and without slow nodes."""
    return small("--title-spread", "0", "--task-spread", "0", "--slow-nodes", "0", *more)


def all_ways(o):
    return [way for encoder in ("rav1e", "SVT-AV1") for way in simulate.ways(o, encoder)]


class Costs(unittest.TestCase):
    def test_a_title_by_hand(self):
        c = simulate.costs(small("--rav1e-fps", "2", "--small-rungs", "1", "--crowding", "1"), "rav1e")
        self.assertEqual((c["frames"], c["segments"], c["rungs"]), (2160, 45, 4))
        self.assertEqual(c["film"], 15e6 / 8 * 90)
        self.assertAlmostEqual(c["encode"], 2160 * 1.80556 / 2, delta=0.1)
        self.assertAlmostEqual(c["look"], 2160 * 0.01425 * 2.37, delta=0.01)

    def test_svt_has_one_segment_and_one_way_of_shares(self):
        o = small()
        self.assertEqual([way.shares for way in simulate.ways(o, "SVT-AV1") if way.plan], [1])
        self.assertEqual([way.shares for way in simulate.ways(o, "rav1e") if way.plan], [1, 4, 45])

    def test_tasks_of_a_title(self):
        self.assertEqual([way.tasks_of_item() for way in simulate.ways(small(), "rav1e")], [1, 1, 3, 6, 47])

    def test_one_node_reads_a_title_once_over_the_network(self):
        o = small()
        film = simulate.costs(o, "rav1e")["film"]
        for way in simulate.ways(o, "rav1e")[:2]:
            self.assertAlmostEqual(way.network[1] * way.pieces / way.titles, film)


class Walls(unittest.TestCase):
    def test_without_chance_work_is_divided_by_slots(self):
        o = even("--titles", "400", "--task-start", "0")
        convert = simulate.ways(o, "rav1e")[0]
        run = simulate.simulated(o, convert)
        self.assertAlmostEqual(run.wall, 10 * convert.piece, places=3)

    def test_paper_and_simulation_agree(self):
        o = small()
        for way in all_ways(o):
            # A cluster of this size has a large last stretch; the catalogue has to be longer than that.
            way = replace(way, items=way.items * (4 if way.titles > 1 else 1))
            with self.subTest(simulate.label(way)):
                paper, _ = simulate.expected(o, way)
                self.assertLess(abs(simulate.simulated(o, way).wall / paper - 1), 0.06)

    def test_an_engine_that_is_slower_than_the_cores_decides(self):
        o = small("--titles", "600")
        way = simulate.ways(o, "rav1e")[4]
        run = simulate.simulated(o, way, starts=2)
        self.assertLess(abs(run.wall / simulate.expected(o, way, starts=2)[0] - 1), 0.03)
        self.assertLess(abs(run.wall / (600 * 47 / 2) - 1), 0.03)

    def test_the_same_seed_gives_the_same(self):
        o = small("--titles", "500")
        way = simulate.ways(o, "rav1e")[3]
        one, other = simulate.simulated(o, way), simulate.simulated(o, way)
        self.assertEqual((one.wall, one.counts), (other.wall, other.counts))


class Counts(unittest.TestCase):
    def test_every_piece_is_done_once(self):
        o = small("--titles", "700")
        for way in all_ways(o):
            with self.subTest(simulate.label(way)):
                # Nodes that die change nothing in that: what is whole stays, what is lost is done again.
                for deaths in (0.0, 0.02):
                    run = simulate.simulated(o, way, deaths=deaths, notice=60)
                    self.assertEqual(run.died > 0, deaths > 0)
                    items = int(way.items)
                    self.assertAlmostEqual(sum(run.counts["piece"].values()), items * way.pieces, places=6)
                    if way.plan:
                        for kind in ("plan", "render"):
                            self.assertAlmostEqual(sum(run.counts[kind].values()), items, places=6)
                    tasks = sum(run.counts["start"].values())
                    self.assertGreaterEqual(tasks, items * way.tasks_of_item())
                    if not deaths:
                        self.assertEqual(tasks, items * way.tasks_of_item())

    def test_objects_are_put_once_and_read_once(self):
        o = small("--titles", "640")
        for way in all_ways(o):
            run = simulate.simulated(o, way)
            (put, _), (get, _) = simulate.store_rates(o, way, run)
            objects = 640 * way.segments * 4
            with self.subTest(simulate.label(way)):
                self.assertAlmostEqual(put * run.wall, objects, places=3)
                # Of a segment also the marker and the first rung, of a join the marker.
                more = 640 * (2 * way.segments + 1) if way.segments else 0
                self.assertAlmostEqual(get * run.wall, simulate.READ_REQUESTS * objects + more, places=3)


class Deaths(unittest.TestCase):
    def test_what_a_death_costs(self):
        o = small()
        for way in all_ways(o):
            run = simulate.simulated(o, way)
            run = simulate.simulated(o, way, deaths=300 / run.wall)
            with self.subTest(simulate.label(way)):
                paper = simulate.loss_of_a_death(o, way)
                self.assertLess(abs(run.lost / run.died / paper - 1), 0.15)

    def test_a_store_keeps_whole_segments(self):
        o = small()
        _, _, one, _, each = simulate.ways(o, "rav1e")
        loss = simulate.loss_of_a_death
        self.assertLess(loss(o, one), 1.2 * loss(o, each))
        kept_nothing = replace(one, pieces=1, piece=one.pieces * one.piece)
        self.assertGreater(loss(o, kept_nothing), 20 * loss(o, one))


class Printing(unittest.TestCase):
    def test_every_table_is_whole(self):
        out = StringIO()
        with redirect_stdout(out):
            o = small("--titles", "400", "--nodes", "20")
            runs = [(way, simulate.simulated(o, way)) for way in all_ways(o)]
            limited = {(way, e.name): run for way, run in runs for e in simulate.ENGINES}
            simulate.print_inputs(o)
            simulate.print_titles(o)
            for part in (simulate.print_walls, simulate.print_source, simulate.print_store, simulate.print_calls):
                part(o, runs)
            simulate.print_engines(o, runs, limited)
            simulate.print_first(o, runs)
        columns = None
        for line in out.getvalue().splitlines():
            if not line.startswith("|"):
                columns = None
                continue
            columns = columns or line.count("|")
            self.assertEqual(line.count("|"), columns, line)


if __name__ == "__main__":
    unittest.main()
