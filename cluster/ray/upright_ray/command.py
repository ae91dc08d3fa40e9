"""The command `upright-ray`."""

import argparse
import os
import subprocess
import sys
import time

from . import files, summary, titles
from .schedule import Schedule
from .screen import Screen
from .steps import PLAN, RENDER, SEGMENT, Job

SOME_FAILED = 1
NO_CLUSTER = 69
INTERRUPTED = 130
TERMINATED = 143

# Options of `upright` that are no part of a plan, and the steps that know them.
MACHINE_OPTIONS = {
    "device": (PLAN, SEGMENT, RENDER),
    "memory": (SEGMENT, RENDER),
    "protocols": (PLAN, SEGMENT, RENDER),
    "strict": (RENDER,),
}
# Those of `upright batch` that say how it runs on one machine: better refused than without effect.
ONLY_OF_BATCH = {
    "-o", "--output", "--overwrite", "--store", "--progress", "--print-manifest", "--retry", "--watch", "--settle",
    "--move-done", "--move-failed", "--least-free", "--nice", "--ionice",
}


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="upright-ray",
        description="Converts many films on a Ray cluster. The same command goes on where it was stopped.",
        epilog="All places must be the same on every machine: folders that they share, or URLs.",
        usage="upright-ray INPUT... -o OUT --store STORE [options] [-- options of `upright plan`]",
        allow_abbrev=False,
    )
    parser.add_argument("inputs", nargs="+", metavar="INPUT", help="what `upright batch` takes: films, folders, manifests")
    parser.add_argument("-o", "--output", required=True, metavar="OUT", help="folder in which a folder is made for every film")
    parser.add_argument("--store", required=True, help="store of encoded segments")
    parser.add_argument("--work", metavar="FOLDER", help="folder of the plans [default: OUT/.upright/plans]")
    parser.add_argument("--binary", metavar="PATH", help="`upright` on every machine [default: $UPRIGHT, or the one in PATH]")
    parser.add_argument("--address", help="of the cluster [default: $RAY_ADDRESS, or one on this machine alone]")
    parser.add_argument("--retry", type=_whole(0), default=2, metavar="N",
                        help="times that a step is tried again which failed for a reason that may pass [default: 2]")
    parser.add_argument("--cores-a-segment", type=_whole(1), default=1, metavar="N",
                        help="cores that each step is given [default: 1]")
    parser.add_argument("--progress", choices=["bar", "json", "none"], help="[default: bar on a terminal]")
    ours, theirs = _split(arguments)
    parsed = parser.parse_intermixed_args(ours)

    for option in theirs:
        if option.partition("=")[0] in ONLY_OF_BATCH:
            parser.error(f"{option} after -- has no effect here")
    parsed.options = theirs
    parsed.machine_options = _machine_options(theirs, parser)
    if parsed.progress is None:
        parsed.progress = "bar" if sys.stderr.isatty() else "none"
    return parsed


def _split(arguments):
    if "--" not in arguments:
        return arguments, []
    at = arguments.index("--")
    return arguments[:at], arguments[at + 1:]


def _whole(least):
    def parse_number(text):
        number = int(text)
        if number < least:
            raise ValueError
        return number

    parse_number.__name__ = f"whole number from {least}"
    return parse_number


def _machine_options(options, parser):
    """The arguments for each kind of step."""
    finder = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for name in MACHINE_OPTIONS:
        finder.add_argument(f"--{name}", **({"action": "store_true"} if name == "strict" else {}))
    finder.error = parser.error
    found = {name: value for name, value in vars(finder.parse_known_args(options)[0]).items() if value}
    return {
        kind: titles.as_arguments({name: value for name, value in found.items() if kind in MACHINE_OPTIONS[name]})
        for kind in (PLAN, SEGMENT, RENDER)
    }


def main(arguments=None):
    chosen = parse(sys.argv[1:] if arguments is None else arguments)
    out = files.absolute(chosen.output)
    binary = chosen.binary or os.environ.get("UPRIGHT") or "upright"
    job = Job(
        # A name alone is looked for in every machine's PATH.
        binary=files.absolute(binary) if "/" in binary else binary,
        out=out,
        store=files.absolute(chosen.store),
        work=files.absolute(chosen.work or files.join(out, ".upright/plans")),
        machine_options=chosen.machine_options,
        segments_at_once=chosen.cores_a_segment,
    )
    try:
        found = titles.find_titles(job.binary, chosen.inputs, out, chosen.options)
    except titles.Refused as refused:
        print(f"upright-ray: {refused}", file=sys.stderr)
        return refused.exit
    return _run(job, found, chosen)


def _run(job, found, chosen):
    # It takes a second to load.
    from . import cluster

    begun = time.monotonic()
    try:
        cluster.connect(chosen.address)
    except (OSError, ValueError) as error:
        print(f"upright-ray: there is no such cluster: {error}", file=sys.stderr)
        return NO_CLUSTER
    screen = Screen(chosen.progress, len(found))
    schedule = Schedule(found, chosen.retry, screen.tell)
    exit_code = 0
    try:
        cluster.carry_out(schedule, job, chosen.cores_a_segment, screen.show)
    except KeyboardInterrupt:
        exit_code = INTERRUPTED
    except SystemExit:
        # So Ray ends this process at SIGTERM.
        exit_code = TERMINATED
    finally:
        screen.end()
        made = summary.make(schedule, found, _version(job.binary), time.monotonic() - begun)
        try:
            summary.write(made, job.out)
        except OSError as error:
            screen.say(f"upright-ray: cannot write the summary: {error}")
    screen.say(summary.table(made))
    exit_code = exit_code or (SOME_FAILED if schedule.counts.failed else 0)
    screen.tell({"event": "done", "exit": exit_code, "titles": len(found), **made["cluster"], "seconds": made["wall_seconds"]})
    return exit_code


def _version(binary):
    try:
        printed = subprocess.run([binary, "--version"], capture_output=True, text=True).stdout
    except OSError:
        return ""
    return printed.partition("\n")[0].rpartition(" ")[2]


if __name__ == "__main__":
    sys.exit(main())
