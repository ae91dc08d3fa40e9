"""Real films on a cluster of two nodes on this machine, of which one is killed."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from ray.cluster_utils import Cluster

from helpers import is_running, script, wait_until

ROOT = Path(__file__).resolve().parents[3]
UPRIGHT = str(Path(os.environ.get("UPRIGHT") or ROOT / "target/debug/upright").resolve())
SECONDS = 12
# One segment a second of film, of about a second of work.
OPTIONS = ["--ladder", "90", "--speed", "6", "--crop", "center", "--device", "cpu", "--keyframe-interval", "1"]
NODE = {"num_cpus": 1, "object_store_memory": 80_000_000}
PATIENCE = 300


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    folder = tmp_path_factory.mktemp("films")
    for number in (1, 2, 3):
        subprocess.run([
            "ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"testsrc2=size=320x180:rate=24:duration={SECONDS}",
            "-f", "lavfi", "-i", f"sine=frequency={220 * number}:duration={SECONDS}", "-vf", f"hue=h={40 * number}",
            "-c:v", "libx264", "-preset", "ultrafast", "-g", "24", "-c:a", "aac", folder / f"film{number}.mp4",
        ], check=True)
    return folder


@pytest.fixture(scope="module")
def cluster():
    # The head does no work: the driver stays when a node dies.
    cluster = Cluster(initialize_head=True, head_node_args={**NODE, "num_cpus": 0})
    yield cluster
    cluster.shutdown()


@pytest.fixture
def nodes(cluster):
    nodes = [cluster.add_node(**NODE) for _ in range(2)]
    yield nodes
    for node in nodes:
        if node in cluster.worker_nodes:
            cluster.remove_node(node)


class Batch:
    """A run of the package, and what its `upright` was told to do, as another witness than the package's own counts."""

    def __init__(self, cluster, films, folder):
        self.out = folder / "out"
        self.log = folder / "begun.txt"
        self.log.touch()
        witness = script(folder / "upright", f'echo "$$ $*" >> {self.log}\nexec {UPRIGHT} "$@"')
        self.command = [
            sys.executable, "-m", "upright_ray.command", str(films), "-o", str(self.out), "--store", str(folder / "store"),
            "--binary", witness, "--address", cluster.address, "--progress", "json", "--", *OPTIONS,
        ]
        self.driver = None

    def begin(self):
        self.driver = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def until(self, wanted):
        for line in self.driver.stdout:
            event = json.loads(line)
            if wanted(event):
                return event
        pytest.fail(f"ended before: {self.driver.stderr.read()}")

    def end(self):
        """Exit code and summary."""
        _, errors = self.driver.communicate(timeout=PATIENCE)
        print(errors)
        return self.driver.returncode, json.loads((self.out / "summary.json").read_text())

    def run(self):
        self.begin()
        return self.end()

    def begun(self, kind):
        """Process and arguments of each time that a step of this kind was begun."""
        lines = [line.split() for line in self.log.read_text().splitlines()]
        return [(int(line[0]), " ".join(line[2:])) for line in lines if line[1] == kind]


def cut_off(cluster, node):
    """As if by its plug: all of its processes at once, but for the encoder, whose number is returned. Ray's own
    `remove_node` would let a worker end its task first, which then costs nothing."""
    raylet = node.all_processes["raylet"][0].process.pid
    wait_until(lambda: held_encoder(raylet) is not None)
    encoder = held_encoder(raylet)
    for pid in [raylet, *children(raylet)]:
        os.kill(pid, signal.SIGKILL)
    os.kill(encoder, signal.SIGCONT)
    cluster.remove_node(node, allow_graceful=False)
    return encoder


def held_encoder(raylet):
    """The encoder of a segment on this node, stopped, so that it does not end before its worker is killed."""
    for worker in children(raylet):
        for pid in children(worker):
            try:
                if b"\0segment\0" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    os.kill(pid, signal.SIGSTOP)
                    if is_running(pid):
                        return pid
            except (FileNotFoundError, ProcessLookupError):
                pass
    return None


def children(pid):
    """Of all its threads."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").glob("*/children"))
        return [int(child) for task in tasks for child in task.read_text().split()]
    except FileNotFoundError:
        return []


def renditions(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.mp4"))}


@pytest.fixture(scope="module")
def converted(films, tmp_path_factory):
    folder = tmp_path_factory.mktemp("converted")
    for film in sorted(films.iterdir()):
        subprocess.run([UPRIGHT, "convert", film, "-o", folder, "-q", *OPTIONS], check=True)
    return renditions(folder)


def test_a_killed_node_costs_what_was_in_flight_there(cluster, nodes, films, converted, tmp_path):
    batch = Batch(cluster, films, tmp_path)
    batch.begin()
    batch.until(lambda event: event.get("encoded", 0) >= 6)
    encoder = cut_off(cluster, nodes[0])
    wait_until(lambda: not is_running(encoder))
    exit_code, summary = batch.end()

    assert exit_code == 0
    assert [title["outcome"] for title in summary["titles"]] == ["done"] * 3
    assert len(converted) == 3
    assert renditions(batch.out) == converted

    begun = Counter(what for _, what in batch.begun("segment"))
    again = sum(times - 1 for times in begun.values())
    counts = summary["cluster"]
    print(f"segments: {len(begun)}, begun again: {again}, {counts}")
    assert len(begun) == 3 * SECONDS
    assert counts["lost"] >= 1
    assert counts["twice"] <= again <= counts["lost"] <= NODE["num_cpus"]
    assert counts["encoded"] + counts["stored"] == 3 * SECONDS

    # The same command finds everything there.
    exit_code, summary = batch.run()
    assert exit_code == 0
    assert [title["outcome"] for title in summary["titles"]] == ["was_done"] * 3
    assert sum(Counter(what for _, what in batch.begun("segment")).values()) == 3 * SECONDS + again
    assert len(batch.begun("render")) == 3


def test_a_killed_driver_goes_on(cluster, nodes, films, converted, tmp_path):
    batch = Batch(cluster, films, tmp_path)
    batch.begin()
    encoded = batch.until(lambda event: event.get("encoded", 0) >= 4)["encoded"]
    batch.driver.send_signal(signal.SIGKILL)
    batch.driver.wait()
    pids = [pid for pid, _ in batch.begun("segment")]
    wait_until(lambda: not any(is_running(pid) for pid in pids))

    exit_code, summary = batch.run()
    assert exit_code == 0
    assert renditions(batch.out) == converted
    counts = summary["cluster"]
    print(counts)
    assert counts["stored"] >= encoded
    assert counts["encoded"] + counts["stored"] == 3 * SECONDS
    assert len(batch.begun("plan")) <= 3 + len(nodes)


def test_a_broken_title_fails_alone(cluster, nodes, films, converted, tmp_path):
    folder = tmp_path / "films"
    folder.mkdir()
    shutil.copy(films / "film1.mp4", folder)
    (folder / "broken.mp4").write_text("no film")
    batch = Batch(cluster, folder, tmp_path)
    exit_code, summary = batch.run()

    assert exit_code == 1
    broken, film = summary["titles"]
    assert (broken["name"], broken["outcome"], broken["exit"], broken["retries"]) == ("broken", "failed", 65, 0)
    assert "is not a video file" in broken["error"]
    assert (film["name"], film["outcome"]) == ("film1", "done")
    assert renditions(batch.out)["film1/90x160.mp4"] == converted["film1/90x160.mp4"]
    assert len(batch.begun("plan")) == 2
    assert_is_a_summary(summary)


def assert_is_a_summary(summary):
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.validate(summary, json.loads((ROOT / "docs/summary.schema.json").read_text()))
