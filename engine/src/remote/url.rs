//! URLs of objects.

use std::fmt;
use std::path::{Path, PathBuf};

/// Schemes of what lies in object stores and on web servers: Amazon's S3 and what speaks as it does, Google Cloud Storage, Azure
/// Blob Storage, and HTTP.
pub const SCHEMES: [&str; 5] = ["s3", "gs", "az", "https", "http"];

/// The URL of an object, or of all that begin with it and a slash: `s3://BUCKET/KEY`, `gs://BUCKET/KEY`, `az://CONTAINER/KEY`,
/// `https://HOST/PATH`.
///
/// Keys of buckets are taken as they are written. A web server's path is percent-encoded, as everywhere.
#[derive(Clone, PartialEq, Eq)]
pub struct ObjectUrl {
    text: String,
}

impl ObjectUrl {
    /// Reads a path; none where it is none of a URL.
    pub fn of(path: &Path) -> Option<Self> {
        let text = path.to_str()?;
        let (scheme, rest) = text.split_once("://")?;
        let scheme = scheme.to_ascii_lowercase();
        (SCHEMES.contains(&scheme.as_str()) && !rest.is_empty()).then(|| Self { text: format!("{scheme}://{rest}") })
    }

    /// The scheme, in lower case.
    pub(super) fn scheme(&self) -> &str {
        self.text.split("://").next().unwrap_or_default()
    }

    fn rest(&self) -> &str {
        &self.text[self.scheme().len() + 3..]
    }

    /// Tells whether it is a web server's.
    pub(crate) fn is_http(&self) -> bool {
        self.scheme().starts_with("http")
    }

    /// The bucket or the host, with its port and with the user, if there is one.
    pub(super) fn host(&self) -> &str {
        let ends: &[char] = if self.is_http() { &['/', '?', '#'] } else { &['/'] };
        self.rest().split(ends).next().unwrap_or_default()
    }

    /// Tells whether a user stands before the host.
    pub(super) fn has_user(&self) -> bool {
        self.is_http() && self.host().contains('@')
    }

    /// The key, or a path with its query: all that follows the host.
    pub(super) fn key(&self) -> &str {
        let after = &self.rest()[self.host().len()..];
        after.strip_prefix('/').unwrap_or(after)
    }

    /// The query of a web server's URL.
    pub(super) fn query(&self) -> Option<&str> {
        let (_, query) = self.rest().split_once('?').filter(|_| self.is_http())?;
        Some(query.split('#').next().unwrap_or_default())
    }

    /// As it was given, with its secrets.
    pub(super) fn secret(&self) -> &str {
        &self.text
    }

    /// The URL of `name` below this one, with the same query, which may be what lets everything below be read and written.
    #[must_use]
    pub fn join(&self, name: &str) -> Self {
        let (place, query) = match self.query() {
            Some(query) => (self.text.split('?').next().unwrap_or_default(), format!("?{query}")),
            None => (self.text.as_str(), String::new()),
        };
        let name = if self.is_http() { percent_encoded(name) } else { name.to_owned() };
        Self { text: format!("{}/{name}{query}", place.trim_end_matches('/')) }
    }

    /// The URL of what this one lies in: all up to its last slash, without a query.
    #[must_use]
    pub fn parent(&self) -> Self {
        let text = self.query().map_or(self.text.as_str(), |_| self.text.split('?').next().unwrap_or_default());
        let begin = self.scheme().len() + 3;
        let end = text[begin..].rfind('/').map_or(text.len(), |slash| begin + slash);
        Self { text: text[..end].to_owned() }
    }

    /// The last name of its path, which may be empty.
    pub fn file_name(&self) -> &str {
        let path = if self.is_http() { self.key().split(['?', '#']).next().unwrap_or_default() } else { self.key() };
        path.trim_end_matches('/').rsplit('/').next().unwrap_or_default()
    }
}

/// Takes the users and the queries of all web servers' URLs out of a text, in whatever way they are written.
pub(super) fn redacted(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(begin) =
        ["https://", "http://"].iter().filter_map(|scheme| Some(rest.find(scheme)? + scheme.len())).min()
    {
        shown.push_str(&rest[..begin]);
        let url = rest[begin..].split(|c: char| c.is_whitespace() || "\"'<>)".contains(c)).next().unwrap_or_default();
        let place = url.split(['?', '#']).next().unwrap_or_default();
        let host = place.split('/').next().unwrap_or_default();
        let user = host.rfind('@').map_or(0, |at| at + 1);
        shown.push_str(&place[user..]);
        rest = &rest[begin + url.len()..];
    }
    shown + rest
}

/// Writes a path for messages; of a URL without its secrets.
pub fn shown(path: &Path) -> String {
    ObjectUrl::of(path).map_or_else(|| path.display().to_string(), |url| url.to_string())
}

/// A name as it stands in the path of a web server's URL (RFC 3986), with slashes.
fn percent_encoded(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let encoded = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    name.bytes().map(encoded).collect()
}

