//! Finding assets, and the moments in them.

use std::fmt::Debug;

use async_trait::async_trait;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::id::{AnnotationId, CategoryId};
use crate::model::{AnnotationKind, Asset, AssetKind, Lifecycle};
use crate::time::TimeRange;

/// Finds assets.
///
/// # Contract
/// - `search_matches_every_text`: words are found in title, description, file name, tags and
///   annotations, whatever their case and accents.
/// - `search_needs_all_words`: an asset is found where all words are in it or all are in one of
///   its annotations.
/// - `search_phrase_prefix_and_exclusion`: `"two words"` in that order, `pre*`, `-without`.
/// - `search_takes_any_text`: operators, quotes and emoji in the text are text, never an error.
/// - `search_hits_carry_moments`: an annotation that matches comes with its range and a snippet.
/// - `search_filters_narrow`: each filter alone and all together give exactly what fits.
/// - `search_facets_count_all_matches`: facet values count every match, not just the page.
/// - `search_pages_are_complete`: every match comes once over pages of any size, in every order.
/// - `search_forged_cursor`: a cursor that was not given for this query is `InvalidInput`.
/// - `search_sees_changes_at_once`: a change is found, and its past no more, when its call returns.
/// - `search_leaves_out_the_trash`: trashed assets are found only when asked for.
#[async_trait]
pub trait Search: Debug + Send + Sync + 'static {
    /// Finds one page of assets with facets and the number of all matches.
    async fn search(&self, query: &Query) -> Result<SearchPage>;
}

/// What is looked for. Everything given must hold.
///
/// ```
/// use emam_core::backend::catalog::Query;
/// use emam_core::model::AssetKind;
///
/// let query = Query::text("rain").kind(AssetKind::Video).limit(20);
/// assert_eq!(query.text.as_deref(), Some("rain"));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Query {
    /// Words to be found: `rain london`, `"exact phrase"`, `pre*` (begins with), `-without`.
    #[schemars(extend("x-positional" = true))]
    pub text: Option<String>,
    /// Of one of these kinds.
    pub kinds: Vec<AssetKind>,
    /// In one of these lifecycles; in every one but `trashed` when empty.
    pub lifecycles: Vec<Lifecycle>,
    /// With all of these tags, case and accents aside.
    pub tags: Vec<String>,
    /// Filed under one of these categories or one below it.
    pub categories: Vec<CategoryId>,
    /// With one of these video codecs, or audio codecs where there is no video.
    pub codecs: Vec<String>,
    /// With this MD5 of the original.
    pub md5: Option<String>,
    /// Rated this or better.
    pub min_rating: Option<u8>,
    /// This long or longer, in milliseconds.
    pub min_duration_ms: Option<i64>,
    /// This long or shorter, in milliseconds.
    pub max_duration_ms: Option<i64>,
    /// Made at this instant or later.
    pub created_from: Option<Timestamp>,
    /// Made before this instant.
    pub created_before: Option<Timestamp>,
    /// The order of the hits; the best match first where there is text, else the newest.
    pub sort: Option<Sort>,
    /// The facets wanted.
    pub facets: Vec<FacetField>,
    /// How many moments each hit carries at most; 3 unless told otherwise.
    pub moments: usize,
    /// How many hits at most, from 1 to 1,000; 50 unless told otherwise.
    pub limit: i64,
    /// The `next` of the page before.
    pub cursor: Option<String>,
}

impl Default for Query {
    fn default() -> Self {
        Self {
            text: None,
            kinds: Vec::new(),
            lifecycles: Vec::new(),
            tags: Vec::new(),
            categories: Vec::new(),
            codecs: Vec::new(),
            md5: None,
            min_rating: None,
            min_duration_ms: None,
            max_duration_ms: None,
            created_from: None,
            created_before: None,
            sort: None,
            facets: Vec::new(),
            moments: 3,
            limit: 50,
            cursor: None,
        }
    }
}

impl Query {
    /// Looks for words.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: Some(text.into()), ..Self::default() }
    }

    /// Looks for everything.
    pub fn all() -> Self {
        Self::default()
    }

    /// The same, of this kind (or of those named before).
    #[must_use]
    pub fn kind(mut self, kind: AssetKind) -> Self {
        self.kinds.push(kind);
        self
    }

    /// The same, with this tag too.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// The same, with this facet too.
    #[must_use]
    pub fn facet(mut self, facet: FacetField) -> Self {
        self.facets.push(facet);
        self
    }

    /// The same in this order.
    #[must_use]
    pub fn sort(mut self, sort: Sort) -> Self {
        self.sort = Some(sort);
        self
    }

    /// The same with at most this many hits on a page.
    #[must_use]
    pub fn limit(mut self, limit: i64) -> Self {
        self.limit = limit;
        self
    }

    /// The same from where a page before ended.
    #[must_use]
    pub fn after(mut self, cursor: impl Into<String>) -> Self {
        self.cursor = Some(cursor.into());
        self
    }
}

/// An order of hits. Equal ones come newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    /// The best match first; only with text.
    Relevance,
    /// The newest first.
    Newest,
    /// The oldest first.
    Oldest,
    /// By title, case aside.
    Title,
    /// The largest original first.
    Largest,
    /// The longest first.
    Longest,
}

