#!/usr/bin/env python3
"""Measures what `upright convert --denoise auto` saves on a film with grain, and how much grain players then show.

    scripts/with-packages.sh benches/requirements.txt benches/grain/grain.py UPRIGHT WORK [--footage FOLDER]
        [--markdown FILE] [--png FOLDER] [--bits SHARE]

Prints a table, and ends with 1 where a clip at the default quality has more than this share of the bits, or a lower
VMAF.
"""

import json
import os
import sys

# Pictures are large: more threads than this do not make it faster.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from PIL import Image

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from measuring import arguments, newest_ffmpeg, processor, report, run, version

# Of the clips, and of their renditions.
WIDTH, HEIGHT = 1280, 720
ACROSS, DOWN = 720, 1280
SIZE = f"size={WIDTH}x{HEIGHT}"
DURATION = 2
# Clips of the footage: frames a second, and what is generated in place of one that is not there.
CLIPS = {
    "woman-and-dog.mp4": ("30000/1001", f"mandelbrot=start_scale=3:end_scale=2:end_pts=99:rate=30:{SIZE},gblur=2"),
    "two-men-room.webm": ("25", f"sierpinski=seed=1:rate=25:{SIZE},gblur=4"),
}
# Of the grain: the standard deviation in luma at mid-grey, in codes of 8 bits, and of it the part that is in chroma.
DEVIATION, IN_CHROMA = 6, 0.4
SEED = 1
# `--quality` of what others are compared with.
NEARLY_LOSSLESS = 97
DEFAULT_QUALITY = 60
# Encoder, speed, and the qualities that are tried.
ENCODERS = [("libsvtav1", 8, [45, DEFAULT_QUALITY, 75]), ("rav1e", 10, [DEFAULT_QUALITY])]
# Grain is looked for in the flattest tenth of the blocks of each picture of the reference.
BLOCK, FLATTEST = 16, 0.1
# What is drawn of the frame in the middle, twice as large.
CUT = 300, 400


# --- Films


def blurred(samples):
    """Weighs each with its neighbours along both axes by 1, 2, 1."""
    for axis in (0, 1):
        samples = 0.25 * np.roll(samples, 1, axis) + 0.5 * samples + 0.25 * np.roll(samples, -1, axis)
    return samples


def with_grain(frames):
    """Adds grain: in luma soft-edged and weaker where it is dark or bright, in chroma white noise."""
    random = np.random.default_rng(SEED)
    for frame in frames:
        luma = frame[: WIDTH * HEIGHT].reshape(HEIGHT, WIDTH).astype(np.float32)
        grain = random.standard_normal(luma.shape, np.float32)
        grain = 0.5 * grain + blurred(grain)
        luma += DEVIATION / grain.std() * grain * (0.6 + 0.4 * np.sin(np.pi * luma / 255))
        chroma = frame[WIDTH * HEIGHT :].astype(np.float32)
        chroma += IN_CHROMA * DEVIATION * random.standard_normal(chroma.shape, np.float32)
        yield np.clip(np.rint(np.concatenate([luma.ravel(), chroma])), 0, 255).astype(np.uint8)


def pictures(ffmpeg, width, height, *options):
    """Decodes a film to its planes: frames of rows of 8 bits, 4:2:0."""
    command = [ffmpeg, "-v", "error", *options, "-fps_mode", "passthrough", "-pix_fmt", "yuv420p", "-f", "rawvideo",
               "-"]
    samples = np.frombuffer(run(*command), np.uint8)
    size = width * height * 3 // 2
    if not len(samples) or len(samples) % size:
        raise RuntimeError(f"{' '.join(map(str, command))}: these are no pictures of {width}x{height}")
    return samples.reshape(-1, size)


def write(ffmpeg, frames, rate, path):
    """Writes a film that has lost almost nothing."""
    tags = [word for key in ("colorspace", "color_primaries", "color_trc") for word in (f"-{key}", "bt709")]
    run(ffmpeg, "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{WIDTH}x{HEIGHT}", "-r", rate,
        "-i", "-", "-c:v", "libx264", "-preset", "ultrafast", "-qp", 4, *tags, "-color_range", "tv", path,
        data=b"".join(frame.tobytes() for frame in frames))


def clips(ffmpeg, footage, folder):
    """Makes each clip, without grain and with it: gives the two paths, and what it is."""
    for name, (rate, generated) in CLIPS.items():
        path = os.path.join(footage, name)
        if os.path.exists(path):
            source, told = ["-i", path], name
        else:
            print(f"grain.py: there is no {path}; taking a generated film", file=sys.stderr)
            source, told = ["-f", "lavfi", "-i", generated], f"generated: there is no {name}"
        filters = f"scale={WIDTH}:{HEIGHT}:flags=lanczos,setsar=1"
        frames = pictures(ffmpeg, WIDTH, HEIGHT, "-t", DURATION, *source, "-vf", filters)
        stem = os.path.splitext(name)[0]
        clean, grainy = (os.path.join(folder, f"{stem}-{kind}.mp4") for kind in ("clean", "grainy"))
        write(ffmpeg, frames, rate, clean)
        write(ffmpeg, with_grain(frames), rate, grainy)
        yield clean, grainy, f"{told} ({len(frames)} frames)"


