"""Reads track files of MP4 (ISO/IEC 14496-12) and AV1 in them ("AV1 Codec ISO Media File Format Binding"), box by box."""

from dataclasses import dataclass, field


def boxes(data, start=0, end=None):
    """Gives each box as its kind, the place of its content, and its end."""
    end = len(data) if end is None else end
    while start + 8 <= end:
        size, kind, head = int.from_bytes(data[start : start + 4], "big"), data[start + 4 : start + 8].decode("latin1"), 8
        if size == 1:
            size, head = int.from_bytes(data[start + 8 : start + 16], "big"), 16
        size = size or end - start
        if size < head or start + size > end:
            raise ValueError(f"box {kind} at {start} has {size} bytes")
        yield kind, start + head, start + size
        start += size


def find(data, path, start=0, end=None):
    """Gives all boxes at a path of kinds, as the places of their contents."""
    kind, *rest = path
    for found, begin, stop in boxes(data, start, end):
        if found == kind:
            yield from find(data, rest, begin, stop) if rest else [(begin, stop)]


def number(data, at, size=4):
    return int.from_bytes(data[at : at + size], "big")


@dataclass
class Sample:
    time: int
    duration: int
    offset: int
    place: int
    size: int


@dataclass
class Track:
    """A track in fragments: times are in ticks."""

    data: bytes
    timescale: int
    sound: bool
    brands: list
    # Boxes of the sample entry, and where the contents begin and end.
    entry: dict
    entry_kind: str
    size: tuple
    priming: int
    samples: list = field(default_factory=list)
    # Of each fragment: how many traf, trun and tfdt it has.
    fragments: list = field(default_factory=list)
    has_ctts: bool = False

    def sample(self, index):
        sample = self.samples[index]
        return self.data[sample.place : sample.place + sample.size]

    def seconds(self):
        """How long what is presented lasts."""
        last = self.samples[-1]
        return (last.time + last.duration - self.samples[0].time - self.priming) / self.timescale


    def index(self):
        """Seconds at which segments begin and the last one ends by the `sidx`, and where each begins; None without one."""
        for kind, begin, end in boxes(self.data):
            if kind == "moof":
                return None
            if kind != "sidx":
                continue
            wide = 8 if self.data[begin] else 4
            timescale, at = number(self.data, begin + 8), begin + 12
            time, place = number(self.data, at, wide), end + number(self.data, at + wide, wide)
            at += 2 * wide
            times, places = [time / timescale], []
            for _ in range(number(self.data, at + 2, 2)):
                at += 4 if not places else 12
                places.append(place)
                place += number(self.data, at) & 0x7FFFFFFF
                time += number(self.data, at + 4)
                times.append(time / timescale)
            return times, places
        return None


def read(path):
    """Reads a track file, or raises ValueError."""
    data = path.read_bytes()
    (moov,) = find(data, ["moov"])
    traks = list(find(data, ["trak"], *moov))
    if len(traks) != 1:
        raise ValueError(f"{path} has {len(traks)} tracks")
    trak = traks[0]
    (mdhd,) = find(data, ["mdia", "mdhd"], *trak)
    timescale = number(data, mdhd[0] + (20 if data[mdhd[0]] else 12))
    (hdlr,) = find(data, ["mdia", "hdlr"], *trak)
    sound = data[hdlr[0] + 8 : hdlr[0] + 12] == b"soun"
    (tkhd,) = find(data, ["tkhd"], *trak)
    size = number(data, tkhd[1] - 8) / 65536, number(data, tkhd[1] - 4) / 65536
    (stbl,) = find(data, ["mdia", "minf", "stbl"], *trak)
    (stsd,) = find(data, ["stsd"], *stbl)
    ((kind, begin, end),) = boxes(data, stsd[0] + 8, stsd[1])
    # Fields of sample entries before their boxes.
    entry = {name: place for name, *place in boxes(data, begin + (28 if sound else 78), end)}
    if not sound:
        entry["size"] = number(data, begin + 24, 2), number(data, begin + 26, 2)
    (ftyp,) = find(data, ["ftyp"])
    brands = [data[at : at + 4].decode("latin1") for at in (ftyp[0], *range(ftyp[0] + 8, ftyp[1], 4))]
    track = Track(data, timescale, sound, brands, entry, kind, size, edit(data, trak))
    track.has_ctts = any(find(data, ["ctts"], *stbl))
    # Defaults of fragments: duration and size of a sample.
    ((trex, _),) = find(data, ["mvex", "trex"], *moov)
    clock = 0
    for kind, begin, end in boxes(data):
        if kind == "moof":
            clock = fragment(track, begin - 8, end, clock, number(data, trex + 12), number(data, trex + 16))
    if not track.samples:
        raise ValueError(f"{path} has no fragments")
    return track


def edit(data, trak):
    """Ticks of media that the edit list leaves out at the beginning."""
    for begin, _ in find(data, ["edts", "elst"], *trak):
        wide, at = data[begin] == 1, begin + 8
        for _ in range(number(data, begin + 4)):
            time = number(data, at + (8 if wide else 4), 8 if wide else 4)
            if time != (1 << (64 if wide else 32)) - 1:
                return time
            at += 20 if wide else 12
    return 0


