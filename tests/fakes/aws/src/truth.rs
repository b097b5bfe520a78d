//! What the media really shows and says, as the test that made it knows.
//!
//! Truth stands beside an object, as `KEY.truth.json` in its bucket, or is given at run time for
//! every key that contains some text, because a test cannot know the key of a proxy beforehand.
//! What stands beside the object is believed before what was given. Without either nothing is
//! seen and nothing is said: answers are never invented.
//!
//! ```
//! let truth = emam_awsim::truth::Truth::default();
//! let facts = serde_json::json!({
//!     "labels": [{"name": "Rain", "confidence": 97, "parents": ["Weather"], "end_ms": 4000}],
//!     "faces": [{"face_id": "ada", "box": {"left": 0.1, "top": 0.2, "width": 0.2, "height": 0.3}}],
//!     "text": [{"text": "TAKE 2", "start_ms": 1000, "end_ms": 2000}],
//!     "speech": [{"word": "Rain,", "start_ms": 120, "end_ms": 480, "speaker": 0}],
//!     "language": "en-US",
//! });
//! truth.set("_proxy", facts)?;
//! # Ok::<(), emam_awsim::service::Fault>(())
//! ```

use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::media::Media;
use crate::service::Fault;

/// What was given at run time.
#[derive(Debug, Default)]
pub struct Truth {
    given: Mutex<Vec<(String, Facts)>>,
}

impl Truth {
    /// Holds for every object whose key contains `pattern`, or for all when it is `*`. What was
    /// given later is believed first; the same pattern replaces what was given before.
    ///
    /// # Errors
    /// 400 when `facts` is not in the form of [`Facts`].
    pub fn set(&self, pattern: &str, facts: Value) -> Result<(), Fault> {
        let facts = serde_json::from_value(facts)
            .map_err(|error| Fault::new(400, "InvalidTruth", format!("not a truth: {error}")))?;
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        given.retain(|(known, _)| known != pattern);
        given.push((pattern.to_owned(), facts));
        Ok(())
    }

    /// Forgets what was given.
    pub fn clear(&self) {
        self.given.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// What is true of an object.
    ///
    /// # Errors
    /// When the truth beside it cannot be read: a defect of the test, which must not look like
    /// media that shows nothing.
    pub async fn of(&self, media: &dyn Media, bucket: &str, key: &str) -> Result<Facts, String> {
        let beside = format!("{key}.truth.json");
        let stands = if bucket.is_empty() {
            None
        } else {
            media.get(bucket, &beside).await.map_err(|error| format!("{error:#}"))?
        };
        match stands {
            Some(body) => serde_json::from_slice(&body)
                .map_err(|error| format!("s3://{bucket}/{beside} is not a truth: {error}")),
            None => Ok(self.given_for(key)),
        }
    }

    fn given_for(&self, key: &str) -> Facts {
        let given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |pattern: &str| pattern == "*" || key.contains(pattern);
        given
            .iter()
            .rev()
            .find(|(pattern, _)| fits(pattern))
            .map_or_else(Facts::default, |(_, facts)| facts.clone())
    }
}

/// What is true of one object. Times are milliseconds from its beginning; an absent `end_ms` means
/// to its end. Confidences are 0 to 100.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Facts {
    /// Things and scenes.
    pub labels: Vec<LabelFact>,
    /// Faces.
    pub faces: Vec<FaceFact>,
    /// Faces of well-known people.
    pub celebrities: Vec<CelebrityFact>,
    /// Lines of written text.
    pub text: Vec<TextFact>,
    /// What not everybody should see.
    pub moderation: Vec<ModerationFact>,
    /// Technical cues beside the black frames that are measured, for example `ColorBars`.
    pub cues: Vec<CueFact>,
    /// Spoken words in order of time.
    pub speech: Vec<WordFact>,
    /// The spoken language, for example `en-US`.
    pub language: Option<String>,
}

/// A thing or scene.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelFact {
    /// Its name, for example `Rain`.
    pub name: String,
    /// How sure.
    #[serde(default = "sure")]
    pub confidence: f64,
    /// Its parents in the taxonomy.
    #[serde(default)]
    pub parents: Vec<String>,
    /// Other names.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Its categories.
    #[serde(default)]
    pub categories: Vec<String>,
    /// Where it is.
    #[serde(default)]
    pub instances: Vec<InstanceFact>,
    /// From when.
    #[serde(default)]
    pub start_ms: u64,
    /// Until when.
    #[serde(default)]
    pub end_ms: Option<u64>,
}

/// One of the places where a thing is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstanceFact {
    /// Where.
    #[serde(rename = "box")]
    pub place: Place,
    /// How sure.
    #[serde(default = "sure")]
    pub confidence: f64,
}