/// A field whose values can be counted over all matches.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum FacetField {
    /// The kind of the asset.
    Kind,
    /// Its lifecycle.
    Lifecycle,
    /// Its video codec, or audio codec where there is no video.
    Codec,
    /// Its container.
    Container,
    /// Its rating.
    Rating,
    /// Its tags; an asset counts for each of its tags.
    Tag,
    /// Its categories, by id; an asset counts for each of its categories.
    Category,
}

/// One page of what was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SearchPage {
    /// The hits of this page, in order.
    pub items: Vec<Hit>,
    /// Ask for the next page with this cursor; absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// How many assets match, over all pages.
    pub total: u64,
    /// The facets asked for.
    #[serde(default)]
    pub facets: Vec<Facet>,
}

/// One asset that was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Hit {
    /// The asset.
    pub asset: Asset,
    /// The moments in it that match, in time order.
    #[serde(default)]
    pub moments: Vec<Moment>,
}

/// A place in an asset that matches: hits can be played and cut from there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Moment {
    /// The annotation that matches.
    pub annotation: AnnotationId,
    /// What it is.
    pub kind: AnnotationKind,
    /// When, from the first frame (0) of the media; absent when it is about all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<TimeRange>,
    /// The words around the match, each match between U+E000 and U+E001 (private use, so that no
    /// text can forge them).
    pub snippet: String,
}

/// The values of one field over all matches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Facet {
    /// The field.
    pub field: FacetField,
    /// Its values, the most frequent first, at most 100.
    pub values: Vec<FacetValue>,
}

/// One value of a facet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FacetValue {
    /// The value, as it is written in JSON.
    pub value: String,
    /// How many matches have it.
    pub count: u64,
}

/// The words of a query, understood: the same on every database.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Terms {
    /// All of these are to be found.
    pub include: Vec<TextTerm>,
    /// None of these is to be found.
    pub exclude: Vec<TextTerm>,
}

/// One word or phrase of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextTerm {
    /// Its words, letters and digits only, in order.
    pub words: Vec<String>,
    /// Whether the last word is only a beginning.
    pub prefix: bool,
}

impl Terms {
    /// Understands the text of a query. Every text means something: what is no word is passed over.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) above 1,000 bytes, or where only words to
    /// be left out are named.
    pub fn parse(text: &str) -> Result<Self> {
        if text.len() > 1000 {
            return Err(Error::invalid("assets.search", "the text has at most 1000 bytes")
                .with("bytes", text.len()));
        }
        let mut terms = Self::default();
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let exclude =
                rest.strip_prefix('-').is_some_and(|r| !r.starts_with(char::is_whitespace));
            if exclude {
                rest = &rest[1..];
            }
            let (body, after) = match rest.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
                None => rest.split_at(
                    rest.find([' ', '\t', '\n', '\r', '"', '\u{3000}']).unwrap_or(rest.len()),
                ),
            };
            let (prefix, after) = match after.strip_prefix('*') {
                Some(after) => (true, after),
                None => (body.ends_with('*'), after),
            };
            let words: Vec<String> = body
                .split(|c: char| !c.is_alphanumeric() && !is_accent(c))
                .filter(|word| word.contains(char::is_alphanumeric))
                .map(str::to_owned)
                .collect();
            if !words.is_empty() {
                let side = if exclude { &mut terms.exclude } else { &mut terms.include };
                side.push(TextTerm { words, prefix });
            }
            rest = after.trim_start();
        }
        if terms.include.is_empty() && !terms.exclude.is_empty() {
            return Err(Error::invalid(
                "assets.search",
                "name at least one word to be found beside those to be left out",
            )
            .with("text", text));
        }
        Ok(terms)
    }

    /// Whether nothing is asked for: then text does not narrow the search.
    pub fn is_empty(&self) -> bool {
        self.include.is_empty()
    }
}

/// Whether this is an accent of its own: decomposed text, such as file names on macOS, has them
/// inside words.
fn is_accent(c: char) -> bool {
    ('\u{300}'..='\u{36f}').contains(&c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn term(words: &[&str], prefix: bool) -> TextTerm {
        TextTerm { words: words.iter().map(|w| (*w).to_owned()).collect(), prefix }
    }

    #[test]
    fn words_phrases_prefixes_and_exclusions_are_told_apart() {
        let terms = Terms::parse(r#"rain "big ben" lon* -fog x-ray"#).unwrap();
        assert_eq!(
            terms.include,
            [
                term(&["rain"], false),
                term(&["big", "ben"], false),
                term(&["lon"], true),
                term(&["x", "ray"], false)
            ]
        );
        assert_eq!(terms.exclude, [term(&["fog"], false)]);
    }

    #[test]
    fn a_decomposed_word_stays_one_word() {
        let terms = Terms::parse("re\u{301}sume\u{301} \u{301}").unwrap();
        assert_eq!(terms.include, [term(&["re\u{301}sume\u{301}"], false)]);
    }

    #[test]
    fn operators_are_words_and_odd_signs_are_nothing() {
        assert_eq!(Terms::parse("NEAR(a b) OR").unwrap().include.len(), 3);
        assert!(Terms::parse("\" ' ( * - ^ :").unwrap().is_empty());
        assert!(Terms::parse("-only").is_err());
    }
}
