//! What is wrong with a package: which rule, in which file, and why.

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

/// Something that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Finding {
    /// The rule that is broken.
    #[schemars(with = "String")]
    pub rule: Rule,
    /// The file in which it is.
    pub file: String,
    /// What is there, and what should be.
    pub why: String,
}

/// Declares the rules: each with its name and the sentence that it is.
macro_rules! rules {
    ($($variant:ident $name:literal $sentence:literal)+) => {
        /// A rule that a package is checked by.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Rule {
            $(#[doc = $sentence] $variant,)+
        }

        impl Rule {
            /// Its name, which stays.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// Gives the sentence that it is.
            pub fn sentence(self) -> &'static str {
                match self {
                    $(Self::$variant => $sentence,)+
                }
            }
        }
    };
}

rules! {
    FileMissing "file-missing" "Every file that a manifest names is there."
    Boxes "boxes" "A track file is a run of whole boxes: ftyp, moov, sidx, and fragments of moof and mdat."
    Brands "brands" "ftyp has the brand cmfc, and av01 where the track is AV1."
    OneTrack "one-track" "A track file has one track, with a sample entry that is known here."
    SampleEntry "sample-entry" "av1C says what the sequence header says, and holds it."
    PictureSize "picture-size" "The sizes in the track header and in the sample entry are those of the pictures."
    ColourTags "colour-tags" "colr is there, with the tags of the sequence header."
    PixelAspect "pixel-aspect" "pasp is there, and pixels are square."
    Fragment "fragment" "A moof has one traf with one trun, and a tfdt."
    Offsets "offsets" "Samples lie in the mdat behind their moof, one after the other, and fill it."
    Composition "composition-times" "Samples of AV1 and of sound have no composition offsets."
    Times "times" "A fragment begins where the one before it ends."
    KeyFlags "key-flags" "Samples that are marked as key frames are key frames, with a sequence header, and no others are."
    SequenceHeader "sequence-header" "All sequence headers of a track are that of av1C."
    Delimiters "temporal-delimiters" "Samples have no temporal delimiters."
    Shown "shown-frames" "Each sample shows one frame."
    Index "index" "sidx describes the segments: their bytes, their durations, and that they begin with key frames."
    SegmentKey "segment-key" "Every segment begins with a key frame."
    Alignment "alignment" "Segments and key frames are at the same instants in all renditions."
    SoundCut "sound-cut" "Sound is cut where the picture is, to within a frame of sound."
    Duration "duration" "All tracks last as long as one another, to within a frame and the decoder's delay."
    PlaylistSyntax "playlist-syntax" "A playlist begins with #EXTM3U, and its tags and attributes can be read."
    PlaylistVersion "playlist-version" "EXT-X-VERSION is at least what the playlist's tags need."
    PlaylistType "playlist-type" "A playlist of a film is of type VOD and ends with EXT-X-ENDLIST."
    TargetDuration "target-duration" "No segment, rounded to seconds, is longer than EXT-X-TARGETDURATION, which is the same in all renditions."
    SegmentDuration "segment-duration" "EXTINF is what the samples of the segment last."
    Map "map" "EXT-X-MAP is the header of the track, all of it and nothing else."
    ByteRange "byte-range" "Segments, files or ranges of one, are whole fragments, one after the other, up to the end of the track."
    IndependentSegments "independent-segments" "The multivariant playlist says EXT-X-INDEPENDENT-SEGMENTS."
    Attributes "attributes" "A variant has BANDWIDTH, AVERAGE-BANDWIDTH, CODECS, RESOLUTION and FRAME-RATE."
    Bandwidth "bandwidth" "BANDWIDTH is the measured peak, to within 10%."
    AverageBandwidth "average-bandwidth" "AVERAGE-BANDWIDTH is the measured average, to within 10%."
    Codecs "codecs" "CODECS and codecs name the streams as they are, with levels of two digits."
    Resolution "resolution" "RESOLUTION is the size of the pictures."
    FrameRate "frame-rate" "FRAME-RATE is the highest that the track has, to within a thousandth."
    VideoRange "video-range" "VIDEO-RANGE is that of the stream, and is there unless all is SDR."
    AudioGroup "audio-group" "The group of sound that a variant names is there, with one default track and names that differ."
    Opus "opus" "Opus is in DASH alone, of 48 kHz; its edit list leaves out its pre-skip, and all samples are of a group that rolls 80 ms."
    StereoAac "stereo-aac" "Where there is sound, there is AAC-LC of two channels."
    Text "text" "Text is WebVTT with X-TIMESTAMP-MAP, in playlists that last as long as the picture, in the group that variants name."
    TextSegments "text-segments" "Segments of text are no longer than the target duration of the picture; each has the cues that are shown while it lasts, and no others."
    Thumbnails "thumbnails" "Stills are JPEG files of whole grids, of the size that is told, for all of the film."
    KeyPlaylist "key-playlist" "Each rendition has a playlist of its key frames, whose ranges are key frames, all of them."
    Mpd "mpd" "The DASH manifest is XML, static, with profiles and one period that lasts as long as the film."
    MpdRepresentation "mpd-representation" "A Representation has codecs, bandwidth and, of pictures, width, height and frameRate as they are."
    MpdRanges "mpd-ranges" "Initialization and indexRange are the header and the index of the file."
    MpdTimeline "mpd-timeline" "SegmentTimeline says when the segment of each file begins, and how long it lasts."
    MpdSets "mpd-sets" "Renditions of a set are aligned and begin with key frames, and it says so."
    SameTracks "same-tracks" "HLS and DASH are of the same tracks, with the same text."
    Protection "protection" "An encrypted track is encv or enca, with sinf: frma, schm of cbcs, and tenc with a pattern for pictures alone and a constant IV."
    SampleEncryption "sample-encryption" "senc, saiz and saio describe each sample of an encrypted picture, whose tiles are protected, and nothing else."
    KeyTags "key-tags" "Playlists of encrypted tracks have EXT-X-KEY of METHOD SAMPLE-AES with the track's key id, if any; others have none."
    MpdProtection "mpd-protection" "ContentProtection of an encrypted track says cbcs and its key id; others have none."
    Keys "keys" "Keys that were given are those of the tracks, by id and IV."
    Decoding "decoding" "Every frame decodes."
}

impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// Findings as they are made, at most so many of each rule and file: the first tell what is wrong.
#[derive(Debug, Default)]
pub(super) struct Findings(Vec<Finding>);

/// Findings of one rule in one file that are kept.
const MOST: usize = 5;

impl Findings {
    pub(super) fn add(&mut self, rule: Rule, file: &str, why: impl Into<String>) {
        let like = self.0.iter().filter(|finding| finding.rule == rule && finding.file == file).count();
        if like < MOST {
            self.0.push(Finding { rule, file: file.to_owned(), why: why.into() });
        }
    }

    /// Says that a rule is broken unless it is kept.
    pub(super) fn rule(&mut self, kept: bool, rule: Rule, file: &str, why: impl FnOnce() -> String) {
        if !kept {
            self.add(rule, file, why());
        }
    }

    pub(super) fn into_list(self) -> Vec<Finding> {
        self.0
    }
}
