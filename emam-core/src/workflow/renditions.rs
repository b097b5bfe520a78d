//! From what a transcoder has made to records in the catalog.

use std::collections::BTreeMap;

use crate::backend::{Backends, MediaSource, OutputFile};
use crate::error::{Error, ErrorKind, Result};
use crate::id::{AssetId, InstanceId, RenditionId, RunId, VersionId};
use crate::model::{
    Annotation, Asset, Derivation, Instance, InstanceState, MediaSummary, NewAnnotation, Rendition,
    Role, Source, Technical,
};

/// Changes an asset whatever else changes it meanwhile: reads, applies, writes, and starts over
/// when somebody else was faster.
pub(super) async fn amend(
    backends: &Backends,
    id: AssetId,
    change: impl Fn(&mut Asset),
) -> Result<Asset> {
    for _ in 0..20 {
        let mut asset = backends.catalog.asset(id).await?;
        change(&mut asset);
        asset.updated_at = backends.clock.now();
        match backends.catalog.update_asset(&asset).await {
            Err(error) if error.kind() == ErrorKind::Conflict => {}
            result => return result,
        }
    }
    Err(Error::new(ErrorKind::Conflict, "assets.update", "the asset is changed without pause")
        .with("id", id))
}

/// Records `files` as renditions of a version, in the place of those it had of the same roles.
pub(super) async fn record(
    backends: &Backends,
    asset: AssetId,
    version: VersionId,
    files: Vec<OutputFile>,
    derivation: Option<&Derivation>,
) -> Result<Vec<Rendition>> {
    let known = backends.catalog.renditions(asset).await?;
    let mut by_role: BTreeMap<Role, Vec<OutputFile>> = BTreeMap::new();
    for file in files {
        by_role.entry(file.role).or_default().push(file);
    }
    let mut renditions = Vec::new();
    for (role, mut files) in by_role {
        files.sort_by_key(|file| file.part);
        // The same id when the step is done again after a crash, or the asset transcoded again.
        let before = known.iter().find(|known| known.version == version && known.role == role);
        let clock = backends.clock.as_ref();
        let rendition = Rendition {
            id: before.map_or_else(|| RenditionId::new(clock), |known| known.id),
            asset,
            version,
            role,
            media_type: files.first().map(|file| file.media_type.clone()).unwrap_or_default(),
            technical: None,
            frame_map: None,
            derivation: derivation.cloned(),
            instances: files
                .iter()
                .map(|file| Instance {
                    id: InstanceId::new(clock),
                    part: file.part,
                    storage: Backends::PROXIES.to_owned(),
                    key: file.key.to_string(),
                    size: file.size,
                    checksums: crate::model::Checksums::default(),
                    state: InstanceState::Stored,
                })
                .collect(),
            created_at: before.map_or_else(|| clock.now(), |known| known.created_at),
        };
        backends.catalog.put_rendition(&rendition).await?;
        renditions.push(rendition);
    }
    Ok(renditions)
}

/// The original of a version.
pub(super) async fn original(
    backends: &Backends,
    asset: AssetId,
    version: VersionId,
) -> Result<Rendition> {
    let renditions = backends.catalog.renditions(asset).await?;
    renditions
        .into_iter()
        .find(|rendition| rendition.version == version && rendition.role == Role::Original)
        .ok_or_else(|| {
            Error::new(ErrorKind::NotFound, "renditions.original", "the version has no original")
                .with("asset", asset)
                .with("version", version)
        })
}

/// The first file of a rendition, as backends are handed it.
pub(super) fn source(
    backends: &Backends,
    rendition: &Rendition,
    file_name: &str,
) -> Result<MediaSource> {
    let instance = rendition.instances.first().ok_or_else(|| {
        Error::new(ErrorKind::NotFound, "renditions.source", "the rendition has no file")
            .with("rendition", rendition.id)
    })?;
    Ok(MediaSource {
        storage: backends.storage(&instance.storage)?,
        key: instance.key.parse()?,
        size: instance.size,
        file_name: file_name.to_owned(),
    })
}

/// The facts of an original that lists, searches and timelines need at hand.
pub(crate) fn summary(technical: &Technical, size: u64, md5: Option<String>) -> MediaSummary {
    use crate::time::{MediaTime, Rate};

    let video = technical.video.first();
    let audio = technical.audio.first();
    let shown = video
        .map(crate::model::VideoStream::shown_size)
        .or_else(|| technical.picture.as_ref().map(crate::model::Picture::shown_size));
    let rate = video.and_then(|video| video.rate);
    let duration = match (rate, video.and_then(|video| video.frames), audio) {
        (Some(rate), Some(frames), _) => Some(MediaTime::new(frames, rate)),
        (Some(rate), None, _) => {
            technical.container.duration.and_then(|time| time.rescale_nearest(rate).ok())
        }
        (None, _, Some(audio)) => {
            let rate = Rate::new(audio.sample_rate, 1).ok();
            match (audio.samples, rate) {
                (Some(samples), Some(rate)) => Some(MediaTime::new(samples, rate)),
                (None, Some(rate)) => {
                    technical.container.duration.and_then(|time| time.rescale_nearest(rate).ok())
                }
                _ => technical.container.duration,
            }
        }
        _ => technical.container.duration,
    };
    MediaSummary {
        size,
        md5,
        container: Some(technical.container.format.clone()).filter(|format| !format.is_empty()),
        video_codec: video
            .map(|video| video.codec.clone())
            .or_else(|| technical.picture.is_some().then(|| technical.container.format.clone())),
        audio_codec: audio.map(|audio| audio.codec.clone()),
        width: shown.map(|(width, _)| width),
        height: shown.map(|(_, height)| height),
        rate,
        duration,
        start_timecode: video.and_then(|video| video.start_timecode),
        audio_channels: technical.audio.iter().map(|audio| audio.channels).sum(),
    }
}

/// Findings as annotations of `asset`, said by `run`.
pub(super) fn annotations(
    backends: &Backends,
    asset: AssetId,
    version: VersionId,
    run: RunId,
    findings: Vec<NewAnnotation>,
) -> Vec<Annotation> {
    let clock = backends.clock.as_ref();
    findings
        .into_iter()
        .map(|finding| {
            let mut annotation = finding.into_annotation(asset, clock);
            annotation.version = Some(version);
            annotation.edited = false;
            if let Source::Service { run: by, .. } = &mut annotation.source {
                *by = Some(run);
            }
            annotation
        })
        .collect()
}