def fragment(track, moof, end, clock, default_duration, default_size):
    data, counts = track.data, {"traf": 0, "trun": 0, "tfdt": 0}
    for traf in find(data, ["traf"], moof + 8, end):
        counts["traf"] += 1
        duration, size, base = default_duration, default_size, moof
        for kind, begin, _ in boxes(data, *traf):
            flags, at = number(data, begin + 1, 3), begin + 4
            if kind == "tfhd":
                at += 4
                if flags & 1:
                    base, at = number(data, at, 8), at + 8
                at += 4 if flags & 2 else 0
                if flags & 8:
                    duration, at = number(data, at), at + 4
                if flags & 16:
                    size, at = number(data, at), at + 4
            elif kind == "tfdt":
                counts["tfdt"] += 1
                clock = number(data, at, 8 if data[begin] else 4)
            elif kind == "trun":
                counts["trun"] += 1
                clock = run(track, begin, clock, base, duration, size)
    track.fragments.append(counts)
    return clock


def run(track, begin, clock, base, duration, size):
    data = track.data
    flags, count, at, place = number(data, begin + 1, 3), number(data, begin + 4), begin + 8, base
    if flags & 1:
        place, at = base + int.from_bytes(data[at : at + 4], "big", signed=True), at + 4
    at += 4 if flags & 4 else 0
    for _ in range(count):
        lasts, bytes_, offset = duration, size, 0
        if flags & 0x100:
            lasts, at = number(data, at), at + 4
        if flags & 0x200:
            bytes_, at = number(data, at), at + 4
        at += 4 if flags & 0x400 else 0
        if flags & 0x800:
            offset, at = int.from_bytes(data[at : at + 4], "big", signed=data[begin] == 1), at + 4
        track.samples.append(Sample(clock, lasts, offset, place, bytes_))
        clock, place = clock + lasts, place + bytes_
    return clock


# --- AV1


def obus(data):
    """Gives each OBU of a sample, or of an av1C: its type, all its bytes, and what is in it."""
    at = 0
    while at < len(data):
        start, kind = at, data[at] >> 3 & 15
        at += 2 if data[at] & 4 else 1
        size = len(data) - at
        if data[start] & 2:
            size = shift = 0
            while True:
                size |= (data[at] & 127) << shift
                at, shift = at + 1, shift + 7
                if data[at - 1] < 128:
                    break
        yield kind, data[start : at + size], data[at : at + size]
        at += size


SEQUENCE_HEADER, TEMPORAL_DELIMITER, FRAME_HEADER, FRAME = 1, 2, 3, 6


class Bits:
    def __init__(self, data):
        self.value, self.left = int.from_bytes(data, "big"), 8 * len(data)

    def take(self, count):
        self.left -= count
        return self.value >> self.left & ((1 << count) - 1)

    def skip_uvlc(self):
        zeros = 0
        while not self.take(1):
            zeros += 1
        self.take(zeros)


def sequence_header(payload):
    """Reads what av1C repeats of a sequence header (AV1, 5.5), and the size of frames."""
    bits = Bits(payload)
    profile = bits.take(3)
    bits.take(1)
    tier = 0
    if bits.take(1):
        level = bits.take(5)
    else:
        model = 0
        if bits.take(1):
            bits.take(64)
            if bits.take(1):
                bits.skip_uvlc()
            model = bits.take(1)
            if model:
                delay = bits.take(5) + 1
                bits.take(32 + 10)
        displays = bits.take(1)
        for index in range(bits.take(5) + 1):
            bits.take(12)
            found = bits.take(5)
            found_tier = bits.take(1) if found > 7 else 0
            if model and bits.take(1):
                bits.take(2 * delay + 1)
            if displays and bits.take(1):
                bits.take(4)
            if index == 0:
                level, tier = found, found_tier
    widths, heights = bits.take(4) + 1, bits.take(4) + 1
    size = bits.take(widths) + 1, bits.take(heights) + 1
    if bits.take(1):
        bits.take(4 + 3)
    bits.take(3)
    bits.take(4)
    order = bits.take(1)
    if order:
        bits.take(2)
    if bits.take(1) or bits.take(1):
        # Screen content tools are chosen by frame, or used: then comes whether motion vectors are whole.
        if not bits.take(1):
            bits.take(1)
    if order:
        bits.take(3)
    bits.take(3)
    high = bits.take(1)
    twelve = bits.take(1) if profile == 2 and high else 0
    mono = bits.take(1) if profile != 1 else 0
    tags = tuple(bits.take(8) for _ in range(3)) if bits.take(1) else (2, 2, 2)
    across = down = 1
    full_range = bits.take(1) if mono or tags != (1, 13, 0) else 1
    position = 0
    if not mono and tags != (1, 13, 0):
        if profile == 1:
            across = down = 0
        elif profile == 2:
            across, down = (bits.take(1), 0) if twelve else (1, 0)
            if across and twelve:
                down = bits.take(1)
        if across and down:
            position = bits.take(2)
    fields = (profile, level, tier, high, twelve, mono, across, down, position)
    return {"fields": fields, "size": size, "depth": 12 if twelve else 10 if high else 8, "tags": (*tags, full_range)}


def configuration(content):
    """The same fields of an av1C, and the sequence header that is in it."""
    one, two = content[1], content[2]
    fields = (one >> 5, one & 31, two >> 7, two >> 6 & 1, two >> 5 & 1, two >> 4 & 1, two >> 3 & 1, two >> 2 & 1, two & 3)
    headers = [whole for kind, whole, _ in obus(content[4:]) if kind == SEQUENCE_HEADER]
    return fields, headers


def is_key(sample):
    """Whether a sample begins with a sequence header and a key frame that is shown (AV1, 5.9.2)."""
    has_header = False
    for kind, _, payload in obus(sample):
        if kind == SEQUENCE_HEADER:
            has_header = True
        elif kind in (FRAME_HEADER, FRAME):
            # show_existing_frame, frame_type, show_frame
            return has_header and payload[0] >> 4 == 0b0001
    return False
