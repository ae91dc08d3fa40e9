#!/usr/bin/env python3
"""Packages films, and says by how much declared rates are off measured ones, and what a package costs over bare renditions.

    scripts/with-packages.sh benches/packaging/requirements.txt benches/packaging/films.py UPRIGHT WORK
        [--footage FOLDER] [--markdown FILE] [--minutes N] [--runs N]

Every clip of the footage becomes a package of four rungs; each is checked by `upright verify`, and its rates are measured from
its segments by other code than wrote them. Then one long film, made of clips, is converted to bare MP4s and to a package, in
turn. Ends with 1 where a rate is off by more than a tenth.
"""

import os
import resource
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from measuring import arguments, newest_ffmpeg, processor, report, run
from package import MEASURES, RATES, Package

FILMS = {".mp4", ".mov", ".mkv", ".webm", ".ts"}
# The clips that the long film is made of: people who talk, cuts, a crowd.
LONG = ("two-men-room.webm", "people-enter-and-leave.mp4", "stage-cuts.mp4")
COMMON = ("-q", "--progress", "none", "--encoder", "auto", "--speed", "10")


def rates(upright, film, folder):
    """Gives the row of a film, and whether its rates are right."""
    run(upright, "convert", film, "-o", folder, "--name", film.stem, "--format", "cmaf", *COMMON)
    run(upright, "verify", folder / film.stem)
    package = Package(folder / film.stem)
    worst = [max((off for _, off in package.rates_off(name)), key=abs) for name in MEASURES]
    cells = " | ".join(f"{100 * off:+.2f} %" for off in worst)
    return f"| {film.name} | {len(package.video)} | {cells} |\n", all(abs(off) <= RATES for off in worst)


def long_film(ffmpeg, footage, minutes, folder):
    """Clips one after the other, again and again, with speech-like sound: so long as it is asked for."""
    film = folder / "long.mkv"
    sources = [it for it in (footage / name for name in LONG) if it.exists()]
    if not sources:
        sources = [footage]
    listed = folder / "parts.txt"
    parts = []
    for number, source in enumerate(sources):
        part = folder / f"part-{number}.mkv"
        run(ffmpeg, "-v", "error", "-i", source, "-f", "lavfi", "-i", "sine=300:r=48000,tremolo=3:0.9,aformat=channel_layouts=stereo",
            "-map", "0:v:0", "-map", "1:a", "-vf", "scale=1280:720,setsar=1,fps=25,format=yuv420p", "-c:v", "libx264",
            "-preset", "veryfast", "-crf", "18", "-c:a", "aac", "-shortest", part)
        parts.append(f"file '{part}'\n")
    listed.write_text("".join(parts) * 1000)
    run(ffmpeg, "-v", "error", "-f", "concat", "-safe", "0", "-i", listed, "-t", 60 * minutes, "-c", "copy", film)
    return film


def timed(*command):
    """Seconds that a command takes: on the wall, and of processors."""
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    run(*command)
    wall, after = time.monotonic() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def cost(upright, film, runs, folder):
    found = {"mp4": [], "cmaf": []}
    for turn in range(runs):
        # Now this one is first, now the other.
        for form in sorted(found, reverse=turn % 2 == 0):
            name = f"{form}-{turn}"
            found[form].append(timed(upright, "convert", film, "-o", folder, "--name", name, "--format", form, *COMMON))
            run("rm", "-r", folder / name)
    wall = statistics.median(cmaf[0] / mp4[0] for mp4, cmaf in zip(found["mp4"], found["cmaf"]))
    work = statistics.median(cmaf[1] / mp4[1] for mp4, cmaf in zip(found["mp4"], found["cmaf"]))
    seconds = {form: statistics.median(it[0] for it in times) for form, times in found.items()}
    return wall, work, seconds


def measure(told, folder):
    folder, footage = Path(folder), Path(told.footage)
    films = sorted(it for it in footage.iterdir() if it.suffix in FILMS)
    if not films:
        raise RuntimeError(f"there is no film in {footage}")
    rows = [rates(told.upright, film, folder) for film in films]
    text = f"""\
# Packages of films

Made by `scripts/packaging.sh` on {processor()}, {os.cpu_count()} cores; the fastest encoder in software (`--encoder auto`) at speed 10.

By how much the rates that main.m3u8 declares are off those measured from the segments, in the rung that is off most. `upright
verify` found nothing wrong with any of them.

| film | rungs | `AVERAGE-BANDWIDTH` | `BANDWIDTH` |
|---|---|---|---|
{"".join(row for row, _ in rows)}"""
    if told.minutes:
        film = long_film(newest_ffmpeg(folder), footage, told.minutes, folder)
        wall, work, seconds = cost(told.upright, film, told.runs, folder)
        text += f"""
A film of {told.minutes} minutes of 720p, four rungs: {seconds["mp4"]:.0f} s as bare MP4s, {seconds["cmaf"]:.0f} s as a package with sound
of -16 LUFS; {wall:.3f} times as long, and {work:.3f} times the work of processors (medians of {told.runs} pairs in turn).
"""
    return text, all(good for _, good in rows)


def main():
    parser = arguments(__doc__)
    parser.add_argument("--minutes", type=int, default=10, help="length of the long film, 0 for none [default: %(default)s]")
    parser.add_argument("--runs", type=int, default=3, help="pairs of the long film [default: %(default)s]")
    report(measure, parser.parse_args(), "a declared rate is off")


if __name__ == "__main__":
    main()
