//! The ffmpeg command of a plan: one decode, all outputs.

mod audio;
mod timecode;
mod video;

use std::path::{Path, PathBuf};

use super::facts::Facts;
use super::plan::{
    Address, Audio, AudioCodec, Container, Group, Output, Plan, TimecodeSource, Video, VideoCodec,
};
use super::run::Failed;
use timecode::Timecode;

/// What is handed to ffmpeg, and what it makes.
#[derive(Debug)]
pub(super) struct Command {
    pub(super) arguments: Vec<String>,
    /// The folders to make before it runs, one for each output that ffmpeg makes.
    pub(super) folders: Vec<PathBuf>,
    /// How long the part is that is read, in seconds.
    pub(super) duration: f64,
}

/// The files on this machine that stand for what a plan names.
#[derive(Debug)]
pub(super) struct Files<'a> {
    pub(super) input: &'a Path,
    /// The picture of an overlay.
    pub(super) overlays: &'a [(Address, PathBuf)],
    /// Where the outputs go.
    pub(super) work: &'a Path,
}

/// The folder of an output, by the number of its group and its number there.
pub(super) fn folder(work: &Path, group: usize, output: usize) -> PathBuf {
    work.join(format!("{group}-{output}"))
}

/// The file's own ending, without the dot.
pub(super) fn extension(output: &Output) -> String {
    if let Some(extension) = &output.extension {
        return extension.clone();
    }
    let own = match output.container {
        Container::Mp4 => "mp4",
        Container::Mov => "mov",
        Container::M2ts => "m2ts",
        Container::Mxf => "mxf",
        Container::M3u8 => "m3u8",
        Container::Raw => match (&output.video, output.audio.first().map(|audio| &audio.codec)) {
            (Some(Video { codec: VideoCodec::Frames { .. }, .. }), _) => "jpg",
            (Some(Video { codec: VideoCodec::H265(_), .. }), _) => "h265",
            (Some(_), _) => "h264",
            (None, Some(AudioCodec::Aac { .. })) => "aac",
            (None, Some(AudioCodec::Wav { .. })) => "wav",
            (None, Some(AudioCodec::Mp3 { .. })) => "mp3",
            (None, Some(AudioCodec::Flac { .. })) => "flac",
            (None, None) if output.captions.iter().any(|captions| captions.srt) => "srt",
            (None, None) => "vtt",
        },
    };
    own.to_owned()
}

/// Builds the command.
///
/// # Errors
/// What the input does not have: a picture, a track of sound, a timecode inside it.
pub(super) fn command(plan: &Plan, facts: &Facts, files: &Files<'_>) -> Result<Command, Failed> {
    let mut arguments: Vec<String> =
        ["-nostdin", "-v", "error", "-y", "-nostats", "-progress", "pipe:1"]
            .map(str::to_owned)
            .into();
    let rate = facts.picture().map_or((25, 1), |picture| picture.rate);
    let start = start_of(&plan.input.timecode, facts, rate)?;
    let (mut from, mut duration) = (0.0, facts.duration());
    if let Some((first, last)) = &plan.input.clip {
        let seconds = |text: &String, more: i64| -> Result<f64, Failed> {
            let at = Timecode::read(text, rate).ok_or_else(|| Failed::unreadable(text))?;
            let frames = at.frames - start.frames + more;
            if frames < 0 {
                let why = format!("the timecode {text} is before the input begins");
                return Err(Failed::new(1010, why));
            }
            Ok(frames as f64 * rate.1 as f64 / rate.0 as f64)
        };
        if let Some(first) = first {
            from = seconds(first, 0)?;
            arguments.extend(["-ss".to_owned(), format!("{from:.6}")]);
        }
        if let Some(last) = last {
            // The last timecode is part of the clip.
            let to = seconds(last, 1)?;
            arguments.extend(["-to".to_owned(), format!("{to:.6}")]);
            duration = duration.min(to);
        }
        duration -= from;
    }
    arguments.extend(["-i".to_owned(), files.input.display().to_string()]);
    for (_, image) in files.overlays {
        arguments.extend(["-i".to_owned(), image.display().to_string()]);
    }
    let begins = match &plan.timecode {
        TimecodeSource::Embedded => {
            let clipped = (from * rate.0 as f64 / rate.1 as f64).round() as i64;
            start.later(clipped)
        }
        TimecodeSource::Zero => Timecode::zero(rate),
        TimecodeSource::Start(text) => {
            Timecode::read(text, rate).ok_or_else(|| Failed::unreadable(text))?
        }
    };
    let mut folders = Vec::new();
    for (at, group) in plan.groups.iter().enumerate() {
        for (number, output) in group.outputs.iter().enumerate() {
            if output.video.is_none() && output.audio.is_empty() {
                continue;
            }
            let folder = folder(files.work, at, number);
            let rotate = plan.input.rotate;
            let one =
                One { group, output, facts, begins, files, rotate, id: format!("{at}_{number}") };
            arguments.extend(one.arguments(&folder)?);
            folders.push(folder);
        }
    }
    Ok(Command { arguments, folders, duration })
}

