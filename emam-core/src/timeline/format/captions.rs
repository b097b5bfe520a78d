//! Captions: SubRip and WebVTT.

use super::{Document, ReadDocument, ReadOptions, WriteOptions, Written};
use crate::clock::Clock;
use crate::error::{Error, Result};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Srt,
    Vtt,
}

pub(super) fn write(_: Kind, _: &Document, _: &WriteOptions) -> Result<Written> {
    Err(Error::new(crate::ErrorKind::Unsupported, "timeline.write", "not written yet"))
}

pub(super) fn read(_: Kind, _: &[u8], _: &ReadOptions, _: &dyn Clock) -> Result<ReadDocument> {
    Err(Error::new(crate::ErrorKind::Unsupported, "timeline.read", "not read yet"))
}
