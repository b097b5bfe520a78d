//! What only emam knows of a thing, in `metadata.emam`, and what emam does not know of it, in
//! `foreign`.

use std::borrow::Cow;
use std::cell::Cell;
use std::str::FromStr;

use serde_json::{Map, Number};

use super::json::{Kind, Tape, Value, compact};
use crate::error::Result;
use crate::model::Foreign;
use crate::time::Rate;

/// The name of this format among the foreign texts of a thing.
pub(super) const FORMAT: &str = "otio";

/// What a foreign text may be at most to be kept in a file in one piece; deeper ones are no JSON of
/// ours.
const MAX_DEPTH: u32 = 512;

/// The block `emam` of a metadata dictionary; what is read of it is marked as understood.
#[derive(Debug, Default)]
pub(super) struct Facts<'t> {
    block: Option<Value<'t>>,
    /// Which members were understood, a bit each.
    understood: Cell<u64>,
    /// What the file shows otherwise than it is: texts with U+0000, numbers above 63 bits.
    exact: Map<String, serde_json::Value>,
}

impl<'t> Facts<'t> {
    /// The facts in the metadata of a thing.
    pub(super) fn of(metadata: Option<Value<'t>>) -> Self {
        Self::of_block(metadata.and_then(|metadata| metadata.get("emam")))
    }

    /// The facts in a block of their own.
    pub(super) fn of_block(block: Option<Value<'t>>) -> Self {
        let block = block.filter(|block| block.is_object());
        let mut facts = Self { block, ..Self::default() };
        if let Some(exact) = facts.text("exact")
            && let Ok(exact) = serde_json::from_str(&exact)
        {
            facts.exact = exact;
        }
        facts
    }

    /// What `parse` makes of a member.
    pub(super) fn get<T>(
        &self,
        key: &str,
        parse: impl FnOnce(Value<'t>) -> Option<T>,
    ) -> Option<T> {
        let (index, (_, value)) =
            self.block?.members().enumerate().find(|(_, (name, _))| name == key)?;
        let parsed = parse(value);
        if parsed.is_some() {
            let bit = u32::try_from(index).ok().and_then(|index| 1_u64.checked_shl(index));
            self.understood.set(self.understood.get() | bit.unwrap_or(0));
        }
        parsed
    }

    pub(super) fn text(&self, key: &str) -> Option<Cow<'t, str>> {
        self.get(key, Value::as_text)
    }

    /// An id, or anything else that is written as a text.
    pub(super) fn parsed<T: FromStr>(&self, key: &str) -> Option<T> {
        self.get(key, |value| value.as_text()?.parse().ok())
    }

    pub(super) fn number<T: TryFrom<i64>>(&self, key: &str) -> Option<T> {
        self.get(key, |value| value.as_i64()?.try_into().ok())
    }

    pub(super) fn flag(&self, key: &str) -> Option<bool> {
        self.get(key, Value::as_bool)
    }

    /// A list of whole numbers.
    pub(super) fn numbers<T: TryFrom<i64>>(&self, key: &str) -> Option<Vec<T>> {
        self.get(key, |value| {
            let numbers = value.elements().map(|value| value.as_i64()?.try_into().ok());
            (value.kind() == Kind::Array).then(|| numbers.collect())?
        })
    }

    /// A rate, as the two whole numbers it is.
    pub(super) fn rate(&self, key: &str) -> Option<Rate> {
        let terms: Vec<u32> = self.numbers(key)?;
        match terms.as_slice() {
            [num, den] => Rate::new(*num, *den).ok(),
            _ => None,
        }
    }

    /// An object of any JSON.
    pub(super) fn map(&self, key: &str) -> Option<Map<String, serde_json::Value>> {
        self.get(key, |value| match json(value)? {
            serde_json::Value::Object(map) => Some(map),
            _ => None,
        })
    }

    /// The text that the file shows as `shown`.
    pub(super) fn exactly(&self, key: &str, shown: String) -> String {
        match self.exact.get(key) {
            Some(serde_json::Value::String(exact)) if visible(exact) == shown => exact.clone(),
            _ => shown,
        }
    }

    /// The JSON that the file shows as `shown`.
    pub(super) fn exactly_map(
        &self,
        key: &str,
        shown: Map<String, serde_json::Value>,
    ) -> Map<String, serde_json::Value> {
        match self.exact.get(key) {
            Some(exact @ serde_json::Value::Object(map))
                if portable(exact) == serde_json::Value::Object(shown.clone()) =>
            {
                map.clone()
            }
            _ => shown,
        }
    }

    /// What other formats said of the thing.
    pub(super) fn foreign(&self) -> Foreign {
        let shown = self.map("foreign").unwrap_or_default();
        let exact = self.exactly_map("foreign", shown);
        let texts = exact.into_iter().filter_map(|(format, text)| match text {
            serde_json::Value::String(text) => Some((format, text)),
            _ => None,
        });
        texts.collect()
    }

    /// What is in the block and was not understood.
    fn rest(&self, left: &mut Left) {
        let members = self.block.iter().flat_map(|block| block.members());
        for (index, (key, value)) in members.enumerate() {
            let bit = u32::try_from(index).ok().and_then(|index| 1_u64.checked_shl(index));
            if self.understood.get() & bit.unwrap_or(0) != 0 {
                continue;
            }
            if key == "unread" && value.is_object() {
                for (key, value) in value.members() {
                    left.add(&key, value.raw());
                }
            } else {
                left.add(&key, value.raw());
            }
        }
    }
}

/// What is left of a thing of the file after what is understood: a JSON object in the making.
#[derive(Debug, Default)]
pub(super) struct Left {
    text: String,
}

