"""Reads film by the commands of FFmpeg: pictures upright with square pixels, the time of each, and the hand labels."""

import json
import os
import subprocess

# One thread suffices for pictures of this size: more of them wait for one another.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
FOOTAGE = os.path.join(HERE, "..", "..", "..", "shared", "footage")
CUTS = os.path.join(HERE, "labels", "cuts.txt")
SUBJECTS = os.path.join(HERE, "labels", "subjects.txt")


def tell(result, path):
    """Writes a result as JSON, to a file or else to standard output."""
    text = json.dumps(result, indent=1)
    if path:
        with open(path, "w") as file:
            file.write(text + "\n")
    else:
        print(text)


def run(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}: {done.stderr}")
    return done.stdout


class Film:
    def __init__(self, path):
        self.path = path
        told = json.loads(run("ffprobe", "-v", "quiet", "-select_streams", "v:0", "-of", "json",
                              "-show_entries", "stream=width,height,sample_aspect_ratio:stream_side_data=rotation"
                              ":stream_tags=rotate:format=start_time:frame=best_effort_timestamp_time", path))
        stream = told["streams"][0]
        across, down = (int(part) for part in stream.get("sample_aspect_ratio", "1:1").split(":"))
        self.width, self.height = stream["width"], stream["height"]
        if across and down:
            self.width *= across / down
        turns = [side["rotation"] for side in stream.get("side_data_list", []) if "rotation" in side]
        if turns and int(turns[0]) % 180:
            self.width, self.height = self.height, self.width
        start = float(told["format"].get("start_time", 0))
        self.times = np.array([float(frame["best_effort_timestamp_time"]) for frame in told["frames"]]) - start

    def size_at(self, height):
        """The size of its pictures at about this height: even, and of the same shape as nearly as that allows."""
        return round(height * self.width / self.height / 2) * 2, height

    def frames(self, height, wanted=None, grey=False):
        """Its pictures of this height as number and array: all of them, or those whose numbers are `wanted`."""
        width, height = self.size_at(height)
        form, depth = ("gray", 1) if grey else ("rgb24", 3)
        wanted = None if wanted is None else set(wanted)
        chain = f"scale={width}:{height}:flags=area,setsar=1,format={form}"
        command = ["ffmpeg", "-nostdin", "-v", "fatal", "-threads", "1", "-i", self.path, "-map", "0:v:0",
                   "-fps_mode", "passthrough", "-vf", chain, "-f", "rawvideo", "-"]
        size = width * height * depth
        with subprocess.Popen(command, stdout=subprocess.PIPE) as ffmpeg:
            number = 0
            while len(data := ffmpeg.stdout.read(size)) == size:
                if wanted is None or number in wanted:
                    picture = np.frombuffer(data, np.uint8)
                    yield number, picture.reshape((height, width) if grey else (height, width, 3))
                number += 1
        if number != len(self.times):
            raise RuntimeError(f"{self.path}: {number} pictures and {len(self.times)} times")

    def samples(self, rate=4):
        """The numbers of the frames on screen at each 1/rate s, from the first frame on."""
        moments = np.arange(self.times[0], self.times[-1] + 1e-6, 1 / rate)
        return sorted(set(int(number) for number in np.searchsorted(self.times, moments + 1e-6, "right") - 1))


def picture_within_bars(film, height=180):
    """Left, top, right and bottom of what is not black at some time, as fractions of the frame."""
    numbers = film.samples(2)
    most = np.zeros(film.size_at(height)[::-1])
    for _, picture in film.frames(height, numbers, grey=True):
        most = np.maximum(most, picture)
    rows, columns = np.nonzero((most > 32).mean(1) > 0.02)[0], np.nonzero((most > 32).mean(0) > 0.02)[0]
    if not len(rows) or not len(columns):
        return 0.0, 0.0, 1.0, 1.0
    box = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
    tall, wide = most.shape
    # A row or two of grey at an edge is the edge, not a bar.
    for side, (at, end) in enumerate(zip(box, (0, 0, wide, tall))):
        if abs(at - end) <= 2:
            box[side] = end
    return box[0] / wide, box[1] / tall, box[2] / wide, box[3] / tall


def lines(path):
    """The words of each line of a file of labels, with the frames as first and last."""
    with open(path) as file:
        for line in file:
            words = line.split("#")[0].split()
            if words:
                first, _, last = words[1].partition("-")
                yield words[0], int(first or -1), int(last or first or -1), words[2:]


def labels(path=CUTS):
    """The labels of cuts: for each clip (first, last, kind), where a cut has first = last."""
    known = {}
    for clip, first, last, (kind,) in lines(path):
        known.setdefault(clip, [])
        if kind != "none":
            known[clip].append((first, last, kind))
    return known


class Hand:
    """What labels say of the subjects of one clip, as `labels/subjects.txt` explains."""

    def __init__(self, clip, path=SUBJECTS):
        self.skipped, self.ignored, self.seen = [], [], {}
        for name, first, last, (kind, *rest) in lines(path):
            if name != clip:
                continue
            if kind == "skip":
                self.skipped.append((first, last))
            elif kind == "ignore":
                self.ignored.append((first, last, [float(part) for part in rest]))
            else:
                self.seen.setdefault((kind, rest[0]), []).append((first, [float(part) for part in rest[1:]]))

    def is_skipped(self, frame):
        return any(first <= frame <= last for first, last in self.skipped)

    def is_ignored(self, frame, box):
        x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        return any(first <= frame <= last and area[0] <= x <= area[2] and area[1] <= y <= area[3]
                   for first, last, area in self.ignored)

    def boxes(self, kind, frame):
        """Left, top, right and bottom of everyone of this kind whom the labels see at a frame."""
        found = []
        for (of, _), known in self.seen.items():
            frames = [at for at, _ in known]
            if of == kind and frames[0] <= frame <= frames[-1]:
                found.append([float(np.interp(frame, frames, [box[side] for _, box in known])) for side in range(4)])
        return found


def boundaries(film):
    """The first frames of its shots after the first one: by the labels, else by `simple_boundaries`."""
    known = labels().get(os.path.basename(film.path))
    if known is not None:
        return [last for _, last, kind in known if kind != "any"]
    return simple_boundaries(film)


def simple_boundaries(film):
    """Hard cuts: where the histograms and the pixels differ by more than they do about that frame."""
    steps, before = [], None
    for _, picture in film.frames(90):
        counts = np.concatenate([np.histogram(picture[:, :, plane], 16, (0, 256))[0] for plane in range(3)])
        if before is not None:
            pixels = np.abs(picture.astype(np.int16) - before[0]).mean() / 255
            steps.append(pixels * np.abs(counts - before[1]).sum() / counts.sum())
        before = picture.astype(np.int16), counts
    steps = np.sqrt(np.array(steps))
    found = []
    for at, step in enumerate(steps):
        about = np.concatenate([steps[max(0, at - 6) : at], steps[at + 1 : at + 7]])
        if step > 0.12 and step > 2.5 * np.median(about) + 0.02 and step == max(steps[max(0, at - 3) : at + 4]):
            found.append(at + 1)
    return found


def shot_of(number, cuts):
    return sum(cut <= number for cut in cuts)
