#!/usr/bin/env python3
"""Measures how exactly a program finds cuts, on sequences made here and on labelled clips.

    benches/framing/cuts.py WORK --command 'upright plan {input} --crop auto' [--footage FOLDER] [--json OUT.json]

WORK is a folder for the sequences, which are made once. The command prints a plan: a boundary is the start of each of
`wanted.shots` but the first, in seconds from the start of the film. A hard cut is found only at its very frame; a
dissolve or a fade is found by one boundary in its range, give or take two frames. Whatever else is reported is wrong.

Without footage the sequences are made of the test pictures of FFmpeg alone.
"""

import argparse
import json
import os
import shlex
import subprocess
import sys
import time
from fractions import Fraction

import film as films
import numpy as np

SIZE, RATE = (640, 360), 25
SHORTEST, LONGEST = 25, 100
SLACK = 2
DARK = 20
SEED = 5
# What pieces are cut from: moving pictures without fades or text of their own.
CLIPS = ["film-scope-many-cuts.webm", "stage-cuts.mp4", "two-men-room.webm", "juggler.mp4", "woman-and-dog.mp4",
         "people-enter-and-leave.mp4", "silent-film-two-men.mp4", "vfr-cut-to-face.mov", "portrait-speech.mp4",
         "444-bird.mp4", "rotated.mp4"]
PATTERNS = ["testsrc2", "mandelbrot", "gradients=c0=red:c1=blue:c2=white:c3=black:nb_colors=4", "smptehdbars",
            "life=ratio=0.3:mold=10:life_color=orange:mold_color=navy:stitch=1", "sierpinski", "rgbtestsrc",
            "cellauto=rule=110:scroll=1"]


# --- Pieces


class Pieces:
    """Shots to make sequences of: excerpts of clips that no cut is in, and test pictures."""

    def __init__(self, footage, seed):
        self.random = np.random.default_rng(seed)
        self.shots, self.last = [], None
        known = films.labels()
        for clip in CLIPS if footage else []:
            path = os.path.join(footage, clip)
            if not os.path.exists(path):
                continue
            count = len(films.Film(path).times)
            edges = [0, *sorted(last for _, last, _ in known[clip]), count]
            ends = [first for first, _, _ in sorted(known[clip])] + [count]
            self.shots += [(path, start, end) for start, end in zip(edges, ends) if end - start >= SHORTEST]
        self.patterns = [(f"lavfi:{source}", 0, 400) for source in PATTERNS]
        if not self.shots:
            self.shots = self.patterns

    def choose(self, patterns=False, shortest=SHORTEST, longest=LONGEST):
        """A source, a first frame and a count, never of the same shot twice in a row."""
        shots = self.patterns if patterns else self.shots
        # Each clip as often as the others, however many shots it has.
        clips = sorted({path for path, _, _ in shots})
        while True:
            clip = clips[self.random.integers(len(clips))]
            of_clip = [shot for shot in shots if shot[0] == clip and shot[2] - shot[1] >= shortest]
            if of_clip:
                shot = of_clip[self.random.integers(len(of_clip))]
                if shot != self.last:
                    break
        self.last = shot
        path, start, end = shot
        count = int(self.random.integers(shortest, min(longest, end - start) + 1))
        return path, int(start + self.random.integers(0, end - start - count + 1)), count


def read(piece):
    """The frames of a piece, each once, as many by height by width by colour."""
    path, start, count = piece
    wide, tall = SIZE
    if path.startswith("lavfi:"):
        source = path.removeprefix("lavfi:")
        join = ":" if "=" in source else "="
        given = ["-f", "lavfi", "-i", f"{source}{join}size={wide}x{tall}:rate={RATE}"]
    else:
        given = ["-i", path]
    chain = (f"select='between(n,{start},{start + count - 1})',scale={wide}:{tall}:force_original_aspect_ratio=increase"
             f":flags=area,crop={wide}:{tall},setsar=1,format=rgb24")
    command = ["ffmpeg", "-nostdin", "-v", "fatal", "-threads", "1", *given, "-map", "0:v:0", "-vf", chain,
               "-fps_mode", "passthrough", "-frames:v", str(count), "-f", "rawvideo", "-"]
    data = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    frames = np.frombuffer(data, np.uint8).reshape(-1, tall, wide, 3)
    if len(frames) != count:
        raise RuntimeError(f"{path}: {len(frames)} frames from {start} instead of {count}")
    return frames


