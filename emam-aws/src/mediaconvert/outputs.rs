//! What a job has made: listed where it was to be put, never taken from what an event tells.

use std::collections::BTreeMap;

use aws_sdk_mediaconvert::types::{
    ContainerType, Job, JobSettings, Output, OutputGroup, OutputGroupType, VideoCodec,
};
use emam_core::backend::{Key, OutputFile, Outputs, Stat};
use emam_core::model::{Derivation, PageRequest, Role};
use emam_core::{Error, ErrorKind, Result};

use super::submit::{CHANNELS, PROFILE};
use super::{MediaConvert, TOOL, names, wire};

const OPERATION: &str = "transcoder.outputs";

/// What one output is, and what its keys begin with.
#[derive(Debug, PartialEq, Eq)]
struct Expected {
    role: Role,
    /// The key without ending, number or rung.
    base: String,
    form: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// One file.
    File,
    /// Numbered pictures.
    Frames,
    /// A master playlist with all that is beside it.
    Playlist,
}

impl MediaConvert {
    pub(super) async fn made(&self, job: Job) -> Result<Outputs> {
        let settings = job.settings.unwrap_or_else(|| JobSettings::builder().build());
        let start = self.start_of_addresses()?;
        let expected = expected(settings.output_groups(), &start);
        let stored = self.stored(&expected).await?;
        let mut files = Vec::new();
        for one in &expected {
            files.extend(self.files(one, &stored).await?);
        }
        files.sort_by_key(|file| (file.role, file.part));
        let told = |name: &str| job.user_metadata.as_ref().and_then(|told| told.get(name)).cloned();
        let channels = told(CHANNELS).unwrap_or_default();
        let request = self.client.create_job().settings(settings);
        let printed = wire::json(request).await?;
        Ok(Outputs {
            files,
            findings: Vec::new(),
            searched: Vec::new(),
            audio_channels: channels.split(',').filter_map(|one| one.parse().ok()).collect(),
            derivation: Some(Derivation {
                profile: told(PROFILE).unwrap_or_default(),
                tool: TOOL.to_owned(),
                arguments: vec![printed.get("settings").unwrap_or(&printed).to_string()],
                run: None,
            }),
        })
    }

    /// What the addresses of the storage of renditions begin with.
    fn start_of_addresses(&self) -> Result<String> {
        let key: Key = "x".parse()?;
        let address = self.outputs.uri(&key);
        let start = address.as_deref().and_then(|address| address.strip_suffix('x'));
        start.map(str::to_owned).ok_or_else(|| super::settings::unreachable("destination"))
    }

    /// All that is beside what is expected, by key.
    async fn stored(&self, expected: &[Expected]) -> Result<BTreeMap<String, Stat>> {
        let mut folders: Vec<&str> = expected.iter().map(|one| folder(&one.base)).collect();
        folders.sort_unstable();
        let mut stored = BTreeMap::new();
        let mut last: Option<&str> = None;
        for one in folders {
            // What is under a folder is listed with it.
            let within = |last: &str| one == last || one.starts_with(&format!("{last}/"));
            if last.is_some_and(within) {
                continue;
            }
            last = Some(one);
            let prefix: Option<Key> = if one.is_empty() { None } else { Some(one.parse()?) };
            let mut page = PageRequest::first(PageRequest::MAX_LIMIT);
            loop {
                let found = self.outputs.list(prefix.as_ref(), page.clone()).await?;
                stored.extend(
                    found.items.into_iter().map(|stat| (stat.key.as_str().to_owned(), stat)),
                );
                page.cursor = found.next;
                if page.cursor.is_none() {
                    break;
                }
            }
        }
        Ok(stored)
    }

    async fn files(
        &self,
        expected: &Expected,
        stored: &BTreeMap<String, Stat>,
    ) -> Result<Vec<OutputFile>> {
        let name = names::ALL.into_iter().find(|name| name.role == expected.role);
        let media_type = |key: &str| match key.rsplit('.').next() {
            Some("ts") => "video/mp2t",
            Some("m3u8") => names::HLS.media_type,
            _ => name.map_or("application/octet-stream", |name| name.media_type),
        };
        let of = |part: usize, stat: &Stat| OutputFile {
            role: expected.role,
            part: u32::try_from(part).unwrap_or(u32::MAX),
            media_type: media_type(stat.key.as_str()).to_owned(),
            key: stat.key.clone(),
            size: stat.size,
        };
        let mut found: Vec<&Stat> =
            stored.values().filter(|stat| expected.is(stat.key.as_str())).collect();
        match expected.form {
            Form::Playlist => {
                // The master playlist is part 0; the rest follows by name.
                found.sort_by_key(|stat| stat.key.as_str() != format!("{}.m3u8", expected.base));
            }
            Form::Frames if expected.role == Role::Poster => {
                // The first frame is captured always, and wanted only where it is the last.
                let unwanted: Vec<Key> =
                    found.iter().rev().skip(1).map(|stat| stat.key.clone()).collect();
                found = found.pop().into_iter().collect();
                if !unwanted.is_empty() {
                    self.outputs.delete(&unwanted).await?;
                }
            }
            Form::Frames | Form::File => {}
        }
        // Media that says nothing of its captions may have none.
        if found.is_empty() && expected.role != Role::Captions {
            let message = "the job has succeeded, and what it made is not there";
            return Err(Error::new(ErrorKind::NotFound, OPERATION, message)
                .with("output", expected.role.as_str())
                .with("key", &expected.base));
        }
        Ok(found.into_iter().enumerate().map(|(part, stat)| of(part, stat)).collect())
    }
}

