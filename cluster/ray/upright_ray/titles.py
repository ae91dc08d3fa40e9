"""The titles of a batch, as `upright batch` finds them."""

import hashlib
import json
import subprocess
from dataclasses import dataclass, field

from . import files


class Refused(Exception):
    def __init__(self, exit, message):
        super().__init__(message)
        self.exit = exit


@dataclass(frozen=True)
class Title:
    """`name` is unique, and may hold slashes: its folder below the output folder."""

    input: str
    name: str
    options: dict = field(default_factory=dict)

    def plan_place(self, work):
        """Other options are another plan: an old one is never taken for it."""
        text = json.dumps([self.input, self.options], sort_keys=True)
        return files.join(work, f"{self.name}.{hashlib.sha256(text.encode()).hexdigest()[:12]}.plan.json")

    def analysis_place(self, work):
        """What is seen in a film is the same for all options; `upright plan` looks whether it fits the film."""
        return files.join(work, f"{self.name}.analysis.json")


def find_titles(binary, inputs, out, options):
    command = [binary, "batch", *inputs, "--output", out, "--print-manifest", *options]
    try:
        ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True)
    except OSError as error:
        raise Refused(69, f"cannot start {binary}: {error.strerror}") from None
    if ended.returncode != 0:
        raise Refused(ended.returncode, ended.stderr.decode(errors="replace").strip())
    return [
        Title(files.absolute(entry["input"]), entry["output"], entry.get("options") or {})
        for entry in json.loads(ended.stdout)["titles"]
    ]


def as_arguments(options):
    """Options of a manifest as arguments: a value, a list of values, or a switch (`true`, or an empty list)."""
    arguments = []
    for name, value in options.items():
        if value is True or value == []:
            arguments.append(f"--{name}")
        elif isinstance(value, list):
            arguments += [f"--{name}={one}" for one in value]
        elif value is not False and value is not None:
            arguments.append(f"--{name}={value}")
    return arguments
