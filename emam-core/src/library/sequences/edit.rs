//! Editing a sequence of the catalog: several edits as one, with what undoes them.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ClipRequest, Sequences};
use crate::error::{Error, ErrorKind, Result};
use crate::id::{ClipId, SequenceId};
use crate::model::{AssetSource, Item, MediaSummary, Sequence};
use crate::timeline::{self, Change, ChangeStep, Edit, Issue};

/// What edits made of a sequence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Edited {
    /// The sequence as it is now.
    pub sequence: Sequence,
    /// What undoes the edits; after an undo, what makes them again.
    pub undo: Change,
    /// What is wrong with the sequence as a whole, and with the clips that changed or are next to
    /// what changed.
    pub issues: Vec<Issue>,
}

/// The facts of media, by source; nothing where the media is gone.
type Known = BTreeMap<AssetSource, Option<MediaSummary>>;

impl Sequences {
    /// Makes edits, one after the other, as one: all or none. Given a `revision`, only if that is
    /// still the present one.
    ///
    /// An edit that makes a clip reach further into its source is refused where the media has no
    /// such frames.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) for an unknown sequence, asset, subclip, clip, track or
    /// mark; [`InvalidInput`](ErrorKind::InvalidInput) for an edit that cannot be made, with its
    /// number, from 0, as `edit`; [`AlreadyExists`](ErrorKind::AlreadyExists) for a second
    /// transition at one cut; [`Conflict`](ErrorKind::Conflict) for a stale revision.
    pub async fn edit(
        &self,
        id: SequenceId,
        edits: Vec<Edit<ClipRequest>>,
        revision: Option<u64>,
    ) -> Result<Edited> {
        let mut known = Known::new();
        loop {
            let before = self.catalog().sequence(id).await?;
            if revision.is_some_and(|revision| revision != before.revision) {
                let message = "the sequence was changed by somebody else; read it again";
                return Err(Error::new(ErrorKind::Conflict, "sequences.edit", message)
                    .with("sequence", id)
                    .with("revision", before.revision));
            }
            let mut placed = Vec::with_capacity(edits.len());
            for edit in &edits {
                let placement = match edit.placed() {
                    Some(clip) => Some(self.place(clip, before.rate).await?),
                    None => None,
                };
                placed.push(edit.clone().map_placed(|_| {
                    placement.ok_or_else(|| {
                        Error::invalid("sequences.edit", "this edit needs a clip to put in")
                    })
                })?);
            }
            let (after, change) = self
                .with_media(&mut known, |media| {
                    let mut after = before.clone();
                    timeline::apply_all(&mut after, &placed, media, self.clock())
                        .map(|change| (after, change))
                })
                .await?;
            if let Some(edited) = self.store(after, &change, &mut known).await? {
                return Ok(edited);
            }
        }
    }

    /// Undoes edits: makes the change that came with them as `undo`. What comes with that makes
    /// them again.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) for an unknown sequence;
    /// [`Conflict`](ErrorKind::Conflict) where something else stands by now than what the edits
    /// left there; [`InvalidInput`](ErrorKind::InvalidInput) for a change that would break the
    /// sequence.
    pub async fn undo(&self, id: SequenceId, change: &Change) -> Result<Edited> {
        let mut known = Known::new();
        loop {
            let before = self.catalog().sequence(id).await?;
            let mut after = before.clone();
            change.apply(&mut after)?;
            // A change comes from outside and need not be one that was given out.
            if broken(&before).is_none()
                && let Some(issue) = broken(&after)
            {
                let message = "the change would break the sequence";
                return Err(Error::invalid("sequences.undo", message)
                    .with("sequence", id)
                    .with("issue", issue.message));
            }
            if let Some(edited) = self.store(after, change, &mut known).await? {
                return Ok(edited);
            }
        }
    }

    /// Finds what is wrong with a sequence and those nested in it: media that is gone or has
    /// changed, transitions without handles, and the like. Nothing if it is sound.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) for an unknown sequence.
    pub async fn check(&self, id: SequenceId) -> Result<Vec<Issue>> {
        let (document, _) = self.document(id).await?;
        let by_id: BTreeMap<SequenceId, &Sequence> =
            document.sequences.iter().map(|sequence| (sequence.id, sequence)).collect();
        let mut issues = Vec::new();
        for sequence in &document.sequences {
            issues.extend(timeline::check(sequence, &|source| document.media.summary(source)));
            issues.extend(timeline::check_nested(sequence, &|id| by_id.get(&id).copied()));
        }
        Ok(issues)
    }

