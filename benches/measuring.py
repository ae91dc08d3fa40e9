"""Runs programs, and names the machine, for those who measure with the newest FFmpeg (imageio-ffmpeg)."""

import glob
import os
import re
import shutil
import subprocess

import imageio_ffmpeg


def run(*command, env=None, data=b""):
    """Runs a program, which may read `data`, and gives what it writes."""
    done = subprocess.run([str(word) for word in command], input=data, capture_output=True, env=env)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def newest_ffmpeg(folder):
    """Copies the program out of its package, whose unpacking forgot that it is one."""
    packed = glob.glob(os.path.join(os.path.dirname(imageio_ffmpeg.__file__), "binaries", "ffmpeg-*"))
    if not packed:
        raise RuntimeError("imageio-ffmpeg has no program for this machine")
    program = shutil.copy(packed[0], os.path.join(folder, "ffmpeg"))
    os.chmod(program, 0o755)
    return program


def version(ffmpeg):
    return run(ffmpeg, "-version").decode().split()[2]


def processor():
    with open("/proc/cpuinfo") as file:
        found = re.search(r"^model name\s*: (.*)$", file.read(), re.MULTILINE)
    return found[1] if found else "an unknown processor"
