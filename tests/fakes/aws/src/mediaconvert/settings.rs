//! Reading job settings with a memory: what was never read makes the job fail, so that no test
//! passes on a setting the emulator ignores.

use std::cell::RefCell;
use std::collections::BTreeSet;

use serde_json::Value;

/// Why settings cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wrong {
    /// The real service refuses them: where, and in which words.
    Invalid(String, String),
    /// The real service may take them; the emulator cannot follow them.
    NotEmulated(String),
}

/// Settings, and which of them have been read.
#[derive(Debug)]
pub(super) struct Settings<'a> {
    root: &'a Value,
    read: RefCell<BTreeSet<String>>,
}

impl<'a> Settings<'a> {
    pub(super) fn new(root: &'a Value) -> Self {
        Self { root, read: RefCell::default() }
    }

    pub(super) fn root(&self) -> Node<'_> {
        Node { value: self.root, path: String::new(), read: &self.read }
    }

    /// The paths of what was never read, such as `/inputs/0/filterStrength`.
    pub(super) fn unread(&self) -> Vec<String> {
        let mut unread = Vec::new();
        self.collect(self.root, String::new(), &mut unread);
        unread
    }

    fn collect(&self, value: &Value, path: String, unread: &mut Vec<String>) {
        if value.is_null() || self.read.borrow().contains(&path) {
            return;
        }
        match value {
            Value::Object(fields) => {
                for (name, field) in fields {
                    self.collect(field, format!("{path}/{name}"), unread);
                }
            }
            Value::Array(items) => {
                for (at, item) in items.iter().enumerate() {
                    self.collect(item, format!("{path}/{at}"), unread);
                }
            }
            _ => unread.push(path),
        }
    }
}

/// One place in the settings.
#[derive(Debug, Clone)]
pub(super) struct Node<'a> {
    value: &'a Value,
    path: String,
    read: &'a RefCell<BTreeSet<String>>,
}

impl<'a> Node<'a> {
    pub(super) fn get(&self, name: &str) -> Option<Node<'a>> {
        let value = self.value.get(name).filter(|value| !value.is_null())?;
        Some(Node { value, path: format!("{}/{name}", self.path), read: self.read })
    }

    /// The items of a list; none when it is absent.
    pub(super) fn items(&self, name: &str) -> Vec<Node<'a>> {
        let Some(list) = self.get(name) else { return Vec::new() };
        let items = list.value.as_array().map(Vec::as_slice).unwrap_or_default();
        let item =
            |(at, value)| Node { value, path: format!("{}/{at}", list.path), read: self.read };
        items.iter().enumerate().map(item).collect()
    }

    /// The entries of a map; none when it is absent.
    pub(super) fn entries(&self, name: &str) -> Vec<(String, Node<'a>)> {
        let Some(map) = self.get(name) else { return Vec::new() };
        let Some(fields) = map.value.as_object() else { return Vec::new() };
        let entry = |(name, value): (&String, &'a Value)| {
            let path = format!("{}/{name}", map.path);
            (name.clone(), Node { value, path, read: self.read })
        };
        fields.iter().map(entry).collect()
    }

    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        self.leaf(name)?.as_str()
    }

    pub(super) fn int(&self, name: &str) -> Option<i64> {
        self.leaf(name)?.as_i64()
    }

    pub(super) fn number(&self, name: &str) -> Option<f64> {
        self.leaf(name)?.as_f64()
    }

    /// A list of numbers.
    pub(super) fn numbers(&self, name: &str) -> Option<Vec<f64>> {
        self.leaf(name)?.as_array().map(|items| items.iter().filter_map(Value::as_f64).collect())
    }

    /// Reads settings that change nothing a test could see, whatever their values.
    pub(super) fn ignore(&self, names: &[&str]) {
        for name in names {
            self.leaf(name);
        }
    }

    /// Reads a setting of which only some values can be followed.
    pub(super) fn only(&self, name: &str, values: &[&str]) -> Result<(), Wrong> {
        match self.text(name) {
            Some(value) if !values.contains(&value) => Err(self.not_emulated(name)),
            _ => Ok(()),
        }
    }

    /// The number a setting must have.
    pub(super) fn required(&self, name: &str) -> Result<i64, Wrong> {
        self.int(name).ok_or_else(|| self.invalid(name, "is a required property"))
    }

    pub(super) fn invalid(&self, name: &str, why: &str) -> Wrong {
        Wrong::Invalid(format!("{}/{name}", self.path), why.to_owned())
    }

    pub(super) fn not_emulated(&self, name: &str) -> Wrong {
        let value = self.value.get(name).map(|value| format!(" = {value}")).unwrap_or_default();
        Wrong::NotEmulated(format!("{}/{name}{value}", self.path))
    }

    fn leaf(&self, name: &str) -> Option<&'a Value> {
        self.read.borrow_mut().insert(format!("{}/{name}", self.path));
        self.value.get(name).filter(|value| !value.is_null())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_never_read_is_named() {
        let job =
            json!({"inputs": [{"fileInput": "s3://b/k", "filterStrength": 3}], "adAvailOffset": 0});
        let settings = Settings::new(&job);
        let input = settings.root().items("inputs").remove(0);
        assert_eq!(input.text("fileInput"), Some("s3://b/k"));
        assert_eq!(settings.unread(), ["/adAvailOffset", "/inputs/0/filterStrength"]);
        input.ignore(&["filterStrength"]);
        settings.root().ignore(&["adAvailOffset"]);
        assert_eq!(settings.unread(), Vec::<String>::new());
    }

    #[test]
    fn a_value_that_cannot_be_followed_is_named_with_its_place() {
        let job = json!({"h264Settings": {"telecine": "HARD"}});
        let settings = Settings::new(&job);
        let codec = settings.root().get("h264Settings").expect("settings");
        assert_eq!(codec.only("syntax", &["DEFAULT"]), Ok(()));
        let wrong = Wrong::NotEmulated("/h264Settings/telecine = \"HARD\"".to_owned());
        assert_eq!(codec.only("telecine", &["NONE"]), Err(wrong));
    }
}
