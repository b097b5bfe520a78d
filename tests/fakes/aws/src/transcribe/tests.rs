//! Transcribe as the Rust SDK sees it.

use std::time::Duration;

use aws_sdk_transcribe::error::ProvideErrorMetadata;
use aws_sdk_transcribe::operation::start_transcription_job::builders::StartTranscriptionJobFluentBuilder;
use aws_sdk_transcribe::types::{
    JobExecutionSettings, LanguageCode, Media as MediaUri, MediaFormat, Settings, SubtitleFormat,
    Subtitles, TranscriptionJob, TranscriptionJobStatus as Status, VocabularyState,
};
use serde_json::json;

use super::*;
use crate::media::MemoryMedia;
use crate::switches::Switches;
use crate::testing::{Heard, client, ffmpeg, serve_json, until, world};

struct Bench {
    client: aws_sdk_transcribe::Client,
    world: Arc<World>,
    media: Arc<MemoryMedia>,
    truth: Arc<Truth>,
    heard: Arc<Heard>,
}

async fn bench(factor: f64, concurrent: usize) -> Bench {
    let (world, heard) = (world(factor), Arc::new(Heard::default()));
    let (media, truth) = (Arc::new(MemoryMedia::default()), Arc::new(Truth::default()));
    let transcribe = Transcribe::with_concurrent(
        Arc::clone(&world),
        Arc::clone(&media) as _,
        Arc::clone(&truth),
        Arc::clone(&heard) as _,
        concurrent,
    );
    let url = serve_json(Arc::new(transcribe)).await;
    Bench { client: client!(aws_sdk_transcribe, url), world, media, truth, heard }
}

const TONE: &str = "-f lavfi -i sine=r=16000:d=2";

impl Bench {
    fn start(&self, name: &str, key: &str) -> StartTranscriptionJobFluentBuilder {
        let media = MediaUri::builder().media_file_uri(format!("s3://in/{key}")).build();
        let start = self.client.start_transcription_job().transcription_job_name(name);
        start.media(media).output_bucket_name("out")
    }

    fn english(&self, name: &str, key: &str) -> StartTranscriptionJobFluentBuilder {
        self.start(name, key).language_code(LanguageCode::EnUs)
    }

    async fn job(&self, name: &str) -> TranscriptionJob {
        let job = self.client.get_transcription_job().transcription_job_name(name).send();
        job.await.unwrap().transcription_job.unwrap()
    }

    async fn ended(&self, name: &str) -> TranscriptionJob {
        let over = [Status::Completed, Status::Failed];
        until(async || {
            let job = self.job(name).await;
            job.transcription_job_status.as_ref().is_some_and(|s| over.contains(s)).then_some(job)
        })
        .await
    }

    async fn reason(&self, start: StartTranscriptionJobFluentBuilder, name: &str) -> String {
        start.send().await.unwrap();
        let job = self.ended(name).await;
        assert_eq!(job.transcription_job_status, Some(Status::Failed));
        job.failure_reason.unwrap()
    }
}

fn deferred() -> JobExecutionSettings {
    let role = "arn:aws:iam::000000000000:role/transcribe";
    JobExecutionSettings::builder()
        .allow_deferred_execution(true)
        .data_access_role_arn(role)
        .build()
}

