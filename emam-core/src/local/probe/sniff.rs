//! What a file is by its first bytes, and what its name claims.

use crate::model::AssetKind;

/// What the first bytes say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    /// A still picture, with its media type.
    Picture(String),
    /// Video or sound, with its media type.
    Media(String),
    /// Something known that is neither.
    Other { kind: AssetKind, format: String, media_type: String },
    /// Text.
    Text,
    /// Bytes that no signature fits.
    Unknown,
}

/// What the name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Claim {
    Media,
    Picture,
    Project,
    Document,
    Nothing,
}

/// How many bytes from the start of a file [`content`] wants.
pub(super) const HEAD: usize = 8 * 1024;

const MEDIA: &[&str] = &[
    "3g2", "3gp", "aac", "ac3", "aif", "aifc", "aiff", "amr", "ape", "asf", "au", "avi", "caf",
    "dv", "eac3", "f4v", "flac", "flv", "gxf", "h264", "h265", "hevc", "ivf", "lxf", "m2t", "m2ts",
    "m4a", "m4b", "m4v", "mka", "mkv", "mov", "mp2", "mp3", "mp4", "mpeg", "mpg", "mts", "mxf",
    "oga", "ogg", "ogv", "opus", "qt", "rm", "rmvb", "ts", "vob", "w64", "wav", "webm", "wma",
    "wmv", "wv", "y4m",
];

const PICTURES: &[&str] = &[
    "avif", "bmp", "dpx", "exr", "gif", "heic", "heif", "j2k", "jp2", "jpe", "jpeg", "jpg", "jxl",
    "png", "psd", "tif", "tiff", "webp",
];

/// Camera raw formats. Most begin like a TIFF, whose first picture is a small preview.
const RAW_PICTURES: &[&str] = &[
    "3fr", "arw", "cr2", "cr3", "dng", "erf", "iiq", "kdc", "mef", "mos", "mrw", "nef", "nrw",
    "orf", "pef", "raf", "raw", "rw2", "sr2", "srf", "srw", "x3f",
];

const PROJECTS: &[&str] = &[
    "aaf", "aep", "aepx", "ai", "als", "aup3", "avb", "avp", "blend", "c4d", "drp", "drt", "edl",
    "fcpxml", "flp", "hip", "idml", "indd", "kdenlive", "logicx", "ma", "mb", "mlt", "mogrt", "nk",
    "omf", "osp", "otio", "prproj", "ptx", "rpp", "sesx", "sketch", "veg", "xd", "xmeml",
];

const DOCUMENTS: &[&str] = &[
    "ass", "csv", "doc", "docx", "epub", "fountain", "htm", "html", "json", "key", "md", "numbers",
    "odp", "ods", "odt", "pages", "pdf", "ppt", "pptx", "rtf", "srt", "ssa", "stl", "toml", "tsv",
    "ttml", "txt", "vtt", "xls", "xlsx", "xml", "yaml", "yml",
];

/// The extension of a name, in lower case.
pub(super) fn extension(file_name: &str) -> String {
    match file_name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => extension.to_lowercase(),
        _ => String::new(),
    }
}

/// What a name claims.
pub(super) fn claim(file_name: &str) -> Claim {
    let extension = extension(file_name);
    let is = |list: &[&str]| list.binary_search(&extension.as_str()).is_ok();
    if is(MEDIA) {
        Claim::Media
    } else if is(PICTURES) || is(RAW_PICTURES) {
        Claim::Picture
    } else if is(PROJECTS) {
        Claim::Project
    } else if is(DOCUMENTS) {
        Claim::Document
    } else {
        Claim::Nothing
    }
}

/// Whether a name claims to be a camera's raw picture.
pub(super) fn is_raw_picture(file_name: &str) -> bool {
    RAW_PICTURES.binary_search(&extension(file_name).as_str()).is_ok()
}

/// What the first bytes say.
pub(super) fn content(head: &[u8]) -> Content {
    let Some(known) = infer::get(head) else {
        return if is_text(head) { Content::Text } else { Content::Unknown };
    };
    let media_type = known.mime_type().to_owned();
    let other = |kind| Content::Other {
        kind,
        format: known.extension().to_owned(),
        media_type: media_type.clone(),
    };
    match known.matcher_type() {
        infer::MatcherType::Image => Content::Picture(media_type),
        infer::MatcherType::Audio if known.extension() == "midi" => other(AssetKind::Other),
        infer::MatcherType::Audio | infer::MatcherType::Video => Content::Media(media_type),
        infer::MatcherType::Text => Content::Text,
        infer::MatcherType::Doc | infer::MatcherType::Book => other(AssetKind::Document),
        _ if known.mime_type() == "application/pdf" => other(AssetKind::Document),
        _ => other(AssetKind::Other),
    }
}

/// Whether these bytes read as text: UTF-8 (one character may be cut off at the end) or UTF-16
/// with a mark, and no control characters but those of layout.
fn is_text(head: &[u8]) -> bool {
    if head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]) {
        return head.len().is_multiple_of(2) && !head.windows(4).any(|four| four == [0; 4]);
    }
    let valid = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() && error.valid_up_to() + 4 > head.len() => {
            std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !valid.is_empty()
        && valid.chars().all(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t' | '\x0c'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_sorted_and_apart() {
        let lists = [MEDIA, PICTURES, RAW_PICTURES, PROJECTS, DOCUMENTS];
        for list in lists {
            assert!(list.is_sorted(), "{list:?}");
        }
        let mut all = lists.concat();
        all.sort_unstable();
        let count = all.len();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn names_claim_by_their_extension_in_any_case() {
        assert_eq!(claim("A001.MOV"), Claim::Media);
        assert_eq!(claim("x.tar.JPeG"), Claim::Picture);
        assert_eq!(claim("cut.prproj"), Claim::Project);
        assert_eq!(claim("notes.txt"), Claim::Document);
        assert_eq!(claim(".mov"), Claim::Nothing);
        assert_eq!(claim("mov"), Claim::Nothing);
        assert!(is_raw_picture("DSC01.ARW") && !is_raw_picture("a.tif"));
    }

    #[test]
    fn content_is_told_by_bytes() {
        assert_eq!(content(b"#EXTM3U\nhttp://x/a.ts\n"), Content::Text);
        assert_eq!(content("caf\u{e9}".as_bytes()), Content::Text);
        assert_eq!(content(&"caf\u{e9}".as_bytes()[..4]), Content::Text, "a cut character");
        assert_eq!(content(b"\xff\xd8\xff\xe0abc"), Content::Picture("image/jpeg".into()));
        assert_eq!(content(b"RIFF\0\0\0\0WAVEfmt "), Content::Media("audio/x-wav".into()));
        assert_eq!(content(&[0, 1, 2, 3, 0xfe]), Content::Unknown);
        let pdf = content(b"%PDF-1.7\n");
        assert!(matches!(pdf, Content::Other { kind: AssetKind::Document, .. }), "{pdf:?}");
        let zip = content(b"PK\x03\x04aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
        assert!(matches!(zip, Content::Other { kind: AssetKind::Other, .. }), "{zip:?}");
    }
}
