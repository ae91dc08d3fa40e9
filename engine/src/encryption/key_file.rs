//! The file of keys, as TOML. The README describes the format.

use super::hex;
use super::key::{ContentKey, HlsKey};
use super::key_id::KeyId;
use super::pssh::Pssh;
use crate::error::{Error, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use std::fs::File;
use std::io::{self, Read as _};
use std::ops::Range;
use std::path::Path;
use toml::Spanned;

/// The longest file that is read, in bytes.
const LONGEST: u64 = 1 << 20;
/// Hexadecimal digits in succession from which on a message may tell something of a key.
const SECRET_DIGITS: usize = 6;

/// Keys, and which tracks each is for.
#[derive(Clone, Debug)]
pub struct KeyFile {
    keys: Vec<(Vec<Tracks>, ContentKey)>,
}

/// Tracks that a key is for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Tracks {
    All,
    Video,
    Audio,
    /// One rendition of the picture, by its name: `1080x1920`.
    Rendition(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    key: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    tracks: Option<Vec<Spanned<String>>>,
    kid: Spanned<String>,
    key: Spanned<String>,
    iv: Option<Spanned<String>>,
    #[serde(default)]
    pssh: Vec<Spanned<String>>,
    #[serde(default)]
    hls: Vec<HlsEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HlsEntry {
    uri: Spanned<String>,
    format: Option<Spanned<String>>,
    versions: Option<Spanned<String>>,
}

impl KeyFile {
    /// Reads the file at `path`. Others than its owner should not be able to: where they are, a warning says so.
    ///
    /// # Errors
    /// [`Error::SourceMissing`]; [`Error::Io`]; those of [`KeyFile::parse`].
    pub fn read(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|cause| match cause.kind() {
            io::ErrorKind::NotFound => Error::SourceMissing { path: path.to_path_buf() },
            _ => Error::io(path, "cannot open the keys")(cause),
        })?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = file.metadata().map_err(Error::io(path, "cannot read the keys"))?.permissions().mode();
            if mode & 0o077 != 0 {
                log::warn!(
                    "{}: others can read or change the keys in it; chmod 600 leaves them to you",
                    path.display()
                );
            }
        }
        let mut text = String::new();
        let read = file.take(LONGEST + 1).read_to_string(&mut text);
        let length = read.map_err(Error::io(path, "cannot read the keys"))?;
        if length as u64 > LONGEST {
            return Err(Error::io(path, "cannot read the keys")(io::ErrorKind::FileTooLarge.into()));
        }
        Self::parse(&path.display().to_string(), &text)
    }

    /// Parses the text of a file that is called `name`.
    ///
    /// # Errors
    /// [`Error::BadKeys`] with the line of what is wrong: no TOML, a key or an id that is none, an id twice, a track with two keys.
    pub fn parse(name: &str, text: &str) -> Result<Self> {
        let line = |at: &Range<usize>| 1 + text.bytes().take(at.start).filter(|&byte| byte == b'\n').count() as u64;
        let bad = |at: Option<Range<usize>>, why: String| Error::BadKeys {
            name: name.to_owned(),
            line: at.as_ref().map(line),
            why,
        };
        let document: Document =
            toml::from_str(text).map_err(|error| bad(error.span(), without_secrets(error.message())))?;
        let mut keys: Vec<(Vec<Tracks>, ContentKey)> = Vec::new();
        for entry in document.key {
            let id = KeyId::read(entry.kid.get_ref())
                .ok_or_else(|| bad(Some(entry.kid.span()), "kid: must be 32 hexadecimal digits, or a UUID".into()))?;
            if keys.iter().any(|(_, key)| key.id == id) {
                return Err(bad(Some(entry.kid.span()), format!("kid {id}: is the id of another key too")));
            }
            let number = |what: &str, text: &Spanned<String>| {
                let why = || format!("{what}: must be 32 hexadecimal digits, which are 16 bytes");
                hex::read(text.get_ref()).ok_or_else(|| bad(Some(text.span()), why()))
            };
            let secret = number("key", &entry.key)?;
            let iv = entry.iv.as_ref().map(|iv| number("iv", iv)).transpose()?;
            let mut pssh = Vec::new();
            for text in &entry.pssh {
                let bytes = STANDARD.decode(text.get_ref().trim()).ok();
                let boxes = bytes.and_then(|bytes| Pssh::read_all(&bytes));
                pssh.extend(
                    boxes.ok_or_else(|| bad(Some(text.span()), "pssh: must be boxes of pssh in base64".into()))?,
                );
            }
            let mut hls = Vec::new();
            for own in &entry.hls {
                let plain = |what: &str, text: &Spanned<String>| {
                    let is_plain = |letter: char| letter != '"' && !letter.is_control();
                    let kept = !text.get_ref().is_empty() && text.get_ref().chars().all(is_plain);
                    let why = || format!("{what}: must be text without quotation marks and ends of lines");
                    if kept { Ok(text.get_ref().clone()) } else { Err(bad(Some(text.span()), why())) }
                };
                let or = |what: &str, text: &Option<Spanned<String>>, default: &str| {
                    text.as_ref().map_or_else(|| Ok(default.to_owned()), |text| plain(what, text))
                };
                hls.push(HlsKey {
                    uri: plain("uri", &own.uri)?,
                    format: or("format", &own.format, "identity")?,
                    versions: or("versions", &own.versions, "1")?,
                });
            }
            let mut tracks = Vec::new();
            for text in entry.tracks.iter().flatten() {
                let which = Tracks::read(text.get_ref()).ok_or_else(|| {
                    let why = "must be all, video, audio, or a rendition by its name, such as 1080x1920";
                    bad(Some(text.span()), format!("tracks {:?}: {why}", text.get_ref()))
                })?;
                if tracks.contains(&which) || keys.iter().any(|(others, _)| others.contains(&which)) {
                    let why = format!("tracks {:?}: are named already", text.get_ref());
                    return Err(bad(Some(text.span()), why));
                }
                tracks.push(which);
            }
            if entry.tracks.is_none() {
                if keys.iter().any(|(others, _)| others.contains(&Tracks::All)) {
                    let why = "a second key for all tracks: say by tracks which of them each is for";
                    return Err(bad(Some(entry.kid.span()), why.into()));
                }
                tracks.push(Tracks::All);
            }
            if tracks.is_empty() {
                return Err(bad(Some(entry.kid.span()), "tracks: at least one is needed; leave it out for all".into()));
            }
            keys.push((tracks, ContentKey::new(id, secret, iv, pssh, hls)));
        }
        if keys.is_empty() {
            return Err(bad(None, "has no key".into()));
        }
        Ok(Self { keys })
    }

    /// The key for a rendition of the picture.
    pub(crate) fn for_video(&self, rendition: &str) -> Option<&ContentKey> {
        let own = Tracks::Rendition(rendition.to_owned());
        [own, Tracks::Video, Tracks::All].iter().find_map(|tracks| self.key_for(tracks))
    }

    /// The key for the sound.
    pub(crate) fn for_audio(&self) -> Option<&ContentKey> {
        [Tracks::Audio, Tracks::All].iter().find_map(|tracks| self.key_for(tracks))
    }

    fn key_for(&self, tracks: &Tracks) -> Option<&ContentKey> {
        self.keys.iter().find(|(those, _)| those.contains(tracks)).map(|(_, key)| key)
    }

    /// The key with an id.
    pub(crate) fn of_id(&self, id: KeyId) -> Option<&ContentKey> {
        self.keys.iter().map(|(_, key)| key).find(|key| key.id == id)
    }
}

