//! The jobs for stored video: beginning them, asking after them, reading what they found.

use aws_sdk_rekognition::Client;
use aws_sdk_rekognition::config::retry::RetryConfig;
use aws_sdk_rekognition::config::{Builder, Config};
use aws_sdk_rekognition::types::{
    FaceAttributes, NotificationChannel, S3Object, SegmentDetection, SegmentType,
    StartSegmentDetectionFilters, StartShotDetectionFilter, StartTechnicalCueDetectionFilter,
    TechnicalCueType, Video, VideoJobStatus,
};
use emam_core::model::AnnotationKind;
use emam_core::{Error, ErrorKind, Result};

use super::faces::People;
use super::hits::Hit;
use super::pages::{self, Page};
use super::ticket::{Subject, tag};
use super::{FINDINGS, Options, POLL, SUBMIT, read};
use crate::error::error;
use crate::scale::Scale;
use crate::uri::S3Uri;

/// How many results a page holds at most; the service's own limit.
const PAGE: i32 = 1_000;

/// Begins the job for one subject and gives the service's id of it. The same attempt gives the
/// same job at any time.
pub(super) async fn begin(
    client: &Client,
    options: &Options,
    subject: Subject,
    video: &S3Uri,
    attempt: &str,
) -> Result<String> {
    let object = S3Object::builder().bucket(&video.bucket).name(&video.key).build();
    let video = Video::builder().s3_object(object).build();
    let tag = tag(&options.stack, attempt, subject);
    let channel = channel(options)?;
    // Each sort of job has request types of its own, which differ in name only.
    macro_rules! send {
        ($request:expr) => {
            $request
                .video(video)
                .client_request_token(&tag)
                .job_tag(&tag)
                .set_notification_channel(channel)
                .customize()
                .config_override(at_once())
                .send()
                .await
                .map(|begun| begun.job_id)
                .map_err(|cause| error(SUBMIT, cause).with("token", &tag))?
        };
    }
    let least = options.min_confidence;
    let id = match subject {
        Subject::Labels => send!(client.start_label_detection().min_confidence(least)),
        Subject::Faces => send!(client.start_face_detection().face_attributes(FaceAttributes::All)),
        Subject::FaceSearch => {
            let collection = options.collection.clone().unwrap_or_default();
            send!(client.start_face_search().collection_id(collection))
        }
        Subject::Celebrities => send!(client.start_celebrity_recognition()),
        Subject::Text => send!(client.start_text_detection()),
        Subject::Moderation => send!(client.start_content_moderation().min_confidence(least)),
        Subject::Segments => {
            let cue = StartTechnicalCueDetectionFilter::builder().min_segment_confidence(least);
            let shot = StartShotDetectionFilter::builder().min_segment_confidence(least);
            let filters = StartSegmentDetectionFilters::builder()
                .technical_cue_filter(cue.build())
                .shot_filter(shot.build());
            let request = client
                .start_segment_detection()
                .segment_types(SegmentType::TechnicalCue)
                .segment_types(SegmentType::Shot)
                .filters(filters.build());
            send!(request)
        }
    };
    id.filter(|id| !id.is_empty()).ok_or_else(|| {
        Error::new(ErrorKind::Unexpected, SUBMIT, "the service has begun a job without an id")
    })
}

/// A full lane is told at once: the SDK would wait and ask again, as the engine does.
fn at_once() -> Builder {
    Config::builder().retry_config(RetryConfig::disabled())
}

fn channel(options: &Options) -> Result<Option<NotificationChannel>> {
    let Some(told) = &options.notification else { return Ok(None) };
    let channel =
        NotificationChannel::builder().sns_topic_arn(&told.topic_arn).role_arn(&told.role_arn);
    let channel = channel.build().map_err(|cause| {
        Error::invalid(SUBMIT, "the notification needs a topic and a role").caused_by(cause)
    })?;
    Ok(Some(channel))
}

/// What one of the service's jobs is at, and what it says about it.
pub(super) async fn status(
    client: &Client,
    subject: Subject,
    id: &str,
) -> Result<(VideoJobStatus, Option<String>)> {
    macro_rules! ask {
        ($request:expr) => {
            $request
                .job_id(id)
                .max_results(1)
                .send()
                .await
                .map(|told| (told.job_status, told.status_message))
                .map_err(|cause| error(POLL, cause).with("job", id))?
        };
    }
    let (status, message) = match subject {
        Subject::Labels => ask!(client.get_label_detection()),
        Subject::Faces => ask!(client.get_face_detection()),
        Subject::FaceSearch => ask!(client.get_face_search()),
        Subject::Celebrities => ask!(client.get_celebrity_recognition()),
        Subject::Text => ask!(client.get_text_detection()),
        Subject::Moderation => ask!(client.get_content_moderation()),
        Subject::Segments => ask!(client.get_segment_detection()),
    };
    Ok((status.unwrap_or(VideoJobStatus::InProgress), message))
}

