//! Reads xmeml.
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::timeline::format::{ReadDocument, ReadOptions};

pub(in super::super) fn read(_: &[u8], _: &ReadOptions, _: &dyn Clock) -> Result<ReadDocument> {
    Err(Error::new(crate::ErrorKind::Unsupported, "timeline.read", "not read yet"))
}
