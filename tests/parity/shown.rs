//! What a result comes to when what differs from one run to the next is taken out of it.

use std::collections::HashMap;
use std::path::Path;

use serde_json::{Map, Value, json};

/// Gives ids their number in the order they are met, and takes out times and folders.
pub(crate) struct Shown {
    ids: HashMap<String, usize>,
    folders: Vec<(String, &'static str)>,
}

impl Shown {
    pub(crate) fn new(scene: impl AsRef<Path>) -> Self {
        let folder = |path: &Path| path.display().to_string();
        let folders =
            vec![(folder(scene.as_ref()), "<scene>"), (folder(&super::home()), "<parity>")];
        Self { ids: HashMap::new(), folders }
    }

    /// What is shown of what a case gave.
    pub(crate) fn of(&mut self, case: &Value, gives: Value) -> Value {
        let masked: Vec<&str> =
            case["mask"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let gives = match case["pick"].as_array() {
            Some(pointers) => {
                let pick = |pointer: &Value| {
                    let pointer = pointer.as_str().unwrap().to_owned();
                    let value = gives.pointer(&pointer).cloned().unwrap_or_default();
                    (pointer, value)
                };
                Value::Object(pointers.iter().map(pick).collect())
            }
            None => gives,
        };
        self.value(&gives, &masked).unwrap_or_else(|| json!({}))
    }

    /// Nothing where there is nothing to show: languages differ in whether they say so.
    fn value(&mut self, value: &Value, masked: &[&str]) -> Option<Value> {
        match value {
            nothing if is_nothing(nothing) => None,
            Value::String(text) => Some(Value::String(self.text(text))),
            Value::Number(number) => match number.as_f64() {
                Some(float) if float.fract() == 0.0 => Some(json!(float)),
                _ => Some(value.clone()),
            },
            Value::Array(items) => {
                let items: Vec<_> =
                    items.iter().map(|item| self.value(item, masked).unwrap_or_default()).collect();
                (!items.is_empty()).then_some(Value::Array(items))
            }
            Value::Object(fields) => {
                let mut shown = Map::new();
                for (name, value) in fields {
                    let value = match masked.contains(&name.as_str()) {
                        true => (!is_nothing(value)).then(|| json!("<masked>")),
                        false => self.value(value, masked),
                    };
                    shown.extend(value.map(|value| (name.clone(), value)));
                }
                (!shown.is_empty()).then_some(Value::Object(shown))
            }
            other => Some(other.clone()),
        }
    }

    fn text(&mut self, text: &str) -> String {
        if is_instant(text) {
            return "<instant>".to_owned();
        }
        let mut shown = text.to_owned();
        for (folder, name) in &self.folders {
            shown = shown.replace(folder, name);
        }
        let mut start = 0;
        while let Some(id) = shown.get(start..start + 36).map(str::to_owned) {
            if is_id(&id) && !id.starts_with("00000000") {
                let next = self.ids.len();
                let number = *self.ids.entry(id.clone()).or_insert(next);
                shown = shown.replace(&id, &format!("<id {number}>"));
            }
            start += 1;
            while start < shown.len() && !shown.is_char_boundary(start) {
                start += 1;
            }
        }
        shown
    }
}

/// Whether some languages say this and others leave it out.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.values().all(is_nothing),
        _ => false,
    }
}

/// `2026-11-22T10:00:00.123Z`
fn is_instant(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= 20
        && bytes[10] == b'T'
        && bytes.ends_with(b"Z")
        && bytes[..4].iter().all(u8::is_ascii_digit)
}

/// `01890a5d-ac96-774b-bcce-b302099a8057`
fn is_id(text: &str) -> bool {
    text.bytes().enumerate().all(|(place, byte)| match place {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    })
}
