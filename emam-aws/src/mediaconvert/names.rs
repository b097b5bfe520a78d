//! What the files of a job are called: the same for all media, whatever was uploaded.

use aws_sdk_mediaconvert::types::{
    FileGroupSettings, HlsGroupSettings, OutputGroup, OutputGroupType,
};
use emam_core::model::Role;

/// Where the file or files of one role are under the prefix of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) role: Role,
    /// Without the ending.
    pub(super) path: &'static str,
    pub(super) extension: &'static str,
    pub(super) media_type: &'static str,
}

impl Name {
    const fn new(
        role: Role,
        path: &'static str,
        extension: &'static str,
        media_type: &'static str,
    ) -> Self {
        Self { role, path, extension, media_type }
    }

    /// Whether it is captured frames, which are numbered.
    pub(super) fn is_frames(&self) -> bool {
        matches!(self.role, Role::Poster | Role::Thumbnail)
    }
}

pub(super) const PROXY: Name = Name::new(Role::Proxy, "proxy", "mp4", "video/mp4");
pub(super) const AUDIO_PROXY: Name = Name::new(Role::AudioProxy, "audio", "m4a", "audio/mp4");
pub(super) const POSTER: Name = Name::new(Role::Poster, "poster", "jpg", "image/jpeg");
pub(super) const THUMBNAIL: Name =
    Name::new(Role::Thumbnail, "thumbnails/thumb", "jpg", "image/jpeg");
pub(super) const MEZZANINE: Name =
    Name::new(Role::Mezzanine, "mezzanine", "mov", "video/quicktime");
pub(super) const HLS: Name =
    Name::new(Role::Hls, "hls/master", "m3u8", "application/vnd.apple.mpegurl");
pub(super) const CAPTIONS: Name = Name::new(Role::Captions, "captions", "vtt", "text/vtt");

/// All of them.
pub(super) const ALL: [Name; 7] = [PROXY, AUDIO_PROXY, POSTER, THUMBNAIL, MEZZANINE, HLS, CAPTIONS];

/// The group with its outputs at `address`.
pub(super) fn placed(mut group: OutputGroup, address: &str) -> OutputGroup {
    let Some(settings) = &mut group.output_group_settings else { return group };
    let destination = Some(address.to_owned());
    match settings.r#type {
        Some(OutputGroupType::HlsGroupSettings) => {
            settings
                .hls_group_settings
                .get_or_insert_with(|| HlsGroupSettings::builder().build())
                .destination = destination;
        }
        Some(OutputGroupType::DashIsoGroupSettings) => {
            if let Some(dash) = &mut settings.dash_iso_group_settings {
                dash.destination = destination;
            }
        }
        Some(OutputGroupType::CmafGroupSettings) => {
            if let Some(cmaf) = &mut settings.cmaf_group_settings {
                cmaf.destination = destination;
            }
        }
        Some(OutputGroupType::MsSmoothGroupSettings) => {
            if let Some(smooth) = &mut settings.ms_smooth_group_settings {
                smooth.destination = destination;
            }
        }
        _ => {
            settings
                .file_group_settings
                .get_or_insert_with(|| FileGroupSettings::builder().build())
                .destination = destination;
        }
    }
    group
}

/// Where the outputs of a group are.
pub(super) fn place(group: &OutputGroup) -> Option<&str> {
    let settings = group.output_group_settings()?;
    let file = settings.file_group_settings().and_then(|group| group.destination());
    let hls = || settings.hls_group_settings().and_then(|group| group.destination());
    file.or_else(hls)
}
