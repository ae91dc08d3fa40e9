#!/usr/bin/env python3
"""Says how much of the time a vertical rendition of a film holds whom it is about, without asking whoever framed it.

    benches/framing/judge.py SOURCE [RENDITION...] --models FOLDER [--json OUT.json] [--sheet OUT.png]

The judge looks at the source four times a second with detectors that upright does not use (models.py), and finds the
window of each frame of a rendition by looking for its picture in the picture of the source. Beside the renditions it
measures the centre crop, the best static window of the clip, and the best static window of each of its shots.

For every sample with a subject:
  inside   the main face or person lies wholly inside the window
  empty    nobody lies with half of them inside the window

A clip may be given without a rendition, for the static windows alone.
"""

import argparse
import json
import os
import subprocess
import sys

import film as films
import numpy as np

RATE = 4
# How the detectors look at the source: the heights of its picture for them.
FACE_HEIGHT, PERSON_HEIGHT = 512, 416
# A detection counts from the score `LEAST` on, if it is followed in its shot to one of `SURE`, or is of `ALONE`.
LEAST, SURE, ALONE = 0.4, 0.5, 0.75
# Faces of this height win over persons; both as shares of the height of the picture.
FACE_LEAST, PERSON_LEAST = 0.04, 0.1
# Another subject is main too if it is nearly as large and as good a choice.
SECOND_SIZE, SECOND_WEIGHT = 0.7, 0.5
TOLERANCE = 0.02

MATCH_HEIGHT = 128
ZOOMS = np.arange(1, 1.1501, 0.025)
POOR = 0.8
FLAT = 3.0
JUMP = 0.03


# --- Who is in the picture


def detections(film, folder, cache):
    """For each sample its faces and its persons: rows of left, top, right, bottom (fractions of the frame), score."""
    stamp = os.stat(film.path)
    name = f"{os.path.basename(film.path)}.{stamp.st_size}.{FACE_HEIGHT}.{PERSON_HEIGHT}.json"
    kept = cache and os.path.join(cache, name)
    if kept and os.path.exists(kept):
        with open(kept) as file:
            return json.load(file)
    import models

    numbers, found = film.samples(RATE), {}
    for kind, height, detect in (
        ("faces", FACE_HEIGHT, models.Faces(folder)),
        ("persons", PERSON_HEIGHT, models.Persons(folder)),
    ):
        found[kind] = []
        for _, picture in film.frames(height, numbers):
            tall, wide = picture.shape[:2]
            rows = detect(picture, 0.3) / [wide, tall, wide, tall, 1]
            found[kind].append(np.round(rows, 4).tolist())
    found["frames"] = numbers
    if kept:
        os.makedirs(cache, exist_ok=True)
        with open(kept, "w") as file:
            json.dump(found, file)
    return found


def put_right(found, hand):
    """The detections as the hand labels have them."""
    result = {"frames": found["frames"], "faces": [], "persons": []}
    for at, frame in enumerate(found["frames"]):
        for kind in ("faces", "persons"):
            known = [[*box, 1.0] for box in hand.boxes(kind[:-1], frame)]
            rest = [box for box in found[kind][at] if not hand.is_ignored(frame, box)
                    and not any(shared(box, other) > 0.5 * min(area(box), area(other)) for other in known)]
            result[kind].append(known + rest)
    return result


def width(box):
    return box[2] - box[0]


def height(box):
    return box[3] - box[1]


def area(box):
    return width(box) * height(box)


def shared(one, other):
    """The area that two boxes have in common."""
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    return max(across, 0) * max(down, 0)


def alike(one, other):
    """Whether two boxes of neighbouring samples can be the same thing, and how surely: 0 where they cannot."""
    both = shared(one, other)
    union = area(one) + area(other) - both
    size = max(height(one), height(other)) / max(min(height(one), height(other)), 1e-6)
    apart = abs(one[0] + one[2] - other[0] - other[2]) / (width(one) + width(other))
    down = abs(one[1] + one[3] - other[1] - other[3]) / (height(one) + height(other))
    if size > 1.8 or apart > 1 or down > 0.6:
        return 0
    return both / union + 0.1 * (1 - apart) + 0.01