class Rendition:
    """A clip that upright has converted."""

    def __init__(self, told, ffmpeg, clip, encoder, speed, quality, denoise="off"):
        stem = os.path.splitext(os.path.basename(clip))[0]
        folder = os.path.join(os.path.dirname(clip), f"{stem}-{encoder}-{quality}-{denoise}")
        run(told.upright, "convert", clip, "-o", folder, "-q", "--progress", "none", "--crop", "center",
            "--ladder", ACROSS, "--encoder", encoder, "--speed", speed, "--quality", quality, "--denoise", denoise)
        self.ffmpeg, self.path = ffmpeg, os.path.join(folder, stem, f"{ACROSS}x{DOWN}.mp4")

    def opened(self, grain):
        """Options by which FFmpeg reads it: with the grain that its headers ask for, or without."""
        return [*([] if grain else ["-export_side_data", "film_grain"]), "-c:v", "libdav1d", "-i", self.path]

    def size(self):
        """Bytes of its video packets."""
        return len(run(self.ffmpeg, "-v", "error", "-i", self.path, "-map", "0:v", "-c", "copy", "-f", "data", "-"))

    def frames(self, grain=True):
        return pictures(self.ffmpeg, ACROSS, DOWN, *self.opened(grain))

    def vmaf(self, reference):
        """Its VMAF, without grain."""
        log = f"{self.path}.json"
        run(self.ffmpeg, "-v", "error", *self.opened(False), *reference.opened(False), "-filter_complex",
            f"[0:v][1:v]libvmaf=n_threads=2:log_fmt=json:log_path={log}", "-f", "null", "-")
        with open(log) as file:
            return json.load(file)["pooled_metrics"]["vmaf"]["mean"]


# --- Grain


