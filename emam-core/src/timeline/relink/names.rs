//! Names as they are compared: what file systems and programs change about them aside.

use unicode_normalization::UnicodeNormalization;

use crate::timeline::format::{ClipMedia, file_name, local_path};

/// A name with case aside, and composed: file systems of Apple give accents as characters of their
/// own.
pub(super) fn folded(name: &str) -> String {
    if name.is_ascii() {
        return name.trim().to_ascii_lowercase();
    }
    name.trim().nfc().flat_map(char::to_lowercase).collect()
}

/// A file name as timelines are matched by: without its extension, case aside, accents composed.
///
/// ```
/// use emam_core::timeline::relink::stem;
///
/// assert_eq!(stem("A001_C003.MXF"), stem("a001_c003.mov"));
/// ```
pub fn stem(name: &str) -> String {
    let name = folded(name);
    match name.rsplit_once('.') {
        // What follows the last dot of `Interview No. 5` is no extension.
        Some((stem, extension))
            if !stem.is_empty() && !extension.is_empty() && !extension.contains(' ') =>
        {
            stem.to_owned()
        }
        _ => name,
    }
}

/// Where a URL points, however it is written.
pub(super) fn place_of(url: &str) -> String {
    local_path(url).unwrap_or_else(|| url.to_owned())
}

/// A reel as it is compared: what lists of edits cannot hold left out.
pub(super) fn reel(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect()
}

/// The file names media goes by, folded: its own, and those of the files it lies in.
pub(super) fn file_names(media: &ClipMedia) -> Vec<String> {
    let mut names = Vec::new();
    let urls = media.urls.values().filter_map(|url| file_name(url));
    for name in std::iter::once(media.name.clone()).chain(urls) {
        let name = folded(&name);
        if !name.is_empty() && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stem_is_what_is_left_of_a_name_when_programs_are_done_with_it() {
        for (name, want) in [
            ("A001_C003.MOV", "a001_c003"),
            ("a.b.mxf", "a.b"),
            (".hidden", ".hidden"),
            ("Interview No. 5", "interview no. 5"),
            ("cafe\u{301} 😀.mov", "caf\u{e9} 😀"),
            ("CAFÉ 😀.mp4", "caf\u{e9} 😀"),
            ("", ""),
        ] {
            assert_eq!(stem(name), want, "{name}");
        }
        assert_eq!(reel("A001-C003_0815.x"), "A001C0030815X");
    }
}