class Sequence:
    """A film without loss, and the truth about its cuts."""

    def __init__(self, path):
        self.path, self.count, self.truth = path, 0, []
        wide, tall = SIZE
        self.ffmpeg = subprocess.Popen(
            ["ffmpeg", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{wide}x{tall}", "-r",
             str(RATE), "-i", "-", "-threads", "1", "-c:v", "libx264", "-qp", "0", "-preset", "ultrafast", "-g", "50",
             "-pix_fmt", "yuv420p", f"{path}.part.mp4"], stdin=subprocess.PIPE)

    def add(self, frames):
        self.ffmpeg.stdin.write(np.ascontiguousarray(frames).tobytes())
        self.count += len(frames)

    def cut(self):
        if self.count:
            self.truth.append([self.count, self.count, "cut"])

    def close(self):
        self.ffmpeg.stdin.close()
        if self.ffmpeg.wait():
            raise RuntimeError(f"{self.path} could not be written")
        with open(f"{self.path}.json", "w") as file:
            json.dump({"frames": self.count, "truth": self.truth}, file)
        os.rename(f"{self.path}.part.mp4", self.path)


# --- What the sequences show


def hard(sequence, pieces, count=22, patterns=False):
    for _ in range(count):
        sequence.cut()
        sequence.add(read(pieces.choose(patterns)))


def synthetic(sequence, pieces):
    hard(sequence, pieces, 10, True)


def darkened(frames):
    mean = frames.mean()
    return (frames * min(1, DARK / mean) + 0.5).astype(np.uint8)


def dark(sequence, pieces):
    for _ in range(22):
        sequence.cut()
        sequence.add(darkened(read(pieces.choose())))