def blocks(luma):
    """Cuts pictures into squares: pictures by squares by samples."""
    cut = luma.reshape(len(luma), DOWN // BLOCK, BLOCK, ACROSS // BLOCK, BLOCK)
    return cut.swapaxes(2, 3).reshape(len(luma), -1, BLOCK * BLOCK)


class FlatBlocks:
    """Those squares of a film without grain in which there is least to be seen."""

    def __init__(self, clean):
        self.clean = blocks(self.luma(clean))
        deviations = self.clean.std(-1, dtype=np.float32)
        self.flat = deviations <= np.quantile(deviations, FLATTEST, axis=1, keepdims=True)

    @staticmethod
    def luma(frames):
        return frames[:, : ACROSS * DOWN]

    def grain(self, frames):
        """The standard deviation of what a film has there that the one without grain has not."""
        if len(frames) != len(self.clean):
            raise RuntimeError(f"one has {len(self.clean)} frames, the other {len(frames)}")
        difference = blocks(self.luma(frames))[self.flat].astype(np.float32) - self.clean[self.flat]
        return float(np.sqrt(difference.var(-1).mean(dtype=np.float64)))


# --- The table


def rgb(frame):
    """R'G'B' of 8 bits of the planes of a picture in BT.709, limited range."""
    luma = (frame[: ACROSS * DOWN].reshape(DOWN, ACROSS, 1).astype(np.float32) - 16) / 219
    chroma = (frame[ACROSS * DOWN :].reshape(2, DOWN // 2, ACROSS // 2).astype(np.float32) - 128) / 224
    blue, red = chroma.repeat(2, 1).repeat(2, 2)[..., None]
    channels = np.concatenate([1.5748 * red, -0.4681 * red - 0.1873 * blue, 1.8556 * blue], -1)
    return np.clip(255 * (luma + channels) + 0.5, 0, 255).astype(np.uint8)


def draw(films, path):
    """Draws a cut of the frame in the middle of each film, side by side."""
    left, top = (ACROSS - CUT[0]) // 2, (DOWN - CUT[1]) // 2
    shown = [rgb(frames[len(frames) // 2])[top : top + CUT[1], left : left + CUT[0]] for frames in films]
    wide = Image.fromarray(np.concatenate(shown, 1))
    wide.resize((2 * wide.width, 2 * wide.height), Image.Resampling.NEAREST).save(path)


def row(told, ffmpeg, grainy, reference, flat, source, settings):
    """Cells of the table for one clip, encoder and quality, and whether the goal is reached."""
    encoder, speed, quality = settings
    films = [Rendition(told, ffmpeg, grainy, *settings, denoise) for denoise in ("off", "auto")]
    shown = [film.frames() for film in films]
    if told.png:
        stem = os.path.splitext(os.path.basename(grainy))[0]
        draw([source, *shown], os.path.join(told.png, f"{stem}-{encoder}-{quality}.png"))
    sizes = [film.size() for film in films]
    vmaf = [film.vmaf(reference) for film in films]
    grain = [flat.grain(frames) / flat.grain(source) for frames in shown]
    # Who only blurs saves bits too; and VMAF is to be that of pictures without grain.
    if flat.grain(films[1].frames(grain=False)) > 0.5 * flat.grain(shown[1]):
        raise RuntimeError(f"{films[1].path}: decoders add less than half of its grain")
    held = quality == DEFAULT_QUALITY
    few, near = sizes[1] <= told.bits * sizes[0], vmaf[1] >= vmaf[0]

    def marked(figure, good):
        return f"**{figure}**" if held and not good else figure

    cells = [f"{encoder}, {speed}", str(quality), *(f"{size / 1000:.0f}" for size in sizes),
             marked(f"{sizes[1] / sizes[0]:.0%}", few), f"{vmaf[0]:.1f}", marked(f"{vmaf[1]:.1f}", near),
             *(f"{part:.0%}" for part in grain)]
    return " | ".join(cells), few and near or not held


def measure(told, folder):
    """Gives the table as Markdown, and whether every clip reaches the goal."""
    ffmpeg = newest_ffmpeg(folder)
    rows, good = [], True
    for clean, grainy, name in clips(ffmpeg, told.footage, folder):
        reference, source = (Rendition(told, ffmpeg, clip, "libsvtav1", 8, NEARLY_LOSSLESS) for clip in (clean, grainy))
        flat, source = FlatBlocks(reference.frames()), source.frames()
        for encoder, speed, qualities in ENCODERS:
            for quality in qualities:
                cells, reached = row(told, ffmpeg, grainy, reference, flat, source, (encoder, speed, quality))
                good &= reached
                rows.append(f"| {name} | {cells} |\n")
                print(rows[-1], end="", file=sys.stderr)
    return head(told, ffmpeg) + "".join(rows), good


def head(told, ffmpeg):
    versions = json.loads(run(told.upright, "doctor", "--json"))["versions"]
    svtav1 = versions.get("svtav1", "of an unknown version")
    return f"""\
# Film grain

Made by `scripts/grain.sh` on {processor()} with SVT-AV1 {svtav1} (libsvtav1) and rav1e {versions["rav1e"]};
decoded and judged by FFmpeg {version(ffmpeg)}.

Film grain costs many bits, as that of no frame is like that of the frame before. `upright convert --denoise auto`
takes it out of the pictures, and says in the headers of the AV1 stream what it was like; decoders put the like of it
back. The table shows how many bits that saves, what it does to the pictures, and how much grain there is in the end.

The clips are {DURATION} seconds each, of {WIDTH}x{HEIGHT}, real ones where they are named, with grain that is made, the
same whenever this runs: in luma it is a little soft, with a standard deviation of {DEVIATION} codes of 8 bits at
mid-grey and {0.6 * DEVIATION:.1f} in black and white; in chroma it is white noise of {IN_CHROMA * DEVIATION:.1f} codes.
They are converted with `--crop center --ladder {ACROSS}`, which enlarges a window of them to {ACROSS}x{DOWN}, once with
`--denoise off` and once with `auto`.

- *kB* are those of the video packets.
- *VMAF* is against the clip without grain, converted at quality {NEARLY_LOSSLESS}. What the decoder adds is left out:
  it tells how near the pictures are to what was there before the grain. So grain that `off` keeps counts against it.
- *Grain* is what a player shows of it: the standard deviation of luma less that of the clip without grain, in the
  flattest tenth of all blocks of {BLOCK}x{BLOCK} pixels, as a part of what it is in the clip with grain converted at
  quality {NEARLY_LOSSLESS}.

The goal at quality {DEFAULT_QUALITY}, the default: `auto` needs at most {told.bits:.0%} of the bits that `off` needs,
and its VMAF is not lower, for every clip and encoder. What misses it is bold.

| clip | encoder, `--speed` | `--quality` | kB, off | auto | bits | VMAF, off | auto | grain, off | auto |
|---|---|---|---|---|---|---|---|---|---|
"""


def main():
    parser = arguments(__doc__, "the film, --denoise off, --denoise auto with its grain")
    parser.add_argument("--bits", type=float, default=0.7,
                        help="most of the bits that may be left [default: %(default)s]")
    report(measure, parser.parse_args(), "a clip at the default quality has too many bits, or too low a VMAF")


if __name__ == "__main__":
    main()
