#!/usr/bin/env python3
"""What a catalogue of films costs on many machines: by formula, and by simulating every task.

    python3 benches/catalogue/simulate.py > benches/results/catalogue.md

Prints Markdown. Every figure that goes in is an option; `--help` and the first table say where its default comes from.
The standard library is enough.
"""

import argparse
import heapq
import random
from collections import Counter, deque
from dataclasses import dataclass, replace
from math import ceil, exp, sqrt
from statistics import NormalDist

MEASURED, DOCUMENTED, ASSUMED, GIVEN = "measured", "documented", "assumed", "given"

# name, default, unit, kind of source, source
INPUTS = [
    ("titles", 150_000, "", GIVEN, "the catalogue"),
    ("seconds", 90.0, "s", GIVEN, "length of a title"),
    ("fps", 24.0, "frames/s", GIVEN, "frame rate of the masters"),
    ("master-mbps", 15.0, "Mb/s", GIVEN, "bit rate of the masters, 1080p H.264"),
    ("nodes", 1000, "", GIVEN, "the cluster"),
    ("cores", 16, "", GIVEN, "of a node"),
    ("segment-seconds", 2.0, "s", DOCUMENTED, "README.md, `--keyframe-interval`; rav1e has one key frame a segment"),
    ("rav1e-fps", 3.5, "frames/s", MEASURED, "rav1e speed 10, top rung, one core alone; four rungs 1.76 on a Xeon with AVX-512"),
    ("svt-fps", 13.0, "frames/s", MEASURED, "SVT-AV1 1.4 (FFmpeg 5.1's) preset 10, the same, from 480 frames in 7.9 s on 16 cores"),
    ("small-rungs", 1.06, "times", MEASURED, "cost of four rungs beyond what their pixels say: intel-xeon-processor-2-cores.json, 167 s against 87 s"),
    ("crowding", 1.6, "times", MEASURED, "processor seconds of a frame rise so when all 16 cores work: 1.5 to 1.65"),
    ("decode-ms", 14.25, "ms", MEASURED, "a frame of 1080p on one core; framing.md: 3.42 s for 240 frames"),
    ("looking", 1.37, "times", MEASURED, "cost of the detectors beyond decoding; framing.md. So decoding and looking are 2.37 times decoding"),
    ("looking-cores", 4.0, "cores", ASSUMED, "that `plan` keeps busy on a node of its own"),
    ("busy-rav1e", 0.92, "part", MEASURED, "of 16 cores in a conversion with rav1e: 1,347 s of 91.5 s"),
    ("busy-svt", 0.83, "part", MEASURED, "the same with SVT-AV1 in process"),
    ("busy-batch", 0.91, "part", MEASURED, "the same in `upright batch` on 16 cores; README.md"),
    ("busy-task", 0.94, "part", MEASURED, "the same on 2 cores; intel-xeon-processor-2-cores.json: 18.0 s in 9.6 s"),
    ("task-cores", 2, "cores", ASSUMED, "given to every task that has no node of its own; a rav1e segment keeps 1.9 busy"),
    ("task-start", 2.0, "s", ASSUMED, "from a free slot to a program at work"),
    ("render-seconds", 3.0, "s", ASSUMED, "joining; measured 0.4 s for 30 s with tiny renditions, and there are 34 MB to read and write"),
    ("batch-titles", 16, "", ASSUMED, "titles of one task of `upright batch`"),
    ("rung-kbps", "1281,770,625,385", "kb/s", MEASURED, "SVT-AV1, crf 35, by rung; intel-xeon-processor-2-cores.json (rav1e: 3,081 in all)"),
    ("open-mb", 5.0, "MB", MEASURED, "strace, 30 s of 1080p24: what opening a film reads, 66 places of 64 KiB for its fingerprint among it"),
    ("seek-mb", 1.1, "MB", MEASURED, "strace: what seeking to a segment and reading ahead adds"),
    ("source-gop", 2.0, "s", ASSUMED, "from key frame to key frame of the master; half of it is read before a segment"),
    ("plan-calls", 22, "", MEASURED, "strace: calls about names, not bytes, of `plan` (open, stat, mkdir, rename, utime, fsync)"),
    ("segment-calls", 32, "", MEASURED, "strace: the same of `segment`"),
    ("render-calls", 106, "", MEASURED, "strace: the same of `render`, and of `convert`"),
    ("object-calls", 4, "", MEASURED, "strace: what `render` adds for every object of the store"),
    ("title-spread", 0.25, "sigma", ASSUMED, "how titles differ in cost, lognormal"),
    ("task-spread", 0.1, "sigma", ASSUMED, "how tasks of a title differ"),
    ("slow-nodes", 0.01, "part", ASSUMED, "of the nodes are slow"),
    ("slow-by", 2.0, "times", ASSUMED, "and so slow are they"),
    ("deaths", 0.01, "a day", GIVEN, "part of the nodes that die, Poisson"),
    ("repair", 3600.0, "s", ASSUMED, "until a node that died is back"),
    ("node-gb", 1.25, "GB/s", ASSUMED, "network of a node, 10 Gb/s"),
    ("server-gb", 5.0, "GB/s", ASSUMED, "one file server, 40 Gb/s"),
    ("server-calls", 20_000, "a second", ASSUMED, "calls about names that one file server bears"),
    ("s3-put", 3500, "a second", DOCUMENTED, "S3: PUT, COPY, POST, DELETE for every partitioned prefix, at least"),
    ("s3-get", 5500, "a second", DOCUMENTED, "S3: GET and HEAD, the same"),
    ("prefixes", 256, "", DOCUMENTED, "engine/src/store/folder.rs: two digits of the key"),
    ("scale", 20, "times", ASSUMED, "the simulation has so many times fewer nodes and titles; its rates are multiplied by it"),
    ("seed", 1, "", ASSUMED, "of the simulation"),
]


