"""The steps of a title: its plan, each of its segments, its renditions. They run on any machine, and know nothing of
Ray. Each may be done twice without harm."""

import json
import time
from dataclasses import dataclass, field

from . import files, program, titles

PLAN, SEGMENT, RENDER = "plan", "segment", "render"


@dataclass(frozen=True)
class Job:
    """What all steps share. `machine_options` are arguments for each kind of step: what they say is no part of a plan."""

    binary: str
    out: str
    store: str
    work: str
    machine_options: dict = field(default_factory=dict)
    segments_at_once: int = 1


@dataclass
class Result:
    """What came of a step. `was_there`: the title was published before, or the segment in the store. `segments` is None for
    a film that cannot be encoded in segments of their own."""

    exit: int = 0
    message: str = ""
    was_there: bool = False
    segments: int = None
    frames: int = None
    is_lost: bool = False  # with its worker or its machine
    node: str = None
    seconds: float = 0.0

    @property
    def may_pass(self):
        return self.is_lost or self.exit < 0 or self.exit in program.MAY_PASS


def do(job, title, kind, number):
    begun = time.monotonic()
    try:
        if kind == PLAN:
            result = plan(job, title)
        elif kind == SEGMENT:
            result = segment(job, title, number)
        else:
            result = render(job, title, number)
    except OSError as error:
        result = Result(74, f"{error.filename or kind}: {error.strerror or error}")
    result.seconds = time.monotonic() - begun
    return result


def plan(job, title):
    place = title.plan_place(job.work)
    document = _read_json(place)
    if document is None or _is_of_another_film(document, title):
        files.make_folder_of(place)
        ended = program.run([
            job.binary, "plan", title.input, "-o", place, "--overwrite", "--analysis", title.analysis_place(job.work),
            "--progress", "json", *titles.as_arguments(title.options), *job.machine_options.get(PLAN, []),
        ])
        if ended.exit != 0:
            return Result(ended.exit, ended.message)
        document = _read_json(place)
        if document is None:
            return Result(74, f"{place}: is no plan, though it was written just now")
    segments = document["wanted"]["segments"].get("list")
    return Result(
        segments=None if segments is None else len(segments),
        frames=document["follows"].get("frames"),
        was_there=_is_published(job, title, document),
    )


def segment(job, title, number):
    ended = program.run([
        job.binary, "segment", title.plan_place(job.work), "--number", str(number), "--store", job.store,
        "--progress", "json", *job.machine_options.get(SEGMENT, []),
    ])
    if ended.exit != 0:
        return Result(ended.exit, ended.message)
    # A segment that was in the store has no frames.
    return Result(was_there=ended.last.get("frames") is None)


def render(job, title, segments):
    folder, name = files.split(files.join(job.out, title.name))
    # A film that cannot be encoded in segments of their own is refused with a store.
    store = [] if segments is None else ["--store", job.store]
    ended = program.run([
        job.binary, "render", title.plan_place(job.work), *store, "-o", folder, "--name", name,
        "--jobs", str(job.segments_at_once), "--progress", "json", *job.machine_options.get(RENDER, []),
    ])
    if ended.exit == program.EXISTS:
        # An earlier try may have published it, and died before it could say so.
        document = _read_json(title.plan_place(job.work))
        if document is not None and _is_published(job, title, document):
            return Result(was_there=True)
    return Result(ended.exit, ended.message)


def _is_of_another_film(document, title):
    """The film may have been replaced by one of the same name since. `upright` compares more, wherever it reads it."""
    size = files.size(title.input)
    return size is not None and document["found"].get("bytes") not in (None, size)


def _is_published(job, title, document):
    """Whether the report says that the renditions are of this plan, and they are as long as it says."""
    folder = files.join(job.out, title.name)
    report = _read_json(files.join(folder, "report.json"))
    if report is None:
        return False
    # `follows` is worked out anew from these two.
    if any(report.get("plan", {}).get(part) != document[part] for part in ("version", "found", "wanted")):
        return False
    return all(files.size(files.join(folder, made["file"])) == made["bytes"] for made in report["renditions"])


def _read_json(place):
    """None where it is not there, or cut short: then it is made anew, or not believed."""
    contents = files.read(place)
    try:
        return None if contents is None else json.loads(contents)
    except ValueError:
        return None
