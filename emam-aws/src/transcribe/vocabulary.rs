//! Words the service would not know: names, terms, brands.

use aws_sdk_transcribe::Client;
use aws_sdk_transcribe::types::{LanguageCode, VocabularyState};
use emam_core::{Error, ErrorKind, Result};

use super::job::is_missing;
use super::ticket::is_name;
use crate::error::error;

const SET: &str = "vocabulary.set";

/// What a vocabulary is at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// It can be used, with media in this language.
    Ready(LanguageCode),
    /// The service is still making it.
    Pending,
}

/// Makes a vocabulary, or gives the one of that name other phrases.
pub(super) async fn set(
    client: &Client,
    name: &str,
    language: &str,
    phrases: &[String],
) -> Result<()> {
    if !is_name(name, 200) {
        return Err(Error::invalid(
            SET,
            "the name of a vocabulary is 1 to 200 of the characters a-z, A-Z, 0-9, ., - and _",
        )
        .with("name", name));
    }
    // https://docs.aws.amazon.com/transcribe/latest/dg/custom-vocabulary.html
    let wrong = |phrase: &&String| phrase.trim().is_empty() || phrase.chars().count() > 256;
    if let Some(phrase) = phrases.iter().find(wrong) {
        return Err(Error::invalid(SET, "a phrase has 1 to 256 characters").with("phrase", phrase));
    }
    if phrases.is_empty() {
        return Err(Error::invalid(SET, "a vocabulary has at least one phrase").with("name", name));
    }
    // The service joins the words of a phrase by hyphens.
    let phrases: Vec<String> =
        phrases.iter().map(|one| one.split_whitespace().collect::<Vec<_>>().join("-")).collect();
    let language = LanguageCode::from(language);
    let made = client
        .create_vocabulary()
        .vocabulary_name(name)
        .language_code(language.clone())
        .set_phrases(Some(phrases.clone()))
        .send()
        .await;
    let Err(cause) = made else { return Ok(()) };
    let refused = error(SET, cause);
    if refused.get("code") != Some("ConflictException") {
        return Err(refused.with("name", name));
    }
    let asked = client.update_vocabulary().vocabulary_name(name).language_code(language);
    let told = asked.set_phrases(Some(phrases)).send().await;
    told.map(|_| ()).map_err(|cause| error(SET, cause).with("name", name))
}

/// What the vocabulary of that name is at.
pub(super) async fn state(client: &Client, operation: &'static str, name: &str) -> Result<State> {
    let told = client.get_vocabulary().vocabulary_name(name).send().await;
    let told = told.map_err(|cause| match error(operation, cause) {
        missing if is_missing(&missing) => Error::invalid(
            operation,
            "there is no vocabulary of this name; make it before media is transcribed with it",
        )
        .with("vocabulary", name),
        other => other.with("vocabulary", name),
    })?;
    match (told.vocabulary_state, told.language_code) {
        (Some(VocabularyState::Ready), Some(language)) => Ok(State::Ready(language)),
        (Some(VocabularyState::Failed), _) => Err(Error::new(
            ErrorKind::InvalidInput,
            operation,
            "Transcribe could not make the vocabulary; correct its phrases",
        )
        .with("vocabulary", name)
        .with("said", told.failure_reason.unwrap_or_default())),
        _ => Ok(State::Pending),
    }
}
