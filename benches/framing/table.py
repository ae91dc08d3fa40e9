#!/usr/bin/env python3
"""Prints the tables of benches/results/framing.md from the figures.

    benches/framing/table.py [footage.json] [cuts.json] [scenes.json]
"""

import json
import os
import sys

WAYS = (("centre", "centre crop"), ("static", "best static window"), ("static_by_shot", "the same for each shot"))


def percent(part):
    return "-" if part is None else f"{100 * part:.1f}"


def pair(figures):
    return f"{percent(figures['inside'])} / {percent(figures['empty'])}"


def footage(told):
    print("Share of samples with the main face or person wholly inside / share of empty samples, in per cent:\n")
    print("| clip | samples | " + " | ".join(name for _, name in WAYS) + " | upright | as good as static by shot |")
    print("|---|---|" + "---|" * (len(WAYS) + 2))
    for clip in told["clips"]:
        ours, static = clip["renditions"][0], clip["static_windows"]
        good = "yes" if ours["inside"] >= static["static_by_shot"]["inside"] else "**no**"
        print(f"| {clip['clip']} | {clip['with_subject']} | "
              + " | ".join(pair(static[way]) for way, _ in WAYS) + f" | {pair(ours)} | {good} |")
    means = [pair(told["mean"][way]) for way in (*(way for way, _ in WAYS), "upright")]
    print(f"| mean | | {' | '.join(means)} | |")
    print("\nHow the window moves, from the pictures of the rendition:\n")
    print("| clip | jumps within shots | fastest pan, per cent of the width a frame | at rest, per cent of the frames "
          "| match, median / least |")
    print("|---|---|---|---|---|")
    for clip in told["clips"]:
        ours = clip["renditions"][0]
        print(f"| {clip['clip']} | {len(ours['jumps'])} | {100 * (ours['fastest_pan'] or 0):.2f} "
              f"| {percent(ours['at_rest'])} | {ours['match']['median']:.3f} / {ours['match']['least']:.3f} |")


def cuts(told):
    print("Cuts, to the frame (dissolves and fades: one boundary within them, give or take two frames):\n")
    print("| film | cuts | missed | false | precision | recall | F1 |")
    print("|---|---|---|---|---|---|---|")

    def row(name, rates):
        print(f"| {name} | {rates['cuts']} | {rates['missed']} | {rates['false']} | {rates['precision']:.3f} "
              f"| {rates['recall']:.3f} | {rates['f1']:.3f} |")

    quiet = 0
    for film in told["films"]:
        if film["kind"] == "real" and not film["rates"]["cuts"] and not film["false"]:
            quiet += 1
        else:
            row(film["name"], film["rates"])
    row("all generated", told["generated"])
    row(f"all real ({quiet} more clips without cuts or false ones among them)", told["real"])
    row("all", told["all"])


def scenes(told):
    met = [one["met"] for one in told["scenes"] if one["met"] is not None]
    print(f"Scenes made of people whose places are known, each with its rule: {sum(met)} of {len(met)} met (by the "
          "window at each tenth of a second; held is wholly inside):\n")
    print("| scene | rule | figure | met |")
    print("|---|---|---|---|")
    for one in told["scenes"]:
        good = "-" if one["met"] is None else "yes" if one["met"] else "**no**"
        print(f"| {one['scene']} | {one['rule']} | {one['figure']} | {good} |")


def main():
    printed = False
    for path in sys.argv[1:]:
        if os.path.exists(path):
            with open(path) as file:
                told = json.load(file)
            if printed:
                print()
            show = footage if "clips" in told else scenes if "scenes" in told else cuts
            show(told)
            printed = True


if __name__ == "__main__":
    main()
