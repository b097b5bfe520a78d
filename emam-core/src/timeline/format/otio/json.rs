//! The JSON of `.otio` files, read without a tree of values.
//!
//! The text is gone through once, into one flat list of where each value begins and ends; what is
//! not understood is then copied from the text as it stands there. The dialect is JSON and what
//! OpenTimelineIO writes beyond it: bare `NaN`, `Infinity`, `-Infinity` and `Inf`, whole numbers of
//! any size, and a byte order mark in front.

use std::borrow::Cow;
use std::cell::OnceCell;

use crate::error::{Error, Result};

const OPERATION: &str = "timeline.read";

/// Deeper than any timeline; the readers of nested sequences call themselves once a level.
const MAX_DEPTH: u32 = 512;

/// A text and where its values are.
#[derive(Debug)]
pub(super) struct Tape<'t> {
    text: &'t str,
    nodes: Vec<Node>,
    /// Where the lines end; made when the first line is asked for.
    lines: OnceCell<Vec<u32>>,
}

#[derive(Debug, Clone, Copy)]
struct Node {
    start: u32,
    end: u32,
    /// The index of the first node behind this one and what is in it.
    next: u32,
    kind: Kind,
}

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Null,
    True,
    False,
    Number,
    /// `NaN` or an infinity.
    NotFinite,
    /// A text without escapes.
    Text,
    /// A text with escapes.
    Escaped,
    Array,
    /// Its nodes are keys and values in turn.
    Object,
}

/// A value of a text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Value<'t> {
    tape: &'t Tape<'t>,
    index: u32,
}

impl<'t> Tape<'t> {
    /// Goes through a file.
    ///
    /// # Errors
    /// `InvalidInput` naming line and column of what is not this dialect, or too deep.
    pub(super) fn of_bytes(bytes: &'t [u8], max_depth: u32) -> Result<Self> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let text = std::str::from_utf8(bytes).map_err(|cause| {
            let before = bytes.get(..cause.valid_up_to()).unwrap_or_default();
            let message = "the file is not UTF-8, so it is no .otio file";
            at(&String::from_utf8_lossy(before), before.len(), message).caused_by(cause)
        })?;
        Self::of_text(text, max_depth)
    }

    /// As [`of_bytes`](Self::of_bytes).
    pub(super) fn of_text(text: &'t str, max_depth: u32) -> Result<Self> {
        if u32::try_from(text.len()).is_err() {
            return Err(Error::invalid(OPERATION, "an .otio file of 4 GiB or more is not read")
                .with("bytes", text.len()));
        }
        let mut scan = Scan {
            text,
            bytes: text.as_bytes(),
            at: 0,
            // As many as an indented file has; others have more.
            nodes: Vec::with_capacity(text.len() / 24),
            open: Vec::new(),
            max_depth: max_depth.min(MAX_DEPTH) as usize,
        };
        scan.run()?;
        Ok(Self { text, nodes: scan.nodes, lines: OnceCell::new() })
    }

    /// The one value of the text.
    pub(super) fn root(&'t self) -> Value<'t> {
        Value { tape: self, index: 0 }
    }

    /// The line, counted from 1, of a place in the text.
    fn line(&self, offset: u32) -> u64 {
        let lines = self.lines.get_or_init(|| {
            let ends = self.text.bytes().zip(0_u32..).filter(|(byte, _)| *byte == b'\n');
            ends.map(|(_, offset)| offset).collect()
        });
        1 + lines.partition_point(|end| *end < offset) as u64
    }
}

impl<'t> Value<'t> {
    fn node(self) -> Node {
        const NONE: Node = Node { start: 0, end: 0, next: u32::MAX, kind: Kind::Null };
        self.tape.nodes.get(self.index as usize).copied().unwrap_or(NONE)
    }

    pub(super) fn kind(self) -> Kind {
        self.node().kind
    }

    pub(super) fn is_null(self) -> bool {
        self.kind() == Kind::Null
    }

    pub(super) fn is_object(self) -> bool {
        self.kind() == Kind::Object
    }

