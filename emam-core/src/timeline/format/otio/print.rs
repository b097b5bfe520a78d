//! JSON as OpenTimelineIO writes it: indented by four spaces, numbers with a decimal point.

use std::fmt::Write;
use std::ops::Range;

use super::json::string_length;

/// A JSON text in the making.
#[derive(Debug, Default)]
pub(super) struct Printer {
    out: String,
    depth: usize,
    /// Whether nothing is in the array or object yet.
    empty: bool,
}

impl Printer {
    pub(super) fn new(capacity: usize) -> Self {
        Self { out: String::with_capacity(capacity), depth: 0, empty: true }
    }

    pub(super) fn finish(self) -> String {
        self.out
    }

    /// How deep the next member lies.
    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    /// How long the text is by now, in bytes.
    pub(super) fn length(&self) -> usize {
        self.out.len()
    }

    /// Writes once more what was written before at this depth.
    pub(super) fn again(&mut self, written: Range<usize>) {
        self.out.extend_from_within(written);
        self.empty = false;
    }

    fn line(&mut self) {
        const SPACES: &str = "                                                                ";
        self.out.push('\n');
        let mut left = self.depth * 4;
        while left > 0 {
            let part = left.min(SPACES.len());
            self.out.push_str(SPACES.get(..part).unwrap_or_default());
            left -= part;
        }
    }

    fn open(&mut self, bracket: char) {
        self.out.push(bracket);
        self.depth += 1;
        self.empty = true;
    }

    fn close(&mut self, bracket: char) {
        self.depth = self.depth.saturating_sub(1);
        if !self.empty {
            self.line();
        }
        self.out.push(bracket);
        self.empty = false;
    }

    /// Begins the next value of an array.
    pub(super) fn item(&mut self) {
        if !self.empty {
            self.out.push(',');
        }
        self.empty = false;
        self.line();
    }

    /// Begins the next member of an object.
    pub(super) fn key(&mut self, key: &str) {
        self.item();
        self.text(key);
        self.out.push_str(": ");
    }

    /// Begins an object of the file.
    pub(super) fn begin(&mut self, schema: &str) {
        self.open_object();
        self.member("OTIO_SCHEMA", schema);
    }

    pub(super) fn open_object(&mut self) {
        self.open('{');
    }

    pub(super) fn close_object(&mut self) {
        self.close('}');
    }

    pub(super) fn open_array(&mut self) {
        self.open('[');
    }

    pub(super) fn close_array(&mut self) {
        self.close(']');
    }

    /// A member that is a text.
    pub(super) fn member(&mut self, key: &str, text: &str) {
        self.key(key);
        self.text(text);
    }

    /// A member that is a whole number.
    pub(super) fn number(&mut self, key: &str, value: i64) {
        self.key(key);
        self.int(value);
    }

    /// A member that is true or false.
    pub(super) fn flag(&mut self, key: &str, value: bool) {
        self.key(key);
        self.bool(value);
    }

    /// A member that is copied.
    pub(super) fn copy(&mut self, key: &str, raw: &str) {
        self.key(key);
        self.raw(raw);
    }

    pub(super) fn null(&mut self) {
        self.out.push_str("null");
    }

    /// An empty list.
    pub(super) fn nothing(&mut self) {
        self.out.push_str("[]");
    }

    pub(super) fn bool(&mut self, value: bool) {
        self.out.push_str(if value { "true" } else { "false" });
    }

    pub(super) fn int(&mut self, value: i64) {
        // Writing to a text cannot fail.
        let _ = write!(self.out, "{value}");
    }

    /// A float, with a decimal point also if it is whole.
    pub(super) fn float(&mut self, value: f64) {
        let _ = write!(self.out, "{value:?}");
    }

    /// A whole number as a float.
    pub(super) fn whole(&mut self, value: i64) {
        let _ = write!(self.out, "{value}.0");
    }

    /// A member that is a list of whole numbers, such as the terms of a rate.
    pub(super) fn numbers(&mut self, key: &str, values: impl IntoIterator<Item = i64>) {
        self.key(key);
        self.open_array();
        for value in values {
            self.item();
            self.int(value);
        }
        self.close_array();
    }

    /// A text. OpenTimelineIO cuts texts at U+0000, so that is shown as U+FFFD.
    pub(super) fn text(&mut self, text: &str) {
        self.out.push('"');
        let mut rest = text;
        loop {
            let plain =
                rest.bytes().take_while(|b| *b >= 0x20 && *b != b'"' && *b != b'\\').count();
            self.out.push_str(rest.get(..plain).unwrap_or_default());
            match rest.as_bytes().get(plain) {
                None => break,
                Some(b'"') => self.out.push_str("\\\""),
                Some(b'\\') => self.out.push_str("\\\\"),
                Some(b'\n') => self.out.push_str("\\n"),
                Some(b'\r') => self.out.push_str("\\r"),
                Some(b'\t') => self.out.push_str("\\t"),
                Some(8) => self.out.push_str("\\b"),
                Some(12) => self.out.push_str("\\f"),
                Some(0) => self.out.push('\u{fffd}'),
                Some(byte) => {
                    let _ = write!(self.out, "\\u{byte:04X}");
                }
            }
            rest = rest.get(plain + 1..).unwrap_or_default();
        }
        self.out.push('"');
    }

    /// A valid JSON text, its values byte for byte and indented anew.
    pub(super) fn raw(&mut self, raw: &str) {
        let mut rest = raw;
        let depth = self.depth;
        while let Some(byte) = rest.bytes().next() {
            let mut length = 1;
            match byte {
                b'"' => {
                    length = string_length(rest);
                    self.out.push_str(rest.get(..length).unwrap_or_default());
                }
                b'{' | b'[' => {
                    self.open(char::from(byte));
                    let inner = rest.get(1..).unwrap_or_default().trim_ascii_start();
                    if !inner.starts_with(['}', ']']) {
                        self.item();
                    }
                }
                b'}' | b']' => self.close(char::from(byte)),
                b',' => self.item(),
                b':' => self.out.push_str(": "),
                b' ' | b'\n' | b'\r' | b'\t' => {}
                _ => self.out.push(char::from(byte)),
            }
            rest = rest.get(length..).unwrap_or_default();
        }
        self.depth = depth;
        self.empty = false;
    }
}
