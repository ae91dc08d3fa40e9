#!/usr/bin/env python3
"""Makes short films of scenes as drama has them, of people whose places are known, and says whether the plan of each
does what its rule asks.

    benches/framing/scenes.py UPRIGHT WORK [--footage FOLDER] [--only SCENE,...] [--json OUT.json]

The people are cut from the clips of the footage, and `labels/scenes.txt` says where their faces and bodies are there.
As the scenes are composed here, it is known where they are in these, too. WORK is a folder for the films, which are
made once, for their plans, and for pictures of them to look at.
"""

import argparse
import json
import os
import subprocess
import sys
from fractions import Fraction

import film as films
import judge
import numpy as np

SIZE, RATE = (1280, 720), 25
# Part of the names of the films: to be raised whenever a scene is made differently.
VERSION = 1
LABELS = os.path.join(films.HERE, "labels", "scenes.txt")
# Size and frames a second of the clips.
CLIPS = {"portrait-speech.mp4": (1080, 1920, 25), "two-men-room.webm": (1280, 720, 25), "juggler.mp4": (1280, 720, 24),
         "stage-cuts.mp4": (640, 360, 30), "people-enter-and-leave.mp4": (768, 432, 10),
         "hdr10-hevc.mp4": (1920, 1080, 30)}
SPEAKER, ROOM, PLAYER, STAGE, BACKS, ROOFS = CLIPS
# A frame at which nobody is in the hall.
EMPTY = 205
# Everything of the picture.
ALL = (0.0, 0.0, 1.0, 1.0)
# The height of each of the two bars that make 2.39:1 of 16:9, as a fraction.
BAR = 92 / 720
WORDS = ((1.0, 3.4, "I never said that I would stay here"), (4.2, 6.0, "You should have told me long ago"),
         (7.0, 9.2, "There was nobody else to tell, was there?"))


# --- Excerpts of clips


def forth_and_back(first, last, count):
    """Numbers of frames from the first to the last, and back, and so on."""
    way = [*range(first, last + 1), *range(last - 1, first, -1)]
    return [way[at % len(way)] for at in range(count)]