/// A box in shares of the picture's width and height.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// From the left.
    pub left: f64,
    /// From the top.
    pub top: f64,
    /// How wide.
    pub width: f64,
    /// How high.
    pub height: f64,
}

impl Default for Place {
    fn default() -> Self {
        Self { left: 0.25, top: 0.25, width: 0.5, height: 0.5 }
    }
}

/// A face.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaceFact {
    /// Whose: faces of the same `face_id` are of the same person, in all media.
    #[serde(default)]
    pub face_id: Option<String>,
    /// How sure.
    #[serde(default = "sure")]
    pub confidence: f64,
    /// Where.
    #[serde(default, rename = "box")]
    pub place: Place,
    /// `Male` or `Female`.
    #[serde(default)]
    pub gender: Option<String>,
    /// The lowest and highest age in years.
    #[serde(default)]
    pub age: Option<(u32, u32)>,
    /// Whether it smiles.
    #[serde(default)]
    pub smile: Option<bool>,
    /// Emotions, for example `HAPPY`.
    #[serde(default)]
    pub emotions: Vec<String>,
    /// From when.
    #[serde(default)]
    pub start_ms: u64,
    /// Until when.
    #[serde(default)]
    pub end_ms: Option<u64>,
}

/// The face of a well-known person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CelebrityFact {
    /// The name.
    pub name: String,
    /// The service's id of the person, for example `3Ir0du6`.
    pub id: String,
    /// Pages about the person.
    #[serde(default)]
    pub urls: Vec<String>,
    /// How sure.
    #[serde(default = "sure")]
    pub confidence: f64,
    /// Where.
    #[serde(default, rename = "box")]
    pub place: Place,
    /// From when.
    #[serde(default)]
    pub start_ms: u64,
    /// Until when.
    #[serde(default)]
    pub end_ms: Option<u64>,
}

/// A line of written text; its words are told too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextFact {
    /// The line.
    pub text: String,
    /// How sure.
    #[serde(default = "sure")]
    pub confidence: f64,
    /// Where.
    #[serde(default, rename = "box")]
    pub place: Place,
    /// From when.
    #[serde(default)]
    pub start_ms: u64,
    /// Until when.
    #[serde(default)]
    pub end_ms: Option<u64>,
}

/// What not everybody should see.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModerationFact {
    /// The label, for example `Weapons`.
    pub name: String,
    /// Its parent in the taxonomy; empty at the top.
    #[serde(default)]
    pub parent: String,
    /// How sure.
    #[serde(default = "sure")]
    pub confidence: f64,
    /// From when.
    #[serde(default)]
    pub start_ms: u64,
    /// Until when.
    #[serde(default)]
    pub end_ms: Option<u64>,
}

/// A technical cue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CueFact {
    /// `ColorBars`, `EndCredits`, `OpeningCredits`, `StudioLogo`, `Slate` or `Content`.
    pub kind: String,
    /// How sure.
    #[serde(default = "sure")]
    pub confidence: f64,
    /// From when.
    pub start_ms: u64,
    /// Until when.
    pub end_ms: u64,
}

/// A spoken word.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WordFact {
    /// The word, with the punctuation mark that follows it.
    pub word: String,
    /// From when.
    pub start_ms: u64,
    /// Until when.
    pub end_ms: u64,
    /// How sure.
    #[serde(default = "sure")]
    pub confidence: f64,
    /// Which speaker, from 0.
    #[serde(default)]
    pub speaker: Option<u32>,
}

fn sure() -> f64 {
    99.0
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::media::MemoryMedia;

    #[tokio::test]
    async fn truth_beside_is_believed_before_truth_given() {
        let (truth, media) = (Truth::default(), MemoryMedia::default());
        truth.set("*", json!({"language": "de-DE"})).unwrap();
        truth.set("proxy", json!({"language": "fr-FR"})).unwrap();
        media.insert("b", "a_proxy.mp4.truth.json", r#"{"language": "en-US"}"#);
        let language = async |key| truth.of(&media, "b", key).await.unwrap().language;
        assert_eq!(language("a_proxy.mp4").await.as_deref(), Some("en-US"));
        assert_eq!(language("b_proxy.mp4").await.as_deref(), Some("fr-FR"));
        assert_eq!(language("c.mp4").await.as_deref(), Some("de-DE"));
        truth.clear();
        assert_eq!(truth.of(&media, "b", "c.mp4").await.unwrap(), Facts::default());
    }

    #[tokio::test]
    async fn a_misspelt_truth_is_told() {
        let (truth, media) = (Truth::default(), MemoryMedia::default());
        assert_eq!(truth.set("*", json!({"lables": []})).unwrap_err().status, 400);
        media.insert("b", "k.truth.json", r#"{"labels": [{"nam": "x"}]}"#);
        let error = truth.of(&media, "b", "k").await.unwrap_err();
        assert!(error.contains("s3://b/k.truth.json"), "{error}");
    }
}
