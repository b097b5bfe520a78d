//! XML of any size, read in memory that does not grow with it.

use std::cell::Cell;
use std::io::{self, BufReader, Read};
use std::rc::Rc;

use flate2::read::MultiGzDecoder;
use quick_xml::Reader;
use quick_xml::events::Event;

use super::OPERATION;
use crate::error::{Error, Result};

/// The most bytes of one tag or text: settings of effects are kept as texts of some megabytes.
const LARGEST_EVENT: u64 = 64 << 20;

/// The deepest elements may lie in each other; those of real projects lie 20 deep.
const DEEPEST: usize = 512;

/// Says why reading has ended, as an error of I/O cannot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    Unpacked,
    Event,
}

/// A reader that counts, and ends where a count is too high.
struct Counted<R> {
    inner: R,
    left: u64,
    event: Rc<Cell<u64>>,
    stop: Rc<Cell<Option<Stop>>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        let bytes = u64::try_from(read).unwrap_or(u64::MAX);
        let stop = |stop| {
            self.stop.set(Some(stop));
            Err(io::Error::other("too much of it"))
        };
        match self.left.checked_sub(bytes) {
            Some(left) => self.left = left,
            None => return stop(Stop::Unpacked),
        }
        self.event.set(self.event.get().saturating_add(bytes));
        if self.event.get() > LARGEST_EVENT {
            return stop(Stop::Event);
        }
        Ok(read)
    }
}

/// Goes through XML, packed by gzip or not, and gives each event with its depth: that of the root
/// element is 1. Entities are as quick-xml gives them, none is fetched or expanded.
pub(super) fn for_each(
    mut file: impl Read,
    max_unpacked: u64,
    mut each: impl FnMut(&Event<'_>, usize) -> Result<()>,
) -> Result<()> {
    let mut start = Vec::new();
    // Enough for the marks of any encoding too, which are looked for in what is read first.
    file.by_ref().take(16).read_to_end(&mut start).map_err(|cause| broken(&cause.to_string()))?;
    let is_packed = start.starts_with(&[0x1f, 0x8b]);
    let whole = io::Cursor::new(start).chain(file);
    // Named, because a closure cannot be generic over the two.
    let source: Box<dyn Read + '_> = match is_packed {
        true => Box::new(MultiGzDecoder::new(BufReader::new(whole))),
        false => Box::new(whole),
    };
    let (event, stop) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(None)));
    let counted = Counted {
        inner: source,
        left: max_unpacked,
        event: Rc::clone(&event),
        stop: Rc::clone(&stop),
    };
    let mut reader = Reader::from_reader(BufReader::new(counted));
    reader.config_mut().expand_empty_elements = true;
    let (mut buffer, mut depth) = (Vec::new(), 0_usize);
    loop {
        let next = reader.read_event_into(&mut buffer).map_err(|cause| match stop.get() {
            Some(Stop::Unpacked) => Error::invalid(
                OPERATION,
                "the file unpacks to more than may be read; raise max_unpacked if it is to be \
                 trusted",
            )
            .with("max_unpacked", max_unpacked),
            Some(Stop::Event) => broken("a tag or text of it is larger than 64 MiB"),
            None => broken(&cause.to_string()),
        })?;
        match &next {
            Event::Start(_) => {
                depth += 1;
                if depth > DEEPEST {
                    return Err(broken("its elements lie more than 512 deep in each other"));
                }
                each(&next, depth)?;
            }
            Event::End(_) => {
                each(&next, depth)?;
                depth = depth.saturating_sub(1);
            }
            Event::Eof if depth > 0 => return Err(broken("it ends before its elements do")),
            Event::Eof => return Ok(()),
            _ => each(&next, depth)?,
        }
        buffer.clear();
        event.set(0);
    }
}

pub(super) fn broken(why: &str) -> Error {
    Error::invalid(OPERATION, format!("the file is damaged or no project: {why}"))
}
