//! CMX3600 edit decision lists.

use super::{Document, ReadDocument, ReadOptions, WriteOptions, Written};
use crate::clock::Clock;
use crate::error::{Error, Result};

pub(super) fn write(_: &Document, _: &WriteOptions) -> Result<Written> {
    Err(Error::new(crate::ErrorKind::Unsupported, "timeline.write", "not written yet"))
}

pub(super) fn read(_: &[u8], _: &ReadOptions, _: &dyn Clock) -> Result<ReadDocument> {
    Err(Error::new(crate::ErrorKind::Unsupported, "timeline.read", "not read yet"))
}
