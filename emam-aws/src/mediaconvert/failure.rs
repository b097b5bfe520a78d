//! Why a job has failed: from the codes of MediaConvert to the library's kinds.

use aws_sdk_mediaconvert::types::Job;
use emam_core::{Error, ErrorInfo, ErrorKind};

/// Codes from the first to the last, what they are to us, and what to do.
///
/// Source: "Error codes" in the MediaConvert User Guide. 1999 (unknown) comes back for the same
/// input, so what is not listed is not tried again.
const CODES: [(i32, i32, ErrorKind, &str); 10] = [
    (1010, 1099, ErrorKind::InvalidMedia, "MediaConvert cannot read the media"),
    (1401, 1403, ErrorKind::PermissionDenied, ROLE),
    (1404, 1404, ErrorKind::NotFound, "the media is not where it was"),
    (1432, 1434, ErrorKind::PermissionDenied, ROLE),
    (1515, 1517, ErrorKind::Unavailable, "MediaConvert could not reach S3"),
    (1522, 1522, ErrorKind::PermissionDenied, ROLE),
    (3401, 3403, ErrorKind::PermissionDenied, ROLE),
    (3404, 3404, ErrorKind::NotFound, "the bucket of the outputs is not there"),
    (3408, 3408, ErrorKind::Unavailable, "MediaConvert could not reach S3"),
    (3450, 3458, ErrorKind::Unavailable, "MediaConvert could not store its outputs"),
];

const ROLE: &str = "MediaConvert's role may not do this; it needs to read the originals' bucket \
                    and write the proxies', and its path must be / or /service-role/";

/// The error of a job that has ended in one.
pub(super) fn failure(job: &Job) -> ErrorInfo {
    let code = job.error_code.unwrap_or_default();
    let said = job.error_message.as_deref().unwrap_or_default();
    let listed = CODES.iter().find(|(first, last, ..)| (*first..=*last).contains(&code));
    let (kind, message) = match listed {
        // A file that cannot be opened at all may be one that may not be opened.
        Some(_) if is_refusal(said) => (ErrorKind::PermissionDenied, ROLE),
        Some((_, _, kind, message)) => (*kind, *message),
        None => (ErrorKind::Unexpected, "MediaConvert has failed and does not say why"),
    };
    let mut error = Error::new(kind, "transcoder.job", message).with("code", code);
    if !said.is_empty() {
        error = error.with("said", said);
    }
    if let Some(id) = &job.id {
        error = error.with("job", id);
    }
    error.to_info()
}

fn is_refusal(said: &str) -> bool {
    ["AssumeRole", "AccessDenied", "Access Denied", "Forbidden"].iter().any(|w| said.contains(w))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(code: i32, message: &str) -> Job {
        Job::builder().id("1-a").error_code(code).error_message(message).build()
    }

    #[test]
    fn codes_and_words_are_kept() {
        let unreadable = "Unable to open input file [s3://in/a.mov]: [Failed probe/open: [No \
                          parser found for container]]";
        for (code, said, kind, retryable) in [
            (1010, unreadable, ErrorKind::InvalidMedia, false),
            (1040, "", ErrorKind::InvalidMedia, false),
            (1042, "the demuxer", ErrorKind::InvalidMedia, false),
            (1401, "", ErrorKind::PermissionDenied, false),
            (1404, "", ErrorKind::NotFound, false),
            (1517, "slow down", ErrorKind::Unavailable, true),
            (1999, "unknown", ErrorKind::Unexpected, false),
            (0, "", ErrorKind::Unexpected, false),
        ] {
            let info = failure(&job(code, said));
            assert_eq!((info.kind, info.retryable), (kind, retryable), "{code}");
            let fact = |name: &str| {
                info.context.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
            };
            assert_eq!(fact("code"), Some(code.to_string().as_str()));
            assert_eq!(fact("said"), (!said.is_empty()).then_some(said));
        }
    }

    #[test]
    fn a_role_that_cannot_be_assumed_is_no_fault_of_the_media() {
        let said = "Unable to open input file [s3://my-input-bucket/file-name.mp4]: [Failed \
                    probe/open: [Failed to read data: AssumeRole failed]]";
        for code in [1010, 1434] {
            assert_eq!(failure(&job(code, said)).kind, ErrorKind::PermissionDenied);
        }
    }
}
