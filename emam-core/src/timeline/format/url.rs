//! Paths as `file:` URLs (RFC 8089), and the forms other programs write them in.

use std::path::Path;

use percent_encoding::percent_decode_str;

use crate::error::{Error, Result};

/// The `file:` URL of an absolute path.
///
/// Every byte but ASCII letters, digits and `-._~/` is percent-encoded, so names that are not
/// UTF-8 survive, and a reader that does not decode at all fails visibly. A Windows drive becomes
/// `file:///C:/…`, a network share `file://server/share/…`.
///
/// ```
/// # #[cfg(unix)] {
/// use std::path::Path;
/// use emam_core::timeline::format::file_url;
///
/// let url = file_url(Path::new("/media/Café #1/100%.mov")).unwrap();
/// assert_eq!(url, "file:///media/Caf%C3%A9%20%231/100%25.mov");
/// # }
/// ```
///
/// # Errors
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) naming the path if it is relative, and on
/// Windows if it is not Unicode.
pub fn file_url(path: &Path) -> Result<String> {
    let wrong = |message| Error::invalid("file.url", message).with("path", path.display());
    if !path.is_absolute() {
        return Err(wrong("a file URL needs an absolute path; make this one absolute first"));
    }
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        Ok(of_unix(path.as_os_str().as_bytes()))
    }
    #[cfg(not(unix))]
    {
        path.to_str().map(of_windows).ok_or_else(|| wrong("the path is not Unicode"))
    }
}

/// The path a timeline file means by a URL or a path; absent if it is not one of a file system, or
/// not Unicode.
///
/// Understood are `file:///p`, `file://localhost/p`, `file://server/share/p`, drives with and
/// without an encoded colon, `file://localhost//server/share/p`, and paths that are no URL at all,
/// which are taken as they stand. What is not encoded although it should be (a blank, `#`, a lone
/// `%`) stands for itself. Paths of Windows come with backslashes; accents stay as composed or
/// decomposed as they were.
///
/// ```
/// use emam_core::timeline::format::local_path;
///
/// let path = |url| local_path(url).unwrap();
/// assert_eq!(path("file://localhost/media/a%20b.mov"), "/media/a b.mov");
/// assert_eq!(path("file://localhost/C%3a/Media/x.mov"), r"C:\Media\x.mov");
/// assert_eq!(path("file://nas/share/x.mov"), r"\\nas\share\x.mov");
/// assert_eq!(local_path("s3://bucket/x.mov"), None);
/// ```
pub fn local_path(url: &str) -> Option<String> {
    match Place::of(url)? {
        Place::Unix(path) => String::from_utf8(path).ok(),
        Place::Windows(path) => Some(path),
    }
}

/// The name of the file a URL or a path means, percent-decoded; absent if it names none.
///
/// ```
/// use emam_core::timeline::format::file_name;
///
/// assert_eq!(file_name("file:///media/a%20b.mov").as_deref(), Some("a b.mov"));
/// assert_eq!(file_name(r"C:\Media\x.mov").as_deref(), Some("x.mov"));
/// assert_eq!(file_name("s3://bucket/rushes/x.mov").as_deref(), Some("x.mov"));
/// ```
pub fn file_name(url: &str) -> Option<String> {
    let last = |path: &str, windows: bool| {
        let is_separator = |c: char| c == '/' || (windows && c == '\\');
        let path = path.trim_end_matches(is_separator);
        let name = path.rsplit(is_separator).next().unwrap_or_default();
        (!name.is_empty()).then(|| name.to_owned())
    };
    match Place::of(url) {
        Some(Place::Unix(path)) => {
            let path = String::from_utf8_lossy(&path);
            // A path of Windows that has no drive: nobody has a folder and backslashes in a name.
            last(&path, !path.contains('/'))
        }
        Some(Place::Windows(path)) => last(&path, true),
        None => {
            let (scheme, rest) = url.split_once("://")?;
            let (_, path) = rest.split_once('/')?;
            let path = match scheme.to_ascii_lowercase().as_str() {
                "http" | "https" => path.split(['?', '#']).next().unwrap_or_default(),
                _ => path,
            };
            last(&percent_decode_str(path).decode_utf8_lossy(), false)
        }
    }
}

/// A URL as Premiere writes it in xmeml: `file://localhost/p`, `file://localhost/C%3a/p`,
/// `file://server/share/p`. What is no file is left as it is, but for blanks.
pub(super) fn pathurl(url: &str) -> String {
    let mut text = String::new();
    match Place::of(url) {
        Some(Place::Unix(path)) if path.starts_with(b"/") => {
            text.push_str("file://localhost");
            encode(&path, &mut text);
        }
        Some(Place::Windows(path)) => {
            let encoded = of_windows(&path);
            match encoded.strip_prefix("file:///") {
                Some(local) => {
                    text.push_str("file://localhost/");
                    text.push_str(&local.replacen(':', "%3a", 1));
                }
                None => text = encoded,
            }
        }
        _ => text = url.trim().replace(' ', "%20"),
    }
    text
}

