#!/usr/bin/env python3
"""Measures how far SDR that upright makes of HDR is from libplacebo's, by CIEDE2000, pixel by pixel.

    scripts/with-packages.sh benches/requirements.txt benches/tone/tone.py UPRIGHT WORK [--footage FOLDER]
        [--markdown FILE] [--png FOLDER] [--limit DELTA]

Prints a table, and ends with 1 where the mean of a clip is above the limit. Needs a Vulkan driver (Debian: libvulkan1,
mesa-vulkan-drivers), of which Mesa's software one is taken where it is there.
"""

import glob
import os
import sys

# Pictures are large: more threads than this do not make it faster.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from PIL import Image

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from measuring import arguments, newest_ffmpeg, processor, report, run, version

WIDTH, HEIGHT = 1920, 1080
DURATION = "0.3"
# Without loss, and the whole picture.
OPTIONS = ["--dynamic-range", "sdr", "--bit-depth", "10", "--crop", "center", "--ladder", f"{WIDTH}x{HEIGHT}",
           "--encoder", "libaom-av1", "--encoder-options", "aom-params=lossless=1", "--speed", "10",
           "--duration", DURATION]
# The same curve with the same knee, the same for every frame, and nothing but it. In the metadata of the first film the
# primaries of the display are in a wrong order, by which libplacebo maps no gamut at all; and HDR10+ changes from frame
# to frame.
REFERENCE = ("sidedata=mode=delete:type=MASTERING_DISPLAY_METADATA,sidedata=mode=delete:type=DYNAMIC_HDR_PLUS,"
             "libplacebo=colorspace=bt709:color_primaries=bt709:color_trc=bt709:range=tv:format=yuv420p10"
             ":dithering=none:skip_aa=1:upscaler=bilinear:downscaler=bilinear:tonemapping=bt.2390:tonemapping_param=0.5"
             ":peak_detect=0:contrast_recovery=0:gamut_mode=")
# The first of these is held to the limit.
GAMUT_MODES = ["relative", "perceptual"]
# Clips of the footage, and what is generated in place of one that is not there: its transfer, and the code of its
# brightest grey (of PQ, 1000 cd/m2).
CLIPS = {"hdr10-hevc.mp4": ("smpte2084", 723), "hlg-hevc.mp4": ("arib-std-b67", 940)}


# --- Films


def pictures(ffmpeg, *options, env=None):
    """Decodes a film to its planes: frames of rows of 10 bits, 4:2:0."""
    command = [ffmpeg, "-v", "error", *options, "-fps_mode", "passthrough", "-f", "rawvideo", "-"]
    samples = np.frombuffer(run(*command, env=env), "<u2")
    size = WIDTH * HEIGHT * 3 // 2
    if not len(samples) or len(samples) % size:
        raise RuntimeError(f"{' '.join(map(str, command))}: these are no pictures of {WIDTH}x{HEIGHT}")
    return samples.reshape(-1, size)


def upright_pictures(upright, ffmpeg, clip, folder):
    """Converts a clip by upright."""
    run(upright, "convert", clip, "-o", folder, "--overwrite", "-q", "--progress", "none", *OPTIONS)
    rendition = os.path.join(folder, os.path.splitext(os.path.basename(clip))[0], f"{WIDTH}x{HEIGHT}.mp4")
    return pictures(ffmpeg, "-i", rendition, "-pix_fmt", "yuv420p10le")


def libplacebo_pictures(ffmpeg, clip, mode, frames):
    """Converts the first frames of a clip by libplacebo."""
    env = {"XDG_RUNTIME_DIR": "/tmp", **os.environ}
    software = glob.glob("/usr/share/vulkan/icd.d/lvp_icd*.json")
    if software:
        env.setdefault("VK_ICD_FILENAMES", ":".join(software))
    try:
        return pictures(ffmpeg, "-init_hw_device", "vulkan=vk:0", "-i", clip, "-frames:v", frames,
                        "-vf", REFERENCE + mode, env=env)
    except RuntimeError as error:
        advice = "is there a Vulkan driver? (Debian: apt-get install libvulkan1 mesa-vulkan-drivers)"
        raise RuntimeError(f"{error}\ntone.py: {advice}") from error


def generate(ffmpeg, transfer, brightest, path):
    """Makes a film of greys from black on the left to the brightest on the right, and from top to bottom all hues.

    No channel is brighter than the brightest grey, which is what the film's metadata say.
    """
    across = f"X/{WIDTH - 1}"
    luma = f"64+{brightest - 64}*{across}"
    chroma = [f"512+192*{across}*(1-{across})*{wave}(2*PI*Y/{HEIGHT})" for wave in ("cos", "sin")]
    picture = (f"nullsrc=s={WIDTH}x{HEIGHT}:r=25,format=yuv444p10le,geq=lum='{luma}':cb='{chroma[0]}':cr='{chroma[1]}',"
               "trim=end_frame=1,loop=loop=9:size=1,format=yuv420p10le,"
               f"setparams=color_primaries=bt2020:color_trc={transfer}:colorspace=bt2020nc:range=tv")
    light = ":max-cll=1000,200" if transfer == "smpte2084" else ""
    run(ffmpeg, "-v", "error", "-y", "-f", "lavfi", "-i", picture, "-frames:v", "10", "-c:v", "libx265",
        "-preset", "ultrafast", "-x265-params", f"log-level=error:lossless=1{light}", path)