def tracks(samples, shots, least):
    """Follows detections from sample to sample within each shot: lists of (sample, box)."""
    done, open_ones = [], []
    for at, boxes in enumerate(samples):
        boxes = [box for box in boxes if box[4] >= LEAST and height(box) >= least]
        if at and shots[at] != shots[at - 1]:
            open_ones = []
        pairs = sorted(((alike(track[-1][1], box), -index, -place) for index, track in enumerate(open_ones)
                        for place, box in enumerate(boxes)), reverse=True)
        taken, followed = set(), {}
        for likeness, index, place in pairs:
            if likeness > 0 and -index not in followed and -place not in taken:
                followed[-index] = boxes[-place]
                taken.add(-place)
        still = []
        for index, box in followed.items():
            open_ones[index].append((at, box))
            still.append(open_ones[index])
        for place, box in enumerate(boxes):
            if place not in taken:
                track = [(at, box)]
                done.append(track)
                still.append(track)
        open_ones = still
    return [track for track in done
            if max(box[4] for _, box in track) >= (SURE if len(track) > 1 else ALONE)]


def subjects(found, shots):
    """For each sample everyone who is surely there: kind, box and weight, the heaviest first."""
    count = len(found["frames"])
    there = [[] for _ in range(count)]
    for kind, least in (("faces", FACE_LEAST), ("persons", PERSON_LEAST)):
        for track in tracks(found[kind], shots, least):
            seen = np.zeros(count, bool)
            seen[[at for at, _ in track]] = True
            for at, box in track:
                about = [other for other in range(max(0, at - 2 * RATE), min(count, at + 2 * RATE + 1))
                         if shots[other] == shots[at]]
                central = 1 - abs(box[0] + box[2] - 1) / 2
                weight = height(box) * central * (0.5 + 0.5 * seen[about].mean())
                there[at].append({"kind": kind[:-1], "box": box[:4], "score": box[4], "weight": weight})
    return [sorted(everyone, key=lambda one: -one["weight"]) for everyone in there]


def main_ones(everyone):
    """The one whom the picture is about, and those who are as much so: it may hold any of them."""
    faces = [one for one in everyone if one["kind"] == "face"]
    chosen = faces or everyone
    return [one for one in chosen if one is chosen[0] or height(one["box"]) >= SECOND_SIZE * height(chosen[0]["box"])
            and one["weight"] >= SECOND_WEIGHT * chosen[0]["weight"]]


def is_inside(box, window):
    """Whether the box lies wholly inside the window, but for a tolerance; one wider than the window fills it."""
    across, down = TOLERANCE * width(window), TOLERANCE * height(window)
    if width(box) > width(window):
        fits = box[0] <= window[0] + across and box[2] >= window[2] - across
    else:
        fits = box[0] >= window[0] - across and box[2] <= window[2] + across
    return fits and box[1] >= window[1] - down and box[3] <= window[3] + down


def is_half_inside(box, window):
    """Whether half of the box, or of the window where the box is the larger one, is shared."""
    return shared(box, window) >= 0.5 * min(area(box), area(window))


# --- Where the window is


def matrix(size, target):
    """Takes `size` pixels to `target` ones, by how far each of the new ones covers the old."""
    edges = np.linspace(0, size, target + 1)
    low, high = np.arange(size)[None], np.arange(1, size + 1)[None]
    cover = np.minimum(edges[1:, None], high) - np.maximum(edges[:-1, None], low)
    return (np.maximum(cover, 0) / (size / target)).astype(np.float32)


