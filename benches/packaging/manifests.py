"""Reads HLS playlists (RFC 8216) and DASH manifests (ISO/IEC 23009-1)."""

import re
import xml.etree.ElementTree as tree
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Segment:
    seconds: float
    file: Path
    start: int
    length: int


@dataclass
class Media:
    """A media playlist. A file without a range is one segment."""

    tags: dict
    segments: list


@dataclass
class Multivariant:
    tags: dict
    # Attributes of each variant, with its playlist under URI.
    variants: list = field(default_factory=list)
    keys: list = field(default_factory=list)
    renditions: list = field(default_factory=list)


def attributes(text):
    found = re.findall(r'([A-Z0-9-]+)=("[^"]*"|[^,]*)', text)
    return {name: value.strip('"') for name, value in found}


def lines(path):
    return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def tag(line):
    name, _, value = line.partition(":")
    return name, value


def multivariant(path):
    playlist = Multivariant({})
    waiting = None
    for line in lines(path):
        name, value = tag(line)
        if name == "#EXT-X-STREAM-INF":
            waiting = attributes(value)
        elif name == "#EXT-X-I-FRAME-STREAM-INF":
            playlist.keys.append(attributes(value))
        elif name == "#EXT-X-MEDIA":
            playlist.renditions.append(attributes(value))
        elif line.startswith("#"):
            playlist.tags[name] = value
        elif waiting is not None:
            playlist.variants.append(waiting | {"URI": line})
            waiting = None
    return playlist


def media(path):
    playlist = Media({}, [])
    seconds, given, ends = 0.0, None, {}
    for line in lines(path):
        name, value = tag(line)
        if name == "#EXTINF":
            seconds = float(value.split(",")[0])
        elif name == "#EXT-X-BYTERANGE":
            given = value
        elif line.startswith("#"):
            playlist.tags[name] = value
        else:
            file = path.parent / line
            if given:
                length, _, start = given.partition("@")
                # Without a place it follows the segment before.
                start, length = int(start or ends[file]), int(length)
            else:
                start, length = 0, file.stat().st_size
            ends[file] = start + length
            playlist.segments.append(Segment(seconds, file, start, length))
            given = None
    return playlist


def peak(segments):
    """Bits a second: the most of any segments in succession that last 0.5 to 1.5 target durations (RFC 8216, 4.1)."""
    target, most = max(segment.seconds for segment in segments), 0.0
    for begin in range(len(segments)):
        seconds = length = 0
        for segment in segments[begin:]:
            seconds, length = seconds + segment.seconds, length + segment.length
            if 0.5 * target <= seconds <= 1.5 * target:
                most = max(most, 8 * length / seconds)
    return most


def average(segments):
    return 8 * sum(segment.length for segment in segments) / sum(segment.seconds for segment in segments)


def duration(text):
    """Seconds of an XML Schema duration of hours, minutes and seconds."""
    found = re.fullmatch(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?", text or "")
    if not found:
        raise ValueError(f"{text!r} is no duration")
    hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return 3600 * hours + 60 * minutes + seconds


def dash(path):
    """Gives the duration, and of each Representation its attributes, with those of its set and its file."""
    root = tree.parse(path).getroot()
    name = lambda element: element.tag.rpartition("}")[2]
    representations = []
    for group in (it for it in root.iter() if name(it) == "AdaptationSet"):
        for it in (it for it in group if name(it) == "Representation"):
            base = next((child.text for child in it.iter() if name(child) == "BaseURL"), None)
            representations.append({**group.attrib, **it.attrib, "BaseURL": base})
    return duration(root.get("mediaPresentationDuration")), representations