    /// The value as it stands in the text.
    pub(super) fn raw(self) -> &'t str {
        let node = self.node();
        self.tape.text.get(node.start as usize..node.end as usize).unwrap_or_default()
    }

    /// The line it begins in, counted from 1.
    pub(super) fn line(self) -> u64 {
        self.tape.line(self.node().start)
    }

    pub(super) fn as_bool(self) -> Option<bool> {
        match self.kind() {
            Kind::True => Some(true),
            Kind::False => Some(false),
            _ => None,
        }
    }

    /// A text without its escapes. Half of a surrogate pair becomes U+FFFD.
    pub(super) fn as_text(self) -> Option<Cow<'t, str>> {
        let raw = self.raw();
        let inner = raw.get(1..raw.len().saturating_sub(1)).unwrap_or_default();
        match self.kind() {
            Kind::Text => Some(Cow::Borrowed(inner)),
            Kind::Escaped => Some(Cow::Owned(unescape(inner))),
            _ => None,
        }
    }

    /// A finite number as the closest float.
    pub(super) fn as_f64(self) -> Option<f64> {
        let number = (self.kind() == Kind::Number).then(|| self.raw().parse::<f64>().ok())??;
        number.is_finite().then_some(number)
    }

    /// A whole number without a decimal point.
    pub(super) fn as_i64(self) -> Option<i64> {
        (self.kind() == Kind::Number).then(|| self.raw().parse().ok())?
    }

    /// The values of an array; nothing of another value.
    pub(super) fn elements(self) -> impl Iterator<Item = Value<'t>> + Clone {
        let node = self.node();
        let end = if node.kind == Kind::Array { node.next } else { self.index };
        let first = self.index.saturating_add(1);
        Siblings { tape: self.tape, index: first, end }
    }

    /// The keys and values of an object; nothing of another value.
    pub(super) fn members(self) -> impl Iterator<Item = (Cow<'t, str>, Value<'t>)> + Clone {
        let node = self.node();
        let end = if node.kind == Kind::Object { node.next } else { self.index };
        let first = self.index.saturating_add(1);
        let mut siblings = Siblings { tape: self.tape, index: first, end };
        std::iter::from_fn(move || {
            let key = siblings.next()?;
            Some((key.as_text().unwrap_or_default(), siblings.next()?))
        })
    }

    /// The value of a key, if this is an object that has it.
    pub(super) fn get(self, key: &str) -> Option<Value<'t>> {
        self.members().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// Whether this is an array or object with nothing in it.
    pub(super) fn is_empty(self) -> bool {
        matches!(self.kind(), Kind::Array | Kind::Object)
            && self.node().next == self.index.saturating_add(1)
    }

    /// An error about this value, with its line and column.
    pub(super) fn error(self, message: &'static str) -> Error {
        at(self.tape.text, self.node().start as usize, message)
    }
}

#[derive(Clone)]
struct Siblings<'t> {
    tape: &'t Tape<'t>,
    index: u32,
    end: u32,
}

impl<'t> Iterator for Siblings<'t> {
    type Item = Value<'t>;

    fn next(&mut self) -> Option<Value<'t>> {
        if self.index >= self.end {
            return None;
        }
        let value = Value { tape: self.tape, index: self.index };
        self.index = value.node().next;
        Some(value)
    }
}

/// An error about a place in a text.
fn at(text: &str, offset: usize, message: &'static str) -> Error {
    let before = text.get(..offset).unwrap_or(text);
    let line = 1 + before.matches('\n').count();
    let column = 1 + before.rsplit('\n').next().map_or(0, |last| last.chars().count());
    Error::invalid(OPERATION, message).with("line", line).with("column", column)
}

struct Scan<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    nodes: Vec<Node>,
    /// The indexes of the arrays and objects around this place.
    open: Vec<u32>,
    max_depth: usize,
}