/// A URL of any program in the form of [`file_url`]. What is no file is left as it is.
pub(super) fn normal_url(url: &str) -> String {
    match Place::of(url) {
        Some(Place::Unix(path)) if path.starts_with(b"/") => of_unix(&path),
        Some(Place::Windows(path)) => of_windows(&path),
        _ => url.trim().to_owned(),
    }
}

/// A place in a file system.
enum Place {
    /// A path of Unix, which need not be UTF-8, or a relative one.
    Unix(Vec<u8>),
    /// A path of Windows with a drive or a share, with backslashes.
    Windows(String),
}

impl Place {
    fn of(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.is_empty() {
            return None;
        }
        let is_file = text.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("file:"));
        let Some(rest) = text.get(5..).filter(|_| is_file) else {
            return Self::of_path(text);
        };
        let Some(rest) = rest.strip_prefix("//") else {
            return Self::of_decoded(rest);
        };
        // `file://localhostC:\…` is what a well-known mistake looks like.
        let (host, path) = match rest.get(..9) {
            Some(host) if host.eq_ignore_ascii_case("localhost") => {
                ("", rest.get(9..).unwrap_or_default())
            }
            _ => rest.split_at(rest.find(['/', '\\']).unwrap_or(rest.len())),
        };
        if host.is_empty() || is_drive(&percent_decode_str(host).decode_utf8_lossy()) {
            return Self::of_decoded(if host.is_empty() { path } else { rest });
        }
        let path = percent_decode_str(rest).decode_utf8().ok()?;
        Some(Self::Windows(format!(r"\\{}", path.replace('/', "\\"))))
    }

    /// The path of a URL whose host is this machine.
    fn of_decoded(path: &str) -> Option<Self> {
        let bytes: Vec<u8> = percent_decode_str(path).collect();
        let Ok(text) = std::str::from_utf8(&bytes) else {
            return Some(Self::Unix(bytes));
        };
        if text.is_empty() {
            return None;
        }
        let bare = text.strip_prefix('/').unwrap_or(text);
        if is_drive(bare) {
            return Some(Self::Windows(bare.replace('/', "\\")));
        }
        let share = text.trim_start_matches(['/', '\\']);
        if text.len() - share.len() >= 2 && !share.is_empty() {
            return Some(Self::Windows(format!(r"\\{}", share.replace('/', "\\"))));
        }
        Some(Self::Unix(bytes))
    }

    /// What is no `file:` URL: a path, unless it is another URL.
    fn of_path(text: &str) -> Option<Self> {
        if is_drive(text) || text.starts_with(r"\\") {
            return Some(Self::Windows(text.replace('/', "\\")));
        }
        let has_scheme = text.split_once(':').is_some_and(|(scheme, rest)| {
            scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+.-".contains(c))
                && rest.starts_with("//")
        });
        (!has_scheme).then(|| Self::Unix(text.as_bytes().to_vec()))
    }
}

/// Whether a path starts with the letter of a drive.
fn is_drive(path: &str) -> bool {
    let mut chars = path.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic())
        && chars.next() == Some(':')
        && chars.next().is_none_or(|c| c == '/' || c == '\\')
}

fn of_unix(path: &[u8]) -> String {
    let mut url = String::from("file://");
    encode(path, &mut url);
    url
}

