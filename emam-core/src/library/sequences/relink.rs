//! Putting the clips of a stored sequence on media that is there.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Sequences;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{AssetId, SequenceId, VersionId};
use crate::model::{AssetSource, MediaSummary, Role, Sequence};
use crate::timeline::Issue;
use crate::timeline::format::{ClipMedia, Document, MediaMap};
use crate::timeline::relink::{self, Candidate, MatchOptions, Reason, RelinkPlan};

/// Where a sequence keeps what is known of its media, beside what other formats said of it.
const KEPT: &str = "emam";

/// Media of a sequence and the asset it is to be, whatever a plan takes it for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RelinkChoice {
    /// The asset the clips are pieces of now, there or not.
    pub from: AssetId,
    /// The asset they are to be pieces of.
    pub to: AssetId,
}

/// How to relink a sequence.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RelinkOptions {
    /// What somebody has chosen, for example among the alternatives of a plan.
    pub choices: Vec<RelinkChoice>,
    /// What is taken for certain.
    pub matching: MatchOptions,
    /// Says what would be done, and does nothing.
    pub dry_run: bool,
}

/// What came of relinking a sequence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Relinked {
    /// The sequence, as it is or would be.
    pub sequence: Sequence,
    /// What each media of it is taken for.
    pub plan: RelinkPlan,
    /// What no longer fits.
    pub issues: Vec<Issue>,
    /// Whether it was done; false for a dry run.
    pub done: bool,
}

impl Sequences {
    /// Puts the clips of a sequence on media that is there: on other assets where theirs were
    /// deleted, on the same where these have changed since the sequence was imported or relinked.
    ///
    /// Of media that is gone the sequence knows what it was imported with; of a clip that was put
    /// in by an edit, its name.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) for an unknown sequence, an asset that was chosen and is
    /// not there, or a choice for media the sequence does not use.
    pub async fn relink(&self, id: SequenceId, options: RelinkOptions) -> Result<Relinked> {
        loop {
            let sequence = self.catalog().sequence(id).await?;
            let mut media = kept(&sequence);
            for source in sequence.clips().filter_map(|clip| clip.source.asset()) {
                if media.get(source).is_none() {
                    match self.clip_media(source).await {
                        Ok(found) => media.insert(source, found),
                        Err(error) if error.kind() == ErrorKind::NotFound => {}
                        Err(error) => return Err(error),
                    }
                }
            }
            let mut document = Document::new(sequence.clone(), media);
            let candidates = self.candidates(&document).await?;
            let mut plan = relink::plan(&document, &candidates, &options.matching);
            self.choose(&document, &mut plan, &options.choices).await?;
            let mut issues = relink::apply(&mut document, &plan)?;
            issues.extend(self.proxies_of(&plan).await?);
            let Document { sequences, media, .. } = document;
            let mut changed = sequences.into_iter().next().unwrap_or_else(|| sequence.clone());
            keep(&mut changed, &media);
            if options.dry_run || changed == sequence {
                let done = !options.dry_run;
                return Ok(Relinked { sequence: changed, plan, issues, done });
            }
            changed.updated_at = self.clock().now();
            match self.catalog().update_sequence(&changed).await {
                // Somebody has edited it meanwhile: what they did is to stay.
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                result => return Ok(Relinked { sequence: result?, plan, issues, done: true }),
            }
        }
    }

    async fn choose(
        &self,
        document: &Document,
        plan: &mut RelinkPlan,
        choices: &[RelinkChoice],
    ) -> Result<()> {
        for choice in choices {
            let asset = self.catalog().asset(choice.to).await?;
            let version = asset.face_version;
            let source = AssetSource { asset: asset.id, version, subclip: None };
            let candidate = Candidate::new(source, self.clip_media(&source).await?);
            let wanted = plan.matches.iter().map(|found| found.wanted);
            let wanted: Vec<_> = wanted.filter(|wanted| wanted.asset == choice.from).collect();
            if wanted.is_empty() {
                let message = "the sequence has no clip of the asset a choice was made for";
                return Err(Error::new(ErrorKind::NotFound, "sequences.relink", message)
                    .with("asset", choice.from));
            }
            for wanted in wanted {
                plan.choose(document, &wanted, &candidate, Reason::Chosen);
            }
        }
        Ok(())
    }

    /// Why proxies of what a plan has found cannot stand in for their originals.
    pub(in crate::library) async fn proxies_of(&self, plan: &RelinkPlan) -> Result<Vec<Issue>> {
        let mut found: BTreeMap<(AssetId, Option<VersionId>), &str> = BTreeMap::new();
        for (source, name) in plan
            .matches
            .iter()
            .filter_map(|m| m.found.as_ref().map(|found| (&found.source, found.name.as_str())))
        {
            found.insert((source.asset, source.version), name);
        }
        let mut issues = Vec::new();
        for ((asset, version), name) in found {
            let source = AssetSource { asset, version, subclip: None };
            issues.extend(self.unfit_proxies(&source, name).await?);
        }
        Ok(issues)
    }
}

/// What a sequence keeps of one media.
#[derive(Serialize, Deserialize)]
struct Kept {
    asset: AssetId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<VersionId>,
    name: String,
    summary: MediaSummary,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    urls: BTreeMap<Role, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reel: Option<String>,
}

/// What a sequence keeps of its media; nothing of what it does not have any more.
fn kept(sequence: &Sequence) -> MediaMap {
    let mut media = MediaMap::new();
    // What cannot be read was written by somebody else, and is no loss.
    let text = sequence.foreign.get(KEPT).map_or("[]", String::as_str);
    let kept: Vec<Kept> = serde_json::from_str(text).unwrap_or_default();
    let used: std::collections::HashSet<_> = sequence
        .clips()
        .filter_map(|clip| clip.source.asset())
        .map(|source| (source.asset, source.version))
        .collect();
    for Kept { asset, version, name, summary, urls, reel } in kept {
        if used.contains(&(asset, version)) {
            let source = AssetSource { asset, version, subclip: None };
            media.insert(&source, ClipMedia { name, summary, urls, reel, ..ClipMedia::default() });
        }
    }
    media
}

/// Keeps in a sequence what is known of its media, so that it can be found again when it is gone.
pub(super) fn keep(sequence: &mut Sequence, media: &MediaMap) {
    let mut kept = BTreeMap::new();
    for source in sequence.clips().filter_map(|clip| clip.source.asset()) {
        if let Some(said) = media.get(source) {
            kept.entry((source.asset, source.version)).or_insert_with(|| Kept {
                asset: source.asset,
                version: source.version,
                name: said.name.clone(),
                summary: said.summary.clone(),
                urls: said.urls.clone(),
                reel: said.reel.clone(),
            });
        }
    }
    let kept: Vec<Kept> = kept.into_values().collect();
    match serde_json::to_string(&kept) {
        Ok(text) if !kept.is_empty() => {
            sequence.foreign.insert(KEPT.to_owned(), text);
        }
        _ => {
            sequence.foreign.remove(KEPT);
        }
    }
}