class Matcher:
    """Finds a picture in the picture of a source, by normalised correlation: coarsely anywhere, finely about that."""

    def __init__(self, source_size, within, shape):
        """`within` is the picture inside the bars, in fractions; `shape` the width of the window by its height."""
        self.wide, self.tall = source_size
        self.shape, self.within = shape, within
        picture = within[3] - within[1]
        heights = [self.tall * picture / zoom for zoom in ZOOMS]
        if picture < 0.99:
            # Who keeps the bars has a window as high as the frame.
            heights += list(np.arange(self.tall, heights[0] * 1.01, -0.025 * self.tall))
        self.heights = sorted(height for height in heights if height * shape <= self.wide + 0.5)
        self.coarse = [self.template_sizes(height, 2) for height in self.heights]

    def template_sizes(self, height, by):
        return max(4, round(height / by)), max(4, round(height * self.shape / by))

    def scaled(self, picture, down, across):
        key = picture.shape, down, across
        kept = self.__dict__.setdefault("matrices", {})
        if key not in kept:
            kept[key] = matrix(picture.shape[0], down), matrix(picture.shape[1], across)
        rows, columns = kept[key]
        return rows @ picture @ columns.T

    def anywhere(self, source, picture):
        """The best place at half the size: score, index of the height, left and top in pixels of the whole size."""
        half = self.scaled(source, self.tall // 2, self.wide // 2)
        half -= half.mean()
        tall, wide = half.shape
        sums = np.pad(half.astype(np.float64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
        squares = np.pad((half.astype(np.float64) ** 2).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
        spectrum = np.fft.rfft2(half)
        best = (-2.0, 0, 0.0, 0.0)
        for index, (down, across) in enumerate(self.coarse):
            down, across = min(down, tall), min(across, wide)
            template = self.scaled(picture, down, across)
            template = template - template.mean()
            norm = np.sqrt((template**2).sum())
            products = np.fft.irfft2(spectrum * np.conj(np.fft.rfft2(template, (tall, wide))), (tall, wide))
            products = products[: tall - down + 1, : wide - across + 1]

            def within(table):
                return table[down:, across:] - table[:-down, across:] - table[down:, :-across] + table[:-down, :-across]

            spread = np.sqrt(np.maximum(within(squares) - within(sums) ** 2 / (down * across), 1e-3))
            scores = products / (spread * norm + 1e-6)
            top, left = np.unravel_index(np.argmax(scores), scores.shape)
            if scores[top, left] > best[0]:
                best = float(scores[top, left]), index, left * 2.0, top * 2.0
        return best

    def about(self, source, picture, index, left, top):
        """The best place uphill from one: score, index of the height, left, top, and the sides to parts of a pixel."""
        kept = {}
        middle, centre = left + self.coarse[index][1], top + self.coarse[index][0]

        def template(near):
            if near not in kept:
                down, across = self.template_sizes(self.heights[near], 1)
                scaled = self.scaled(picture, min(down, self.tall), min(across, self.wide))
                scaled = scaled - scaled.mean()
                kept[near] = scaled, np.sqrt((scaled**2).sum()), {}
            return kept[near]

        def score(near, x, y):
            scaled, norm, known = template(near)
            if (x, y) not in known:
                piece = source[y : y + scaled.shape[0], x : x + scaled.shape[1]]
                if x < 0 or y < 0 or piece.shape != scaled.shape:
                    return None
                piece = piece - piece.mean()
                known[x, y] = float((piece * scaled).sum() / (norm * np.sqrt((piece**2).sum()) + 1e-6))
            return known[x, y]

        def climbed(near):
            """Uphill from the middle at one height, which stays where it is as the height changes."""
            down, across = template(near)[0].shape
            x = min(max(round(middle - across / 2), 0), self.wide - across)
            y = min(max(round(centre - down / 2), 0), self.tall - down)
            while True:
                around = [(score(near, x + i, y + k) or -2.0, i * i + k * k == 0, x + i, y + k)
                          for k in (-1, 0, 1) for i in (-1, 0, 1)]
                best = max(around)
                if best[2:] == (x, y):
                    return best[0], near, x, y
                x, y = best[2:]

        tried, near = {}, index
        while near not in tried or {near - 1, near + 1} & set(range(len(self.heights))) - set(tried):
            for one in (near - 1, near, near + 1):
                if one not in tried and 0 <= one < len(self.heights):
                    tried[one] = climbed(one)
            best, near, x, y = max(tried.values())
        down, across = template(near)[0].shape

        def between(before, after):
            if before is None or after is None:
                return 0.0
            bend = before - 2 * best + after
            return min(max(0.5 * (before - after) / bend, -0.5), 0.5) if bend < -1e-9 else 0.0

        shift_x = between(score(near, x - 1, y), score(near, x + 1, y))
        shift_y = between(score(near, x, y - 1), score(near, x, y + 1))
        larger = between(*(tried[other][0] if other in tried else None for other in (near - 1, near + 1)))
        tall = self.heights[near]
        if larger:
            tall += larger * abs(self.heights[near + (1 if larger > 0 else -1)] - tall)
        # The middle is what has been found; the template was of whole pixels, and the window need not be.
        middle, centre = x + shift_x + across / 2, y + shift_y + down / 2
        wide = tall * self.shape
        return best, near, x, y, [middle - wide / 2, centre - tall / 2, middle + wide / 2, centre + tall / 2]

    def window(self, source, picture, before=None):
        """Score, mode, window (left, top, right and bottom as fractions), place; None where the picture says nothing.

        Near the place of the frame before it is looked for first, and if it is as well found there, no further: in
        front of an even sky many places are all but as good.
        """
        if picture.std() < FLAT:
            return None
        best = None
        if before is not None:
            best = self.about(source, picture, *before[1:])
        if best is None or best[0] < max(0.9, before[0] - 0.003):
            again = self.about(source, picture, *self.anywhere(source, picture)[1:])
            if best is None or again[0] > best[0] + 0.003:
                best = again
        score, near, x, y, sides = best
        place = score, near, x, y
        if score < 0.9:
            whole = self.whole_picture(source, picture)
            if whole > max(score, POOR):
                return whole, "fit", [*self.within], place
        window = [sides[0] / self.wide, sides[1] / self.tall, sides[2] / self.wide, sides[3] / self.tall]
        return score, "crop", [float(min(max(side, 0), 1)) for side in window], place

    def whole_picture(self, source, picture):
        """How well the whole picture, as wide as the rendition, matches the middle of it."""
        left, top, right, bottom = (round(part * size) for part, size in zip(self.within, (self.wide, self.tall) * 2))
        inner = source[top:bottom, left:right]
        down = round(picture.shape[1] * inner.shape[0] / inner.shape[1])
        if down >= picture.shape[0]:
            return -1.0
        small = self.scaled(inner, down, picture.shape[1])
        small = small - small.mean()
        best, middle = -1.0, (picture.shape[0] - down) // 2
        for y in range(max(0, middle - 2), min(picture.shape[0] - down, middle + 2) + 1):
            piece = picture[y : y + down] - picture[y : y + down].mean()
            best = max(best, float((piece * small).sum() / np.sqrt((piece**2).sum() * (small**2).sum() + 1e-6)))
        return best


def windows(film, rendition, within, cuts):
    """For each frame of the source the score, mode and window of the frame of the rendition that is shown with it."""
    other = films.Film(rendition)
    if len(other.times) == len(film.times):
        partner = np.arange(len(film.times))
    else:
        partner = np.abs(film.times[:, None] - other.times[None]).argmin(1)
    shape = other.width / other.height
    pictures = [picture for _, picture in other.frames(MATCH_HEIGHT, grey=True)]
    matcher, found, place = None, [], None
    for number, picture in film.frames(MATCH_HEIGHT, grey=True):
        if matcher is None:
            # Its pictures have been scaled to whole pixels: the shape that counts is the one in them.
            stretch = picture.shape[1] / picture.shape[0] / (film.width / film.height)
            matcher = Matcher(picture.shape[::-1], within, shape * stretch)
        if number in cuts:
            place = None
        one = matcher.window(picture.astype(np.float32), pictures[partner[number]].astype(np.float32), place)
        place = one[3] if one else None
        found.append(one and one[:3])
    return found


def filled(found, cuts):
    """The windows, with those of frames that say nothing taken from the frame before, or after, in the same shot."""
    result = [one and list(one[2]) for one in found]
    starts = [0, *cuts, len(found)]
    for start, end in zip(starts, starts[1:]):
        for at in [*range(start + 1, end), *range(end - 2, start - 1, -1)]:
            near = at - 1 if at > start and result[at - 1] else at + 1
            if result[at] is None and start <= near < end:
                result[at] = result[near]
    return result


# --- The figures


def figures(samples, chosen):
    """What share of the samples with a subject have it inside, and what share are empty."""
    about = [(sample, window) for sample, window in zip(samples, chosen) if sample["main"]]
    inside = [any(is_inside(one["box"], window) for one in sample["main"]) for sample, window in about]
    empty = [not any(is_half_inside(one["box"], window) for one in sample["everyone"]) for sample, window in about]
    return {"inside": share(inside), "empty": share(empty)}, inside, empty


def share(flags):
    return round(float(np.mean(flags)), 4) if flags else None


def static_windows(film, within):
    """The windows of 9:16 as high as the picture, at every hundredth of the frame's width, the middle one first."""
    wide = min(9 / 16 * (within[3] - within[1]) * film.height / film.width, within[2] - within[0])
    middle = (within[0] + within[2] - wide) / 2
    places = np.arange(within[0], within[2] - wide + 1e-9, 0.01)
    places = [middle, *sorted([*places, within[2] - wide], key=lambda place: abs(place - middle))]
    return [[float(place), within[1], float(place + wide), within[3]] for place in places]


def best_static(samples, candidates):
    """The window that holds the most samples, of those the one with the fewest empty, of those the most central."""
    def worth(window):
        _, inside, empty = figures(samples, [window] * len(samples))
        return sum(inside), -sum(empty)

    return max(candidates, key=worth)


def movement(found, cuts):
    """How the window of a rendition moves within shots: its jumps, its fastest pan, how long it rests."""
    centres = np.array([np.nan if one is None else (one[2][0] + one[2][2]) / 2 for one in found])
    same = np.array([number not in cuts for number in range(1, len(centres))], bool)
    steps = np.where(same, np.diff(centres), np.nan)
    modes = [one and one[1] for one in found]
    jumps = [number + 1 for number, step in enumerate(steps) if abs(step) > JUMP]
    jumps += [number for number in range(1, len(modes)) if same[number - 1] and modes[number] and modes[number - 1]
              and modes[number] != modes[number - 1]]
    calm = np.where(np.abs(steps) > JUMP, np.nan, steps)
    # Over two steps, so that the last pixel of the matching does not count as speed.
    pans = np.abs(calm[1:] + calm[:-1]) / 2
    known = ~np.isnan(calm)
    return {
        "jumps": sorted(set(jumps)),
        "fastest_pan": round(float(np.nanmax(pans)), 5) if np.any(~np.isnan(pans)) else None,
        "at_rest": round(float((np.abs(calm[known]) < 0.001).mean()), 4) if known.any() else None,
    }


def judge(source, renditions, folder, cache=None):
    film = films.Film(source)
    cuts = films.boundaries(film)
    within = films.picture_within_bars(film)
    hand = films.Hand(os.path.basename(source))
    found = put_right(detections(film, folder, cache), hand)
    shots = [films.shot_of(number, cuts) for number in found["frames"]]
    samples = [
        {"frame": number, "time": round(float(film.times[number]), 3), "shot": shot, "everyone": everyone,
         "main": [] if hand.is_skipped(number) else main_ones(everyone)}
        for number, shot, everyone in zip(found["frames"], shots, subjects(found, shots))
    ]
    candidates = static_windows(film, within)
    result = {"clip": os.path.basename(source), "picture": [round(float(part), 4) for part in within], "cuts": cuts,
              "samples": len(samples), "with_subject": sum(bool(sample["main"]) for sample in samples)}

    ways = {"centre": [candidates[0]] * len(samples), "static": [best_static(samples, candidates)] * len(samples)}
    by_shot = {shot: best_static([one for one in samples if one["shot"] == shot], candidates) for shot in set(shots)}
    ways["static_by_shot"] = [by_shot[shot] for shot in shots]
    result["static_windows"] = {name: figures(samples, chosen)[0] for name, chosen in ways.items()}
    result["renditions"] = []
    for rendition in renditions:
        matched = windows(film, rendition, within, cuts)
        scores = np.array([one[0] for one in matched if one])
        if not len(scores):
            raise RuntimeError(f"{rendition}: no frame of it has anything to be found by")
        poor = [number for number, one in enumerate(matched) if one and one[0] < POOR]
        told = {"rendition": rendition, "match": {
            "median": round(float(np.median(scores)), 4), "least": round(float(scores.min()), 4), "poor": poor,
            "flat": sum(one is None for one in matched)}}
        if len(poor) > 0.02 * len(matched):
            raise RuntimeError(f"{rendition}: {len(poor)} of {len(matched)} frames are not found in {source} "
                               f"(the first ones: {poor[:10]}; median score {np.median(scores):.3f})")
        whole = filled(matched, cuts)
        chosen = [whole[number] or candidates[0] for number in found["frames"]]
        ways[rendition] = chosen
        held, inside, empty = figures(samples, chosen)
        frames = [sample["frame"] for sample in samples if sample["main"]]
        told |= held | movement(matched, cuts)
        told["not_inside"] = [frame for frame, good in zip(frames, inside) if not good]
        told["empty_frames"] = [frame for frame, bad in zip(frames, empty) if bad]
        told["windows"] = [[round(float(part), 4) for part in window] for window in chosen]
        result["renditions"].append(told)
    return result, film, samples, ways


# --- To look at


def outline(picture, box, colour, thick):
    tall, wide = picture.shape[:2]
    left, right = (min(max(round(box[side] * wide), 0), wide - thick) for side in (0, 2))
    top, bottom = (min(max(round(box[side] * tall), 0), tall - thick) for side in (1, 3))
    for row in (top, bottom):
        picture[row : row + thick, left : right + thick] = colour
    for column in (left, right):
        picture[top : bottom + thick, column : column + thick] = colour


def sheet(film, samples, chosen, path, most=96, columns=8, high=144):
    """Draws samples: everyone in blue, the main ones in red, the window in green, or in white where it fails them."""
    samples, chosen = list(samples), list(chosen)
    step = max(1, -(-len(samples) // most))
    picked = {sample["frame"]: (sample, window) for sample, window in list(zip(samples, chosen))[::step]}
    tiles = []
    for number, picture in film.frames(high, picked):
        sample, window = picked[number]
        picture = picture.copy()
        good = any(is_inside(one["box"], window) for one in sample["main"]) or not sample["main"]
        outline(picture, window, (0, 200, 0) if good else (255, 255, 255), 2)
        for one in sample["everyone"]:
            outline(picture, one["box"], (60, 120, 255), 1)
        for one in sample["main"]:
            outline(picture, one["box"], (255, 0, 0), 2)
        tiles.append(np.pad(picture, ((2, 2), (2, 2), (0, 0))))
    while len(tiles) % columns:
        tiles.append(np.zeros_like(tiles[0]))
    rows = [np.concatenate(tiles[at : at + columns], 1) for at in range(0, len(tiles), columns)]
    whole = np.concatenate(rows)
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s",
               f"{whole.shape[1]}x{whole.shape[0]}", "-i", "-", "-frames:v", "1", "-update", "1", path]
    subprocess.run([word for word in command if word != "-nostdin"], input=whole.tobytes(), check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source")
    parser.add_argument("renditions", nargs="*")
    parser.add_argument("--models", required=True, help="folder of centerface.onnx, nanodet.json and nanodet.bin")
    parser.add_argument("--cache", help="folder in which what was detected is kept from one run to the next")
    parser.add_argument("--json", help="file of the figures [default: standard output]")
    parser.add_argument("--sheet", help="picture of the samples, with the last rendition's windows or the shots' best")
    told = parser.parse_args()
    try:
        result, film, samples, ways = judge(told.source, told.renditions, told.models, told.cache)
    except RuntimeError as error:
        sys.exit(f"judge.py: {error}")
    films.tell(result, told.json)
    if told.sheet:
        sheet(film, samples, list(ways.values())[-1], told.sheet)


if __name__ == "__main__":
    main()
