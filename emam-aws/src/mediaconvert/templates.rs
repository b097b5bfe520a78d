//! Job templates of the account: ours kept there by name, and any used by name.

use aws_sdk_mediaconvert::error::ProvideErrorMetadata;
use aws_sdk_mediaconvert::types::{
    Input, InputRotate, InputTemplate, InputTimecodeSource, JobSettings, JobTemplate,
    JobTemplateSettings, OutputGroup, TimecodeConfig, TimecodeSource, VideoSelector,
};
use emam_core::backend::TranscodeJob;
use emam_core::model::Profile;
use emam_core::{Error, ErrorKind, Result};

use super::outputs::{role_named, role_of};
use super::settings::{self, Compiled};
use super::{MediaConvert, names, sound};
use crate::error::error;

/// A job template of the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// Its name, which a profile names as `template:NAME`.
    pub name: String,
    /// What is said about it.
    pub description: String,
    /// Whether it is AWS's own.
    pub system: bool,
}

impl MediaConvert {
    /// Keeps a profile in the account as a job template, in place of the one of that name.
    ///
    /// A template is made before any media is known: pictures are fitted into the limits of the
    /// profile, and of the sound the first track is taken. What depends on the media more than
    /// that is better left to the profile.
    ///
    /// # Errors
    /// [`Unsupported`](ErrorKind::Unsupported) for what MediaConvert does not make, or not without
    /// knowing the media.
    pub async fn put_template(&self, name: &str, profile: &Profile) -> Result<()> {
        const OPERATION: &str = "transcoder.put_template";
        let groups = settings::template(profile, &self.options)?;
        let zero = TimecodeConfig::builder().source(TimecodeSource::Zerobased).build();
        let track = sound::unknown();
        let input = InputTemplate::builder()
            .timecode_source(InputTimecodeSource::Zerobased)
            .video_selector(VideoSelector::builder().rotate(InputRotate::Auto).build())
            .audio_selectors(track.name(), track.selector())
            .build();
        let settings = JobTemplateSettings::builder()
            .timecode_config(zero)
            .inputs(input)
            .set_output_groups(Some(groups))
            .build();
        let description = format!("emam profile {}", profile.name);
        let made = self
            .client
            .create_job_template()
            .name(name)
            .description(&description)
            .settings(settings.clone())
            .send()
            .await;
        match made {
            Ok(_) => Ok(()),
            Err(cause) if cause.code() == Some("ConflictException") => {
                let update = self.client.update_job_template().name(name);
                let update = update.description(description).settings(settings);
                update.send().await.map(|_| ()).map_err(|cause| error(OPERATION, cause))
            }
            Err(cause) => Err(error(OPERATION, cause)),
        }
    }

    /// The account's own job templates, by name.
    ///
    /// # Errors
    /// What the service gives.
    pub async fn templates(&self) -> Result<Vec<Template>> {
        let mut found = Vec::new();
        let mut next = None;
        loop {
            let page = self.client.list_job_templates().max_results(20).set_next_token(next);
            let page = page.send().await.map_err(|cause| error("transcoder.templates", cause))?;
            found.extend(page.job_templates.unwrap_or_default().into_iter().map(told));
            next = page.next_token;
            if next.is_none() {
                return Ok(found);
            }
        }
    }

    /// The job of a template: its settings, our input and our destinations.
    pub(super) async fn templated(&self, job: &TranscodeJob, name: &str) -> Result<Compiled> {
        const OPERATION: &str = "transcoder.submit";
        let answer = self.client.get_job_template().name(name).send().await;
        let template = answer.map_err(|cause| error(OPERATION, cause).with("template", name))?;
        let none = || {
            Error::new(ErrorKind::NotFound, OPERATION, "the job template has no settings")
                .with("template", name)
        };
        let template = template.job_template.and_then(|found| found.settings).ok_or_else(none)?;
        let source = job.source.storage.uri(&job.source.key);
        let source = source.ok_or_else(|| settings::unreachable("source"))?;
        let destination = job.destination.uri(&job.prefix);
        let destination = destination.ok_or_else(|| settings::unreachable("destination"))?;
        Ok(filled(template, source, &destination))
    }
}