def clips(ffmpeg, footage, folder):
    """Gives the path of each clip, and what it is."""
    for name, (transfer, brightest) in CLIPS.items():
        path = os.path.join(footage, name)
        if os.path.exists(path):
            yield path, name
        else:
            print(f"tone.py: there is no {path}; taking a generated ramp", file=sys.stderr)
            path = os.path.join(folder, f"ramp-{transfer}.mkv")
            generate(ffmpeg, transfer, brightest, path)
            yield path, f"ramp of {transfer}, generated: there is no {name}"


# --- Colours


def upsampled(chroma):
    """Brings chroma of 4:2:0, which lies on every other column and between two rows, to the size of luma."""
    padded = np.pad(chroma, ((1, 1), (0, 0)), "edge")
    rows = np.empty((2 * chroma.shape[0], chroma.shape[1]))
    rows[0::2] = 0.25 * padded[:-2] + 0.75 * padded[1:-1]
    rows[1::2] = 0.75 * padded[1:-1] + 0.25 * padded[2:]
    padded = np.pad(rows, ((0, 0), (0, 1)), "edge")
    whole = np.empty((rows.shape[0], 2 * rows.shape[1]))
    whole[:, 0::2] = rows
    whole[:, 1::2] = 0.5 * (padded[:, :-1] + padded[:, 1:])
    return whole


def rgb(picture):
    """R'G'B' of the planes of a picture in BT.709, limited range of 10 bits."""
    samples = picture.astype(np.float64)
    luma = (samples[: WIDTH * HEIGHT].reshape(HEIGHT, WIDTH) - 64) / 876
    chroma = samples[WIDTH * HEIGHT :].reshape(2, HEIGHT // 2, WIDTH // 2)
    blue, red = ((upsampled(plane) - 512) / 896 for plane in chroma)
    r, b = luma + 1.5748 * red, luma + 1.8556 * blue
    g = (luma - 0.2126 * r - 0.0722 * b) / 0.7152
    return np.clip(np.stack([r, g, b], -1), 0, 1)


def lab(coded):
    """CIE L*a*b* of R'G'B', seen on a display of BT.1886 with a black of zero."""
    to_xyz = np.array([[0.4124564, 0.3575761, 0.1804375],
                       [0.2126729, 0.7151522, 0.0721750],
                       [0.0193339, 0.1191920, 0.9503041]])
    xyz = (coded**2.4) @ to_xyz.T / to_xyz.sum(1)
    x, y, z = np.moveaxis(np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116), -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], -1)


def delta_e(one, other):
    """CIEDE2000 of colours in L*a*b*; the formula is that of Sharma, Wu and Dalal, 2005."""
    l1, a1, b1 = np.moveaxis(one, -1, 0)
    l2, a2, b2 = np.moveaxis(other, -1, 0)

    def saturation(chroma):
        return np.sqrt(chroma**7 / (chroma**7 + 25.0**7))

    stretch = 1 + 0.5 * (1 - saturation((np.hypot(a1, b1) + np.hypot(a2, b2)) / 2))
    a1, a2 = a1 * stretch, a2 * stretch
    c1, c2 = np.hypot(a1, b1), np.hypot(a2, b2)
    h1, h2 = np.degrees(np.arctan2(b1, a1)) % 360, np.degrees(np.arctan2(b2, a2)) % 360
    grey = c1 * c2 == 0
    turn = np.where(grey, 0, (h2 - h1 + 180) % 360 - 180)
    lightness, chroma = (l1 + l2) / 2, (c1 + c2) / 2
    hue = np.where(np.abs(h1 - h2) <= 180, (h1 + h2) / 2, (h1 + h2 + np.where(h1 + h2 < 360, 360, -360)) / 2)
    hue = np.where(grey, h1 + h2, hue)

    def cosine(degrees):
        return np.cos(np.radians(degrees))

    weight = (1 - 0.17 * cosine(hue - 30) + 0.24 * cosine(2 * hue) + 0.32 * cosine(3 * hue + 6)
              - 0.20 * cosine(4 * hue - 63))
    dl = (l2 - l1) / (1 + 0.015 * (lightness - 50) ** 2 / np.sqrt(20 + (lightness - 50) ** 2))
    dc = (c2 - c1) / (1 + 0.045 * chroma)
    dh = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2)) / (1 + 0.015 * chroma * weight)
    rotation = -2 * saturation(chroma) * np.sin(np.radians(60 * np.exp(-(((hue - 275) / 25) ** 2))))
    return np.sqrt(np.maximum(dl**2 + dc**2 + dh**2 + rotation * dc * dh, 0))


