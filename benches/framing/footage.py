#!/usr/bin/env python3
"""Converts the clips with people and has them judged.

    benches/framing/footage.py UPRIGHT WORK --models FOLDER [--footage FOLDER] [--only CLIP,...] [--options=OPTIONS]

Writes WORK/footage.json, and pictures of the samples to look at into WORK/sheets.
"""

import argparse
import json
import os
import shlex
import sys
import time

import film as films
import judge

# Those of the footage that are wider than 9:16 and have people in them.
CLIPS = ["film-scope-many-cuts.webm", "juggler.mp4", "people-enter-and-leave.mp4", "silent-film-two-men.mp4",
         "stage-cuts.mp4", "two-men-room.webm", "vfr-cut-to-face.mov", "woman-and-dog.mp4"]


def mean(clips, of):
    values = [of(clip) for clip in clips]
    return {key: round(sum(value[key] for value in values) / len(values), 4) for key in ("inside", "empty")}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("upright")
    parser.add_argument("work")
    parser.add_argument("--models", required=True)
    parser.add_argument("--footage", default=films.FOOTAGE, help="folder of the clips [default: ../shared/footage]")
    parser.add_argument("--only", default=",".join(CLIPS), help="clips, with commas between them")
    parser.add_argument("--options", default="--crop auto", help="options of convert [default: %(default)s]")
    told = parser.parse_args()
    renditions, sheets, found = (os.path.join(told.work, name) for name in ("renditions", "sheets", "found"))
    os.makedirs(sheets, exist_ok=True)
    clips, options = [], shlex.split(told.options)
    for name in told.only.split(","):
        source = os.path.join(told.footage, name)
        if not os.path.exists(source):
            sys.exit(f"footage.py: there is no {source}")
        stem = os.path.splitext(name)[0]
        began = time.monotonic()
        try:
            films.run(told.upright, "convert", source, "-o", renditions, "--overwrite", "-q", "--progress", "none",
                      "--ladder", "360", "--encoder", "libsvtav1", "--speed", "10", *options)
            took = time.monotonic() - began
            rendition = os.path.join(renditions, stem, "360x640.mp4")
            result, film, samples, ways = judge.judge(source, [rendition], told.models, found)
        except RuntimeError as error:
            sys.exit(f"footage.py: {error}")
        judge.sheet(film, samples, ways[rendition], os.path.join(sheets, f"{stem}.png"))
        result["convert_seconds"] = round(took, 1)
        result["renditions"][0]["rendition"] = os.path.basename(rendition)
        clips.append(result)
        print(f"{name}: {result['renditions'][0]['inside']} inside, {result['renditions'][0]['empty']} empty",
              file=sys.stderr)
    summary = {"options": options, "version": films.run(told.upright, "--version").split("\n")[0], "clips": clips,
               "mean": {way: mean(clips, lambda clip, way=way: clip["static_windows"][way])
                        for way in ("centre", "static", "static_by_shot")}}
    summary["mean"]["upright"] = mean(clips, lambda clip: clip["renditions"][0])
    with open(os.path.join(told.work, "footage.json"), "w") as file:
        file.write(json.dumps(summary, indent=1) + "\n")


if __name__ == "__main__":
    main()