fn told(template: JobTemplate) -> Template {
    let system = template.r#type.is_some_and(|kind| kind.as_str() == "SYSTEM");
    Template {
        name: template.name.unwrap_or_default(),
        description: template.description.unwrap_or_default(),
        system,
    }
}

/// The settings of a template with its input and the prefix of its outputs.
fn filled(template: JobTemplateSettings, source: String, prefix: &str) -> Compiled {
    let inputs = template.inputs.unwrap_or_default();
    let input = filled_input(inputs.into_iter().next(), source);
    let mut paths: Vec<String> = Vec::new();
    let groups = template.output_groups.unwrap_or_default().into_iter().enumerate();
    let groups = groups.map(|(number, group)| {
        let numbered = format!("group-{number}/media");
        let path = path(&group).map_or(numbered.clone(), str::to_owned);
        let path = if paths.contains(&path) { numbered } else { path };
        let group = names::placed(group, &format!("{prefix}/{path}"));
        paths.push(path);
        group
    });
    let settings = JobSettings::builder()
        .set_ad_avail_offset(template.ad_avail_offset)
        .set_avail_blanking(template.avail_blanking)
        .set_color_conversion3_dlut_settings(template.color_conversion3_dlut_settings)
        .set_esam(template.esam)
        .set_extended_data_services(template.extended_data_services)
        .set_follow_source(template.follow_source)
        .inputs(input)
        .set_kantar_watermark(template.kantar_watermark)
        .set_motion_image_inserter(template.motion_image_inserter)
        .set_motion_image_inserters(template.motion_image_inserters)
        .set_nielsen_configuration(template.nielsen_configuration)
        .set_nielsen_non_linear_watermark(template.nielsen_non_linear_watermark)
        .set_output_groups(Some(groups.collect()))
        .set_timecode_config(template.timecode_config)
        .set_timed_metadata_insertion(template.timed_metadata_insertion)
        .build();
    // Templates say themselves how they are accelerated; what is heard where is theirs too.
    Compiled { settings, channels: Vec::new(), accelerated: false }
}

/// Where the outputs of a group are under the prefix, where they are what we make too.
fn path(group: &OutputGroup) -> Option<&'static str> {
    let of = |output| role_of(output).filter(|_| group.outputs().len() == 1);
    let named = group.custom_name().and_then(role_named);
    let role = named.or_else(|| group.outputs().first().and_then(of));
    let name = names::ALL.into_iter().find(|name| Some(name.role) == role);
    let hls = || {
        let kind = group.output_group_settings().and_then(|settings| settings.r#type());
        (kind.map(|kind| kind.as_str()) == Some("HLS_GROUP_SETTINGS")).then_some(names::HLS)
    };
    name.or_else(hls).map(|name| name.path)
}

fn filled_input(template: Option<InputTemplate>, source: String) -> Input {
    let Some(of) = template else { return Input::builder().file_input(source).build() };
    Input::builder()
        .file_input(source)
        .set_advanced_input_filter(of.advanced_input_filter)
        .set_advanced_input_filter_settings(of.advanced_input_filter_settings)
        .set_audio_selector_groups(of.audio_selector_groups)
        .set_audio_selectors(of.audio_selectors)
        .set_caption_selectors(of.caption_selectors)
        .set_crop(of.crop)
        .set_deblock_filter(of.deblock_filter)
        .set_denoise_filter(of.denoise_filter)
        .set_dolby_vision_metadata_xml(of.dolby_vision_metadata_xml)
        .set_dynamic_audio_selectors(of.dynamic_audio_selectors)
        .set_filter_enable(of.filter_enable)
        .set_filter_strength(of.filter_strength)
        .set_image_inserter(of.image_inserter)
        .set_input_clippings(of.input_clippings)
        .set_input_scan_type(of.input_scan_type)
        .set_multi_view_settings(of.multi_view_settings)
        .set_position(of.position)
        .set_program_number(of.program_number)
        .set_psi_control(of.psi_control)
        .set_timecode_source(of.timecode_source)
        .set_timecode_start(of.timecode_start)
        .set_video_overlays(of.video_overlays)
        .set_video_selector(of.video_selector)
        .build()
}
