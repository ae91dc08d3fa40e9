#!/usr/bin/env python3
"""Measures what `upright convert --target-vmaf` saves over one quality for the whole film.

    scripts/with-packages.sh benches/requirements.txt benches/quality/quality.py UPRIGHT WORK [--footage FOLDER]
        [--markdown FILE] [--only CLIP] [--saved SHARE]

Prints a table, and ends with 1 where all clips together save less than this share of the bits, or where the worst shot of a clip is
not better.
"""

import json
import math
import os
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from measuring import arguments, newest_ffmpeg, processor, report, run, version

# Clips of the footage: a part of one, or parts of several that are cut together, each (name, start, seconds).
FILM, ROOM, JUGGLER = "film-scope-many-cuts.webm", "two-men-room.webm", "juggler.mp4"
SPEECH, STAGE, CARTOON = "portrait-speech.mp4", "stage-cuts.mp4", "vfr-cut-to-face.mov"
CLIPS = {
    "film, first third": [(FILM, 0, 24)],
    "film, last third": [(FILM, 47, 23)],
    "stage": [(STAGE, 0, 9)],
    "sport and interview": [(JUGGLER, 0, 4), (SPEECH, 0, 4), (JUGGLER, 5, 4), (SPEECH, 5, 4)],
    "rooms": [(ROOM, 0, 5), (CARTOON, 0, 6), (ROOM, 12, 4), ("woman-and-dog.mp4", 0, 4)],
}
# Of what is cut together, and of the rendition.
WIDTH, HEIGHT, RATE = 1280, 720, 25
RUNG, ACROSS, DOWN = 540, 540, 960
ENCODER, SPEED = "libsvtav1", 10
# One quality for all of a film. The one in the middle says which mean is wanted of the other way; its bits at the mean that came of it
# are read off the line through these.
FIXED = [61, 65, 69]


# --- Films


def plain(name):
    """A name that means nothing to filters of FFmpeg."""
    return "-".join(name.replace(",", "").split())


def cut_together(ffmpeg, footage, parts, path):
    """Writes a film that has lost almost nothing."""
    inputs, chains = [], []
    for index, (name, start, seconds) in enumerate(parts):
        inputs += ["-ss", start, "-t", seconds, "-i", os.path.join(footage, name)]
        shape = f"scale={WIDTH}:{HEIGHT}:force_original_aspect_ratio=increase:flags=lanczos,crop={WIDTH}:{HEIGHT}"
        chains.append(f"[{index}:v]{shape},setsar=1,fps={RATE},format=yuv420p[v{index}]")
    joined = "".join(f"[v{index}]" for index in range(len(parts)))
    graph = ";".join([*chains, f"{joined}concat=n={len(parts)}[out]"])
    run(ffmpeg, "-v", "error", "-y", *inputs, "-filter_complex", graph, "-map", "[out]", "-c:v", "libx264", "-preset",
        "ultrafast", "-qp", 4, path)


def film(ffmpeg, told, folder, name, parts):
    """Gives a clip as arguments of `upright convert`."""
    (first, start, seconds), *others = parts
    if not others:
        return [os.path.join(told.footage, first), "--start", start, "--duration", seconds]
    path = os.path.join(folder, f"{plain(name)}.mkv")
    cut_together(ffmpeg, told.footage, parts, path)
    return [path]


def pictures(told, ffmpeg, clip, folder):
    """Writes the pictures of a clip as they are before encoding, into one file of YUV4MPEG2."""
    kept = os.path.join(folder, "pictures")
    os.makedirs(kept)
    # Encoders by pipe are given them, one segment after the other.
    tee = os.path.join(folder, "tee")
    with open(tee, "w") as file:
        file.write(f"""#!/bin/sh
case "$*" in
*yuv4mpegpipe*) tee "{kept}/$(date +%s%N).y4m" | "{ffmpeg}" "$@" ;;
*) exec "{ffmpeg}" "$@" ;;
esac
""")
    os.chmod(tee, 0o755)
    Rendition(told, tee, clip, folder, "reference", "--jobs", 1, encoder="pipe:ffmpeg", speed=10)
    path = os.path.join(folder, "reference.y4m")
    with open(path, "wb") as whole:
        for index, name in enumerate(sorted(os.listdir(kept))):
            with open(os.path.join(kept, name), "rb") as part:
                header = part.readline()
                whole.write(b"" if index else header)
                shutil.copyfileobj(part, whole)
    shutil.rmtree(kept)
    return path


class Rendition:
    """A clip that upright has converted."""

    def __init__(self, told, ffmpeg, clip, folder, name, *options, encoder=ENCODER, speed=SPEED):
        place = os.path.join(folder, name)
        environment = {**os.environ, "UPRIGHT_FFMPEG": ffmpeg}
        run(told.upright, "convert", *clip, "-o", place, "--name", "out", "-q", "--progress", "none", "--ladder", RUNG,
            "--encoder", encoder, "--speed", speed, "--audio", "none", "--analysis", os.path.join(folder, "seen.json"),
            *options, env=environment)
        with open(os.path.join(place, "out", "report.json")) as file:
            self.report = json.load(file)
        self.ffmpeg, self.path = ffmpeg, os.path.join(place, "out", f"{ACROSS}x{DOWN}.mp4")
        self.kilobits = self.report["renditions"][0]["video_bitrate"] / 1000
        self.seconds = self.report["duration"]

    def shots(self):
        """The runs of frames that have a quality of their own."""
        listed = self.report["plan"]["wanted"]["segments"]["list"]
        return [range(it["first_frame"], it["first_frame"] + it["frames"]) for it in listed]

    def judge(self, reference, shots):
        """Its mean VMAF, and that of its worst shot."""
        log = f"{self.path}.json"
        opened = ["-c:v", "libdav1d", "-i", self.path, "-i", reference]
        same = "settb=1/25,setpts=N"
        run(self.ffmpeg, "-v", "error", *opened, "-filter_complex",
            f"[0:v]{same}[a];[1:v]{same}[b];[a][b]libvmaf=n_threads=2:log_fmt=json:log_path={log}", "-f", "null", "-")
        with open(log) as file:
            frames = [frame["metrics"]["vmaf"] for frame in json.load(file)["frames"]]
        if len(frames) != self.report["frames"]:
            raise RuntimeError(f"{self.path}: {len(frames)} frames were judged of {self.report['frames']}")
        means = [sum(frames[index] for index in shot) / len(shot) for shot in shots]
        return sum(frames) / len(frames), min(means)