def onward(clip, first, count, last=None):
    """Numbers of the frames on screen at each frame of a scene, from the first on, and at most to the last."""
    numbers = [first + at * CLIPS[clip][2] // RATE for at in range(count)]
    return [min(number, last) for number in numbers] if last else numbers


class Excerpt:
    """A part of the picture of a clip, as a picture of a size. Beyond the clip's edges is the mirror image of it."""

    def __init__(self, footage, clip, numbers, part=None, size=SIZE, flip=False, blur=0):
        self.path, self.clip, self.numbers, self.size = os.path.join(footage, clip), clip, numbers, size
        self.part, self.flip, self.blur = part or (0, 0, *CLIPS[clip][:2]), flip, blur
        self.hand = films.Hand(clip, LABELS)

    def pictures(self):
        order = sorted(set(self.numbers))
        if sorted(self.numbers) == self.numbers:
            source = self.read(order)
            at, picture = next(source)
            for number in self.numbers:
                while at < number:
                    at, picture = next(source)
                yield picture
            source.close()
        else:
            kept = dict(self.read(order))
            yield from (kept[number] for number in self.numbers)

    def read(self, order):
        """The frames of these numbers, in rising order."""
        (x, y, wide, tall), (across, down, _), (width, height) = self.part, CLIPS[self.clip], self.size
        left, top, right, bottom = max(x, 0), max(y, 0), min(x + wide, across), min(y + tall, down)
        edges = [round((left - x) * width / wide), round((top - y) * height / tall),
                 round((right - x) * width / wide), round((bottom - y) * height / tall)]
        inner = edges[2] - edges[0], edges[3] - edges[1]
        chain = (f"select='between(n,{order[0]},{order[-1]})',crop={right - left}:{bottom - top}:{left}:{top}:exact=1,"
                 f"scale={inner[0]}:{inner[1]}:flags=bicubic,setsar=1"
                 + (f",gblur=sigma={self.blur}" if self.blur else "") + ",format=rgb24")
        count = order[-1] - order[0] + 1
        command = ["ffmpeg", "-nostdin", "-v", "fatal", "-threads", "1", "-i", self.path, "-map", "0:v:0", "-vf", chain,
                   "-fps_mode", "passthrough", "-frames:v", str(count), "-f", "rawvideo", "-"]
        wanted = set(order)
        with subprocess.Popen(command, stdout=subprocess.PIPE) as ffmpeg:
            for number in range(order[0], order[-1] + 1):
                data = ffmpeg.stdout.read(inner[0] * inner[1] * 3)
                if len(data) != inner[0] * inner[1] * 3:
                    raise RuntimeError(f"{self.path} has no frame {number}")
                if number not in wanted:
                    continue
                picture = np.frombuffer(data, np.uint8).reshape(inner[1], inner[0], 3)
                around = (edges[1], height - edges[3]), (edges[0], width - edges[2]), (0, 0)
                picture = np.pad(picture, around, "symmetric")
                yield number, picture[:, ::-1] if self.flip else picture
            ffmpeg.stdout.close()

    def places(self, kind, name):
        """Left, top, right and bottom of somebody at each frame, as fractions of the picture made of the part."""
        known = self.hand.seen[kind, name]
        frames = [at for at, _ in known]
        found = []
        for number in self.numbers:
            box = [float(np.interp(number, frames, [place[side] for _, place in known])) for side in range(4)]
            for side in range(4):
                beyond, length = self.part[side % 2], self.part[2 + side % 2]
                box[side] = (box[side] * CLIPS[self.clip][side % 2] - beyond) / length
            if self.flip:
                box[0], box[2] = 1 - box[2], 1 - box[0]
            found.append(box)
        return found


def shifted(boxes, size=SIZE, x=0, y=0):
    """Boxes of a picture of a size, as boxes of the picture into which it is laid at a place."""
    wide, tall = SIZE
    return [[(left * size[0] + x) / wide, (top * size[1] + y) / tall, (right * size[0] + x) / wide,
             (bottom * size[1] + y) / tall] for left, top, right, bottom in boxes]


# --- Composing


def softly(length, first, last, soft):
    """Along a line, 1 from the first to the last place, and going to 0 in as many more on both sides."""
    return np.interp(np.arange(length), [first - soft, first, last, last + soft], [0, 1, 1, 0])


def lay(picture, other, mask, x, y=0):
    """Lays another picture onto one, at a place that may be beyond its edges, as strongly as the mask says."""
    (tall, wide), (height, width) = picture.shape[:2], other.shape[:2]
    left, right, top, bottom = max(x, 0), min(x + width, wide), max(y, 0), min(y + height, tall)
    if left >= right or top >= bottom:
        return
    part = (slice(top - y, bottom - y), slice(left - x, right - x))
    under = picture[top:bottom, left:right]
    strength = mask[part][:, :, None].astype(np.float32)
    under[...] = (under + (other[part] - under.astype(np.float32)) * strength + 0.5).astype(np.uint8)


def smoothed(values, reach):
    """The mean of the values about each one, as far as `reach` to all sides."""
    for axis in (0, 1):
        around = [(0, 0), (0, 0)]
        around[axis] = (reach + 1, reach)
        sums = np.cumsum(np.pad(values, around, "edge"), axis)
        length = values.shape[axis]
        last, first = (np.take(sums, range(at, at + length), axis) for at in (2 * reach + 1, 0))
        values = (last - first) / (2 * reach + 1)
    return values


def cut_out(picture, empty, area=ALL, least=35):
    """How strongly each place of a picture shows somebody, from 0 to 1: by the same picture without anybody, for people
    who stand in this area. Each row is theirs from the first place to the last that differs."""
    tall, wide = picture.shape[:2]
    left, top, right, bottom = (round(side * (tall if at % 2 else wide)) for at, side in enumerate(area))
    part = slice(top, bottom), slice(left, right)
    differs = np.abs(picture[part].astype(np.int16) - empty[part]).max(2) > least
    differs = smoothed(differs.astype(np.float64), 4) > 0.6
    filled = np.maximum.accumulate(differs, 1) & np.maximum.accumulate(differs[:, ::-1], 1)[:, ::-1]
    mask = np.zeros((tall, wide))
    mask[part] = smoothed(filled.astype(np.float64), 2)
    return mask


class Scene:
    """A film, and the truth about it."""

    def __init__(self, path, filters=None, sound=None):
        self.path, self.count, self.filters = path, 0, filters
        self.truth = {"cuts": [], "people": {}}
        wide, tall = SIZE
        self.ffmpeg = subprocess.Popen(
            ["ffmpeg", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{wide}x{tall}", "-r",
             str(RATE), "-i", "-", *(["-i", sound, "-map", "0:v", "-map", "1:a", "-shortest"] if sound else []),
             "-threads", "1", "-vf", filters or "null", "-c:v", "libx264", "-crf", "16",
             "-preset", "veryfast", "-g", "50", "-pix_fmt", "yuv420p", f"{path}.part.mp4"], stdin=subprocess.PIPE)

    def add(self, pictures, **people):
        """Adds pictures, with the boxes of each of the people at each of them, or none where they are not seen."""
        begin = self.count
        for picture in pictures:
            self.ffmpeg.stdin.write(np.ascontiguousarray(picture).tobytes())
            self.count += 1
        for name, boxes in people.items():
            known = self.truth["people"].setdefault(name, [])
            known += [None] * (begin - len(known)) + boxes
        for known in self.truth["people"].values():
            known += [None] * (self.count - len(known))

    def cut(self):
        self.truth["cuts"].append(self.count)

    def close(self):
        self.ffmpeg.stdin.close()
        if self.ffmpeg.wait():
            raise RuntimeError(f"{self.path} could not be written")
        self.truth["frames"] = self.count
        with open(f"{self.path}.json", "w") as file:
            json.dump(self.truth, file)
        os.rename(f"{self.path}.part.mp4", self.path)


# --- The scenes


def speaker(footage, first, count, flip=False, part=(300, 527, 900, 506)):
    """The woman, her face at the left third, or at the right one."""
    excerpt = Excerpt(footage, SPEAKER, onward(SPEAKER, first, count), part, flip=flip)
    return excerpt, excerpt.places("face", "speaker")


def seated(footage, first, count, part=(0, 250, 400, 225)):
    """The man at the table, his face at the right third."""
    name = "seated" if first < 600 else "seated-later"
    excerpt = Excerpt(footage, ROOM, onward(ROOM, first, count), part)
    return excerpt, excerpt.places("face", name)


def alternating(scene, footage, change=lambda picture: picture):
    for number, (person, first, count) in enumerate(
            ((speaker, 0, 62), (seated, 450, 62), (speaker, 70, 70), (seated, 632, 58))):
        if number:
            scene.cut()
        excerpt, face = person(footage, first, count)
        scene.add((change(picture) for picture in excerpt.pictures()), face=face)


def dark(scene, footage):
    random = np.random.default_rng(5)

    def change(picture):
        noise = random.normal(0, 3, picture.shape[:2])[:, :, None]
        return np.clip(picture * 0.25 + noise + 0.5, 0, 255).astype(np.uint8)

    alternating(scene, footage, change)


def back_in_front(footage, count, size=(1152, 720), strength=0.5):
    """Head and shoulders of a man from behind, near, out of focus and dark, and how strongly each place covers."""
    part = (330, 0, 256, 160)
    man = Excerpt(footage, BACKS, onward(BACKS, 255, count), part, size, blur=5)
    empty = next(Excerpt(footage, BACKS, [EMPTY], part, size, blur=5).pictures())
    for picture in man.pictures():
        # His clothes and his hair are black, and the wall is not.
        mask = cut_out(picture, empty, least=80)
        yield (picture * strength).astype(np.uint8), mask


def over_the_shoulder(scene, footage):
    count = 200
    excerpt, face = speaker(footage, 20, count, flip=True)

    def pictures():
        for at, (picture, (back, mask)) in enumerate(zip(excerpt.pictures(), back_in_front(footage, count))):
            picture = picture.copy()
            # The camera in a hand: the back sways a little.
            lay(picture, back, mask, -390 + round(8 * np.sin(at / 11)))
            yield picture

    scene.add(pictures(), face=face)


def whip_pan(scene, footage):
    before, during, after = 75, 8, 87
    count, wide, seam = before + during + after, SIZE[0], 160
    first, first_face = speaker(footage, 0, count)
    second, second_face = seated(footage, 450, 95)
    between = next(Excerpt(footage, ROOFS, [0], blur=3).pictures())
    far = 2 * (wide - seam)
    mask = np.tile(np.interp(np.arange(wide), [0, seam], [0, 1]), (SIZE[1], 1))
    # Where the left edge is at each eighth of a frame: the shutter is open all of the time.
    way = np.interp(np.arange(count * 8) / 8, [before, before + during], [0, far])

    def pictures():
        seconds = second.pictures()
        last = next(seconds)
        for at, left_one in enumerate(first.pictures()):
            if at >= before:
                last = next(seconds, last)
            places = way[at * 8 : at * 8 + 8]
            if places[-1] == 0:
                yield left_one
            elif places[0] == far:
                yield last
            else:
                world = np.zeros((SIZE[1], far + wide, 3), np.uint8)
                world[:, :wide] = left_one
                lay(world, between, mask, wide - seam)
                lay(world, last, mask, far)
                views = [world[:, round(place) : round(place) + wide] for place in places]
                yield np.mean(views, 0).astype(np.uint8)

    nobody = [None] * during
    scene.add(pictures(), first=first_face[:before] + [None] * (count - before),
              second=[None] * before + nobody + second_face[during : during + after])
    scene.truth["pan"] = [before / RATE, (before + during) / RATE]


def entering(scene, footage):
    """The player comes in from the left, stays at the left third, and goes away to the right, over his own lawn."""
    times, places = [0, 1.5, 3.5, 6.9, 9.1, 10.6], [-910, -910, -310, -310, 700, 700]
    count, outside = round(times[-1] * RATE), round(times[1] * RATE)
    player = Excerpt(footage, PLAYER, [0] * outside + onward(PLAYER, 0, count - outside, 190))
    boxes = player.places("person", "player")
    picture = next(player.pictures())
    # The lawn without him: what is left of him once more, in his place.
    empty = picture.copy()
    lay(empty, picture[:, 130:560], np.tile(softly(430, 40, 390, 40), (720, 1)), 525)
    mask = softly(1280, 605, 850, 30) * softly(720, 45, 705, 15)[:, None]
    way = np.round(np.interp(np.arange(count) / RATE, times, places)).astype(int)

    def pictures():
        for at, picture in enumerate(player.pictures()):
            over = empty.copy()
            lay(over, picture, mask, int(way[at]))
            yield over

    there = [shifted([box], x=int(way[at]))[0] if times[2] <= at / RATE < times[3] else None
             for at, box in enumerate(boxes)]
    scene.add(pictures(), body=there)


def occlusion(scene, footage):
    """Somebody goes past close to the camera, and hides the face for 0.6 s."""
    count, begin = 200, 90
    excerpt, face = speaker(footage, 20, count)
    back, mask = next(back_in_front(footage, 1))
    rows = slice(round(face[begin][1] * SIZE[1]), round(face[begin][3] * SIZE[1]))
    columns = np.nonzero((mask[rows] > 0.5).any(0))[0]
    left, right = int(columns[0]), int(columns[-1])
    # The edges of the face while it is hidden.
    hidden = (face[begin][0] * SIZE[0], face[begin][2] * SIZE[0])
    speed = (right - left + hidden[1] - hidden[0]) / (0.6 * RATE)
    way = [round(hidden[0] - right + (at - begin) * speed) for at in range(count)]
    scene.truth["passing"] = [begin / RATE, begin / RATE + 0.6]

    def pictures():
        for at, picture in enumerate(excerpt.pictures()):
            picture = picture.copy()
            lay(picture, back, mask, way[at])
            yield picture

    scene.add(pictures(), face=face)


def backs(scene, footage):
    """A woman and a man in a hall, too far apart for one window, and both turned away."""
    count = 170
    woman = Excerpt(footage, BACKS, onward(BACKS, 88, count))
    man = Excerpt(footage, BACKS, onward(BACKS, 255, count))
    empty = next(Excerpt(footage, BACKS, [EMPTY]).pictures())
    left, right = -490, 110

    def pictures():
        for one, other in zip(woman.pictures(), man.pictures()):
            over = empty.copy()
            lay(over, one, cut_out(one, empty, (0.49, 0, 0.70, 0.95)), left)
            lay(over, other, cut_out(other, empty, (0.47, 0, 0.73, 0.92)), right)
            yield over

    scene.add(pictures(), woman=shifted(woman.places("person", "woman"), x=left),
              man=shifted(man.places("person", "man"), x=right))


def letterboxed(scene, footage):
    over_the_shoulder(scene, footage)


def subtitled(scene, footage):
    excerpt, face = speaker(footage, 0, 245)
    scene.add(excerpt.pictures(), face=face)
    scene.truth["captions"] = [[begin, end, text_box(text)] for begin, end, text in WORDS]


def crowd(scene, footage):
    """Five small faces side by side."""
    count = 175
    behind = next(Excerpt(footage, ROOFS, [0], blur=8).pictures())
    # Who, of which frames, and the part of the clip and its size in the scene.
    five = (("standing", ROOM, forth_and_back(738, 790, count), (430, 110, 220, 320), (220, 320)),
            ("speaker", SPEAKER, onward(SPEAKER, 40, count), (300, 480, 570, 720), (187, 236)),
            ("player", PLAYER, forth_and_back(24, 100, count), (600, 50, 270, 340), (270, 340)),
            ("seated", ROOM, forth_and_back(450, 540, count), (110, 250, 330, 230), (241, 168)),
            ("guest", STAGE, forth_and_back(120, 192, count), (120, 0, 270, 260), (202, 195)))
    laid = []
    for at, (name, clip, numbers, part, size) in enumerate(five):
        excerpt = Excerpt(footage, clip, numbers, part, size)
        across, down = (np.linspace(-1, 1, length) for length in size)
        mask = np.clip((1 - (across ** 4 + down[:, None] ** 4)) * 4, 0, 1)
        x, y = 128 + 256 * at - size[0] // 2, 400 - size[1] // 2
        laid.append((excerpt, mask, x, y, name))

    def pictures():
        for one in zip(*(excerpt.pictures() for excerpt, *_ in laid)):
            over = behind.copy()
            for picture, (_, mask, x, y, _) in zip(one, laid):
                lay(over, picture, mask, x, y)
            yield over

    scene.add(pictures(), **{name: shifted(excerpt.places("face", name), excerpt.size, x, y)
                             for excerpt, _, x, y, name in laid})


def nobody(scene, footage):
    scene.add(Excerpt(footage, ROOFS, forth_and_back(0, 27, 160)).pictures())


def two(scene, footage):
    """A woman at the left and a man at the right, who do not fit into one window."""
    count = 125
    left, left_face = speaker(footage, 0, count, part=(380, 470, 1100, 619))
    right, right_face = seated(footage, 632, count, part=(-122, 230, 480, 270))
    mask = np.tile(np.interp(np.arange(SIZE[0]), [590, 690], [0, 1]), (SIZE[1], 1))

    def pictures():
        for one, other in zip(left.pictures(), right.pictures()):
            over = one.copy()
            lay(over, other, mask, 0)
            yield over

    scene.add(pictures(), left=left_face, right=right_face)


def turn_of_speech(scene, footage):
    """Two who do not fit into one window, before a camera in a hand: first the left one speaks, then the right one. Whoever
    listens is a still picture."""
    count, turn = 245, 120
    frames = list(range(count))
    left = Excerpt(footage, SPEAKER, [min(at, turn) for at in frames], (300, 527, 900, 506))
    right = Excerpt(footage, SPEAKER, [max(at, turn) for at in frames], (300, 527, 900, 506), flip=True)
    mask = np.tile(np.interp(np.arange(SIZE[0]), [620, 660], [0, 1]), (SIZE[1], 1))
    sway = [round(7 * np.sin(at / 9)) for at in frames]

    def pictures():
        for at, (one, other) in enumerate(zip(left.pictures(), right.pictures())):
            over = one.copy()
            lay(over, other, mask, 0)
            yield np.roll(over, sway[at], 1)

    people = {name: [shifted([box], x=sway[at])[0] for at, box in enumerate(excerpt.places("face", "speaker"))]
              for name, excerpt in (("left", left), ("right", right))}
    scene.add(pictures(), **people)
    scene.truth["turn"] = turn / RATE


def drawn(text, enable=None):
    """The filter that draws a line of subtitles."""
    shown = f":enable='{enable}'" if enable else ""
    text = text.replace(",", "\\,")
    return (f"drawtext=font=Sans:text='{text}':fontsize=42:fontcolor=white:borderw=3:bordercolor=black"
            f":x=(w-text_w)/2:y=626{shown}")


def text_box(text):
    """Where a line of subtitles is, as fractions of the picture."""
    wide, tall = SIZE
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"color=black:s={wide}x{tall}", "-vf",
               f"{drawn(text)},format=gray", "-frames:v", "1", "-f", "rawvideo", "-"]
    data = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    rows, columns = np.nonzero(np.frombuffer(data, np.uint8).reshape(tall, wide) > 100)
    return [columns.min() / wide, rows.min() / tall, (columns.max() + 1) / wide, (rows.max() + 1) / tall]


