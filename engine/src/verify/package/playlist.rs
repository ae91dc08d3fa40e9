//! HLS playlists, line by line.

use std::collections::BTreeMap;

/// A playlist: its tags in order, and the URIs after them.
#[derive(Debug, Default)]
pub(super) struct Playlist {
    pub(super) tags: Vec<Tag>,
    pub(super) segments: Vec<Segment>,
    /// Variants of a multivariant playlist: their attributes, and the URI in the next line.
    pub(super) variants: Vec<(Attributes, String)>,
    /// What cannot be read.
    pub(super) faults: Vec<String>,
}

#[derive(Debug)]
pub(super) struct Tag {
    /// Without `#`.
    pub(super) name: String,
    pub(super) value: String,
}

/// A segment of a media playlist.
#[derive(Debug, Default)]
pub(super) struct Segment {
    pub(super) uri: String,
    pub(super) seconds: f64,
    /// Bytes, and where they begin, if a range is told.
    pub(super) range: Option<(u64, Option<u64>)>,
}

pub(super) type Attributes = BTreeMap<String, String>;

impl Playlist {
    pub(super) fn read(text: &str) -> Self {
        let mut playlist = Self::default();
        let mut lines = text.lines();
        if lines.next() != Some("#EXTM3U") {
            playlist.faults.push("does not begin with #EXTM3U".to_owned());
        }
        let (mut segment, mut variant): (Option<Segment>, Option<Attributes>) = (None, None);
        for (number, line) in lines.enumerate().map(|(index, line)| (index + 2, line.trim_end())) {
            if line.is_empty() {
                continue;
            }
            let Some(tag) = line.strip_prefix('#') else {
                match (variant.take(), segment.take()) {
                    (Some(attributes), _) => playlist.variants.push((attributes, line.to_owned())),
                    (None, Some(segment)) => playlist.segments.push(Segment { uri: line.to_owned(), ..segment }),
                    (None, None) => {
                        playlist.faults.push(format!("line {number}: a URI without the tag that belongs to it"));
                    }
                }
                continue;
            };
            if !tag.starts_with("EXT") {
                continue;
            }
            let (name, value) = tag.split_once(':').unwrap_or((tag, ""));
            match name {
                "EXTINF" => {
                    let seconds = value.split(',').next().and_then(|seconds| seconds.parse().ok());
                    match seconds.filter(|_| value.contains(',')) {
                        Some(seconds) => segment.get_or_insert_default().seconds = seconds,
                        None => playlist.faults.push(format!("line {number}: EXTINF:{value}")),
                    }
                }
                "EXT-X-BYTERANGE" => match byte_range(value) {
                    Some(range) => segment.get_or_insert_default().range = Some(range),
                    None => playlist.faults.push(format!("line {number}: EXT-X-BYTERANGE:{value}")),
                },
                "EXT-X-STREAM-INF" => match attributes(value) {
                    Some(attributes) => variant = Some(attributes),
                    None => playlist.faults.push(format!("line {number}: its attributes cannot be read")),
                },
                _ => {}
            }
            playlist.tags.push(Tag { name: name.to_owned(), value: value.to_owned() });
        }
        if segment.is_some() || variant.is_some() {
            playlist.faults.push("ends before a URI".to_owned());
        }
        playlist
    }

    /// The value of the first tag of this name.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.tags.iter().find(|tag| tag.name == name).map(|tag| &*tag.value)
    }

    /// The attributes of all tags of this name; what cannot be read has none.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = Attributes> {
        self.tags.iter().filter(move |tag| tag.name == name).map(|tag| attributes(&tag.value).unwrap_or_default())
    }
}

/// Reads `LENGTH[@OFFSET]`.
pub(super) fn byte_range(text: &str) -> Option<(u64, Option<u64>)> {
    match text.split_once('@') {
        Some((length, offset)) => Some((length.parse().ok()?, Some(offset.parse().ok()?))),
        None => Some((text.parse().ok()?, None)),
    }
}

/// Reads a list of attributes (RFC 8216, 4.2); none where it is none, or has a name twice.
pub(super) fn attributes(mut text: &str) -> Option<Attributes> {
    let mut all = Attributes::new();
    while !text.is_empty() {
        let (name, rest) = text.split_once('=')?;
        let is_name = !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-');
        let (value, after) = match rest.strip_prefix('"') {
            Some(rest) => rest.split_once('"')?,
            None => rest.split_at(rest.find(',').unwrap_or(rest.len())),
        };
        if !is_name || all.insert(name.to_owned(), value.to_owned()).is_some() {
            return None;
        }
        text = match after.strip_prefix(',') {
            Some(next) if !next.is_empty() => next,
            None if after.is_empty() => "",
            _ => return None,
        };
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn attributes_are_read_and_what_is_none_is_not() {
        let read = attributes("BANDWIDTH=12,CODECS=\"av01.0.08M.08,mp4a.40.2\",NAME=\"\"").unwrap();
        let expected = [("BANDWIDTH", "12"), ("CODECS", "av01.0.08M.08,mp4a.40.2"), ("NAME", "")];
        assert_eq!(read, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
        for wrong in ["A", "A=1,", "A=1,A=2", "A=\"1", "a=1", "A=\"1\"x", ",A=1"] {
            assert_eq!(attributes(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read(lines in prop::collection::vec("(#EXT[A-Z-]{0,20})?:?[A-Z]{0,3}=?\"?[a-z0-9@,.:\"-]{0,12}", 0..12), head: bool) {
            let text = format!("{}{}", if head { "#EXTM3U\n" } else { "" }, lines.join("\n"));
            let playlist = Playlist::read(&text);
            prop_assert!(playlist.segments.len() + playlist.variants.len() <= lines.len());
            prop_assert!(head || !playlist.faults.is_empty());
        }
    }

    #[test]
    fn playlists_are_read_and_faults_are_told() {
        let text = "#EXTM3U\n#EXT-X-MAP:URI=\"a\"\n#EXTINF:2.5,\n#EXT-X-BYTERANGE:7@9\na\n#a remark\n#EXT-X-ENDLIST\n";
        let playlist = Playlist::read(text);
        assert!(playlist.faults.is_empty());
        let segment = &playlist.segments[0];
        assert_eq!((&*segment.uri, segment.seconds, segment.range), ("a", 2.5, Some((7, Some(9)))));
        assert_eq!(playlist.value("EXT-X-ENDLIST"), Some(""));
        for wrong in [
            "",
            "#EXTM3U\na\n",
            "#EXTM3U\n#EXTINF:x,\n",
            "#EXTM3U\n#EXTINF:2\n",
            "#EXTM3U\n#EXTINF:2,\n",
            "#EXTM3U\n#EXT-X-STREAM-INF:A\n",
        ] {
            assert!(!Playlist::read(wrong).faults.is_empty(), "{wrong}");
        }
    }
}