#[tokio::test]
async fn words_become_transcript_and_subtitles() {
    let bench = bench(1.0, CONCURRENT_JOBS).await;
    let Some(tone) = ffmpeg(TONE, "tone.wav").await else { return };
    bench.media.insert("in", "a_proxy.wav", tone);
    let word = |word: &str, start: u64, speaker: u32| {
        let end = start + 300;
        json!({"word": word, "start_ms": start, "end_ms": end, "confidence": 98, "speaker": speaker})
    };
    let speech = [word("Hello", 100, 0), word("there.", 400, 0), word("Yes?", 1200, 1)];
    bench.truth.set("proxy", json!({"speech": speech})).unwrap();
    let settings = Settings::builder().show_speaker_labels(true).max_speaker_labels(2).build();
    let subtitles = Subtitles::builder().formats(SubtitleFormat::Vtt).formats(SubtitleFormat::Srt);
    let start = bench.english("one", "a_proxy.wav").output_key("assets/1/").settings(settings);
    let start = start.subtitles(subtitles.output_start_index(1).build());
    let begun = start.clone().send().await.unwrap().transcription_job.unwrap();
    assert_eq!(begun.transcription_job_status, Some(Status::InProgress));
    assert!(start.send().await.unwrap_err().into_service_error().is_conflict_exception());
    bench.world.clock.advance(Duration::from_secs(2));
    let job = bench.ended("one").await;
    assert_eq!(job.transcription_job_status, Some(Status::Completed), "{:?}", job.failure_reason);
    assert_eq!(job.media_sample_rate_hertz, Some(16_000));
    assert!(job.completion_time >= job.start_time && job.start_time >= job.creation_time);
    let uri = job.transcript.unwrap().transcript_file_uri.unwrap();
    assert_eq!(uri, "https://s3.us-east-1.amazonaws.com/out/assets/1/one.json");
    assert_eq!(job.subtitles.unwrap().subtitle_file_uris().len(), 2);

    let document = bench.media.object("out", "assets/1/one.json").unwrap();
    let document: Value = serde_json::from_slice(&document).unwrap();
    let results = &document["results"];
    assert_eq!(results["transcripts"][0]["transcript"], "Hello there. Yes?");
    let contents: Vec<_> = results["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (&item["alternatives"][0]["content"], &item["start_time"]))
        .collect();
    let null = Value::Null;
    let words = json!(["Hello", "0.100", "there", "0.400", ".", "Yes", "1.200", "?"]);
    let expected = [(0, &words[1]), (2, &words[3]), (4, &null), (5, &words[6]), (7, &null)];
    let expected: Vec<_> = expected.map(|(at, start)| (&words[at], start)).into();
    assert_eq!(contents, expected);
    assert_eq!(results["items"][2]["type"], "punctuation");
    assert_eq!(results["audio_segments"][1]["items"], json!([3, 4]));
    assert_eq!(results["speaker_labels"]["speakers"], 2);
    assert_eq!(results["speaker_labels"]["segments"][1]["speaker_label"], "spk_1");
    let text = |key| String::from_utf8(bench.media.object("out", key).unwrap().to_vec()).unwrap();
    assert_eq!(
        text("assets/1/one.vtt"),
        "WEBVTT\n\n1\n00:00:00.100 --> 00:00:00.700\nHello there.\n\n\
         2\n00:00:01.200 --> 00:00:01.500\nYes?\n\n"
    );
    assert!(
        text("assets/1/one.srt").starts_with("1\n00:00:00,100 --> 00:00:00,700\nHello there.\n")
    );
    let told = until(async || bench.heard.told().pop()).await;
    assert_eq!(told, json!({"TranscriptionJobName": "one", "TranscriptionJobStatus": "COMPLETED"}));
}

#[tokio::test]
async fn without_truth_nothing_is_said() {
    let bench = bench(1000.0, CONCURRENT_JOBS).await;
    let Some(tone) = ffmpeg(TONE, "tone.wav").await else { return };
    bench.media.insert("in", "a.wav", tone);
    bench.english("one", "a.wav").send().await.unwrap();
    assert_eq!(bench.ended("one").await.transcription_job_status, Some(Status::Completed));
    let document = bench.media.object("out", "one.json").unwrap();
    let document: Value = serde_json::from_slice(&document).unwrap();
    assert_eq!(document["results"]["transcripts"], json!([{"transcript": ""}]));
    assert_eq!(document["results"]["items"], json!([]));
    let reason = bench.reason(bench.start("two", "a.wav").identify_language(true), "two").await;
    assert!(reason.contains("automatic language identification"), "{reason}");
}

#[tokio::test]
async fn the_language_that_is_spoken_is_identified() {
    let bench = bench(1000.0, CONCURRENT_JOBS).await;
    let Some(tone) = ffmpeg(TONE, "tone.wav").await else { return };
    bench.media.insert("in", "a.wav", tone);
    let speech = json!([{"word": "Guten", "start_ms": 0, "end_ms": 300}]);
    bench.truth.set("*", json!({"language": "de-DE", "speech": speech})).unwrap();
    bench.start("one", "a.wav").identify_language(true).send().await.unwrap();
    let job = bench.ended("one").await;
    assert_eq!(job.language_code, Some(LanguageCode::DeDe));
    assert!(job.identified_language_score.unwrap() > 0.5);
    let document = bench.media.object("out", "one.json").unwrap();
    let document: Value = serde_json::from_slice(&document).unwrap();
    assert_eq!(document["results"]["language_code"], "de-DE");
    assert_eq!(document["results"]["language_identification"][0]["code"], "de-DE");
    bench.start("two", "a.wav").identify_multiple_languages(true).send().await.unwrap();
    let job = bench.ended("two").await;
    assert_eq!(job.language_codes()[0].language_code, Some(LanguageCode::DeDe));
}

#[tokio::test]
async fn media_the_service_does_not_take_fails_in_its_words() {
    let bench = bench(1000.0, CONCURRENT_JOBS).await;
    let Some(tone) = ffmpeg(TONE, "tone.wav").await else { return };
    let silent = ffmpeg("-f lavfi -i testsrc=s=64x64:d=1 -c:v libx264", "a.mp4").await.unwrap();
    let quiet = "-f lavfi -i anullsrc=r=8000:cl=mono -t 14401";
    let long = ffmpeg(quiet, "long.flac").await.unwrap();
    bench.media.insert_claiming("in", "large.wav", tone.clone(), 2048 * 1024 * 1024 + 1);
    bench.media.insert("in", "tone.wav", tone);
    bench.media.insert("in", "silent.mp4", silent);
    bench.media.insert("in", "long.flac", long);
    bench.media.insert("in", "text.wav", "no media at all");
    let cases = [
        ("none.wav", "can't be accessed"),
        ("silent.mp4", "Failed to parse audio file."),
        ("text.wav", "Failed to parse audio file."),
        ("large.wav", "maximum size of 2048 MB"),
        ("long.flac", "Maximum audio duration is 4.000000 hours"),
    ];
    for (key, words) in cases {
        let reason = bench.reason(bench.english(key, key), key).await;
        assert!(reason.contains(words), "{key}: {reason}");
    }
    let start = bench.english("format", "tone.wav").media_format(MediaFormat::Mp4);
    let reason = bench.reason(start, "format").await;
    assert!(reason.contains("media format provided does not match"), "{reason}");
    let start = bench.english("rate", "tone.wav").media_sample_rate_hertz(44_100);
    let reason = bench.reason(start, "rate").await;
    assert!(reason.contains("sample rate provided does not match"), "{reason}");
    let told = until(async || bench.heard.told().pop()).await;
    assert_eq!(told["FailureReason"], json!(reason));
}

#[tokio::test]
async fn one_way_to_the_language_is_needed() {
    let bench = bench(1.0, CONCURRENT_JOBS).await;
    let starts = [
        bench.start("none", "a.wav"),
        bench.english("two", "a.wav").identify_language(true),
        bench.start("many", "a.wav").identify_language(true).identify_multiple_languages(true),
        bench.english("uri", "").output_key("a"),
        bench.english("words", "a.wav").settings(Settings::builder().vocabulary_name("v").build()),
    ];
    for start in starts {
        let refused = start.send().await.unwrap_err().into_service_error();
        assert!(refused.is_bad_request_exception(), "{refused:?}");
    }
    let alternatives = Settings::builder().show_alternatives(true).max_alternatives(2).build();
    let refused = bench.english("other", "a.wav").settings(alternatives).send().await.unwrap_err();
    assert_eq!(refused.code(), Some("NotEmulated"));
    let missing = bench.client.get_transcription_job().transcription_job_name("none").send().await;
    assert_eq!(missing.unwrap_err().code(), Some("BadRequestException"));
}

#[tokio::test]
async fn deferred_jobs_wait_for_a_free_place() {
    let bench = bench(1.0, 1).await;
    let Some(tone) = ffmpeg(TONE, "tone.wav").await else { return };
    bench.media.insert("in", "a.wav", tone);
    bench.english("one", "a.wav").send().await.unwrap();
    let full = bench.english("no", "a.wav").send().await.unwrap_err().into_service_error();
    assert!(full.is_limit_exceeded_exception());
    for name in ["two", "three"] {
        let start = bench.english(name, "a.wav").job_execution_settings(deferred());
        let job = start.send().await.unwrap().transcription_job.unwrap();
        assert_eq!(job.transcription_job_status, Some(Status::Queued));
        assert_eq!(job.start_time, None);
    }
    let delete = || bench.client.delete_transcription_job().transcription_job_name("one").send();
    assert!(delete().await.unwrap_err().into_service_error().is_bad_request_exception());
    let mut ended = Vec::new();
    for _ in 0..3 {
        let names = ["one", "two", "three"];
        let running = until(async || {
            let list = bench.client.list_transcription_jobs().status(Status::InProgress).send();
            let list = list.await.unwrap().transcription_job_summaries.unwrap();
            assert!(list.len() <= 1, "two at once");
            list.into_iter().next()?.transcription_job_name
        })
        .await;
        assert!(names.contains(&running.as_str()));
        bench.world.clock.advance(Duration::from_secs(2));
        assert_eq!(bench.ended(&running).await.failure_reason, None);
        ended.push(running);
    }
    assert_eq!(ended, ["one", "two", "three"]);
    delete().await.unwrap();
    bench.english("one", "a.wav").send().await.unwrap();
    let page = bench.client.list_transcription_jobs().max_results(2).send().await.unwrap();
    let jobs = page.transcription_job_summaries().iter();
    let names: Vec<_> = jobs.map(|job| job.transcription_job_name.as_deref()).collect();
    assert_eq!(names, [Some("one"), Some("three")], "the newest first");
    let rest = bench.client.list_transcription_jobs().max_results(2);
    let rest = rest.next_token(page.next_token.unwrap()).send().await.unwrap();
    assert_eq!((rest.transcription_job_summaries().len(), rest.next_token), (1, None));
}

#[tokio::test]
async fn a_job_that_hangs_stays_in_progress() {
    let bench = bench(1000.0, CONCURRENT_JOBS).await;
    bench.world.set_switches(Switches { hang_jobs: 1.0, ..Switches::default() });
    bench.english("one", "a.wav").send().await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(bench.job("one").await.transcription_job_status, Some(Status::InProgress));
    assert!(bench.heard.told().is_empty());
}

#[tokio::test]
async fn a_vocabulary_is_ready_after_a_while() {
    let bench = bench(1.0, CONCURRENT_JOBS).await;
    let create = bench.client.create_vocabulary().vocabulary_name("v");
    let create = create.language_code(LanguageCode::EnUs).phrases("emam");
    let made = create.clone().send().await.unwrap();
    assert_eq!(made.vocabulary_state, Some(VocabularyState::Pending));
    assert!(create.send().await.unwrap_err().into_service_error().is_conflict_exception());
    let with = || Settings::builder().vocabulary_name("v").build();
    let early = bench.english("early", "a.wav").settings(with()).send().await.unwrap_err();
    assert!(early.into_service_error().is_bad_request_exception());
    bench.world.clock.advance(Duration::from_secs(2));
    let get = || bench.client.get_vocabulary().vocabulary_name("v").send();
    assert_eq!(get().await.unwrap().vocabulary_state, Some(VocabularyState::Ready));
    bench.english("later", "a.wav").settings(with()).send().await.unwrap();
    bench.client.delete_vocabulary().vocabulary_name("v").send().await.unwrap();
    assert_eq!(get().await.unwrap_err().code(), Some("BadRequestException"));
}