fn start_of(source: &TimecodeSource, facts: &Facts, rate: (i64, i64)) -> Result<Timecode, Failed> {
    match source {
        TimecodeSource::Zero => Ok(Timecode::zero(rate)),
        TimecodeSource::Start(text) => {
            Timecode::read(text, rate).ok_or_else(|| Failed::unreadable(text))
        }
        TimecodeSource::Embedded => {
            let own = facts.timecode().and_then(|text| Timecode::read(text, rate));
            Ok(own.unwrap_or_else(|| Timecode::zero(rate)))
        }
    }
}

/// One output of the command.
struct One<'a> {
    group: &'a Group,
    output: &'a Output,
    facts: &'a Facts,
    /// The timecode of the first frame.
    begins: Timecode,
    files: &'a Files<'a>,
    /// Whether the picture is turned as the file asks for.
    rotate: bool,
    /// Told apart from the other outputs in the names of filters.
    id: String,
}

impl One<'_> {
    fn arguments(&self, folder: &Path) -> Result<Vec<String>, Failed> {
        let mut arguments = Vec::new();
        let mut put =
            |parts: &[&str]| arguments.extend(parts.iter().map(|part| (*part).to_owned()));
        let mut maps: Vec<String> = Vec::new();
        let mut codecs = Vec::new();
        let in_mxf = self.output.container == Container::Mxf;
        if let Some(video) = &self.output.video {
            let graph = self.graph(video)?;
            put(&["-filter_complex", &graph]);
            maps.push(format!("[v{}]", self.id));
            codecs.extend(video::codec(video, self.facts, in_mxf));
        }
        for (number, audio) in self.output.audio.iter().enumerate() {
            let id = format!("{}_{number}", self.id);
            self.check_tracks(audio)?;
            let graph = audio::graph(audio, self.facts, &id)?;
            put(&["-filter_complex", &graph]);
            maps.push(format!("[a{id}]"));
            codecs.extend(audio::codec(audio, self.facts, number, in_mxf));
        }
        for map in &maps {
            put(&["-map", map]);
        }
        put(&["-map_metadata", "-1", "-map_chapters", "-1"]);
        arguments.extend(codecs);
        arguments.extend(self.container(folder));
        Ok(arguments)
    }

    fn graph(&self, video: &Video) -> Result<String, Failed> {
        video::graph(video, self.facts, self.rotate, self.files.overlays, &self.id)
    }

    fn check_tracks(&self, audio: &Audio) -> Result<(), Failed> {
        for track in &audio.chosen.tracks {
            if self.facts.channels(*track).is_none() {
                let why = format!(
                    "Invalid selector_sequence_id [{}] specified for audio_description [1]: the \
                     input has no audio track {track}",
                    track.saturating_sub(1)
                );
                return Err(Failed::new(1010, why));
            }
        }
        Ok(())
    }

    fn container(&self, folder: &Path) -> Vec<String> {
        let mut arguments: Vec<String> = Vec::new();
        let mut put =
            |parts: &[&str]| arguments.extend(parts.iter().map(|part| (*part).to_owned()));
        let file = folder.join(format!("file.{}", extension(self.output))).display().to_string();
        let frames =
            matches!(&self.output.video, Some(Video { codec: VideoCodec::Frames { .. }, .. }));
        if frames {
            let pattern = folder.join("%07d.jpg").display().to_string();
            put(&["-f", "image2", "-start_number", "0", &pattern]);
            return arguments;
        }
        if let Some(hls) = self.group.hls {
            let time = hls.segment.to_string();
            let segments = folder.join("%05d.ts").display().to_string();
            let playlist = folder.join("list.m3u8").display().to_string();
            put(&["-f", "hls", "-hls_time", &time, "-hls_list_size", "0"]);
            put(&["-hls_playlist_type", "vod", "-start_number", "1"]);
            if hls.whole_seconds {
                put(&["-hls_flags", "round_durations"]);
            }
            put(&["-hls_segment_filename", &segments, &playlist]);
            return arguments;
        }
        let tracked = self.output.video.as_ref().filter(|video| video.timecode_track);
        match self.output.container {
            Container::Mp4 | Container::Mov => {
                let is_mov = self.output.container == Container::Mov;
                put(&["-movflags", "+faststart"]);
                match tracked {
                    Some(video) => {
                        let rate = video::rate(video, self.facts);
                        let text = self.begins.at_rate(rate, video.drop_frame).to_string();
                        put(&["-timecode", &text]);
                    }
                    None => put(&["-write_tmcd", "0"]),
                }
                put(&["-f", if is_mov { "mov" } else { "mp4" }, &file]);
            }
            Container::Mxf => {
                // Every MXF file has a timecode.
                let rate =
                    self.output.video.as_ref().map_or((25, 1), |v| video::rate(v, self.facts));
                let drop = self.output.video.as_ref().is_none_or(|video| video.drop_frame);
                let text = self.begins.at_rate(rate, drop).to_string();
                put(&["-timecode", &text, "-f", "mxf", &file]);
            }
            Container::M2ts => put(&["-f", "mpegts", &file]),
            Container::M3u8 | Container::Raw => {
                let own = extension(&Output { extension: None, ..self.output.clone() });
                let form = match own.as_str() {
                    "aac" => "adts",
                    "h265" => "hevc",
                    other => other,
                };
                put(&["-f", form, &file]);
            }
        }
        arguments
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::plan::tests::{job, qvbr};
    use super::*;

    /// 1440x1080 with pixels of 4:3, 25 frames a second, two mono tracks, from ten o'clock.
    fn source() -> Facts {
        let tags = json!({"timecode": "10:00:00:00"});
        let mono = json!({"codec_type": "audio", "channels": 1, "tags": {"language": "deu"}});
        Facts::from_raw(json!({
            "format": {"format_name": "mov,mp4", "duration": "60.0"},
            "streams": [
                {"codec_type": "video", "width": 1440, "height": 1080, "tags": tags,
                 "sample_aspect_ratio": "4:3", "r_frame_rate": "25/1", "avg_frame_rate": "25/1"},
                mono, mono,
            ],
        }))
    }

    fn made(job: &Value) -> Result<String, Failed> {
        let plan = Plan::read(job).expect("a plan");
        let overlay = Address::read("s3://art/logo.png").expect("an address");
        let overlays = [(overlay, PathBuf::from("/w/logo"))];
        let (input, work) = (Path::new("/w/in"), Path::new("/w"));
        let files = Files { input, overlays: &overlays, work };
        command(&plan, &source(), &files).map(|command| command.arguments.join(" "))
    }

    fn has(arguments: &str, parts: &[&str]) {
        for part in parts {
            assert!(arguments.contains(part), "{part} is not in {arguments}");
        }
    }

    fn mp4(more: Value) -> Value {
        let mut video = json!({"codecSettings": qvbr()});
        if let (Value::Object(video), Value::Object(more)) = (&mut video, more) {
            video.extend(more);
        }
        job(json!({"containerSettings": {"container": "MP4"}, "videoDescription": video}))
    }

    fn audio(selector: Value) -> Value {
        let aac = json!({"codec": "AAC", "aacSettings": {
            "bitrate": 96000, "codingMode": "CODING_MODE_2_0", "sampleRate": 48000}});
        let mut job = job(json!({
            "containerSettings": {"container": "MP4"},
            "extension": "m4a",
            "audioDescriptions": [{"audioSourceName": "A", "codecSettings": aac}],
        }));
        job["inputs"][0]["audioSelectors"] = json!({"A": selector});
        job
    }

    #[test]
    fn quality_is_bounded_and_key_frames_are_counted() {
        let arguments = made(&mp4(json!({}))).expect("a command");
        has(&arguments, &["-crf 23.0 -maxrate 2000000 -bufsize 4000000 -g 50", "-write_tmcd 0"]);
        has(&arguments, &["scale=1920:1080,setsar=1", "/w/0-0/file.mp4"]);
    }

    #[test]
    fn pictures_are_brought_to_size_as_asked() {
        for (asked, filter) in [
            (json!({"width": 640}), "scale=640:360,setsar=1[v"),
            (json!({"height": 360}), "scale=640:360,setsar=1[v"),
            (json!({"width": 640, "height": 480}), "scale=640:360,setsar=1,pad=640:480:"),
            (
                json!({"width": 640, "height": 480, "scalingBehavior": "FIT"}),
                "scale=640:360,setsar=1[v",
            ),
            (
                json!({"width": 640, "height": 480, "scalingBehavior": "FILL"}),
                "scale=854:480,setsar=1,crop=640:480",
            ),
            (
                json!({"width": 640, "height": 480, "scalingBehavior": "STRETCH_TO_OUTPUT"}),
                "scale=640:480,setsar=1[v",
            ),
            (
                json!({"width": 3840, "height": 2160, "scalingBehavior": "FIT_NO_UPSCALE"}),
                "scale=1920:1080,setsar=1[v",
            ),
        ] {
            has(&made(&mp4(asked)).expect("a command"), &[filter]);
        }
    }

    #[test]
    fn a_picture_is_turned_only_when_asked() {
        let mut raw = json!({"codec_type": "video", "width": 1920, "height": 1080,
                             "r_frame_rate": "25/1", "tags": {"rotate": "90"}});
        raw = json!({"format": {"duration": "1.0"}, "streams": [raw]});
        let facts = Facts::from_raw(raw);
        let of = |rotate: &str| {
            let mut job = mp4(json!({"height": 180}));
            job["inputs"][0]["videoSelector"] = json!({"rotate": rotate});
            let plan = Plan::read(&job).expect("a plan");
            let (input, work) = (Path::new("/w/in"), Path::new("/w"));
            let files = Files { input, overlays: &[], work };
            command(&plan, &facts, &files).expect("a command").arguments.join(" ")
        };
        has(&of("AUTO"), &["fps=25/1,scale=102:180"]);
        has(&of("DEGREE_0"), &["transpose=cclock,fps=25/1,scale=320:180"]);
    }

    #[test]
    fn a_clip_is_cut_by_timecode_and_keeps_it() {
        let mut job = mp4(json!({"timecodeTrack": "ENABLED"}));
        job["timecodeConfig"]["source"] = json!("EMBEDDED");
        job["inputs"][0]["timecodeSource"] = json!("EMBEDDED");
        job["inputs"][0]["inputClippings"] =
            json!([{"startTimecode": "10:00:02:00", "endTimecode": "10:00:03:24"}]);
        let arguments = made(&job).expect("a command");
        has(&arguments, &["-ss 2.000000 -to 4.000000 -i /w/in", "-timecode 10:00:02:00"]);
        job["inputs"][0]["inputClippings"][0]["startTimecode"] = json!("09:00:00:00");
        assert_eq!(made(&job).map_err(|failed| failed.code), Err(1010));
    }

    #[test]
    fn a_watermark_lies_over_the_picture() {
        let image = json!({"imageInserterInput": "s3://art/logo.png", "imageX": 8, "imageY": 9,
                           "width": 64, "opacity": 40});
        let steps = json!({"imageInserter": {"insertableImages": [image]}});
        let arguments = made(&mp4(json!({"videoPreprocessors": steps}))).expect("a command");
        has(
            &arguments,
            &["[1:v:0]scale=64:-1,format=rgba,colorchannelmixer=aa=0.4", "overlay=8:9"],
        );
    }

    #[test]
    fn tracks_are_joined_and_mixed() {
        let gains = json!([{"inputChannels": [0, -60]}, {"inputChannels": [-60, -6]}]);
        let remix = json!({"channelsIn": 2, "channelsOut": 2,
                           "channelMapping": {"outputChannels": gains}});
        let job = audio(json!({"tracks": [1, 2], "remixSettings": remix}));
        let arguments = made(&job).expect("a command");
        has(&arguments, &["[0:a:0][0:a:1]amerge=inputs=2,pan=2c|c0=1.000000*c0|c1=0.501187*c1"]);
        has(&arguments, &["-ac:a:0 2 -ar:a:0 48000 -c:a:0 aac -b:a:0 96000", "language=deu"]);
        has(&arguments, &["/w/0-0/file.m4a"]);
    }

    #[test]
    fn a_track_that_is_not_there_fails_the_job() {
        let failed = made(&audio(json!({"tracks": [3]}))).expect_err("no such track");
        assert_eq!(failed.code, 1010);
        assert!(failed.message.contains("audio track 3"), "{}", failed.message);
    }

    #[test]
    fn frames_are_captured_at_their_rate() {
        let frames = json!({"codec": "FRAME_CAPTURE", "frameCaptureSettings": {
            "framerateNumerator": 1, "framerateDenominator": 5, "maxCaptures": 9, "quality": 100}});
        let job = job(json!({
            "containerSettings": {"container": "RAW"},
            "videoDescription": {"width": 480, "codecSettings": frames},
        }));
        let arguments = made(&job).expect("a command");
        has(&arguments, &["gte((t-start_t)*1/5+0.0001,selected_n)", "-q:v 2 ", "-frames:v 9"]);
        has(&arguments, &["-start_number 0 /w/0-0/%07d.jpg"]);
    }
}