# Of the same, table 1: those by which hues are told that turn the wrong way, greys, large differences, dark and light.
PAIRS = [
    ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
    ((50, -1.3802, -84.2814), (50, 0, -82.7485), 1.0000),
    ((50, 0, 0), (50, -1, 2), 2.3669),
    ((50, 2.49, -0.001), (50, -2.49, 0.0009), 7.1792),
    ((50, 2.49, -0.001), (50, -2.49, 0.0011), 7.2195),
    ((50, -0.001, 2.49), (50, 0.0009, -2.49), 4.8045),
    ((50, 2.5, 0), (50, 0, -2.5), 4.3065),
    ((50, 2.5, 0), (73, 25, -18), 27.1492),
    ((50, 2.5, 0), (61, -5, 29), 22.8977),
    ((50, 2.5, 0), (56, -27, -3), 31.9030),
    ((50, 2.5, 0), (58, 24, 15), 19.4535),
    ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ((22.7233, 20.0904, -46.6940), (23.0331, 14.9730, -42.5619), 2.0373),
    ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
    ((90.8027, -2.0831, 1.4410), (91.1528, -1.6435, 0.0447), 1.4441),
]


def check_delta_e():
    """Compares the formula with what its authors computed."""
    for one, other, expected in PAIRS:
        for pair in ((one, other), (other, one)):
            found = float(delta_e(*(np.array(colour, float) for colour in pair)))
            if abs(found - expected) > 1e-4:
                raise RuntimeError(f"CIEDE2000 of {pair} is {expected}, not {found}")


# --- Comparison


def compare(ours, theirs, png=None):
    """The differences of all pixels of all frames. Draws the first: ours, theirs, the difference (white is 10)."""
    if len(ours) != len(theirs):
        raise RuntimeError(f"one has {len(ours)} frames, the other {len(theirs)}")
    differences = []
    for number, pair in enumerate(zip(ours, theirs)):
        shown = [rgb(picture) for picture in pair]
        difference = delta_e(*map(lab, shown))
        differences.append(difference.astype(np.float32))
        if png and number == 0:
            shown.append(np.repeat(np.clip(difference / 10, 0, 1)[..., None], 3, -1))
            wide = Image.fromarray((np.concatenate(shown, 1) * 255 + 0.5).astype(np.uint8))
            wide.resize((WIDTH * 3 // 2, HEIGHT // 2), Image.Resampling.BOX).save(png)
    return np.stack(differences)


def check_comparison(ffmpeg, clip, theirs, limit):
    """Makes sure that pictures which nothing has converted are above the limit."""
    kept = pictures(ffmpeg, "-i", clip, "-frames:v", 1, "-pix_fmt", "yuv420p10le")
    mean = compare(kept, theirs[:1]).mean()
    if mean <= limit:
        raise RuntimeError(f"{clip}: what is not converted differs by {mean:.2f} alone, and would pass")


def measure(told, folder):
    """Gives the table as Markdown, and whether every clip is within the limit."""
    check_delta_e()
    ffmpeg = newest_ffmpeg(folder)
    rows, good = [], True
    for clip, name in clips(ffmpeg, told.footage, folder):
        stem = os.path.splitext(os.path.basename(clip))[0]
        ours = upright_pictures(told.upright, ffmpeg, clip, folder)
        for mode in GAMUT_MODES:
            theirs = libplacebo_pictures(ffmpeg, clip, mode, len(ours))
            found = compare(ours, theirs, told.png and os.path.join(told.png, f"{stem}-{mode}.png"))
            mean = float(found.mean(dtype=np.float64))
            figures = [f"{figure:.2f}" for figure in (mean, np.median(found), np.percentile(found, 99), found.max())]
            if mode == GAMUT_MODES[0]:
                check_comparison(ffmpeg, clip, theirs, told.limit)
                if mean > told.limit:
                    good, figures[0] = False, f"**{figures[0]}**"
            rows.append(f"| {name} ({len(ours)} frames) | `{mode}` | {' | '.join(figures)} |\n")
            print(rows[-1], end="", file=sys.stderr)
    head = f"""\
# HDR to SDR

Made by `scripts/tone.sh` on {processor()} with FFmpeg {version(ffmpeg)}.

How far the pixels that `upright convert --dynamic-range sdr` makes are from those that libplacebo makes (`bt.2390`,
knee 0.5, no peak detection): CIEDE2000 of all pixels at 10 bits, seen on a display of BT.1886 with a black of zero.
Where libplacebo maps the gamut by `relative`, no mean may be above {told.limit:g}; `perceptual`, which turns hues, is
for information.

| clip | reference | mean | median | 99 % | most |
|---|---|---|---|---|---|
"""
    return head + "".join(rows), good


def main():
    parser = arguments(__doc__, "upright's, libplacebo's, the difference (white is 10)")
    parser.add_argument("--limit", type=float, default=2.0, help="mean that no clip may exceed [default: %(default)s]")
    told = parser.parse_args()
    report(measure, told, f"a mean is above {told.limit:g}")


if __name__ == "__main__":
    main()
