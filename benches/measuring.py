"""Runs programs, names the machine and reports, for those who measure with the newest FFmpeg (imageio-ffmpeg)."""

import argparse
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

import imageio_ffmpeg


def run(*command, env=None, data=b""):
    """Runs a program, which may read `data`, and gives what it writes."""
    done = subprocess.run([str(word) for word in command], input=data, capture_output=True, env=env)
    if done.returncode:
        said = (done.stderr or done.stdout).decode(errors="replace").strip()
        raise RuntimeError(f"{' '.join(map(str, command))}: {said}")
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


def arguments(description, pictures=None):
    """Begins a command line with what all have: where things are, where the table goes, and what is drawn, if anything is."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("upright")
    parser.add_argument("work", help="folder for what is made on the way")
    parser.add_argument("--footage", default="../shared/footage", help="folder of the clips [default: %(default)s]")
    parser.add_argument("--markdown", help="file that the table is written to")
    if pictures:
        parser.add_argument("--png", help=f"folder for pictures: {pictures}")
    return parser


def report(measure, told, complaint):
    """Has `measure` make a table in a folder of its own, prints it, and ends with a complaint where it is not good."""
    name = os.path.basename(sys.argv[0])
    for folder in filter(None, (told.work, getattr(told, "png", None))):
        os.makedirs(folder, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(dir=told.work) as folder:
            markdown, good = measure(told, folder)
    except RuntimeError as error:
        sys.exit(f"{name}: {error}")
    print(markdown, end="")
    if told.markdown:
        with open(told.markdown, "w") as file:
            file.write(markdown)
    if not good:
        sys.exit(f"{name}: {complaint}")