    /// Stores an edited sequence; nothing where somebody else was faster.
    async fn store(
        &self,
        mut after: Sequence,
        change: &Change,
        known: &mut Known,
    ) -> Result<Option<Edited>> {
        after.updated_at = self.clock().now();
        let sequence = match self.catalog().update_sequence(&after).await {
            Err(error) if error.kind() == ErrorKind::Conflict => return Ok(None),
            stored => stored?,
        };
        let touched = touched(&sequence, change);
        let issues = self
            .with_media(known, |media| {
                Ok(timeline::check_clips(&sequence, media, &|clip| touched.contains(&clip)))
            })
            .await?;
        Ok(Some(Edited { undo: change.inverse(), issues, sequence }))
    }

    /// Does something that asks for the facts of media, again with those it asked for until it asks
    /// for no others.
    async fn with_media<T>(
        &self,
        known: &mut Known,
        ask: impl Fn(&dyn Fn(&AssetSource) -> Option<MediaSummary>) -> Result<T>,
    ) -> Result<T> {
        loop {
            let asked = RefCell::new(BTreeSet::new());
            let result = ask(&|source| match known.get(source) {
                Some(facts) => facts.clone(),
                None => {
                    asked.borrow_mut().insert(*source);
                    None
                }
            });
            let asked = asked.into_inner();
            if asked.is_empty() {
                return result;
            }
            for source in asked {
                let facts = match self.clip_media(&source).await {
                    Ok(media) => Some(media.summary),
                    Err(error) if error.kind() == ErrorKind::NotFound => None,
                    Err(error) => return Err(error),
                };
                known.insert(source, facts);
            }
        }
    }
}

/// The first thing that breaks a sequence, whatever its media.
fn broken(sequence: &Sequence) -> Option<Issue> {
    timeline::check_clips(sequence, &|_| None, &|_| false)
        .into_iter()
        .find(|issue| issue.kind.is_error())
}

/// The clips a change put in, and those next to what it put in or took out.
fn touched(after: &Sequence, change: &Change) -> BTreeSet<ClipId> {
    let mut touched = BTreeSet::new();
    for step in &change.steps {
        match step {
            ChangeStep::Items { track, at, added, .. } => {
                let track = after.tracks.iter().find(|found| found.id == *track);
                // A transition may stand between what changed and the clip beside it.
                let items = track.map_or(&[][..], |track| &track.items);
                let near = items.iter().skip(at.saturating_sub(2)).take(added.len() + 4);
                touched.extend(near.filter_map(Item::as_clip).map(|clip| clip.id));
            }
            ChangeStep::AddTrack { track, .. } => {
                touched.extend(track.clips().map(|clip| clip.id));
            }
            ChangeStep::Markers { .. } | ChangeStep::RemoveTrack { .. } => {}
        }
    }
    touched
}

#[cfg(all(test, feature = "local"))]
mod tests {
    use super::*;
    use crate::Library;
    use crate::id::AssetId;
    use crate::model::{Asset, AssetKind, Marker, TrackKind};
    use crate::time::{MediaTime, Rate, TimeRange};
    use crate::timeline::{Edge, IssueKind};

    struct Scene {
        _folder: tempfile::TempDir,
        library: Library,
        asset: AssetId,
        sequence: SequenceId,
    }

    impl Scene {
        /// A library with an asset of a hundred frames and an empty sequence.
        async fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let library = Library::builder().workers(0).open(folder.path()).await.unwrap();
            let sequences = library.sequences();
            let clock = sequences.clock();
            let mut asset = Asset::new(AssetId::new(clock), "Rain", clock.now());
            asset.kind = AssetKind::Video;
            asset.media = Some(MediaSummary {
                rate: Some(Rate::FPS_29_97),
                duration: Some(MediaTime::new(100, Rate::FPS_29_97)),
                audio_channels: 2,
                ..MediaSummary::default()
            });
            sequences.catalog().insert_assets(std::slice::from_ref(&asset)).await.unwrap();
            let project = library.projects().create("Promo").await.unwrap();
            let cut = sequences.create(project.id, "Cut", Rate::FPS_29_97).await.unwrap();
            Self { _folder: folder, library, asset: asset.id, sequence: cut.id }
        }

        fn piece(&self, start: i64, duration: i64) -> ClipRequest {
            let range = TimeRange::new(start, duration, Rate::FPS_29_97).unwrap();
            ClipRequest { range: Some(range), ..ClipRequest::from(self.asset) }
        }