def can_draw():
    """Whether FFmpeg has a font."""
    words = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "color=black:s=64x36", "-vf", drawn("a"), "-frames:v", "1",
             "-f", "null", "-"]
    return subprocess.run(words, capture_output=True).returncode == 0


def filters(name):
    if name == "letterboxed":
        bar = round(BAR * SIZE[1])
        return f"drawbox=0:0:iw:{bar}:black:fill,drawbox=0:ih-{bar}:iw:{bar}:black:fill"
    if name == "subtitled":
        # The frames from the first on and before the last.
        return ",".join(drawn(text, f"gte(t,{begin - 0.01})*lt(t,{end - 0.01})") for begin, end, text in WORDS)
    return None


def made(name, work, footage, make):
    """The path of a scene and the truth about it; it is made if it is not there."""
    path = os.path.join(work, f"{name}-{VERSION}.mp4")
    if not os.path.exists(path):
        scene = Scene(path, filters(name), os.path.join(footage, SPEAKER) if make is turn_of_speech else None)
        make(scene, footage)
        scene.close()
    with open(f"{path}.json") as file:
        return path, json.load(file)


def mirrored_film(path):
    target = path.replace(".mp4", "-mirrored.mp4")
    if not os.path.exists(target):
        films.run("ffmpeg", "-nostdin", "-v", "error", "-y", "-i", path, "-threads", "1", "-vf", "hflip", "-c:v",
                  "libx264", "-crf", "16", "-preset", "veryfast", "-g", "50", f"{target}.part.mp4")
        os.rename(f"{target}.part.mp4", target)
    return target


