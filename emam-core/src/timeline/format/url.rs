//! Paths as `file:` URLs (RFC 8089).

use std::path::Path;

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

#[cfg(any(unix, test))]
fn of_unix(path: &[u8]) -> String {
    let mut url = String::from("file://");
    encode(path, &mut url);
    url
}

#[cfg(any(not(unix), test))]
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
    fn a_relative_path_is_named_in_the_error() {
        let error = file_url(Path::new("media/x.mov")).unwrap_err();
        assert_eq!(error.get("path"), Some("media/x.mov"));
    }
}