impl Expected {
    /// Whether a key is one of this output's.
    fn is(&self, key: &str) -> bool {
        let Some(rest) = key.strip_prefix(&self.base) else { return false };
        match self.form {
            Form::File => rest.strip_prefix('.').is_some_and(|end| !end.contains(['.', '/'])),
            Form::Frames => {
                let number = rest.strip_prefix('.').and_then(|rest| rest.strip_suffix(".jpg"));
                number.is_some_and(|number| {
                    number.len() >= 7 && number.bytes().all(|digit| digit.is_ascii_digit())
                })
            }
            Form::Playlist => {
                rest.starts_with(['.', '_']) && (rest.ends_with(".m3u8") || rest.ends_with(".ts"))
            }
        }
    }
}

fn folder(key: &str) -> &str {
    key.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// What the groups of a job make, of each role the first; what has no role is not ours.
fn expected(groups: &[OutputGroup], start: &str) -> Vec<Expected> {
    let mut expected: Vec<Expected> = Vec::new();
    let mut add = |one: Expected| {
        if expected.iter().all(|other| other.role != one.role) {
            expected.push(one);
        }
    };
    for group in groups {
        let base = names::place(group).and_then(|address| address.strip_prefix(start));
        let Some(base) = base.filter(|base| !base.is_empty() && !base.ends_with('/')) else {
            continue;
        };
        let kind = group.output_group_settings().and_then(|settings| settings.r#type());
        if kind == Some(&OutputGroupType::HlsGroupSettings) {
            add(Expected { role: Role::Hls, base: base.to_owned(), form: Form::Playlist });
            continue;
        }
        let named = group.custom_name().and_then(role_named);
        for output in group.outputs() {
            let Some(role) = named.or_else(|| role_of(output)) else { continue };
            let base = format!("{base}{}", output.name_modifier().unwrap_or_default());
            let frames = matches!(role, Role::Poster | Role::Thumbnail);
            add(Expected { role, base, form: if frames { Form::Frames } else { Form::File } });
        }
    }
    expected
}

/// The role a group of ours is named by.
pub(super) fn role_named(name: &str) -> Option<Role> {
    names::ALL.into_iter().map(|known| known.role).find(|role| role.as_str() == name)
}

/// The role of an output of somebody else's template.
pub(super) fn role_of(output: &Output) -> Option<Role> {
    let codec = output.video_description().and_then(|video| video.codec_settings());
    let codec = codec.and_then(|settings| settings.codec());
    let container = output.container_settings().and_then(|settings| settings.container());
    let sound = !output.audio_descriptions().is_empty();
    let captions = !output.caption_descriptions().is_empty();
    match (codec, container) {
        (Some(VideoCodec::FrameCapture), _) => Some(Role::Thumbnail),
        (Some(VideoCodec::Prores), Some(ContainerType::Mov)) => Some(Role::Mezzanine),
        (Some(_), Some(ContainerType::Mp4)) => Some(Role::Proxy),
        (None, Some(ContainerType::Mp4)) if sound => Some(Role::AudioProxy),
        (None, Some(ContainerType::Raw)) if captions => Some(Role::Captions),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(role: Role, form: Form) -> Expected {
        Expected { role, base: "a/v1/x".into(), form }
    }

    #[test]
    fn keys_are_told_apart() {
        for (form, key, ours) in [
            (Form::File, "a/v1/x.mp4", true),
            (Form::File, "a/v1/x.old.mp4", false),
            (Form::File, "a/v1/xy.mp4", false),
            (Form::Frames, "a/v1/x.0000012.jpg", true),
            (Form::Frames, "a/v1/x.jpg", false),
            (Form::Frames, "a/v1/x.00000a2.jpg", false),
            (Form::Playlist, "a/v1/x.m3u8", true),
            (Form::Playlist, "a/v1/x_360_00001.ts", true),
            (Form::Playlist, "a/v1/x_360.mp4", false),
            (Form::File, "b/v1/x.mp4", false),
        ] {
            assert_eq!(one(Role::Proxy, form).is(key), ours, "{form:?} {key}");
        }
    }
}