impl Tracks {
    fn read(text: &str) -> Option<Self> {
        let is_name = || {
            let size = text.split('-').next().unwrap_or_default();
            let is_side = |side: &str| !side.is_empty() && side.bytes().all(|byte| byte.is_ascii_digit());
            size.split_once('x').is_some_and(|(width, height)| is_side(width) && is_side(height))
        };
        match text {
            "all" => Some(Self::All),
            "video" => Some(Self::Video),
            "audio" => Some(Self::Audio),
            name => is_name().then(|| Self::Rendition(name.to_owned())),
        }
    }
}

/// Makes one line of a message of the parser, without digits that may be those of a key.
fn without_secrets(message: &str) -> String {
    let mut text = String::new();
    let mut digits = String::new();
    for letter in message.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).chain([' ']) {
        if letter.is_ascii_hexdigit() {
            digits.push(letter);
            continue;
        }
        let may_be_secret = digits.len() >= SECRET_DIGITS && digits.bytes().any(|byte| byte.is_ascii_digit());
        text.push_str(if may_be_secret { "..." } else { &digits });
        digits.clear();
        text.push(letter);
    }
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "kid = \"11111111111111111111111111111111\"\nkey = \"00112233445566778899aabbccddeeff\"\n";
    const TWO: &str = "kid = \"22222222-2222-2222-2222-222222222222\"\nkey = \"ffeeddccbbaa99887766554433221100\"\n";

    fn id(key: Option<&ContentKey>) -> Option<u8> {
        key.map(|key| key.id.0[0] >> 4)
    }

    #[test]
    fn each_track_has_the_key_that_names_it_best() {
        let keys = KeyFile::parse("keys", &format!("[[key]]\n{ONE}")).unwrap();
        assert_eq!([id(keys.for_video("1080x1920")), id(keys.for_audio())], [Some(1); 2]);
        let text =
            format!("[[key]]\ntracks = [\"video\"]\n{ONE}[[key]]\ntracks = [\"360x640\", \"360x640-sdr\"]\n{TWO}");
        let keys = KeyFile::parse("keys", &text).unwrap();
        let found = ["1080x1920", "360x640", "360x640-sdr"].map(|name| id(keys.for_video(name)));
        assert_eq!((found, id(keys.for_audio())), ([Some(1), Some(2), Some(2)], None));
        assert_eq!(id(keys.of_id(KeyId([0x22; 16]))), Some(2));
    }

    #[test]
    fn what_goes_with_a_key_is_read() {
        let pssh = STANDARD.encode(Pssh::common(KeyId([3; 16])).bytes);
        let text = format!(
            "[[key]]\n{ONE}iv = \"000102030405060708090a0b0c0d0e0f\"\npssh = [\"{pssh}\"]\n\
             hls = [{{ uri = \"skd://1\", format = \"com.apple.streamingkeydelivery\" }}, {{ uri = \"https://k/1\" }}]\n"
        );
        let keys = KeyFile::parse("keys", &text).unwrap();
        let key = keys.for_audio().unwrap();
        assert_eq!((key.iv()[15], key.pssh.len(), key.hls.len()), (15, 1, 2));
        assert_eq!(
            (&*key.hls[0].format, &*key.hls[1].format, &*key.hls[1].versions),
            ("com.apple.streamingkeydelivery", "identity", "1")
        );
    }

    #[test]
    fn faults_are_told_with_their_lines_and_without_keys() {
        let all = |text: &str| format!("[[key]]\n{text}");
        let cases = [
            (String::new(), None, "missing field `key`"),
            ("key = []".to_owned(), None, "has no key"),
            (all(&ONE.replace("aabb", "aaxx")), Some(3), "key: must be 32 hexadecimal digits"),
            (all(&ONE.replace("eeff", "ee")), Some(3), "key: must be 32 hexadecimal digits"),
            (all(&ONE.replace("1111", "11111")), Some(2), "kid: must be 32 hexadecimal digits"),
            (all(&format!("{ONE}iv = \"12\"")), Some(4), "iv: must be 32"),
            (all(&format!("{ONE}pssh = [\"AAAA\"]")), Some(4), "pssh: must be boxes"),
            (all(&format!("{ONE}hls = [{{ uri = \"a\\\"b\" }}]")), Some(4), "uri: must be text without"),
            (all(&format!("{ONE}secret = \"12\"")), Some(4), "unknown field `secret`"),
            (all(&format!("tracks = [\"vidoe\"]\n{ONE}")), Some(2), "tracks \"vidoe\": must be all, video"),
            (all(&format!("tracks = []\n{ONE}")), Some(3), "at least one"),
            (all(&format!("{ONE}[[key]]\n{TWO}")), Some(5), "a second key for all tracks"),
            (
                all(&format!("tracks = [\"video\"]\n{ONE}[[key]]\ntracks = [\"video\"]\n{TWO}")),
                Some(6),
                "named already",
            ),
            (all("kid = \"11111111111111111111111111111111\"\nkey = 1234567890123456\n"), Some(3), "integer `...`"),
            (all(&ONE.replace('"', "")), None, ""),
        ];
        for (text, line, words) in cases {
            let Err(Error::BadKeys { line: found, why, .. }) = KeyFile::parse("keys.toml", &text) else {
                panic!("{text} is taken");
            };
            assert!(why.contains(words) && (line.is_none() || found == line), "{text}: line {found:?}: {why}");
            assert!(!why.contains("00112233") && !why.contains("ffeedd") && !why.contains("123456"), "{why}");
        }
        let twice = all(&format!("tracks = [\"video\"]\n{ONE}[[key]]\ntracks = [\"audio\"]\n{ONE}"));
        let error = KeyFile::parse("keys.toml", &twice).unwrap_err().to_string();
        assert_eq!(error, format!("keys.toml, line 7: kid {}: is the id of another key too", "1".repeat(32)));
    }
}