impl Scan<'_> {
    fn run(&mut self) -> Result<()> {
        loop {
            self.value()?;
            // Behind a value: what ends, and then a comma or the end of the text.
            loop {
                let next = self.peek();
                let Some(around) = self.open.last().copied() else {
                    return match next {
                        None => Ok(()),
                        Some(_) => Err(self.wrong("there is more behind the end of the JSON")),
                    };
                };
                let is_object = self.kind(around) == Kind::Object;
                match next {
                    Some(b',') => {
                        self.at += 1;
                        if is_object {
                            self.peek();
                            self.key()?;
                        }
                        break;
                    }
                    Some(b'}') if is_object => self.close(around),
                    Some(b']') if !is_object => self.close(around),
                    _ if is_object => return Err(self.wrong("expected `,` or `}` here")),
                    _ => return Err(self.wrong("expected `,` or `]` here")),
                }
            }
        }
    }

    fn kind(&self, index: u32) -> Kind {
        self.nodes.get(index as usize).map_or(Kind::Null, |node| node.kind)
    }

    /// A value; of an array or object that has something in it only what is before its first value.
    fn value(&mut self) -> Result<()> {
        loop {
            let start = self.at;
            match self.peek() {
                Some(b'"') => return self.string(),
                Some(b'{') => {
                    self.begin(Kind::Object)?;
                    if self.peek() == Some(b'}') {
                        self.close_last();
                        return Ok(());
                    }
                    self.key()?;
                }
                Some(b'[') => {
                    self.begin(Kind::Array)?;
                    if self.peek() == Some(b']') {
                        self.close_last();
                        return Ok(());
                    }
                }
                Some(b'-' | b'0'..=b'9') => return self.number(),
                Some(b't') => return self.word("true", Kind::True),
                Some(b'f') => return self.word("false", Kind::False),
                Some(b'n') => return self.word("null", Kind::Null),
                Some(b'N') => return self.word("NaN", Kind::NotFinite),
                Some(b'I') if self.rest().starts_with(b"Infinity") => {
                    return self.word("Infinity", Kind::NotFinite);
                }
                Some(b'I') => return self.word("Inf", Kind::NotFinite),
                Some(_) => return Err(self.wrong("expected a JSON value here")),
                None => {
                    self.at = start.max(self.at);
                    return Err(self.wrong("the JSON ends too early; the file is cut off"));
                }
            }
        }
    }

    fn rest(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// The next byte that is no space.
    fn peek(&mut self) -> Option<u8> {
        let rest = self.rest();
        let spaces = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t'));
        self.at += spaces.count();
        self.bytes.get(self.at).copied()
    }

    fn wrong(&self, message: &'static str) -> Error {
        at(self.text, self.at, message)
    }

    fn push(&mut self, start: usize, kind: Kind) {
        // The text is shorter than 4 GiB, and no node takes less than a byte of it.
        let next = self.nodes.len() as u32 + 1;
        self.nodes.push(Node { start: start as u32, end: self.at as u32, next, kind });
    }

    fn begin(&mut self, kind: Kind) -> Result<()> {
        if self.open.len() >= self.max_depth {
            let message = "things lie too deep in each other; raise max_depth, up to 512, if the \
                           file is to be trusted";
            return Err(self.wrong(message).with("max_depth", self.max_depth));
        }
        self.open.push(self.nodes.len() as u32);
        self.at += 1;
        self.push(self.at - 1, kind);
        Ok(())
    }

    fn close_last(&mut self) {
        if let Some(index) = self.open.last().copied() {
            self.close(index);
        }
    }

    fn close(&mut self, index: u32) {
        self.at += 1;
        let next = self.nodes.len() as u32;
        if let Some(node) = self.nodes.get_mut(index as usize) {
            node.end = self.at as u32;
            node.next = next;
        }
        self.open.pop();
    }

    /// A key and the colon behind it.
    fn key(&mut self) -> Result<()> {
        if self.bytes.get(self.at) != Some(&b'"') {
            return Err(self.wrong("expected a key in quotes here"));
        }
        self.string()?;
        if self.peek() != Some(b':') {
            return Err(self.wrong("expected `:` behind the key"));
        }
        self.at += 1;
        Ok(())
    }

    fn string(&mut self) -> Result<()> {
        let start = self.at;
        let mut kind = Kind::Text;
        self.at += 1;
        loop {
            let plain = self
                .rest()
                .iter()
                .take_while(|byte| **byte >= 0x20 && **byte != b'"' && **byte != b'\\');
            self.at += plain.count();
            match self.bytes.get(self.at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    kind = Kind::Escaped;
                    self.escape()?;
                }
                Some(_) => {
                    let message = "a control character in a text; write it as an escape";
                    return Err(self.wrong(message));
                }
                None => return Err(self.wrong("a text has no end; the file is cut off")),
            }
        }
        self.at += 1;
        self.push(start, kind);
        Ok(())
    }

    fn escape(&mut self) -> Result<()> {
        let length = match self.bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
            Some(b'u') => {
                let digits = self.bytes.get(self.at + 2..self.at + 6).unwrap_or_default();
                if digits.len() < 4 || !digits.iter().all(u8::is_ascii_hexdigit) {
                    return Err(self.wrong("expected four hexadecimal digits behind `\\u`"));
                }
                6
            }
            _ => return Err(self.wrong("no such escape in a text")),
        };
        self.at += length;
        Ok(())
    }

    fn number(&mut self) -> Result<()> {
        let start = self.at;
        if self.rest().starts_with(b"-") {
            self.at += 1;
            for word in ["Infinity", "Inf", "NaN"] {
                if self.rest().starts_with(word.as_bytes()) {
                    self.at += word.len();
                    self.push(start, Kind::NotFinite);
                    return Ok(());
                }
            }
        }
        let whole = self.digits()?;
        if whole > 1 && self.bytes.get(self.at - whole) == Some(&b'0') {
            self.at -= whole;
            return Err(self.wrong("a number starts with a zero"));
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.bytes.get(self.at) {
            self.at += 1;
            if let Some(b'+' | b'-') = self.bytes.get(self.at) {
                self.at += 1;
            }
            self.digits()?;
        }
        self.push(start, Kind::Number);
        Ok(())
    }

    fn digits(&mut self) -> Result<usize> {
        let count = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        if count == 0 {
            return Err(self.wrong("expected a digit here"));
        }
        self.at += count;
        Ok(count)
    }

    fn word(&mut self, word: &str, kind: Kind) -> Result<()> {
        let start = self.at;
        if !self.rest().starts_with(word.as_bytes()) {
            return Err(self.wrong("expected a JSON value here"));
        }
        self.at += word.len();
        self.push(start, kind);
        Ok(())
    }
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('\\') {
        out.push_str(before);
        let mut chars = behind.chars();
        match chars.next() {
            Some('b') => out.push('\u{8}'),
            Some('f') => out.push('\u{c}'),
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some('u') => {
                let unit = |text: &str| u16::from_str_radix(text.get(..4)?, 16).ok();
                let first = unit(chars.as_str());
                let second = chars.as_str().get(4..).and_then(|text| text.strip_prefix("\\u"));
                let second = second.and_then(unit);
                let units = [first.unwrap_or(0xfffd), second.unwrap_or(0)];
                let pair = char::decode_utf16(units).next().and_then(std::result::Result::ok);
                let character = pair.unwrap_or(char::REPLACEMENT_CHARACTER);
                out.push(character);
                let taken = if u32::from(character) > 0xffff { 10 } else { 4 };
                rest = chars.as_str().get(taken..).unwrap_or_default();
                continue;
            }
            Some(other) => out.push(other),
            None => {}
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    out
}

/// Adds a valid JSON text to `out`, without the space between its values.
pub(super) fn compact(raw: &str, out: &mut String) {
    let mut rest = raw;
    loop {
        let bytes = rest.as_bytes();
        let run = bytes.iter().take_while(|b| !matches!(b, b' ' | b'\n' | b'\r' | b'\t' | b'"'));
        let run = run.count();
        out.push_str(rest.get(..run).unwrap_or_default());
        rest = rest.get(run..).unwrap_or_default();
        if rest.starts_with('"') {
            let length = string_length(rest);
            out.push_str(rest.get(..length).unwrap_or_default());
            rest = rest.get(length..).unwrap_or_default();
        } else if rest.is_empty() {
            return;
        } else {
            rest = rest.trim_start_matches([' ', '\n', '\r', '\t']);
        }
    }
}

/// How long the text in quotes is that a valid JSON text begins with.
pub(super) fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (index, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return index + 1,
            _ => {}
        }
    }
    text.len()
}