        async fn edit(&self, edits: Vec<Edit<ClipRequest>>) -> Result<Edited> {
            self.library.sequences().edit(self.sequence, edits, None).await
        }
    }

    fn append(clip: ClipRequest) -> Edit<ClipRequest> {
        Edit::Append { clip, only: None, tracks: Vec::new() }
    }

    #[tokio::test]
    async fn edits_are_stored_as_one_and_undone_and_made_again() {
        let scene = Scene::new().await;
        let sequences = scene.library.sequences();
        let made = scene.edit(vec![append(scene.piece(10, 20)), append(scene.piece(40, 20))]).await;
        let made = made.unwrap();
        assert_eq!((made.sequence.revision, made.issues.len()), (2, 0));
        assert_eq!(timeline::length(&made.sequence), 40);
        let first = made.sequence.clips().next().unwrap().id;

        let trim = Edit::Trim { clip: first, edge: Edge::Tail, by: 5, ripple: true };
        let mark = Edit::AddMarker { clip: None, marker: Marker { start: 3, ..Marker::default() } };
        let edited = scene.edit(vec![trim, mark]).await.unwrap();
        assert_eq!(timeline::length(&edited.sequence), 35);
        let undone = sequences.undo(scene.sequence, &edited.undo).await.unwrap();
        assert_eq!(undone.sequence.tracks, made.sequence.tracks);
        assert_eq!(undone.sequence.markers, []);
        let again = sequences.undo(scene.sequence, &undone.undo).await.unwrap();
        assert_eq!(again.sequence.tracks, edited.sequence.tracks);
        assert_eq!(again.sequence.markers, edited.sequence.markers);

        // What is undone twice is not there any more.
        sequences.undo(scene.sequence, &again.undo).await.unwrap();
        let twice = sequences.undo(scene.sequence, &edited.undo).await.unwrap_err();
        assert_eq!(twice.kind(), ErrorKind::Conflict);
        let kept = sequences.get(scene.sequence).await.unwrap();
        assert_eq!(kept.tracks, made.sequence.tracks);
        scene.library.close().await;
    }

    #[tokio::test]
    async fn what_cannot_be_edited_changes_nothing() {
        let scene = Scene::new().await;
        let sequences = scene.library.sequences();
        let made = scene.edit(vec![append(scene.piece(10, 20))]).await.unwrap();
        let clip = made.sequence.clips().next().unwrap().id;
        // The library knows that the media has a hundred frames.
        let trim = |by| Edit::Trim { clip, edge: Edge::Tail, by, ripple: false };
        let error = scene.edit(vec![trim(-70), trim(-1)]).await.unwrap_err();
        assert_eq!((error.kind(), error.get("edit")), (ErrorKind::InvalidInput, Some("1")));
        assert_eq!(error.get("media_frames"), Some("100"));
        let error = scene.edit(vec![append(scene.piece(90, 11))]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let error = sequences.edit(scene.sequence, vec![trim(1)], Some(1)).await.unwrap_err();
        assert_eq!((error.kind(), error.get("revision")), (ErrorKind::Conflict, Some("2")));
        assert_eq!(sequences.get(scene.sequence).await.unwrap(), made.sequence);

        // A change that nobody gave out.
        let mut forged = made.undo.inverse();
        for step in &mut forged.steps {
            if let ChangeStep::AddTrack { track, .. } = step {
                track.id = crate::id::TrackId::new(sequences.clock());
            }
        }
        let error = sequences.undo(scene.sequence, &forged).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert_eq!(sequences.get(scene.sequence).await.unwrap(), made.sequence);
        scene.library.close().await;
    }

    #[tokio::test]
    async fn the_check_tells_of_media_that_is_gone_and_of_nesting() {
        let scene = Scene::new().await;
        let sequences = scene.library.sequences();
        let made = scene.edit(vec![append(scene.piece(10, 20))]).await.unwrap();
        assert_eq!(sequences.check(scene.sequence).await.unwrap(), []);
        let mut looped = made.sequence.clone();
        for track in looped.tracks.iter_mut().filter(|track| track.kind == TrackKind::Video) {
            if let Some(Item::Clip(clip)) = track.items.first_mut() {
                clip.source = looped.id.into();
            }
        }
        sequences.catalog().update_sequence(&looped).await.unwrap();
        sequences.catalog().delete_asset(scene.asset).await.unwrap();
        let kinds: Vec<_> =
            sequences.check(scene.sequence).await.unwrap().iter().map(|issue| issue.kind).collect();
        assert_eq!(kinds, [IssueKind::UnknownMedia, IssueKind::UnknownSequence]);
        // An edit of what is left is still possible, and says what is wrong with it.
        let clip = made.sequence.clips().nth(1).unwrap().id;
        let trim = Edit::Trim { clip, edge: Edge::Tail, by: -1000, ripple: false };
        let edited = scene.edit(vec![Edit::Unlink { clips: vec![clip] }, trim]).await.unwrap();
        assert!(edited.issues.iter().any(|issue| issue.kind == IssueKind::UnknownMedia));
        scene.library.close().await;
    }
}