def flash(sequence, pieces):
    """White frames inside shots, of full and of part strength, for one to three frames."""
    for number in range(10):
        frames = read(pieces.choose(shortest=50)).copy()
        for at in ([15, len(frames) - 20] if number % 2 else [len(frames) // 2]):
            for frame in range(at, at + 1 + int(pieces.random.integers(3))):
                strength = 1.0 if number % 3 else 0.6
                frames[frame] = (frames[frame] * (1 - strength) + 255 * strength).astype(np.uint8)
        sequence.cut()
        sequence.add(frames)


def whip(sequence, pieces):
    """Fast pans over a wide picture, a shot and its mirror images; every second one blurred as by a shutter."""
    wide = SIZE[0]
    for number in range(10):
        frames = read(pieces.choose(shortest=50))
        across = np.concatenate([frames, frames[:, :, ::-1], frames], 2)
        steps = int(pieces.random.integers(8, 16))
        begin = int(pieces.random.integers(12, len(frames) - steps - 12))
        places = np.interp(np.arange(len(frames) * 8) / 8, [begin, begin + steps], [0, 2 * wide])
        if number % 4 > 1:
            places = 2 * wide - places
        shown = []
        for at, picture in enumerate(across):
            open_for = places[at * 8 : at * 8 + 8 : 1 if number % 2 else 8]
            views = [picture[:, int(place) : int(place) + wide] for place in open_for]
            shown.append(np.mean(views, 0).astype(np.uint8) if len(views) > 1 else views[0])
        sequence.cut()
        sequence.add(np.stack(shown))


def dissolve(sequence, pieces):
    before = read(pieces.choose(shortest=60))
    for _ in range(12):
        after = read(pieces.choose(shortest=60))
        length = int(pieces.random.integers(12, 26))
        sequence.add(before[:-length])
        # The first and the last of these hold a little of the other side.
        parts = (np.arange(1, length + 1) / (length + 1))[:, None, None, None]
        sequence.truth.append([sequence.count, sequence.count + length, "dissolve"])
        sequence.add((before[-length:] * (1 - parts) + after[:length] * parts + 0.5).astype(np.uint8))
        before = after[length:]
    sequence.add(before)


def fade(sequence, pieces):
    """Through black, which stays for a moment."""
    frames = read(pieces.choose(shortest=60)).copy()
    for _ in range(10):
        after = read(pieces.choose(shortest=60)).copy()
        out, into, hold = (int(pieces.random.integers(low, high)) for low, high in ((8, 16), (8, 16), (2, 9)))
        frames[-out:] = (frames[-out:] * (1 - np.arange(1, out + 1) / out)[:, None, None, None]).astype(np.uint8)
        after[:into] = (after[:into] * (np.arange(into) / into)[:, None, None, None]).astype(np.uint8)
        sequence.add(frames)
        sequence.truth.append([sequence.count - out, sequence.count + hold + into, "fade"])
        sequence.add(np.zeros((hold, *frames.shape[1:]), np.uint8))
        frames = after
    sequence.add(frames)


KINDS = {"hard": hard, "hard-2": hard, "synthetic": synthetic, "dark": dark, "flash": flash, "whip": whip,
         "dissolve": dissolve, "fade": fade}


def made(name, work, footage):
    """The path of a sequence and the truth about it; it is made if it is not there."""
    of = "footage" if footage else "patterns"
    path = os.path.join(work, f"{name}-{of}-{SEED}.mp4")
    if not os.path.exists(path):
        sequence = Sequence(path)
        KINDS[name](sequence, Pieces(footage, SEED + list(KINDS).index(name)))
        sequence.close()
    with open(f"{path}.json") as file:
        return path, json.load(file)["truth"]


# --- Scores


def score(found, truth):
    """Hits, misses and false ones of boundaries, as frames, against (first, last, kind)."""
    found = sorted(set(found))
    left, hits, missed = list(found), [], []
    for first, last, kind in sorted(truth, key=lambda one: one[2] != "cut"):
        slack = 0 if kind == "cut" else SLACK
        near = [frame for frame in left if first - slack <= frame <= last + slack]
        if kind == "any":
            left = [frame for frame in left if frame not in near]
        elif near:
            hits.append(near[0])
            left.remove(near[0])
        else:
            missed.append([first, last, kind])
    return {"hits": len(hits), "missed": missed, "false": left}


def rates(hits, missed, false):
    precision = hits / (hits + false) if hits + false else 1.0
    recall = hits / (hits + missed) if hits + missed else 1.0
    both = 2 * hits / (2 * hits + missed + false) if hits + missed + false else 1.0
    return {"cuts": hits + missed, "hits": hits, "missed": missed, "false": false,
            "precision": round(precision, 4), "recall": round(recall, 4), "f1": round(both, 4)}


def summed(results):
    return rates(sum(one["hits"] for one in results), sum(len(one["missed"]) for one in results),
                 sum(len(one["false"]) for one in results))


def reported(command, path):
    """The frames at which shots begin, but for the first shot, by the plan that a command prints."""
    words = [word.replace("{input}", path) for word in shlex.split(command)]
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr}")
    starts = [float(Fraction(shot["start"])) for shot in json.loads(done.stdout)["wanted"]["shots"]]
    times = films.Film(path).times
    frames = [int(np.abs(times - start).argmin()) for start in starts if start > 0]
    return [frame for frame in frames if frame > 0]


def simple(path):
    """The judge's own simple detector, without the labels, to compare with."""
    film = films.Film(path)
    return films.simple_boundaries(film)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", help="folder for the sequences")
    parser.add_argument("--command", help="prints a plan of {input} [default: the judge's own simple detector]")
    parser.add_argument("--footage", default=films.FOOTAGE, help="folder of the clips [default: ../shared/footage]")
    parser.add_argument("--only", help="names of sequences, or real, with commas between them")
    parser.add_argument("--json", help="file of the figures")
    told = parser.parse_args()
    footage = told.footage if os.path.isdir(told.footage) else None
    os.makedirs(told.work, exist_ok=True)
    only = told.only.split(",") if told.only else [*KINDS, "real"]

    films_of = [(name, "generated", *made(name, told.work, footage)) for name in KINDS if name in only]
    if footage and "real" in only:
        for clip, truth in films.labels().items():
            path = os.path.join(footage, clip)
            if os.path.exists(path):
                films_of.append((clip, "real", path, truth))
    results = []
    for name, kind, path, truth in films_of:
        began = time.monotonic()
        try:
            found = reported(told.command, path) if told.command else simple(path)
        except RuntimeError as error:
            sys.exit(f"cuts.py: {error}")
        one = {"name": name, "kind": kind, "seconds": round(time.monotonic() - began, 1), **score(found, truth)}
        one |= {"rates": summed([one])}
        results.append(one)
        print(f"{name:28} cuts {one['rates']['cuts']:3}  F1 {one['rates']['f1']:.3f}  missed {one['missed']}  "
              f"false {one['false']}", file=sys.stderr)
    summary = {"command": told.command or "the simple detector of film.py", "films": results}
    for kind in ("generated", "real"):
        summary[kind] = summed([one for one in results if one["kind"] == kind])
        print(f"{kind}: {summary[kind]}", file=sys.stderr)
    summary["all"] = summed(results)
    films.tell(summary, told.json)


if __name__ == "__main__":
    main()
