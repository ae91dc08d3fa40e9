"""Runs `upright` as a process, and says how it ended."""

import ctypes
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field

# Exit codes of `upright` (README, "Exit codes") after which the same command may do better: reading or writing failed,
# another job is at work there, and stopped by a signal that it has handled.
MAY_PASS = {74, 75, 128 + signal.SIGINT, 128 + signal.SIGTERM}
EXISTS = 73

LINES_OF_ERRORS = 5
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass
class Ended:
    """`exit` is negative where a signal has ended it, as in `subprocess`; `last` is the last line of `--progress json`."""

    exit: int
    message: str = ""
    last: dict = field(default_factory=dict)


def run(command):
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=_ends_with(os.getpid()) if _libc else None,
        )
    except OSError as error:
        # That of one machine of many: another one may have it.
        return Ended(74, f"cannot start {command[0]}: {error.strerror}")
    printed, errors = process.communicate()
    last = _last_event(printed)
    if process.returncode == 0:
        return Ended(0, last=last)
    return Ended(process.returncode, last.get("message") or _tail(errors) or _ending(process.returncode), last)


def _ends_with(parent):
    """A worker that Ray kills must not leave its encoder behind, which nobody would wait for. The system sends the signal
    when the thread ends that has begun the process: Ray runs tasks in a worker's main thread. SIGTERM, at which
    `upright` removes what it has begun."""

    def ask_for_signal():
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        # It may have died before.
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)

    return ask_for_signal


def _last_event(printed):
    lines = printed.decode(errors="replace").splitlines()
    try:
        event = json.loads(lines[-1]) if lines else {}
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}


def _tail(errors):
    lines = errors.decode(errors="replace").strip().splitlines()
    return "\n".join(lines[-LINES_OF_ERRORS:])


def _ending(code):
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
