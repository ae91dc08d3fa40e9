"""A package as files show it, whoever made it."""

import manifests
import mp4

# The part by which a declared rate may be off.
RATES = 0.1
MEASURES = {"AVERAGE-BANDWIDTH": manifests.average, "BANDWIDTH": manifests.peak}


class Package:
    """What is in a folder: the tracks, and the manifests that are there."""

    def __init__(self, folder):
        self.folder = folder
        self.hls = manifests.multivariant(folder / "main.m3u8")
        mpd = folder / "manifest.mpd"
        self.dash = manifests.dash(mpd) if mpd.exists() else None
        self.tracks = {}
        self.video = [self.media(variant) for variant in self.hls.variants]
        self.audio = [self.media(rendition) for rendition in self.hls.renditions]

    def media(self, attributes):
        """The attributes of a playlist, the playlist, and the track that it names."""
        playlist = manifests.media(self.folder / attributes["URI"])
        return attributes, playlist, self.track(playlist.segments[0].file)

    def track(self, path):
        if path not in self.tracks:
            self.tracks[path] = mp4.read(path)
        return self.tracks[path]

    def pictures(self):
        return [track for _, _, track in self.video]

    def rates_off(self, name):
        """Of every variant its size, and by which part the rate it declares is off what segments show; None where it has none."""
        measure = MEASURES[name]
        sound = max((measure(playlist.segments) for _, playlist, _ in self.audio), default=0)
        for attributes, playlist, _ in self.video:
            declared = attributes.get(name)
            measured = measure(playlist.segments) + sound
            yield attributes["RESOLUTION"], int(declared) / measured - 1 if declared else None