/// Names what lies below a folder or a URL.
pub fn below(place: &Path, name: &Path) -> PathBuf {
    match ObjectUrl::of(place) {
        Some(url) => PathBuf::from(url.join(&name.to_string_lossy()).text),
        None => place.join(name),
    }
}

/// The folder or URL that a file lies in, and the file's name; none where it has none. A web server's query stays with the
/// folder, so that [`below`] gives neighbours that it lets one read too.
pub fn split(path: &Path) -> Option<(PathBuf, String)> {
    let Some(url) = ObjectUrl::of(path) else {
        return Some((path.parent()?.to_path_buf(), path.file_name()?.to_str()?.to_owned()));
    };
    let name = Some(url.file_name()).filter(|name| !name.is_empty())?;
    let place = url.text.split(['?', '#']).next().filter(|_| url.is_http()).unwrap_or(&url.text);
    let folder = place.trim_end_matches('/').strip_suffix(name)?.trim_end_matches('/');
    // Of a bucket or a host alone the name is itself.
    let folder = Some(folder).filter(|folder| !folder.ends_with(':'))?;
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    Some((PathBuf::from(format!("{folder}{query}")), name.to_owned()))
}

impl fmt::Display for ObjectUrl {
    /// Without its user and its query.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.is_http() {
            return f.write_str(&self.text);
        }
        let place = self.text.split(['?', '#']).next().unwrap_or_default();
        let user = self.host().rfind('@').map_or(0, |at| at + 1);
        let begin = self.scheme().len() + 3;
        write!(f, "{}{}", &place[..begin], &place[begin + user..])
    }
}

impl fmt::Debug for ObjectUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> ObjectUrl {
        ObjectUrl::of(Path::new(text)).unwrap()
    }

    #[test]
    fn a_path_is_no_url() {
        for path in ["film.mp4", "/a/s3:/b", "s3:/bucket/a", "s3://", "file:///film.mp4", "rtsp://host/a", "://a", ""] {
            assert_eq!(ObjectUrl::of(Path::new(path)), None, "{path}");
        }
    }

    #[test]
    fn keys_are_taken_as_they_are_written() {
        let film = url("S3://bucket/a b/100%#1?.mp4");
        assert_eq!((film.scheme(), film.host(), film.key()), ("s3", "bucket", "a b/100%#1?.mp4"));
        assert_eq!(film.to_string(), "s3://bucket/a b/100%#1?.mp4");
        assert_eq!(url("gs://b").join("x").to_string(), "gs://b/x");
        for (place, name) in [("gs://b/c/d?.mp4", "d?.mp4"), ("gs://b/", ""), ("https://h/a/b.mp4?x=/y#z", "b.mp4")] {
            assert_eq!(url(place).file_name(), name);
        }
        assert_eq!(url("https://h/c?sig=1").join("x").secret(), "https://h/c/x?sig=1");
        for (child, parent) in [("gs://b/c/d", "gs://b/c"), ("gs://b", "gs://b"), ("https://h/a/b?x=/y", "https://h/a")]
        {
            assert_eq!(url(child).parent().to_string(), parent);
        }
        assert_eq!(url("gs://b/c/").join("x/y").to_string(), "gs://b/c/x/y");
    }

    #[test]
    fn a_file_is_split_from_its_folder() {
        for (path, folder, name) in [
            ("out/film/main.m3u8", "out/film", "main.m3u8"),
            ("main.m3u8", "", "main.m3u8"),
            ("s3://b/c/d?.mpd", "s3://b/c", "d?.mpd"),
            ("https://h/a/main.m3u8?token=/x.y#z", "https://h/a?token=/x.y", "main.m3u8"),
            ("https://me:pass@h/main.m3u8", "https://me:pass@h", "main.m3u8"),
        ] {
            assert_eq!(split(Path::new(path)), Some((PathBuf::from(folder), name.to_owned())), "{path}");
        }
        for path in ["/", "https://h", "https://h/?token=1", "s3://b"] {
            assert_eq!(split(Path::new(path)), None, "{path}");
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let film = url("https://me:pass@host:8080/a/film.mp4?X-Amz-Signature=abc&x=1");
        assert_eq!(film.query(), Some("X-Amz-Signature=abc&x=1"));
        assert_eq!(film.to_string(), "https://host:8080/a/film.mp4");
        assert_eq!(format!("{film:?}"), "https://host:8080/a/film.mp4");
        assert_eq!(url("https://host?sig=a/b").to_string(), "https://host");
        for (text, told) in [
            ("GET https://me:p%3Dw@host/a?X=1&y in 2 s, (http://h/b#c)", "GET https://host/a in 2 s, (http://h/b)"),
            ("no URL: s3://bucket/a?b", "no URL: s3://bucket/a?b"),
            ("https://", "https://"),
        ] {
            assert_eq!(redacted(text), told);
        }
    }

    #[test]
    fn names_below_a_web_server_are_encoded() {
        assert_eq!(url("https://h/c").join("s1/What? 100%#é").secret(), "https://h/c/s1/What%3F%20100%25%23%C3%A9");
        assert_eq!(url("s3://b/c").join("What? 100%").secret(), "s3://b/c/What? 100%");
    }
}
