//! Custom vocabularies, ready some time after they were made.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{Shared, bad_request, page};
use crate::jobs::text;
use crate::service::Fault;

/// All vocabularies, by name.
#[derive(Debug, Default)]
pub(super) struct Vocabularies {
    by_name: BTreeMap<String, Vocabulary>,
}

#[derive(Debug)]
struct Vocabulary {
    language: Value,
    created: Timestamp,
    ready: Timestamp,
}

impl Vocabulary {
    fn told(&self, name: &str, now: Timestamp) -> Value {
        let (state, changed) =
            if now < self.ready { ("PENDING", self.created) } else { ("READY", self.ready) };
        json!({
            "VocabularyName": name,
            "LanguageCode": self.language,
            "VocabularyState": state,
            "LastModifiedTime": changed.as_millisecond() as f64 / 1000.0,
        })
    }
}

impl Vocabularies {
    /// Fails when a job may not use this vocabulary.
    pub(super) fn check(&self, name: &str, now: Timestamp) -> Result<(), Fault> {
        match self.by_name.get(name) {
            None => Err(missing()),
            Some(vocabulary) if now < vocabulary.ready => Err(bad_request(
                "The requested vocabulary isn't ready. Wait until its state is READY and try your \
                 request again.",
            )),
            Some(_) => Ok(()),
        }
    }
}

fn missing() -> Fault {
    bad_request(
        "The requested vocabulary couldn't be found. Check the vocabulary name and try your \
         request again.",
    )
}

fn name_of(input: &Value) -> &str {
    text(input, "/VocabularyName").unwrap_or_default()
}

pub(super) fn create(shared: &Shared, input: &Value) -> Result<Value, Fault> {
    let name = name_of(input);
    let phrases = input["Phrases"].as_array().is_some_and(|phrases| !phrases.is_empty());
    if phrases == input["VocabularyFileUri"].is_string() {
        return Err(bad_request("Either Phrases or VocabularyFileUri field should be provided."));
    }
    let now = shared.world.clock.now();
    let takes = SignedDuration::from_secs_f64(shared.world.switches().job_seconds);
    let ready = now.saturating_add(takes).unwrap_or(now);
    let vocabularies = &mut shared.state().vocabularies.by_name;
    if vocabularies.contains_key(name) {
        let said = "The requested vocabulary name already exists. Use a different vocabulary name.";
        return Err(Fault::new(400, "ConflictException", said));
    }
    let language = input["LanguageCode"].clone();
    let vocabulary = Vocabulary { language, created: now, ready };
    let told = vocabulary.told(name, now);
    vocabularies.insert(name.to_owned(), vocabulary);
    Ok(told)
}

pub(super) fn get(shared: &Shared, input: &Value) -> Result<Value, Fault> {
    let (name, now) = (name_of(input), shared.world.clock.now());
    let state = shared.state();
    let vocabulary = state.vocabularies.by_name.get(name).ok_or_else(missing)?;
    Ok(vocabulary.told(name, now))
}

pub(super) fn list(shared: &Shared, input: &Value) -> Result<Value, Fault> {
    let now = shared.world.clock.now();
    let contains = text(input, "/NameContains").unwrap_or_default();
    let state = input["StateEquals"].as_str();
    let all = shared.state();
    let told = all.vocabularies.by_name.iter().filter(|(name, _)| name.contains(contains));
    let told = told.map(|(name, vocabulary)| vocabulary.told(name, now));
    let told = told.filter(|v| state.is_none_or(|state| v["VocabularyState"] == state)).collect();
    let (page, next) = page(input, told)?;
    let mut answer = json!({"Vocabularies": page});
    if let Some(next) = next {
        answer["NextToken"] = json!(next);
    }
    Ok(answer)
}

pub(super) fn delete(shared: &Shared, input: &Value) -> Result<Value, Fault> {
    let removed = shared.state().vocabularies.by_name.remove(name_of(input));
    removed.map(|_| json!({})).ok_or_else(missing)
}
