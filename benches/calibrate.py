#!/usr/bin/env python3
"""Which setting of an encoder gives the VMAF that rav1e gives at the same --quality.

    benches/calibrate.py UPRIGHT FFMPEG ENCODER CLIP... > benches/results/quality-ENCODER.json

UPRIGHT is the program, FFMPEG one with libvmaf, ENCODER a name of SETTINGS, CLIP film of any shape as PATH or PATH@SECONDS. An excerpt of each is
cropped to 9:16 and kept without loss at the size of the rendition, so that nothing but encoding lies between it and
what is judged.
"""

import json
import os
import subprocess
import sys
import tempfile

SIZE = (540, 960)
FRAMES = 30
SPEED = 10
QUALITIES = [30, 45, 60, 75, 90]
# The constant quality option of each encoder, and where it is tried.
SETTINGS = {
    "libsvtav1": ("crf", [8, 20, 32, 44, 56]),
    "libaom-av1": ("crf", [10, 25, 40, 55]),
}


def run(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}: {done.stderr}")
    return done


def excerpt(ffmpeg, clip, folder):
    path, _, start = clip.partition("@")
    width, height = SIZE
    picture = f"crop=trunc(ih*9/16/2)*2:ih,scale={width}:{height}:flags=lanczos,setsar=1,format=yuv420p"
    kept = os.path.join(folder, "excerpt.mkv")
    run(ffmpeg, "-v", "error", "-y", "-ss", start or "0", "-i", path, "-frames:v", FRAMES, "-an", "-vf", picture,
        "-c:v", "ffv1", kept)
    return kept


def measure(upright, ffmpeg, film, folder, encoder, options):
    width, height = SIZE
    run(upright, "convert", film, "-o", folder, "--overwrite", "-q", "--progress", "none", "--device", "cpu",
        "--ladder", f"{width}x{height}", "--keyframe-interval", "1000", "--speed", SPEED, "--encoder", encoder,
        *options)
    rendition = os.path.join(folder, "excerpt", f"{width}x{height}.mp4")
    log = os.path.join(folder, "vmaf.json")
    run(ffmpeg, "-v", "error", "-i", rendition, "-i", film, "-lavfi",
        f"[0:v]setpts=N[a];[1:v]setpts=N[b];[a][b]libvmaf=log_fmt=json:log_path={log}", "-f", "null", "-")
    with open(log) as file:
        vmaf = json.load(file)["pooled_metrics"]["vmaf"]["mean"]
    with open(os.path.join(folder, "excerpt", "report.json")) as file:
        rate = json.load(file)["renditions"][0]["video_bitrate"]
    return {"vmaf": round(vmaf, 2), "kilobits": round(rate / 1000)}


def setting_for(points, vmaf):
    """Where the line through `points`, pairs of a setting and a VMAF that falls with it, has this VMAF."""
    for (left, high), (right, low) in zip(points, points[1:]):
        if low <= vmaf <= high:
            return left + (right - left) * (high - vmaf) / (high - low)
    return None


def main():
    upright, ffmpeg, encoder, *clips = sys.argv[1:]
    option, values = SETTINGS[encoder]
    same = {quality: [] for quality in QUALITIES}
    result = {"encoder": encoder, "option": option, "size": list(SIZE), "frames": FRAMES, "speed": SPEED}
    result["versions"] = {
        "upright": run(upright, "--version").stdout.split("\n")[:2],
        "judge": run(ffmpeg, "-version").stdout.split("\n")[0],
    }
    result["clips"] = []
    for clip in clips:
        with tempfile.TemporaryDirectory() as folder:
            film = excerpt(ffmpeg, clip, folder)

            def judged(name, *options):
                return measure(upright, ffmpeg, film, folder, name, options)

            reference = {quality: judged("rav1e", "--quality", quality) for quality in QUALITIES}
            tried = {value: judged(encoder, "--encoder-options", f"{option}={value}") for value in values}
        points = [(value, tried[value]["vmaf"]) for value in values]
        for quality in QUALITIES:
            setting = setting_for(points, reference[quality]["vmaf"])
            same[quality].append(setting and round(setting, 1))
        result["clips"].append({"clip": os.path.basename(clip), "by_quality_of_rav1e": reference, "by_option": tried})
        print(result["clips"][-1], file=sys.stderr)
    result["option_of_the_same_vmaf"] = same
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
