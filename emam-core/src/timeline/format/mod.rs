//! Sequences as files of other programs, written and read.
//!
//! A [`Format`] is chosen by the file's extension. Between a file and a catalog stands a
//! [`Document`]: sequences, and what the file says of the media they are cut from. A sequence knows
//! which asset a clip is a piece of, not where its bytes lie; so writing takes a [`MediaMap`], and
//! reading makes one, with ids of its own for media the file names by place, reel or name.
//! [Relinking](super::relink) finds the assets that are meant.
//!
//! Nothing is lost in silence: what a format cannot say, and what a file said that is not
//! understood, is an [`Issue`](super::Issue) each.

mod ale;
mod captions;
mod convert;
mod document;
mod edl;
mod files;
mod options;
mod otio;
mod reading;
mod text;
mod url;
mod xmeml;

use std::path::Path;

pub use convert::{Converted, ConvertedOutput, convert};
pub use document::{
    ClipMedia, Document, DocumentBin, MediaMap, ReadDocument, Written, WrittenFile,
};
pub use options::{Flavour, ReadOptions, Target, WriteOptions};
pub use otio::{BundleOptions, MissingMedia, WrittenBundle, read_bundle, write_bundle};
pub use url::{file_name, file_url, local_path};

use crate::clock::Clock;
use crate::error::{Error, Result};

/// A file format of timelines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// OpenTimelineIO's JSON, `.otio`.
    Otio,
    /// Final Cut Pro 7's XML (xmeml), which Premiere writes and reads, `.xml`.
    Xmeml,
    /// The edit decision list of CMX3600 systems, `.edl`.
    Edl,
    /// The Avid Log Exchange, a list of media, `.ale`.
    Ale,
    /// SubRip captions, `.srt`.
    Srt,
    /// WebVTT captions, `.vtt`.
    Vtt,
}

impl Format {
    /// Every format.
    pub const ALL: [Format; 6] =
        [Self::Otio, Self::Xmeml, Self::Edl, Self::Ale, Self::Srt, Self::Vtt];

    /// The extension of its files, without the dot.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Otio => "otio",
            Self::Xmeml => "xml",
            Self::Edl => "edl",
            Self::Ale => "ale",
            Self::Srt => "srt",
            Self::Vtt => "vtt",
        }
    }

    /// The format meant by the extension of a file name, in any case.
    ///
    /// ```
    /// use std::path::Path;
    /// use emam_core::timeline::format::Format;
    ///
    /// assert_eq!(Format::of_path(Path::new("cuts/rough.OTIO"))?, Format::Otio);
    /// let error = Format::of_path(Path::new("rough.mov")).unwrap_err();
    /// assert_eq!(error.get("supported"), Some(".otio .xml .edl .ale .srt .vtt"));
    /// # Ok::<(), emam_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) naming the file and the extensions there
    /// are.
    pub fn of_path(path: &Path) -> Result<Self> {
        let extension = path.extension().unwrap_or_default();
        Self::ALL
            .into_iter()
            .find(|format| extension.eq_ignore_ascii_case(format.extension()))
            .ok_or_else(|| {
                let supported = Self::ALL.map(|format| format!(".{}", format.extension()));
                let message = "no timeline format has this extension; use a supported one";
                Error::invalid("timeline.format", message)
                    .with("path", path.display())
                    .with("supported", supported.join(" "))
            })
    }

    /// The files of a document in this format: one, or several where `options` ask for a split.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if [`check`](super::check) finds an error
    /// in a sequence, naming the first; if the document has no sequence, which only ALE does
    /// without; and for a number the format cannot hold.
    pub fn write(self, document: &Document, options: &WriteOptions) -> Result<Written> {
        if self != Self::Ale {
            document.main()?;
        }
        document.verify()?;
        match self {
            Self::Otio => otio::write(document, options),
            Self::Xmeml => xmeml::write(document, options),
            Self::Edl => edl::write(document, options),
            Self::Ale => ale::write(document, options),
            Self::Srt => captions::write(captions::Kind::Srt, document, options),
            Self::Vtt => captions::write(captions::Kind::Vtt, document, options),
        }
    }

    /// Reads a file of this format. `clock` gives the ids of what the file gives none.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a file that is not of this format or is
    /// larger or deeper than `options` allow, naming the line where one can be told.
    pub fn read(
        self,
        bytes: &[u8],
        options: &ReadOptions,
        clock: &dyn Clock,
    ) -> Result<ReadDocument> {
        reading::check_size(bytes, options)?;
        match self {
            Self::Otio => otio::read(bytes, options, clock),
            Self::Xmeml => xmeml::read(bytes, options, clock),
            Self::Edl => edl::read(bytes, options, clock),
            Self::Ale => ale::read(bytes, options, clock),
            Self::Srt => captions::read(captions::Kind::Srt, bytes, options, clock),
            Self::Vtt => captions::read(captions::Kind::Vtt, bytes, options, clock),
        }
    }
}