impl Left {
    /// Adds a member; `raw` is valid JSON.
    pub(super) fn add(&mut self, key: &str, raw: &str) {
        self.key(key);
        compact(raw, &mut self.text);
    }

    fn key(&mut self, key: &str) {
        self.text.push(if self.text.is_empty() { '{' } else { ',' });
        self.text.push_str(&quoted(key));
        self.text.push(':');
    }

    /// Adds what is left of something in it, if there is any.
    pub(super) fn nest(&mut self, key: &str, inner: Left) {
        if let Some(inner) = inner.finish() {
            self.key(key);
            self.text.push_str(&inner);
        }
    }

    /// Adds a value if it is there, not null and not an empty list.
    pub(super) fn keep(&mut self, key: &str, value: Option<Value<'_>>) {
        if let Some(value) = value
            && !value.is_null()
            && !value.is_empty()
        {
            self.add(key, value.raw());
        }
    }

    /// Adds what is left of metadata: all but what was understood of `facts` and the texts named
    /// by block and key in `taken`.
    pub(super) fn metadata(
        &mut self,
        metadata: Option<Value<'_>>,
        facts: &Facts<'_>,
        taken: &[(&str, &str)],
    ) -> Result<()> {
        let Some(metadata) = metadata.filter(|metadata| !metadata.is_null()) else {
            return Ok(());
        };
        if !metadata.is_object() {
            return Err(metadata.error("metadata is a JSON object; here it is something else"));
        }
        let mut left = Left::default();
        // In the order OpenTimelineIO, and so this program, writes them in.
        let mut entries: Vec<_> = metadata.members().collect();
        entries.sort_by(|(one, _), (other, _)| one.cmp(other));
        for (key, value) in entries {
            if key == "emam" && value.is_object() {
                let mut inner = Left::default();
                facts.rest(&mut inner);
                left.nest("emam", inner);
            } else if taken.iter().any(|(block, _)| *block == key) && value.is_object() {
                let mut inner = Left::default();
                let kept = value.members().filter(|(name, _)| {
                    !taken.iter().any(|(block, taken)| *block == key && taken == name)
                });
                kept.for_each(|(name, value)| inner.add(&name, value.raw()));
                match inner.finish() {
                    None if !value.is_empty() => {}
                    inner => left.add(&key, inner.as_deref().unwrap_or("{}")),
                }
            } else {
                left.add(&key, value.raw());
            }
        }
        self.nest("metadata", left);
        Ok(())
    }

    /// The text, if there is anything in it.
    pub(super) fn finish(mut self) -> Option<String> {
        (!self.text.is_empty()).then(|| {
            self.text.push('}');
            self.text
        })
    }

    /// Puts it among the foreign texts of a thing.
    pub(super) fn into_foreign(self, foreign: &mut Foreign) {
        if let Some(text) = self.finish() {
            foreign.insert(FORMAT.to_owned(), text);
        }
    }
}

/// What `.otio` files said of a thing, if anything; an error if it is no JSON object of theirs.
pub(super) fn kept(foreign: &Foreign) -> Option<Result<Tape<'_>>> {
    let text = foreign.get(FORMAT)?;
    Some(Tape::of_text(text, MAX_DEPTH).and_then(|tape| {
        if !tape.root().is_object() {
            return Err(tape.root().error("this is no JSON object"));
        }
        Ok(tape)
    }))
}

/// A text as a JSON text.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::String(text.to_owned()).to_string()
}

/// A text as OpenTimelineIO can hold it: its writer cuts texts at U+0000.
pub(super) fn visible(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { text.replace('\0', "\u{fffd}").into() } else { text.into() }
}

/// A value as OpenTimelineIO can read it and write it again.
///
/// Its reader takes any dictionary with an `OTIO_SCHEMA` for an object of the file, its whole
/// numbers have 63 bits and a sign, and its writer cuts texts at U+0000.
pub(super) fn portable(value: &serde_json::Value) -> serde_json::Value {
    use serde_json::Value as Json;
    match value {
        Json::Number(number) if number.is_u64() && !number.is_i64() => {
            Json::String(number.to_string())
        }
        Json::String(text) => Json::String(visible(text).into_owned()),
        Json::Array(values) => values.iter().map(portable).collect(),
        Json::Object(entries) => {
            let entries = entries.iter().map(|(key, value)| {
                let plain = key != "OTIO_SCHEMA";
                let key = if plain { visible(key) } else { "emam:OTIO_SCHEMA".into() };
                (key.into_owned(), portable(value))
            });
            Json::Object(entries.collect())
        }
        other => other.clone(),
    }
}

/// A value of a file as JSON of this program; `None` for numbers it cannot hold.
pub(super) fn json(value: Value<'_>) -> Option<serde_json::Value> {
    use serde_json::Value as Json;
    Some(match value.kind() {
        Kind::Null => Json::Null,
        Kind::True => Json::Bool(true),
        Kind::False => Json::Bool(false),
        Kind::Text | Kind::Escaped => Json::String(value.as_text()?.into_owned()),
        Kind::NotFinite => return None,
        Kind::Number => {
            let raw = value.raw();
            Json::Number(if raw.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E')) {
                Number::from_f64(value.as_f64()?)?
            } else if let Ok(number) = raw.parse::<i64>() {
                number.into()
            } else {
                raw.parse::<u64>().ok()?.into()
            })
        }
        Kind::Array => Json::Array(value.elements().map(json).collect::<Option<_>>()?),
        Kind::Object => {
            let members =
                value.members().map(|(key, value)| Some((key.into_owned(), json(value)?)));
            Json::Object(members.collect::<Option<_>>()?)
        }
    })
}
