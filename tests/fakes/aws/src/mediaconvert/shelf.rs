//! What is kept by name: job templates, presets, queues; and the tags of everything.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::account::arn;
use crate::service::Fault;

/// Things of one kind, by name.
#[derive(Debug)]
pub(super) struct Shelf {
    /// The kind, as it is in the names of its things: `jobTemplates`.
    kind: &'static str,
    things: Mutex<BTreeMap<String, Value>>,
}

impl Shelf {
    pub(super) fn new(kind: &'static str) -> Self {
        Self { kind, things: Mutex::default() }
    }

    fn things(&self) -> MutexGuard<'_, BTreeMap<String, Value>> {
        self.things.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn create(&self, input: &Value, now: Timestamp) -> Result<Value, Fault> {
        let name = input["name"].as_str().unwrap_or_default().to_owned();
        let mut things = self.things();
        if things.contains_key(&name) {
            let why = format!("There is already something named {name} in {}", self.kind);
            return Err(Fault::new(409, "ConflictException", why));
        }
        let mut thing = input.clone();
        if let Value::Object(fields) = &mut thing {
            fields.remove("tags");
            fields.remove("reservationPlanSettings");
        }
        thing["arn"] = json!(arn("mediaconvert", &format!("{}/{name}", self.kind)));
        thing["type"] = json!("CUSTOM");
        thing["createdAt"] = json!(now.as_second());
        thing["lastUpdated"] = json!(now.as_second());
        things.insert(name, thing.clone());
        Ok(thing)
    }

    pub(super) fn update(&self, input: &Value, now: Timestamp) -> Result<Value, Fault> {
        let name = input["name"].as_str().unwrap_or_default();
        let mut things = self.things();
        let thing = things.get_mut(name).ok_or_else(|| self.nothing(name))?;
        if let (Value::Object(old), Value::Object(new)) = (&mut *thing, input) {
            old.extend(new.clone());
            old.remove("reservationPlanSettings");
        }
        thing["lastUpdated"] = json!(now.as_second());
        Ok(thing.clone())
    }

    /// Finds by name, or by name in full.
    pub(super) fn get(&self, name: &str) -> Result<Value, Fault> {
        let things = self.things();
        let mut all = things.iter();
        let found = all.find(|(own, thing)| *own == name || thing["arn"].as_str() == Some(name));
        found.map(|(_, thing)| thing.clone()).ok_or_else(|| self.nothing(name))
    }

    pub(super) fn delete(&self, name: &str) -> Result<Value, Fault> {
        self.things().remove(name).map(|_| json!({})).ok_or_else(|| self.nothing(name))
    }

    pub(super) fn all(&self) -> Vec<Value> {
        self.things().values().cloned().collect()
    }

    fn nothing(&self, name: &str) -> Fault {
        let why = format!("There is nothing named {name} in {}", self.kind);
        Fault::new(404, "NotFoundException", why)
    }
}

/// A page of a list; the token is where the next begins.
pub(super) fn page(name: &str, all: Vec<Value>, input: &Value) -> Result<Value, Fault> {
    let from = match input["nextToken"].as_str() {
        None => 0,
        Some(token) => token.parse::<usize>().map_err(|_| {
            Fault::new(400, "BadRequestException", "nextToken is not one of this service")
        })?,
    };
    let size =
        input["maxResults"].as_u64().and_then(|size| usize::try_from(size).ok()).unwrap_or(20);
    let total = all.len();
    let items: Vec<Value> = all.into_iter().skip(from).take(size).collect();
    let next = from + items.len();
    let mut page = json!({name: items});
    if next < total {
        page["nextToken"] = json!(next.to_string());
    }
    Ok(page)
}

/// The tags of things, by their names in full.
#[derive(Debug, Default)]
pub(super) struct Tags {
    tags: Mutex<BTreeMap<String, Map<String, Value>>>,
}

impl Tags {
    fn tags(&self) -> MutexGuard<'_, BTreeMap<String, Map<String, Value>>> {
        self.tags.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(&self, arn: &str, tags: &Value) {
        if let Value::Object(tags) = tags {
            self.tags().entry(arn.to_owned()).or_default().extend(tags.clone());
        }
    }

    pub(super) fn remove(&self, arn: &str, keys: &Value) {
        let keys: Vec<&str> =
            keys.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        if let Some(tags) = self.tags().get_mut(arn) {
            tags.retain(|key, _| !keys.contains(&key.as_str()));
        }
    }

    pub(super) fn of(&self, arn: &str) -> Value {
        json!({"arn": arn, "tags": self.tags().get(arn).cloned().unwrap_or_default()})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_once_and_found_in_full_too() {
        let shelf = Shelf::new("presets");
        let now = Timestamp::UNIX_EPOCH;
        let made = shelf.create(&json!({"name": "a", "settings": {}}), now).expect("made");
        assert_eq!(made["arn"], "arn:aws:mediaconvert:us-east-1:111122223333:presets/a");
        assert_eq!(shelf.create(&json!({"name": "a"}), now).map_err(|f| f.status), Err(409));
        assert_eq!(shelf.get(made["arn"].as_str().expect("arn")), Ok(made));
        assert_eq!(shelf.delete("a"), Ok(json!({})));
        assert_eq!(shelf.get("a").map_err(|fault| fault.status), Err(404));
    }

    #[test]
    fn pages_follow_one_another() {
        let all = || (0..5).map(|n| json!(n)).collect::<Vec<_>>();
        let first = page("jobs", all(), &json!({"maxResults": 3})).expect("a page");
        assert_eq!(first, json!({"jobs": [0, 1, 2], "nextToken": "3"}));
        let rest = json!({"maxResults": 3, "nextToken": first["nextToken"]});
        assert_eq!(page("jobs", all(), &rest), Ok(json!({"jobs": [3, 4]})));
        assert!(page("jobs", all(), &json!({"nextToken": "x"})).is_err());
    }
}