/// What one of the service's jobs has found.
pub(super) async fn hits(
    client: &Client,
    subject: Subject,
    id: &str,
    people: &People,
) -> Result<Vec<Hit>> {
    // `$found` becomes a hit, or none, with the model of the page it is on.
    macro_rules! read {
        ($request:expr, $items:ident, |$told:ident| $model:expr, |$found:ident| $hit:expr) => {
            pages::all(FINDINGS, |token| async move {
                let request = $request.job_id(id).max_results(PAGE).set_next_token(token);
                let $told = request.send().await.map_err(|c| error(FINDINGS, c).with("job", id))?;
                let model: String = $model;
                let page = $told.$items.unwrap_or_default();
                let hits = page.iter().filter_map(|$found| {
                    let mut hit: Hit = $hit?;
                    hit.at_ms = Some($found.timestamp);
                    model.clone_into(&mut hit.model);
                    Some(hit)
                });
                Ok::<Page<Hit>, Error>((hits.collect(), $told.next_token))
            })
            .await
        };
    }
    match subject {
        Subject::Labels => read!(
            client.get_label_detection(),
            labels,
            |told| model("LabelModelVersion", told.label_model_version.as_deref()),
            |found| found.label().and_then(read::label)
        ),
        Subject::Faces => {
            let mut faces = read!(
                client.get_face_detection(),
                faces,
                |told| model("FaceDetection", None),
                |found| found.face().map(read::face)
            )?;
            faces.sort_by_key(|hit| hit.at_ms);
            super::hits::follow(&mut faces);
            Ok(faces)
        }
        Subject::FaceSearch => {
            read!(client.get_face_search(), persons, |told| model("FaceSearch", None), |found| {
                found.person().and_then(|person| {
                    let mut hit = read::face(person.face()?);
                    hit.same = format!("person {}", person.index());
                    read::matched(&mut hit, found.face_matches(), people);
                    Some(hit)
                })
            })
        }
        Subject::Celebrities => read!(
            client.get_celebrity_recognition(),
            celebrities,
            |told| model("CelebrityRecognition", None),
            |found| found.celebrity().and_then(read::celebrity)
        ),
        Subject::Text => read!(
            client.get_text_detection(),
            text_detections,
            |told| model("TextModelVersion", told.text_model_version.as_deref()),
            |found| found.text_detection().and_then(read::text)
        ),
        Subject::Moderation => read!(
            client.get_content_moderation(),
            moderation_labels,
            |told| model("ModerationModelVersion", told.moderation_model_version.as_deref()),
            |found| found
                .moderation_label()
                .and_then(|label| read::moderation(label, found.content_types()))
        ),
        Subject::Segments => Ok(Vec::new()),
    }
}

fn model(name: &str, version: Option<&str>) -> String {
    match version {
        Some(version) => format!("{name}/{version}"),
        None => name.to_owned(),
    }
}

/// A shot or a black range, in frames.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Segment {
    pub(super) kind: AnnotationKind,
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) percent: Option<f32>,
    pub(super) model: String,
}