# Requests for an object of the store that is read, a HEAD and a GET (engine/src/store/bucket.rs), and places of a master
# that its fingerprint is made of (engine/src/fingerprint.rs).
READ_REQUESTS, PLACES = 2, 66


@dataclass(frozen=True)
class Engine:
    """What distributes tasks."""

    name: str
    starts: float  # tasks a second
    starts_from: str
    notice: float  # seconds until a dead node is known to be dead
    notice_from: str
    submit: int  # tasks that may be known to it at once
    submit_from: str


ENGINES = [
    Engine("Slurm", 500, "documented (High Throughput Computing guide): 500 simple batch jobs a second, sustained, tuned",
           300, "documented: SlurmdTimeout", 10_000, "documented: MaxJobCount 10,000; an array has MaxArraySize 1,001"),
    Engine("Slurm, as found", 100, "assumed: no tuning, with accounting",
           300, "documented: SlurmdTimeout", 10_000, "the same"),
    Engine("Ray", 600, "documented (release 2.9.2, many_tasks): 603 a second, 10,000 tasks over 2,500 cores, one driver",
           15, "documented: 5 checks, 3 s apart; up to 50 s where they time out", 1_000_000,
           "documented (scalability envelope): 1,000,000 queued, 10,000 running, 250 nodes in the version read"),
    Engine("Kubernetes", 100, "assumed: kube-controller-manager and scheduler tuned",
           350, "documented: 50 s (40 s before 1.32) and a toleration of 300 s", 150_000,
           "documented: 150,000 pods in a cluster, finished ones too until they are deleted; parallelism of an Indexed Job "
           "100,000, and 10,000 where it has more than 100,000 completions and `backoffLimitPerIndex`"),
    Engine("Kubernetes, as found", 20, "documented: kube-controller-manager --kube-api-qps 20",
           350, "the same", 150_000, "the same"),
]


@dataclass(frozen=True)
class Way:
    """A way of cutting the work: items that are planned, encoded in shares of pieces, and rendered. What is one task
    has shares alone. Seconds are those of one slot; what is done is kept piece by piece."""

    name: str
    encoder: str
    items: float
    titles: int  # of an item
    slots: int  # of a node
    plan: float
    shares: int
    pieces: int  # of all shares of an item
    piece: float
    render: float
    start: float
    # Of one title:
    segments: int  # that go through a store
    openings: int  # of the source
    asked: float  # bytes of the source that are asked for
    network: tuple  # bytes of the source over the network, where a node keeps what it has read: plan, piece, render
    calls: tuple  # about names: plan, piece, render

    def tasks_of_item(self):
        return self.shares + (2 if self.plan else 0)

    def durations(self):
        """The kinds of tasks: how many of an item, and the seconds of each."""
        shares = [(self.shares, self.start + self.pieces / self.shares * self.piece)]
        return ([(1, self.start + self.plan)] if self.plan else []) + shares + (
            [(1, self.start + self.render)] if self.plan else [])


