"""The film that is packaged: its frames are numbered, its languages are tones, it flashes and beeps once a second, and it has subtitles."""

import subprocess
from pathlib import Path

SECONDS = 8
RATE = 25
FRAMES = SECONDS * RATE
SIZE = 640, 360
# What is left of it by `--crop center`, in its pixels: the middle in the shape of the rungs, 9:16.
WINDOW = SIZE[1] * 9 / 16
# The number of a frame: white blocks, the lowest bit on the left.
BITS = 8
BLOCK = {"x": 230, "y": 200, "step": 24, "width": 20, "height": 40}
# Hertz of the tone that is heard all the time, and louder at the beep.
TONES = {"eng": 400, "zho": 1000}
# Of each second: the beep, and the flash of the same frames.
BEEP = 0.4, 0.6
# How loud the tone is between beeps, against the beep.
QUIET = 0.1
# Seconds of each subtitle, in each language. The fourth is shown in two segments, and beside the fifth.
CUES = [(0.1, 0.7), (0.9, 1.5), (1.7, 2.6), (3.2, 4.7), (3.6, 4.4), (5.0, 5.6), (5.9, 6.8), (7.0, 7.6)]
SUBTITLES = ["en", "de"]


def make(path):
    """Writes the film, of H.264 and PCM, and its subtitles beside it."""
    first, last = (round(time * RATE) for time in BEEP)
    boxes = ["x=220:y=190:w=200:h=60:color=black:t=fill", "x=220:y=40:w=200:h=100:color=black:t=fill",
             f"x=220:y=40:w=200:h=100:color=white:t=fill:enable='between(mod(n,{RATE}),{first},{last - 1})'"]
    for bit in range(BITS):
        place = f"x={BLOCK['x'] + bit * BLOCK['step']}:y={BLOCK['y']}:w={BLOCK['width']}:h={BLOCK['height']}"
        boxes.append(f"{place}:color=white:t=fill:enable='mod(floor(n/{2**bit}),2)'")
    picture = f"testsrc2=s={SIZE[0]}x{SIZE[1]}:r={RATE}:d={SECONDS}," + ",".join(f"drawbox={box}" for box in boxes)
    command = ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", picture]
    loud = f"({QUIET}+{1 - QUIET}*gte(mod(t,1),{BEEP[0]})*lt(mod(t,1),{BEEP[1]}))"
    for tone in TONES.values():
        command += ["-f", "lavfi", "-i", f"aevalsrc='0.7*sin(2*PI*{tone}*t)*{loud}':s=48000:d={SECONDS}"]
    command += ["-map", "0"]
    for number, language in enumerate(TONES):
        command += ["-map", str(number + 1), f"-metadata:s:a:{number}", f"language={language}"]
    command += ["-c:v", "libx264", "-preset", "fast", "-qp", "18", "-pix_fmt", "yuv420p", "-c:a", "pcm_s16le", path]
    subprocess.run(command, check=True)
    srt, vtt = (Path(path).with_suffix(f".{language}.{form}") for language, form in zip(SUBTITLES, ["srt", "vtt"]))
    cues = [(f"00:00:{begin:06.3f} --> 00:00:{end:06.3f}", number) for number, (begin, end) in enumerate(CUES)]
    srt.write_text("".join(f"{n + 1}\n{time.replace('.', ',')}\n{text(SUBTITLES[0], n)}\n\n" for time, n in cues))
    vtt.write_text("WEBVTT\n\n" + "".join(f"{time}\n{text(SUBTITLES[1], n)}\n\n" for time, n in cues))


def text(language, number):
    """What a subtitle says."""
    return f"{language} {number}"


def places():
    """Where a page reads the bits and the flash: fractions of the picture's width and height."""
    left = (SIZE[0] - WINDOW) / 2
    middle = BLOCK["x"] + BLOCK["width"] / 2
    y = (BLOCK["y"] + BLOCK["height"] / 2) / SIZE[1]
    return {"bits": [[(middle + bit * BLOCK["step"] - left) / WINDOW, y] for bit in range(BITS)], "flash": [0.5, 0.25]}