/// The shots and black ranges a job has found.
pub(super) async fn segments(client: &Client, id: &str, scale: &Scale) -> Result<Vec<Segment>> {
    let found = pages::all(FINDINGS, |token| async move {
        let request = client.get_segment_detection().job_id(id).max_results(PAGE);
        let told = request.set_next_token(token).send().await;
        let told = told.map_err(|cause| error(FINDINGS, cause).with("job", id))?;
        let version = |of: &SegmentType| {
            let mut types = told.selected_segment_types().iter();
            types.find(|one| one.r#type() == Some(of)).and_then(|one| one.model_version())
        };
        let model_of = |of: &SegmentType| model(of.as_str(), version(of));
        let each = told.segments().iter().filter_map(|one| {
            let kind = one.r#type()?;
            Some((one.clone(), model_of(kind)))
        });
        let page: Vec<_> = each.collect();
        Ok::<Page<(SegmentDetection, String)>, Error>((page, told.next_token))
    })
    .await?;
    exact(&found, scale)
}

/// The segments by their frame numbers; by their milliseconds where the service tells no frames.
///
/// The service's `EndFrameNumber` of a shot is its last frame, and the next shot begins one later
/// (the example of `GetSegmentDetection` in the developer guide); milliseconds are rounded down.
/// Black ends at the frame the picture begins with, or with the video's last frame.
fn exact(found: &[(SegmentDetection, String)], scale: &Scale) -> Result<Vec<Segment>> {
    let mut segments: Vec<Segment> = Vec::new();
    for (one, model) in found {
        let start = match one.start_frame_number {
            Some(frame) => frame,
            None => scale.frame(one.start_timestamp_millis)?,
        };
        let end = match one.end_frame_number {
            Some(frame) => frame,
            None => scale.frame(one.end_timestamp_millis)?,
        };
        let cue = one.technical_cue_segment();
        let (kind, percent) = match (one.shot_segment(), cue) {
            (Some(shot), _) => (AnnotationKind::Shot, shot.confidence()),
            (None, Some(cue)) if cue.r#type() == Some(&TechnicalCueType::BlackFrames) => {
                (AnnotationKind::Black, cue.confidence())
            }
            _ => continue,
        };
        let last = scale.length.is_some_and(|length| end >= length - 1);
        let end = match kind {
            _ if last => scale.inside(i64::MAX),
            AnnotationKind::Shot => end.saturating_add(1),
            _ => end,
        };
        segments.push(Segment { kind, start, end, percent, model: model.clone() });
    }
    segments.sort_by_key(|one| (one.kind, one.start));
    // Shots leave no frame out and share none.
    let starts: Vec<(AnnotationKind, i64)> =
        segments.iter().skip(1).map(|one| (one.kind, one.start)).collect();
    for (one, (kind, next)) in segments.iter_mut().zip(starts) {
        if one.kind == AnnotationKind::Shot && kind == AnnotationKind::Shot {
            one.end = next;
        }
    }
    Ok(segments)
}

#[cfg(test)]
mod tests {
    use aws_sdk_rekognition::types::{ShotSegment, TechnicalCueSegment};
    use emam_core::time::Rate;

    use super::*;

    /// The example of `GetSegmentDetection` in the service's developer guide.
    fn example() -> Vec<(SegmentDetection, String)> {
        let times = |start, end, start_ms, end_ms| {
            SegmentDetection::builder()
                .start_frame_number(start)
                .end_frame_number(end)
                .start_timestamp_millis(start_ms)
                .end_timestamp_millis(end_ms)
        };
        let cue = |kind| TechnicalCueSegment::builder().r#type(kind).confidence(90.5).build();
        let shot = |index| ShotSegment::builder().index(index).confidence(99.9).build();
        let black =
            times(0, 299, 0, 9_976).technical_cue_segment(cue(TechnicalCueType::BlackFrames));
        let content =
            times(299, 449, 9_976, 14_981).technical_cue_segment(cue(TechnicalCueType::Content));
        let all = [
            black,
            content,
            times(0, 299, 0, 9_976).shot_segment(shot(0)),
            times(300, 449, 10_010, 14_981).shot_segment(shot(1)),
        ];
        all.into_iter().map(|one| (one.build(), "SHOT/2.0".to_owned())).collect()
    }

    const fn scale(length: Option<i64>) -> Scale {
        Scale { rate: Rate::FPS_29_97, length }
    }

    fn spans(found: &[(SegmentDetection, String)], scale: &Scale) -> Vec<(bool, i64, i64)> {
        let found = exact(found, scale).unwrap();
        found.iter().map(|one| (one.kind == AnnotationKind::Shot, one.start, one.end)).collect()
    }

    #[test]
    fn shots_touch_and_cover_the_video() {
        let wanted = [(true, 0, 300), (true, 300, 450), (false, 0, 299)];
        assert_eq!(spans(&example(), &scale(Some(450))), wanted);
        assert_eq!(spans(&example(), &scale(None)), wanted, "the length need not be known");
    }

    #[test]
    fn milliseconds_do_where_there_are_no_frames() {
        let mut found = example();
        for (one, _) in &mut found {
            (one.start_frame_number, one.end_frame_number) = (None, None);
        }
        let wanted = [(true, 0, 300), (true, 300, 450), (false, 0, 299)];
        assert_eq!(spans(&found, &scale(Some(450))), wanted);
    }
}