def options(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default, unit, kind, source in INPUTS:
        parser.add_argument(f"--{name}", type=type(default), default=default, metavar=unit.upper() or "N",
                            help=f"{kind}: {source} (default {default})".replace("%", "%%"))
    return parser.parse_args(arguments)


def ladder_over_top(o):
    """The cost of four rungs over that of the largest: by pixels, and a little more, for small rungs cost more a pixel."""
    pixels = [1080 * 1920, 720 * 1280, 540 * 960, 360 * 640]
    return sum(pixels) / pixels[0] * o.small_rungs


def costs(o, encoder):
    """What a title costs, whatever way it is cut: core seconds where all cores work, and bytes."""
    frames = o.seconds * o.fps
    fps = o.rav1e_fps if encoder == "rav1e" else o.svt_fps
    rungs = [float(rate) for rate in o.rung_kbps.split(",")]
    film = o.master_mbps * 1e6 / 8 * o.seconds
    return {
        "frames": frames,
        "encode": frames * ladder_over_top(o) / fps * o.crowding,
        "look": frames * o.decode_ms / 1000 * (1 + o.looking) * o.crowding,
        "film": film,
        "rungs": len(rungs),
        "renditions": sum(rungs) * 1000 / 8 * o.seconds,
        "segments": ceil(o.seconds / o.segment_seconds) if encoder == "rav1e" else 1,
    }


def ways(o, encoder):
    """All ways of cutting the work with an encoder."""
    c = costs(o, encoder)
    film, open_, count = c["film"], o.open_mb * 1e6, c["segments"]
    # A segment begins on average half a group of pictures after the key frame that it is decoded from.
    back = o.seek_mb * 1e6 + o.master_mbps * 1e6 / 8 * o.source_gop / 2 if count > 1 else 0
    busy = o.busy_rav1e if encoder == "rav1e" else o.busy_svt
    # Alone on a node, looking keeps few cores busy, which then are as fast as one core alone.
    convert = c["look"] / o.crowding / o.looking_cores + c["encode"] / o.cores / busy + o.render_seconds
    batch = (c["look"] + c["encode"] + o.render_seconds) / o.cores / o.busy_batch
    in_store = (o.plan_calls, o.segment_calls, o.render_calls + o.object_calls * count * c["rungs"])
    whole = Way("a title is a task on a node: `convert`", encoder, o.titles, 1, 1, 0, 1, 1, convert, 0, o.task_start,
                0, 3, 3 * (film + open_), (0, film, 0), (0, o.render_calls, 0))
    asked = 2 * film + 3 * open_ + count * (open_ + back) + film + film + open_
    # What a batch does besides encoding is spread over its segments.
    many = replace(whole, name=f"{o.batch_titles} titles are a task on a node: `batch`", items=o.titles / o.batch_titles,
                   titles=o.batch_titles, pieces=o.batch_titles * count, piece=batch / count, segments=count, openings=3 + count + 1, asked=asked,
                   network=(0, film / count, 0), calls=(0, in_store[1] + (in_store[0] + in_store[2]) / count, 0))
    cut = []
    for shares in [1, 4, count] if count > 1 else [1]:
        # Every process reads the places of the fingerprint; over the network they come once for every share.
        piece_network = (film + shares * (open_ + back)) / count
        name = {1: "plan, 1 share, render", count: f"plan, {count} shares (each segment a task), render"}
        cut.append(Way(name.get(shares, f"plan, {shares} shares, render") if count > 1 else "plan, the whole film, render",
                       encoder, o.titles, 1, o.cores // o.task_cores, c["look"] / o.task_cores / o.busy_task, shares,
                       count, c["encode"] / count / o.task_cores / o.busy_task, o.render_seconds, o.task_start, count,
                       3 + count + 1, asked, (film, piece_network, film + open_), in_store))
    return [whole, many, *cut]


def longest(spread, count):
    """The largest of so many lognormal factors whose mean is 1, about."""
    return exp(spread * NormalDist().inv_cdf(1 - 1 / max(count, 2)) - spread**2 / 2)


def expected(o, way, starts=None, nodes=None, items=None):
    """On paper: seconds until all is done, and how long before that the first slot has nothing to do."""
    nodes, items = nodes or o.nodes, items or way.items
    slots = nodes * way.slots
    kinds = way.durations()
    # Starting takes as long on a slow node; that is too little to count.
    speed = 1 - o.slow_nodes + o.slow_nodes / o.slow_by
    work = items * sum(count * seconds for count, seconds in kinds)
    spread = sqrt(o.title_spread**2 / way.titles + o.task_spread**2 / (way.pieces / way.shares))
    # What a slot still has to do, on average, when nothing waits any more.
    left = sum(n * d * d for n, d in kinds) / 2 / sum(n * d for n, d in kinds) * (1 + spread**2)
    chain = sum(seconds for _, seconds in kinds)
    most = max(seconds for _, seconds in kinds)
    last = min(slots / way.shares, items)
    slow = o.slow_nodes * min(slots, items * way.shares)
    ends = [chain * longest(spread, last)]
    if slow >= 1:
        ends.append((chain + (o.slow_by - 1) * most) * longest(spread, max(slow, 2)))
    tail = max(ends)
    wall = work / slots / speed - left + tail if items * way.shares > slots else tail
    if starts:
        wall = max(wall, items * way.tasks_of_item() / starts + chain)
    return wall, tail


class Simulation:
    """Every task of a catalogue, one after the other. A slot that is free takes what ends an item first, then shares, then
    plans, as `engine/src/batch/schedule.rs` does. `starts` bounds the tasks that are begun in a second, `deaths` are
    those of all nodes in a second."""

    BIN = 10  # seconds over which rates are counted

    def __init__(self, o, way, nodes, items, starts=None, deaths=0.0, notice=0.0):
        self.o, self.way, self.nodes, self.items = o, way, nodes, int(items)
        self.starts, self.deaths, self.notice = starts, deaths, notice
        self.random = random.Random(o.seed)
        # As many as there ought to be, and not by chance: of so few nodes one more would matter.
        self.slow = set(self.random.sample(range(nodes), round(nodes * o.slow_nodes)))
        self.free = list(range(nodes * way.slots))
        self.random.shuffle(self.free)
        self.waiting = {"render": deque(), "share": deque(), "plan": deque()}
        self.planned = 0  # items that were begun
        self.left, self.cost = {}, {}  # shares and cost of the items under way
        self.running = {}  # slot -> task, beginning, seconds of a piece, number of this run
        self.dead = set()
        self.events, self.runs = [], 0
        self.next_start, self.is_called = 0.0, False
        self.counts = {"start": Counter(), "plan": Counter(), "piece": Counter(), "render": Counter()}
        self.died, self.lost, self.idle_from, self.wall, self.busy = 0, 0.0, None, 0.0, 0.0

    def at(self, time, what, *of):
        self.runs += 1
        heapq.heappush(self.events, (time, self.runs, what, of))

    def factor(self, spread):
        return exp(self.random.gauss(-spread**2 / 2, spread))

    def next_task(self):
        for kind in ("render", "share", "plan"):
            if self.waiting[kind]:
                return self.waiting[kind].popleft()
        if self.planned == self.items:
            return None
        item, self.planned = self.planned, self.planned + 1
        self.cost[item], self.left[item] = self.factor(self.o.title_spread / sqrt(self.way.titles)), self.way.shares
        if self.way.plan:
            return ("plan", item, 1)
        return ("share", item, self.way.pieces)

    def begin_all(self, now):
        """Begins what can be begun."""
        while self.free:
            if self.starts and now < self.next_start:
                if not self.is_called:
                    self.is_called = True
                    self.at(self.next_start, "call")
                return
            task = self.next_task()
            if task is None:
                if self.idle_from is None:
                    self.idle_from = now
                return
            if self.starts:
                self.next_start = max(now, self.next_start) + 1 / self.starts
            self.begin(self.free.pop(), task, now)

    def begin(self, slot, task, now):
        kind, item, pieces = task
        way = self.way
        seconds = {"plan": way.plan, "share": way.piece, "render": way.render}[kind]
        spread = self.o.task_spread / sqrt(pieces)
        seconds *= (self.cost[item] if kind != "render" else 1) * self.factor(spread)
        seconds *= self.o.slow_by if slot // way.slots in self.slow else 1
        self.counts["start"][int(now / self.BIN)] += 1
        end = now + way.start + seconds * pieces
        self.at(end, "end", slot)
        # An end that belongs to an earlier task of the slot is known by its number.
        self.running[slot] = (task, now + way.start, seconds, self.runs)
        self.busy += end - now

    def done_pieces(self, kind, begin, seconds, pieces):
        """Counts a segment when it is done, for then it goes into the store; all else is spread over its time."""
        width = self.BIN
        if kind == "share" and self.way.plan:
            for piece in range(1, pieces + 1):
                self.counts["piece"][int((begin + piece * seconds) / width)] += 1
        elif pieces:
            first, last = int(begin / width), int((begin + pieces * seconds) / width)
            for place in range(first, last + 1):
                self.counts["piece" if kind == "share" else kind][place] += pieces / (last - first + 1)

    def end(self, slot, number, now):
        if slot not in self.running or self.running[slot][3] != number:
            return
        task, begin, seconds, _ = self.running.pop(slot)
        kind, item, pieces = task
        self.done_pieces(kind, begin, seconds, pieces)
        self.free.append(slot)
        self.wall = now
        if kind == "plan":
            each, more = divmod(self.way.pieces, self.way.shares)
            for share in range(self.way.shares):
                self.waiting["share"].append(("share", item, each + (share < more)))
        elif kind == "share":
            self.left[item] -= 1
            if self.left[item] == 0:
                if self.way.plan:
                    self.waiting["render"].append(("render", item, 1))
                else:
                    del self.cost[item]
        else:
            del self.cost[item]

    def die(self, now):
        """A node dies. What it was at is lost but for whole pieces, and is waited for until the death is noticed."""
        node = self.random.randrange(self.nodes)
        self.at(now + self.random.expovariate(self.deaths), "die")
        if node in self.dead:
            return
        self.died += 1
        self.dead.add(node)
        slots = range(node * self.way.slots, (node + 1) * self.way.slots)
        tasks = []
        for slot in slots:
            if slot not in self.running:
                continue
            (kind, item, pieces), begin, seconds, _ = self.running.pop(slot)
            done = min(int(max(now - begin, 0) / seconds), pieces - 1)
            if kind == "share":
                self.done_pieces(kind, begin, seconds, done)
            self.lost += now - begin + self.way.start - done * seconds
            tasks.append((kind, item, pieces - done))
        gone = set(slots)
        self.free = [slot for slot in self.free if slot not in gone]
        self.at(now + self.notice, "notice", tasks)
        self.at(now + max(self.o.repair, self.notice), "back", node)

    def run(self):
        if self.deaths:
            self.at(self.random.expovariate(self.deaths), "die")
        self.begin_all(0.0)
        while self.events and (self.running or self.cost or self.planned < self.items):
            now, number, what, of = heapq.heappop(self.events)
            if what == "end":
                self.end(of[0], number, now)
            elif what == "call":
                self.is_called = False
            elif what == "die":
                self.die(now)
            elif what == "notice":
                for task in of[0]:
                    self.waiting[task[0]].appendleft(task)
            elif what == "back":
                self.dead.discard(of[0])
                self.free.extend(range(of[0] * self.way.slots, (of[0] + 1) * self.way.slots))
            self.begin_all(now)
        return self

    def mean_and_peak(self, **weights):
        """A second, of the whole cluster: what the weights of starts, plans, pieces and renders make of it."""
        bins = Counter()
        for kind, weight in weights.items():
            if weight:
                for place, count in self.counts[kind].items():
                    bins[place] += weight * count
        return sum(bins.values()) / self.wall * self.o.scale, max(bins.values(), default=0) / self.BIN * self.o.scale


def simulated(o, way, starts=None, deaths=0.0, notice=0.0):
    nodes = max(1, o.nodes // o.scale)
    starts = starts / o.scale if starts else None
    return Simulation(o, way, nodes, way.items / o.scale, starts, deaths, notice).run()


def loss_of_a_death(o, way):
    """On paper: slot seconds that are lost when a node with all slots at work dies, but for the time until it is noticed.
    What is at work is met in its middle; long tasks are met more often."""
    several = way.pieces > way.shares
    kinds = [(way.pieces, way.piece + (0 if several else way.start))]
    if way.plan:
        kinds += [(1, way.plan + way.start), (1, way.render + way.start)]
    met = sum(n * d * d for n, d in kinds) / 2 / sum(n * d for n, d in kinds)
    spread = o.title_spread**2 / way.titles + o.task_spread**2 / (way.pieces / way.shares)
    # A share of several segments is started once more.
    return way.slots * (met * (1 + spread) + (way.start if several else 0))


# --- What is printed ---------------------------------------------------------------------------------------------------


def table(head, rows):
    print("| " + " | ".join(head) + " |")
    print("|" + "---|" * len(head))
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |")
    print()


def number(value, digits=2):
    """About so many digits, with commas."""
    if value == 0:
        return "0"
    if abs(value) >= 10**digits:
        return f"{value:,.0f}"
    return f"{value:.{digits}g}" if abs(value) < 10 else f"{value:.0f}"


def hours(seconds):
    return f"{seconds / 3600:.2f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.1f} days"


def label(way):
    return f"{way.encoder}: {way.name}"


def print_inputs(o):
    print("## What goes in\n")
    rows = []
    for name, _, unit, kind, source in INPUTS:
        value = getattr(o, name.replace("-", "_"))
        rows.append([f"`--{name}`", f"{value:,}" if isinstance(value, (int, float)) else value, unit, f"{kind}: {source}"])
    table(["option", "value", "unit", "where from"], rows)
    table(["engine", "starts a second", "until a dead node is noticed", "known to it at once"],
          [[e.name, f"{e.starts:g}; {e.starts_from}", f"{e.notice:g} s; {e.notice_from}", f"{e.submit:,}; {e.submit_from}"]
           for e in ENGINES])


def print_titles(o):
    print("## A title\n")
    rows = []
    for encoder in ("rav1e", "SVT-AV1"):
        c = costs(o, encoder)
        node = o.cores * c["frames"] / c["encode"]
        rows.append([encoder, f"{c['film'] / 1e6:.0f} MB", f"{c['look']:.0f}", f"{c['encode']:.0f}",
                     f"{node:.1f}", c["segments"], c["segments"] * c["rungs"],
                     f"{c['renditions'] / 1e6:.1f} MB", f"{c['renditions'] / c['segments'] / c['rungs'] / 1000:.0f} kB"])
    table(["encoder", "master", "core s to look at it", "core s to encode it", "frames/s of a node, all cores at work",
           "segments", "objects", "renditions", "mean object"], rows)
    print(f"Four rungs cost {ladder_over_top(o):.2f} times the top one ({ladder_over_top(o) / o.small_rungs:.2f} by pixels).")
    print("Measured on such a node, whole conversions: rav1e 15.7 frames/s with 92% of the cores at work, SVT-AV1 preset 10")
    print("61 with about 83%: times those parts, the model has", end=" ")
    parts = []
    for encoder, busy in (("rav1e", o.busy_rav1e), ("SVT-AV1", o.busy_svt)):
        c = costs(o, encoder)
        parts.append(f"{o.cores * c['frames'] / c['encode'] * busy:.1f}")
    print(" and ".join(parts) + ".\n")


def print_walls(o, runs):
    print("## Time\n")
    rows = []
    for way, run in runs:
        paper, tail = expected(o, way, nodes=run.nodes, items=run.items)
        full, _ = expected(o, way)
        rows.append([label(way), number(way.items * way.tasks_of_item(), 3), hours(full), hours(paper), hours(run.wall),
                     f"{(run.wall / paper - 1) * 100:+.1f}%", f"{run.busy / run.wall / run.nodes / way.slots:.0%}",
                     f"{tail / 60:.0f} min", f"{(run.wall - run.idle_from) / 60:.0f} min"])
    table(["way", "tasks", "expected, all nodes", f"expected, 1/{o.scale}", f"simulated, 1/{o.scale}", "difference",
           "slots taken", "last stretch, expected", "simulated"], rows)
    print("These are the times of the cores: nobody waits for a server. Where something is over its limit, below, it takes that")
    print("many times as long. The last stretch is from the first slot without work to the end: the longest title on a slow node.")
    print("(A slot may be without work for a moment before, while the last plans are made.) `convert` takes a whole node while")
    print("few of its cores work, which the column of slots does not show.\n")


def source_rates(o, way, run):
    plan, piece, render = way.network
    return run.mean_and_peak(plan=plan * (1 if way.plan else 0), piece=piece, render=render)


def fingerprint_gets(o, way):
    return way.openings * PLACES * o.titles / expected(o, way)[0]


def print_source(o, runs):
    print("## The masters\n")
    film = costs(o, "rav1e")["film"]
    rows = []
    for way, run in runs:
        plan, piece, render = way.network
        once = way.items * (plan + way.pieces * piece + render) / o.titles
        full, _ = expected(o, way)
        mean, peak = source_rates(o, way, run)
        rows.append([label(way), f"{way.asked / film:.1f}", f"{once / film:.1f}", f"{once * o.titles / 1e12:.0f} TB",
                     f"{once * o.titles / full / 1e9:.1f}", f"{mean / 1e9:.1f}", f"{peak / 1e9:.1f}",
                     f"{peak / 1e9 / o.server_gb:.1f}", number(way.openings * PLACES),
                     number(fingerprint_gets(o, way)), f"{fingerprint_gets(o, way) / o.s3_get:.1f}"])
    table(["way", "times asked for", "times over the network", "bytes", "GB/s, expected", "GB/s, simulated",
           f"peak of {Simulation.BIN} s", "file servers at the peak", "places read for fingerprints", "a second, expected",
           "S3 prefixes that serve them"], rows)
    print("Asked for: what the programs read. Over the network: where the node keeps in memory what it has read, so that a")
    print("second reading of a title on the same node costs nothing. `plan` reads a film twice (to look at it, and its packets'")
    print("times), `render` once for the sound, and every program 66 places of it for the fingerprint, which for a segment of")
    print("2 s is more than the segment. Where the masters are objects, each place is a GET, and nothing is kept between programs.\n")


def store_rates(o, way, run):
    c = costs(o, way.encoder)
    stored = way.segments * way.titles / way.pieces if way.segments else 0
    puts = {"piece": stored * c["rungs"]}
    # Every process reads the marker; a segment asks for its first rung before it encodes; a join asks for all objects and reads them.
    joins = READ_REQUESTS * way.segments * c["rungs"] + 1
    gets = {"piece": 2 * stored + (0 if way.plan else joins * way.titles / way.pieces), "render": joins if way.plan else 0}
    return run.mean_and_peak(**puts), run.mean_and_peak(**gets if way.segments else {})


def print_store(o, runs):
    print("## The store\n")
    rows = []
    for way, run in runs:
        if not way.segments:
            rows.append([label(way), *["none"] * 10])
            continue
        c = costs(o, way.encoder)
        objects = o.titles * way.segments * c["rungs"]
        full, _ = expected(o, way)
        (put, put_peak), (get, get_peak) = store_rates(o, way, run)
        all_gets = o.titles * (way.segments * (READ_REQUESTS * c["rungs"] + 2) + 1)
        # On paper the most is while every slot encodes; the first wave, in which all begin at once, is denser.
        most = o.nodes * way.slots / (way.piece + way.start * way.shares / way.pieces) * c["rungs"]
        rows.append([label(way), f"{objects / 1e6:.1f}", f"{o.titles * c['renditions'] / 1e12:.1f} TB",
                     number(objects / full, 3), number(put, 3), number(most, 3), number(put_peak, 3), number(all_gets / full, 3),
                     number(get, 3), number(get_peak, 3),
                     f"{max(put_peak / o.s3_put, get_peak / o.s3_get):.0%} / "
                     f"{max(put_peak / o.s3_put, get_peak / o.s3_get) / o.prefixes:.1%}"])
    table(["way", "objects, millions", "bytes", "PUT/s, expected", "simulated", "all slots encoding, expected",
           "peak", "GET and HEAD/s, expected", "simulated",
           "peak", f"of one S3 prefix / of {o.prefixes}"], rows)
    c = costs(o, "rav1e")
    objects = o.titles * c["segments"] * c["rungs"]
    opened = o.titles * (c["segments"] + 1)
    print("`batch` keeps its store beside its output; it counts here as if that were the shared one.")
    print("No LIST is needed. With `--store-size`, every program that opens the store lists all of it: with rav1e")
    print(f"{opened / 1e6:.1f} million times up to {number(objects / 1000)} LIST requests of 1,000 keys, or {objects / 1e6:.0f} million stats.")
    print(f"A folder of the store has {number(objects / o.prefixes)} files at the end.\n")


def call_rates(o, way, run):
    plan, piece, render = way.calls
    return run.mean_and_peak(plan=plan if way.plan else 0, piece=piece, render=render if way.plan else 0)


def print_calls(o, runs):
    print("## A store in a folder, by NFS\n")
    rows = []
    for way, run in runs:
        plan, piece, render = way.calls
        title = ((plan + render if way.plan else 0) + way.pieces * piece) / way.titles
        full, _ = expected(o, way)
        mean, peak = call_rates(o, way, run)
        rows.append([label(way), number(title), number(title * o.titles / full), number(mean), number(peak),
                     f"{peak / o.server_calls:.2f}"])
    table(["way", "calls a title", "a second, expected", "simulated", "peak", "file servers at the peak"], rows)
    print("Calls about names: open, stat, mkdir, rename, utime, fsync, and so on. A client's cache spares some of the stats,")
    print("and every open has a close. Reading and writing come on top: 66 reads for each opening of a film.\n")


def print_engines(o, runs, limited):
    print("## Engines\n")
    rows = []
    for way, run in runs:
        tasks = way.items * way.tasks_of_item()
        full, _ = expected(o, way)
        mean, peak = run.mean_and_peak(start=1)
        rows.append([label(way), number(tasks / full, 3), number(mean, 3), number(peak, 3),
                     *[f"{tasks / full / e.starts:.2f}" for e in ENGINES]])
    table(["way", "starts/s, expected", "simulated", "peak", *[f"over {e.name}'s" for e in ENGINES]], rows)
    print("More than 1: the engine is slower than the cores. Time with its starts a second, expected / simulated:\n")
    rows = []
    for way, _ in runs:
        cells = []
        for engine in ENGINES:
            run = limited[way, engine.name]
            paper, _ = expected(o, way, engine.starts / o.scale, run.nodes, run.items)
            cells.append(f"{hours(paper)} / {hours(run.wall)}")
        rows.append([label(way), *cells])
    table(["way", *[e.name for e in ENGINES]], rows)
    print("Tasks over what may be known to an engine at once, so how many times it has to be filled:\n")
    table(["way", "Slurm: arrays of 1,001", "Slurm: MaxJobCount", "Ray: queued", "Kubernetes: pods"],
          [[label(way), number(ceil(way.items * way.tasks_of_item() / 1001)),
            *[number(way.items * way.tasks_of_item() / submit) for submit in (10_000, 1_000_000, 150_000)]]
           for way, _ in runs])


def print_failures(o, runs):
    print("## Nodes that die\n")
    rows = []
    # So many deaths that their mean means something; each costs the same however many there are.
    for way, run in runs:
        rate = 200 / run.wall
        quick, late = simulated(o, way, deaths=rate), simulated(o, way, deaths=rate, notice=300)
        cores = o.cores / way.slots
        paper, seen = loss_of_a_death(o, way) * cores, quick.lost / max(quick.died, 1) * cores
        full, _ = expected(o, way)
        deaths = o.nodes * o.deaths / 86400 * full
        work = full * o.nodes * o.cores
        rows.append([label(way), f"{deaths:.2f}", number(paper), number(seen), f"{seen / paper - 1:+.0%}",
                     *[number(paper + o.cores * notice) for notice in (15, 300, 350)],
                     f"{deaths * (paper + o.cores * (350 + o.repair)) / work:.4%}", f"{late.died}"])
    table(["way", "deaths, expected", "core s lost by one, expected", "simulated", "difference",
           "with the time to notice: Ray", "Slurm", "Kubernetes", "of all work, with repair", "deaths simulated"], rows)
    print("What was in flight is lost, but for whole segments, which are in the store. Simulated with many more deaths than")
    print("will be, for the mean of one; nodes at rest, at the end, lose nothing.\n")


def print_first(o, runs):
    print("## What breaks first\n")
    rows = []
    for way, run in runs:
        full, _ = expected(o, way)
        loads = {
            "masters": source_rates(o, way, run)[0] / 1e9 / o.server_gb,
            "calls about names": call_rates(o, way, run)[0] / o.server_calls,
            "PUT of one prefix": store_rates(o, way, run)[0][1] / o.s3_put,
        }
        cells = []
        for engine in ENGINES:
            every = {"starts": way.items * way.tasks_of_item() / full / engine.starts, **loads}
            first = max(every, key=every.get)
            cells.append(f"**{first} {every[first]:.1f}**" if every[first] >= 1 else f"nothing; {first} {every[first]:.2f}")
        rows.append([label(way), *cells])
    table(["way", *[e.name for e in ENGINES]], rows)
    print("Load over limit, of the worst; bold where it is too much. Limits: the starts a second of the engine; one file server")
    print(f"of {o.server_gb:g} GB/s for the masters and of {o.server_calls:,} calls about names for the store, both on average; {o.s3_put:,} PUT/s of one")
    print("prefix at the peak. Nodes that die are not among them: they cost less than a thousandth.\n")
    film = costs(o, "rav1e")["film"]
    times = [(w.network[0] + w.pieces * w.network[1] + w.network[2]) / w.titles / film for w, _ in runs if w.plan]
    one_share = [3 * w.items / expected(o, w)[0] for w, _ in runs if w.plan and w.shares == 1]
    finest = next(way for way, _ in runs if way.pieces == way.shares > 1)
    starts = finest.items * finest.tasks_of_item() / expected(o, finest)[0]
    tasks = finest.items * finest.tasks_of_item()
    table(["where", "what breaks first", "what to do"], [
        ["Slurm", f"the submission: an array has 1,001 tasks at most, and 10,000 jobs are known at once ({o.titles:,} titles are "
         f"{ceil(o.titles / 1001)} arrays); then the starts, where each segment is a task ({starts:.0f} a second)",
         f"`batch` of {o.batch_titles} titles a task: {ceil(o.titles / o.batch_titles):,} tasks; raise MaxArraySize and MaxJobCount; "
         "never a task for a segment of a short title"],
        ["Ray", f"the driver: {tasks / 1e6:.2f} million tasks are more than was ever shown to be queued, and {starts:.0f} starts a "
         "second more than half of what was measured",
         "one task a title; keep a few thousand in flight and submit as they end; several drivers, each with a part of the catalogue"],
        ["Kubernetes", "the pods: 20 API calls a second as found, and one share a title asks for "
         f"{' (rav1e) and '.join(f'{rate:.0f}' for rate in one_share)} (SVT-AV1) pods a second; finished pods fill the cluster's 150,000",
         "Indexed Jobs of batches; `ttlSecondsAfterFinished`; a higher --kube-api-qps; or as many pods as nodes, which take titles from a queue"],
        ["file server", f"the bytes of the masters, read {min(times):.1f} to {max(times):.1f} times over by separate tasks, and all "
         "at once in the first minute; then the calls about names",
         "all steps of a title on one node (`convert`, `batch`), with the batch's output on the node's disk; several servers; a store for each few hundred nodes"],
        ["object store", "masters there: the fingerprints' GETs, "
         f"{fingerprint_gets(o, finest):,.0f} a second of segments, {fingerprint_gets(o, finest) / o.s3_get:.1f} prefixes' worth; the segments: "
         "nothing but the beginning, when a new bucket has one partition and all nodes begin at once",
         "masters under several prefixes, or copied to the node once; begin with a tenth of the nodes; retry on 503; the 256 key prefixes "
         "of the store are far more than enough"],
        ["the store's own limit", "`--store-size`: every process lists the whole store when it opens it", "leave it out; let the bucket's lifecycle rule or a job of its own remove what is old"],
    ])


def main():
    o = options()
    if min(o.titles, o.nodes) < o.scale:
        raise SystemExit("simulate.py: --scale is larger than the catalogue or the cluster")
    print("# A catalogue on many machines\n")
    print("Made by `python3 benches/catalogue/simulate.py > benches/results/catalogue.md`. Expected: by formula.")
    print("Simulated: every task of a catalogue and a cluster that are both smaller by `--scale`, with the same titles a node;")
    print("rates are multiplied by it. Nothing here was measured on a cluster.\n")
    print_inputs(o)
    print_titles(o)
    all_ways = [way for encoder in ("rav1e", "SVT-AV1") for way in ways(o, encoder)]
    runs = [(way, simulated(o, way)) for way in all_ways]
    limited = {}
    for way, run in runs:
        for engine in ENGINES:
            # An engine that begins more than ever asked for changes nothing.
            slack = run.mean_and_peak(start=1)[1] < engine.starts / 2
            limited[way, engine.name] = run if slack else simulated(o, way, engine.starts)
    print_walls(o, runs)
    print_source(o, runs)
    print_store(o, runs)
    print_calls(o, runs)
    print_engines(o, runs, limited)
    print_failures(o, runs)
    print_first(o, runs)


if __name__ == "__main__":
    main()