fn of_windows(path: &str) -> String {
    // Canonical paths start with `\\?\`, and those of shares with `\\?\UNC\`.
    let (path, share) = match path.strip_prefix(r"\\?\") {
        Some(path) => path.strip_prefix(r"UNC\").map_or((path, false), |path| (path, true)),
        None => path.strip_prefix(r"\\").map_or((path, false), |path| (path, true)),
    };
    let path = path.replace('\\', "/");
    let mut url = String::from(if share { "file://" } else { "file:///" });
    let rest = match path.split_once(':') {
        Some((drive, rest)) if !share && drive.len() == 1 => {
            url.push_str(drive);
            url.push(':');
            rest
        }
        _ => path.as_str(),
    };
    encode(rest.as_bytes(), &mut url);
    url
}

fn encode(bytes: &[u8], url: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";

    for byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(byte) {
            url.push(char::from(*byte));
        } else {
            url.push('%');
            for digit in [byte >> 4, byte & 15] {
                url.push(HEX.get(usize::from(digit)).copied().map_or('0', char::from));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_of_a_unix_path_survives() {
        assert_eq!(of_unix(b"/a b/#?%:&+.mov"), "file:///a%20b/%23%3F%25%3A%26%2B.mov");
        assert_eq!(of_unix("/e\u{301}\n😀".as_bytes()), "file:///e%CC%81%0A%F0%9F%98%80");
        assert_eq!(of_unix(b"/\xff\\x"), "file:///%FF%5Cx");
    }

    #[test]
    fn windows_drives_and_shares_have_their_own_forms() {
        for (path, url) in [
            (r"C:\Media\a b.mov", "file:///C:/Media/a%20b.mov"),
            (r"\\?\C:\Media\x.mov", "file:///C:/Media/x.mov"),
            (r"\\nas\share\x#1.mov", "file://nas/share/x%231.mov"),
            (r"\\?\UNC\nas\share\x.mov", "file://nas/share/x.mov"),
        ] {
            assert_eq!(of_windows(path), url, "{path}");
        }
    }

    #[test]
    fn every_form_of_a_file_url_is_its_path() {
        for (url, path) in [
            ("file:///media/a%20b.mov", "/media/a b.mov"),
            ("file:/media/x.mov", "/media/x.mov"),
            ("FILE://LOCALHOST/media/x.mov", "/media/x.mov"),
            ("file://localhost/media/100% #1?.mov", "/media/100% #1?.mov"),
            ("file:///e%CC%81.mov", "/e\u{301}.mov"),
            ("file:///\u{e9}.mov", "/\u{e9}.mov"),
            ("file://localhost/C%3a/Media/a%20b.mov", r"C:\Media\a b.mov"),
            ("file:///C:/Media/x.mov", r"C:\Media\x.mov"),
            (r"file://localhostC:\Media\x.mov", r"C:\Media\x.mov"),
            ("file://C:/Media/x.mov", r"C:\Media\x.mov"),
            ("file://server/share/x.mov", r"\\server\share\x.mov"),
            ("file://localhost//server/share/x.mov", r"\\server\share\x.mov"),
            ("file://localhost/%5c%5cserver/share/x.mov", r"\\server\share\x.mov"),
            ("/media/100%25.mov", "/media/100%25.mov"),
            (r"C:\Media\x.mov", r"C:\Media\x.mov"),
            ("c:/Media/x.mov", r"c:\Media\x.mov"),
            (r"\\server\share\x.mov", r"\\server\share\x.mov"),
            ("media/x.mov", "media/x.mov"),
        ] {
            assert_eq!(local_path(url).as_deref(), Some(path), "{url}");
        }
        for url in ["", " ", "s3://bucket/x.mov", "https://a.example/x", "file://", "file:///%FF"] {
            assert_eq!(local_path(url), None, "{url}");
        }
    }

    #[test]
    fn the_name_of_a_file_is_its_last_part() {
        for (url, name) in [
            ("file:///media/a%20b.mov", Some("a b.mov")),
            ("file://localhost/C%3a/Media/x.mov", Some("x.mov")),
            (r"media\x.mov", Some("x.mov")),
            (r"/media/a\b.mov", Some(r"a\b.mov")),
            ("s3://bucket/rushes/a%20b.mov", Some("a b.mov")),
            ("https://a.example/x.mov?signed=1/2", Some("x.mov")),
            ("file:///media/folder/", Some("folder")),
            ("s3://bucket", None),
            ("file:///", None),
            ("", None),
        ] {
            assert_eq!(file_name(url).as_deref(), name, "{url}");
        }
    }

    #[test]
    fn premiere_has_its_own_form_that_reads_back() {
        for (url, premiere) in [
            ("file:///media/a%20b.mov", "file://localhost/media/a%20b.mov"),
            ("file:///C:/Media/x.mov", "file://localhost/C%3a/Media/x.mov"),
            ("file://nas/share/x%231.mov", "file://nas/share/x%231.mov"),
            ("file:///a%FF%25.mov", "file://localhost/a%FF%25.mov"),
            ("s3://bucket/x.mov", "s3://bucket/x.mov"),
        ] {
            assert_eq!(pathurl(url), premiere);
            assert_eq!(normal_url(premiere), url);
            assert_eq!(normal_url(url), url);
        }
        assert_eq!(pathurl("file:///a b"), "file://localhost/a%20b");
        assert_eq!(pathurl("https://a.example/a b"), "https://a.example/a%20b");
    }

    #[test]
    fn a_relative_path_is_named_in_the_error() {
        let error = file_url(Path::new("media/x.mov")).unwrap_err();
        assert_eq!(error.get("path"), Some("media/x.mov"));
    }
}