# --- The table


def between(points, x):
    """The y of x on the line through points (x, y), by rising x; beyond the ends as between the nearest two."""
    points = sorted(points)
    after = min(max(sum(known <= x for known, _ in points), 1), len(points) - 1)
    (left, low), (right, high) = points[after - 1], points[after]
    return low + (high - low) * (x - left) / (right - left)


def row(told, ffmpeg, folder, name, parts):
    """Cells of the table for a clip, and the bits of both ways."""
    folder = os.path.join(folder, plain(name))
    os.makedirs(folder)
    clip = film(ffmpeg, told, folder, name, parts)

    def rendition(called, *options):
        return Rendition(told, ffmpeg, clip, folder, called, *options)

    reference = pictures(told, ffmpeg, clip, folder)
    fixed = {quality: rendition(f"fixed-{quality}", "--quality", quality) for quality in FIXED}
    middle = FIXED[len(FIXED) // 2]
    wanted, _ = fixed[middle].judge(reference, [range(1)])
    per_shot = rendition("per-shot", "--target-vmaf", f"{wanted:.2f}")
    shots = per_shot.shots()
    mean, worst = per_shot.judge(reference, shots)
    judged = {quality: it.judge(reference, shots) for quality, it in fixed.items()}
    at_mean = between([(judged[q][0], math.log(it.kilobits)) for q, it in fixed.items()], mean)
    worst_at_mean = between([(judged[q][0], judged[q][1]) for q in FIXED], mean)
    one = math.exp(at_mean)
    cells = [name, f"{len(shots)}", f"{fixed[middle].kilobits:.0f}", f"{judged[middle][0]:.2f}", f"{judged[middle][1]:.1f}",
             f"{per_shot.kilobits:.0f}", f"{mean:.2f}", f"{worst:.1f}", f"{one:.0f}", f"{worst_at_mean:.1f}",
             f"{1 - per_shot.kilobits / one:.1%}"]
    bits = [rate * per_shot.seconds for rate in (one, per_shot.kilobits)]
    shutil.rmtree(folder)
    return "| " + " | ".join(cells) + " |\n", bits, worst > worst_at_mean


def measure(told, folder):
    """Gives the table as Markdown, and whether the goal is reached."""
    ffmpeg = newest_ffmpeg(folder)
    rows, sums, good = [], [0, 0], True
    for name, parts in CLIPS.items():
        if told.only and told.only != name:
            continue
        text, bits, better = row(told, ffmpeg, folder, name, parts)
        rows.append(text)
        print(text, end="", file=sys.stderr, flush=True)
        sums = [sum + of_clip for sum, of_clip in zip(sums, bits)]
        good &= better
    saved = 1 - sums[1] / sums[0]
    last = f"| all | | | | | | | | | | {saved:.1%} |\n"
    return head(told, ffmpeg) + "".join(rows) + last, good and saved >= told.saved


def head(told, ffmpeg):
    versions = json.loads(run(told.upright, "doctor", "--json"))["versions"]
    svtav1 = versions.get("svtav1", "of an unknown version")
    middle = FIXED[len(FIXED) // 2]
    return f"""\
# Qualities by shot

Made by `scripts/quality.sh` on {processor()} with SVT-AV1 {svtav1} ({ENCODER}, `--speed {SPEED}`), judged by libvmaf
(`vmaf_v0.6.1`, arithmetic mean) of FFmpeg {version(ffmpeg)}.

Each clip is converted to {ACROSS}x{DOWN} with one `--quality` for all of it, {middle}, and with `--target-vmaf` and the mean
VMAF that came of that: then each shot, or part of a long one, has a quality of its own. VMAF is that of all frames against the
pictures before encoding; *worst* is the shot with the lowest mean. As the means are not quite equal, the last
columns say what one quality for the whole clip would cost at the mean of the other way, on the line through the qualities
{", ".join(map(str, FIXED))}, and how much fewer bits the shots with qualities of their own have.

| clip | parts | kb/s, one quality | mean | worst | kb/s, by shot | mean | worst | kb/s, one quality at that mean | worst | fewer bits |
|---|---|---|---|---|---|---|---|---|---|---|
"""


def main():
    parser = arguments(__doc__, "none")
    parser.add_argument("--only", help="name of the only clip that is measured")
    parser.add_argument("--saved", type=float, default=0.12,
                        help="least of the bits that is to be saved [default: %(default)s]")
    report(measure, parser.parse_args(), "too few bits were saved, or the worst shot of a clip is no better")


if __name__ == "__main__":
    main()