# --- Plans


def window_at(track, time):
    """The window of a track at a time, by the rules that docs/plan.schema.json gives."""
    before = [key for key in track if Fraction(key["time"]) <= time]
    if not before:
        return track[0]["window"]
    come, after = before[-1], track[len(before):]
    if not after or come["then"] == "hold":
        return come["window"]
    begin, end = Fraction(come["time"]), Fraction(after[0]["time"])
    part = float((time - begin) / (end - begin))
    if come["then"] == "ease":
        part = part * part * (3 - 2 * part)
    return {side: value + (after[0]["window"][side] - value) * part for side, value in come["window"].items()}


def shot_at(plan, time):
    return [shot for shot in plan["wanted"]["shots"] if Fraction(shot["start"]) <= time][-1]


def as_box(window):
    """A window in pixels as left, top, right and bottom, as fractions."""
    wide, tall = SIZE
    return [window["x"] / wide, window["y"] / tall, (window["x"] + window["width"]) / wide,
            (window["y"] + window["height"]) / tall]


def moments(count):
    """Each tenth of a second of as many frames."""
    return [Fraction(tenth, 10) for tenth in range(count * 10 // RATE)]


def windows(plan, count, track="track"):
    """The window at each tenth of a second; none where the shot has no such track."""
    found = []
    for time in moments(count):
        keys = shot_at(plan, time)[track]
        found.append(as_box(window_at(keys, time)) if keys else None)
    return found


def sampled(boxes, count):
    """Of boxes of frames those that are on screen at each tenth of a second."""
    return [boxes[int(time * RATE)] for time in moments(count)]


def starts(plan):
    """The frames at which shots begin, but for the first one."""
    return [round(float(Fraction(shot["start"])) * RATE) for shot in plan["wanted"]["shots"][1:]]


def modes(plan):
    return [shot["mode"] for shot in plan["wanted"]["shots"]]


# --- Rules: each takes what is known and what was planned, and gives a figure


def held(seen, views):
    """The share of the samples at which somebody is to be seen in which the window holds them wholly."""
    known = [judge.is_inside(box, view) for box, view in zip(seen, views) if box is not None]
    return sum(known) / len(known) if known else 0.0


def one_held(everyone, views):
    """The same, of any one of several people."""
    known = [any(judge.is_inside(box, view) for box in boxes) for boxes, view in zip(everyone, views)]
    return sum(known) / len(known) if known else 0.0


def without(seen, begin, end):
    """The samples but for those from one time to another."""
    return [None if begin <= at / 10 < end else box for at, box in enumerate(seen)]


def resting(views):
    """The share of the steps from one sample to the next in which the window stands."""
    steps = [max(abs(a - b) for a, b in zip(one, other)) < 0.0005 for one, other in zip(views, views[1:])]
    return sum(steps) / len(steps) if steps else 1.0


def moved(views, begin, end):
    """How far the window's middle goes from one time to another, as a fraction of the width."""
    middles = [(view[0] + view[2]) / 2 for at, view in enumerate(views) if begin <= at / 10 <= end]
    return max(middles) - min(middles)


def within_rows(views, top, bottom):
    """The share of the windows that lie between two heights."""
    return sum(view[1] >= top - 0.003 and view[3] <= bottom + 0.003 for view in views) / len(views)


def caption_faults(found, truth, slack=2 / RATE):
    """What is wrong with captions, (begin, end, box) each: how many are missed, are none, do not cover."""
    left, missed, uncovered = list(found), 0, 0
    for begin, end, box in truth:
        near = [one for one in left if abs(one[0] - begin) <= slack + 1e-6 and abs(one[1] - end) <= slack + 1e-6]
        if not near:
            missed += 1
            continue
        left.remove(near[0])
        strip = near[0][2]
        uncovered += (any(strip[side] > box[side] + 0.003 for side in (0, 1))
                      or any(strip[side] < box[side] - 0.003 for side in (2, 3)))
    return {"missed": missed, "false": len(left), "uncovered": uncovered}


def each_in_own_half(left, right, upper, lower):
    """The share of samples in which one window holds the one and the other the other, the same way round throughout."""
    def share(one, other):
        pairs = zip(left, right, one, other)
        return sum(a is not None and b is not None and judge.is_inside(p, a) and judge.is_inside(q, b)
                   for p, q, a, b in pairs) / len(left)

    return max(share(upper, lower), share(lower, upper))


def apart(views, mirrored_views):
    """How far a window is from the mirror image of the other, at the middle and at most, as fractions of the width."""
    steps = [max(abs(view[0] - (1 - other[2])), abs(view[2] - (1 - other[0])))
             for view, other in zip(views, mirrored_views)]
    return float(np.median(steps)), max(steps)


# --- What each scene is asked for


def percent(share):
    return f"{100 * share:.1f}%"


def shots_rule(plan, truth):
    views, count = windows(plan, truth["frames"]), truth["frames"]
    share, found = held(sampled(truth["people"]["face"], count), views), starts(plan)
    hits, false = (len([cut for cut in found if (cut in truth["cuts"]) == right]) for right in (True, False))
    known = len(truth["cuts"])
    return (f"{hits} of {known} cuts, {false} false; held {percent(share)}",
            hits == known and not false and share >= 0.95)


def face_rule(plan, truth):
    share = held(sampled(truth["people"]["face"], truth["frames"]), windows(plan, truth["frames"]))
    return f"held {percent(share)}", share >= 0.95


def pan_rule(plan, truth):
    count, (begin, end) = truth["frames"], truth["pan"]
    views, people = windows(plan, count), truth["people"]
    before = held(sampled(people["first"], count), views)
    after = held(without(sampled(people["second"], count), begin, end + 1), views)
    return (f"{len(starts(plan))} cuts; held {percent(before)} before, {percent(after)} after",
            not starts(plan) and min(before, after) >= 0.9)


def entering_rule(plan, truth):
    views = windows(plan, truth["frames"])
    share, rest = held(sampled(truth["people"]["body"], truth["frames"]), views), resting(views)
    return f"held {percent(share)}; at rest {percent(rest)}", share >= 0.9 and rest >= 0.5


def occlusion_rule(plan, truth):
    count, (begin, end) = truth["frames"], truth["passing"]
    views = windows(plan, count)
    share, far = held(without(sampled(truth["people"]["face"], count), begin, end), views), moved(views, begin, end)
    return f"moved {percent(far)}; held {percent(share)} before and after", far <= 0.03 and share >= 0.95


def anyone_rule(plan, truth, least=0.9):
    everyone = list(zip(*(sampled(boxes, truth["frames"]) for boxes in truth["people"].values())))
    share = one_held(everyone, windows(plan, truth["frames"]))
    return f"held {percent(share)}", share >= least


def letterbox_rule(plan, truth):
    views = windows(plan, truth["frames"])
    figure, good = face_rule(plan, truth)
    rows = within_rows(views, BAR, 1 - BAR)
    return f"{percent(rows)} of the windows within the bars; {figure}", good and rows == 1


def captions_rule(plan, truth):
    found = [(float(Fraction(one["from"])), float(Fraction(one["to"])), as_box(one["strip"]))
             for shot in plan["wanted"]["shots"] for one in shot["captions"]]
    faults = caption_faults(found, truth["captions"])
    known = len(truth["captions"])
    return (f"{known - faults['missed']} of {known}, {faults['false']} false, {faults['uncovered']} not covered",
            not any(faults.values()))


def turn_rule(plan, truth):
    count, turn = truth["frames"], truth["turn"]
    views = windows(plan, count)
    left, right = (sampled(truth["people"][name], count) for name in ("left", "right"))
    speaker = [left[at] if at / 10 < turn else right[at] for at in range(len(views))]
    share = held(without(speaker, turn, turn + 1), views)
    jumps = sum(abs(one[0] - other[0]) > 0.1 for one, other in zip(views, views[1:]))
    return f"{jumps} jumps; who speaks is held {percent(share)}", jumps == 1 and share >= 0.95


def crowd_rule(plan, truth):
    figure, good = anyone_rule(plan, truth, 0.95)
    return f"{', '.join(map(str, modes(plan)))}; {figure}", good and set(modes(plan)) == {"static"}


def nobody_rule(plan, truth):
    subjects = sum(len(shot["subjects"]) for shot in plan["wanted"]["shots"])
    rest = resting(windows(plan, truth["frames"]))
    return (f"{', '.join(map(str, modes(plan)))}; {subjects} subjects; at rest {percent(rest)}",
            set(modes(plan)) == {"static"} and not subjects and rest == 1)


def layouts(plan):
    return sorted({shot["layout"] for shot in plan["wanted"]["shots"]})


def stack_rule(plan, truth):
    count = truth["frames"]
    if layouts(plan) != ["stack"]:
        return f"layout {', '.join(layouts(plan))}", False
    left, right = (sampled(truth["people"][name], count) for name in ("left", "right"))
    share = each_in_own_half(left, right, windows(plan, count), windows(plan, count, "lower"))
    return f"layout stack; each in its own half {percent(share)}", share >= 0.95


def fit_rule(plan, truth):
    return f"layout {', '.join(layouts(plan))}", layouts(plan) == ["fit"]


# Name, how it is made, options, the rule in words, and the rule.
SCENES = (
    ("alternating", alternating, (), "shot and reverse shot: every cut to the frame, the face held in 95%", shots_rule),
    ("over the shoulder", over_the_shoulder, (), "the face beyond a dark back held in 95%", face_rule),
    ("whip pan", whip_pan, (), "no cut, the first held before, the second from 1 s after it on, in 90%", pan_rule),
    ("entering and leaving", entering, (), "the body held in 90% of its stay, the window at rest for half of the film",
     entering_rule),
    ("occlusion", occlusion, (), "somebody passes before the face for 0.6 s: the window moves by 3% at most meanwhile, "
     "the face held before and after in 95%", occlusion_rule),
    ("backs", backs, (), "one of two who are seen from behind held in 90%", anyone_rule),
    ("dark", dark, (), "as alternating, at a quarter of the brightness, with noise", shots_rule),
    ("letterboxed", letterboxed, (), "every window within the bars, the face held in 95%", letterbox_rule),
    ("subtitled", subtitled, (), "every line found within two frames of its times, none else, all of it covered",
     captions_rule),
    ("crowd", crowd, (), "the window stands, one of five faces held in 95%", crowd_rule),
    ("nobody", nobody, (), "the window stands, no subjects", nobody_rule),
    ("turn of speech", turn_of_speech, (), "two too far apart for one window, of whom first one speaks and then the other: "
     "one jump, who speaks is held in 95%, but for 1 s after the turn", turn_rule),
    ("two stacked", two, ("--two-shots", "stack"), "`--two-shots stack`: two halves, each face in its own in 95%",
     stack_rule),
    ("two fitted", two, ("--two-shots", "fit"), "`--two-shots fit`: all of the picture is shown", fit_rule),
)
MIRRORED = ("alternating", "over the shoulder", "entering and leaving", "turn of speech")


def planned(upright, film, options):
    """The plan of a film. What was seen in it before is not used again: it may be another program that sees now."""
    plan, analysis = f"{film}.plan.json", f"{film}.analysis.json"
    if os.path.exists(analysis):
        os.remove(analysis)
    films.run(upright, "plan", film, "-o", plan, "--overwrite", "-q", "--progress", "none", "--analysis", analysis,
              *options)
    with open(plan) as file:
        return json.load(file)


def sheet(path, truth, plan, target):
    """Some pictures of a scene with what is known in green and the window in white, to look at."""
    film, count = films.Film(path), truth["frames"]
    numbers = [round((at + 0.5) * count / 12) for at in range(12)]
    shown = []
    for number, picture in film.frames(240, numbers):
        picture = picture.copy()
        time = Fraction(number, RATE)
        shot = shot_at(plan, time)
        boxes = [(as_box(window_at(shot[track], time)), (255, 255, 255)) for track in ("track", "lower") if shot[track]]
        boxes += [(boxes[number], (0, 255, 0)) for boxes in truth["people"].values() if boxes[number]]
        for box, colour in boxes:
            tall, wide = picture.shape[:2]
            left, right = (min(max(round(box[side] * wide), 0), wide - 2) for side in (0, 2))
            top, bottom = (min(max(round(box[side] * tall), 0), tall - 2) for side in (1, 3))
            picture[top : top + 2, left:right] = picture[bottom : bottom + 2, left:right] = colour
            picture[top:bottom, left : left + 2] = picture[top:bottom, right : right + 2] = colour
        shown.append(picture)
    rows = np.concatenate([np.concatenate(shown[at : at + 4], 1) for at in range(0, 12, 4)])
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s",
                    f"{rows.shape[1]}x{rows.shape[0]}", "-i", "-", "-frames:v", "1", "-update", "1", target],
                   input=rows.tobytes(), check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("upright")
    parser.add_argument("work", help="folder for the films and their plans")
    parser.add_argument("--footage", default=films.FOOTAGE, help="folder of the clips [default: ../shared/footage]")
    parser.add_argument("--only", help="names of scenes, or mirrored, with commas between them")
    parser.add_argument("--json", help="file of the figures")
    told = parser.parse_args()
    only = told.only.split(",") if told.only else [*(scene[0] for scene in SCENES), "mirrored"]
    missing = [clip for clip in CLIPS if not os.path.exists(os.path.join(told.footage, clip))]
    if missing:
        # Without people to make them of there are no scenes, and no figures that would look like some.
        print(f"scenes.py: no scenes, as {told.footage} has no {', '.join(missing)}", file=sys.stderr)
        if told.json and os.path.exists(told.json):
            os.remove(told.json)
        return
    os.makedirs(told.work, exist_ok=True)
    results, plans = [], {}

    def row(name, rule, figure, met):
        results.append({"scene": name, "rule": rule, "figure": figure, "met": met})
        print(f"{name:28} {'-' if met is None else 'yes' if met else 'NO':4} {figure}", file=sys.stderr)

    try:
        for name, make, options, words, rule in SCENES:
            if name not in only and not ("mirrored" in only and name in MIRRORED):
                continue
            if make is subtitled and not can_draw():
                row(name, words, "not made: FFmpeg has no font", None)
                continue
            path, truth = made(make.__name__, told.work, told.footage, make)
            plan = planned(told.upright, path, options)
            plans[name] = path, truth, plan
            sheet(path, truth, plan, os.path.join(told.work, f"{name.replace(' ', '-')}.png"))
            if name in only:
                row(name, words, *rule(plan, truth))
        for name in MIRRORED if "mirrored" in only else ():
            path, truth, plan = plans[name]
            other = planned(told.upright, mirrored_film(path), ())
            median, most = apart(windows(plan, truth["frames"]), windows(other, truth["frames"]))
            row(f"{name}, mirrored", "the mirror image of the window, to within 3% of the width in the median",
                f"median {percent(median)}, most {percent(most)}", median <= 0.03)
    except RuntimeError as error:
        sys.exit(f"scenes.py: {error}")
    films.tell({"scenes": results}, told.json)


if __name__ == "__main__":
    main()
