//! From the errors of the SDK to the library's one error.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::display::DisplayErrorContext;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use emam_core::{Error, ErrorKind};

/// Makes the library's error of one of the SDK's: its kind by the service's code, with the code,
/// the service's message and the request's id, by which AWS's support finds it.
pub fn error<E>(operation: &'static str, cause: SdkError<E, HttpResponse>) -> Error
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    match &cause {
        SdkError::TimeoutError(_) => {
            Error::new(ErrorKind::Timeout, operation, "AWS did not answer in time")
        }
        SdkError::DispatchFailure(failure) if failure.is_timeout() => {
            Error::new(ErrorKind::Timeout, operation, "AWS could not be reached in time")
        }
        SdkError::ConstructionFailure(_) | SdkError::DispatchFailure(_) => unsent(operation, cause),
        SdkError::ServiceError(failure) => {
            let status = failure.raw().status().as_u16();
            let (code, message) = (failure.err().code(), failure.err().message());
            let mut error = refused(operation, status, code, message);
            let id = failure.raw().headers().get("x-amz-request-id");
            if let Some(id) = id.or_else(|| failure.raw().headers().get("x-amzn-requestid")) {
                error = error.with("request_id", id);
            }
            error
        }
        _ => Error::new(ErrorKind::Unavailable, operation, "the answer could not be understood")
            .with("cause", DisplayErrorContext(&cause)),
    }
}

/// The error of a request that did not leave this machine.
fn unsent<E>(operation: &'static str, cause: SdkError<E, HttpResponse>) -> Error
where
    E: std::error::Error + Send + Sync + 'static,
{
    let text = DisplayErrorContext(&cause).to_string();
    let lower = text.to_lowercase();
    if lower.contains("credential") || lower.contains("identity") {
        return Error::new(
            ErrorKind::Unauthenticated,
            operation,
            "no AWS credentials were found; set them by profile, environment or instance role",
        )
        .with("cause", first_line(&text));
    }
    if lower.contains("region") {
        return Error::invalid(operation, "no AWS region is set; name one in the settings")
            .with("cause", first_line(&text));
    }
    let (kind, message) = match &cause {
        SdkError::ConstructionFailure(_) => {
            (ErrorKind::InvalidInput, "the request cannot be made; check the settings")
        }
        _ => (ErrorKind::Unavailable, "AWS could not be reached"),
    };
    Error::new(kind, operation, message).with("cause", first_line(&text))
}

/// The error a service has answered with.
pub(crate) fn refused(
    operation: &'static str,
    status: u16,
    code: Option<&str>,
    message: Option<&str>,
) -> Error {
    let (kind, advice) = classify(status, code.unwrap_or_default());
    let mut error = Error::new(kind, operation, advice);
    error = match code {
        Some(code) => error.with("code", code),
        None => error.with("status", status),
    };
    match message {
        Some(message) if !message.is_empty() => error.with("said", message),
        _ => error,
    }
}

/// What a code of any service means, and what to do about it.
fn classify(status: u16, code: &str) -> (ErrorKind, &'static str) {
    use ErrorKind::{
        AlreadyExists, Conflict, Integrity, InvalidInput, InvalidMedia, NotFound, NotReady,
        PermissionDenied, RateLimited, Timeout, Unauthenticated, Unavailable, Unexpected,
        Unsupported,
    };
    match code {
        "NoSuchBucket" => (NotFound, "there is no such bucket; check its name and region"),
        "NoSuchKey"
        | "NotFound"
        | "NoSuchVersion"
        | "ResourceNotFoundException"
        | "NotFoundException"
        | "NoSuchUpload"
        | "AWS.SimpleQueueService.NonExistentQueue"
        | "QueueDoesNotExist" => (NotFound, "AWS does not have this"),
        "PreconditionFailed" => (AlreadyExists, "there is an object already, or it has changed"),
        "ConditionalRequestConflict"
        | "ConflictException"
        | "OperationAborted"
        | "ConditionalCheckFailedException"
        | "ResourceInUseException" => {
            (Conflict, "something else happened to it at the same time, or its state forbids this")
        }
        "AccessDenied"
        | "AccessDeniedException"
        | "Forbidden"
        | "ForbiddenException"
        | "AuthorizationError"
        | "AuthorizationErrorException"
        | "AllAccessDisabled" => (
            PermissionDenied,
            "the credentials may not do this; `emam aws policy` prints what is needed",
        ),
        "MessageRejected" | "MailFromDomainNotVerifiedException" => (
            PermissionDenied,
            "SES does not send for this address; verify the address or its domain with SES",
        ),
        "ExpiredToken" | "ExpiredTokenException" | "TokenRefreshRequired" => {
            (Unauthenticated, "the credentials have expired; renew them")
        }
        "RequestTimeTooSkewed"
        | "RequestExpired"
        | "InvalidSignatureException"
        | "SignatureDoesNotMatch" => (
            Unauthenticated,
            "the signature was refused; check the secret key and that this machine's clock is right",
        ),
        "InvalidAccessKeyId"
        | "InvalidClientTokenId"
        | "UnrecognizedClientException"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "IncompleteSignature" => (Unauthenticated, "the credentials are not valid"),
        "PermanentRedirect"
        | "TemporaryRedirect"
        | "AuthorizationHeaderMalformed"
        | "IllegalLocationConstraintException" => {
            (InvalidInput, "the bucket is in another region; set the right one")
        }
        "SlowDown"
        | "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "TooManyRequestsException"
        | "RequestLimitExceeded"
        | "LimitExceededException"
        | "ProvisionedThroughputExceededException"
        | "ServiceQuotaExceededException"
        | "RequestThrottled"
        | "BandwidthLimitExceeded" => (RateLimited, "AWS takes no more of this for now"),
        "GlacierExpeditedRetrievalNotAvailable" => {
            (RateLimited, "expedited retrieval has no capacity now; ask for standard, or try later")
        }
        "InvalidObjectState" => (NotReady, "the object is archived; restore it first"),
        "BadDigest"
        | "InvalidDigest"
        | "XAmzContentChecksumMismatch"
        | "XAmzContentSHA256Mismatch" => {
            (Integrity, "the bytes did not arrive as they were sent; send them again")
        }
        // An answer may begin with a 200 and still end so.
        "InternalError" | "InternalFailure" | "ServiceUnavailable" => {
            (Unavailable, "the service has failed; trying again may help")
        }
        "ImageTooLargeException" | "InvalidImageFormatException" | "VideoTooLargeException" => {
            (InvalidMedia, "the service does not take media of this size or format; make a proxy")
        }
        "InvalidS3ObjectException" => (
            InvalidInput,
            "the service cannot read the object; check its bucket's region and policy",
        ),
        "IdempotentParameterMismatchException" => {
            (Conflict, "the same token was used for another request before")
        }
        "RequestTimeout" | "RequestTimeoutException" => (Timeout, "the request took too long"),
        "NoLongerSupportedException" => (
            Unsupported,
            "Glacier vaults take no new customers; archive with the S3 Glacier storage classes",
        ),
        "InsufficientCapacityException" => {
            (RateLimited, "expedited retrieval has no capacity now; ask for standard, or try later")
        }
        "PolicyEnforcedException" => {
            (PermissionDenied, "the account's data retrieval policy forbids this; change it")
        }
        "NotImplemented" | "MethodNotAllowed" => (Unsupported, "the service does not do this"),
        _ if status == 429 => (RateLimited, "AWS takes no more of this for now"),
        _ if status >= 500 => (Unavailable, "the service has failed; trying again may help"),
        _ if status == 404 => (NotFound, "AWS does not have this"),
        _ if status == 403 => (
            PermissionDenied,
            "the credentials may not do this; `emam aws policy` prints what is needed",
        ),
        _ if status == 412 => (AlreadyExists, "there is an object already, or it has changed"),
        _ if (300..400).contains(&status) => {
            (InvalidInput, "the bucket is in another region; set the right one")
        }
        _ if (400..500).contains(&status) => (InvalidInput, "the service refuses the request"),
        _ => (Unexpected, "the service gave an answer that is none"),
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_become_kinds_and_say_what_to_do() {
        for (status, code, kind) in [
            (404, "NoSuchBucket", ErrorKind::NotFound),
            (412, "PreconditionFailed", ErrorKind::AlreadyExists),
            (403, "AccessDenied", ErrorKind::PermissionDenied),
            (400, "ExpiredToken", ErrorKind::Unauthenticated),
            (403, "RequestTimeTooSkewed", ErrorKind::Unauthenticated),
            (301, "PermanentRedirect", ErrorKind::InvalidInput),
            (503, "SlowDown", ErrorKind::RateLimited),
            (400, "LimitExceededException", ErrorKind::RateLimited),
            (403, "InvalidObjectState", ErrorKind::NotReady),
            (400, "BadDigest", ErrorKind::Integrity),
            (500, "InternalError", ErrorKind::Unavailable),
            (200, "InternalError", ErrorKind::Unavailable),
            (400, "SomethingNew", ErrorKind::InvalidInput),
        ] {
            let error = refused("storage.put", status, Some(code), Some("as AWS says it"));
            assert_eq!(error.kind(), kind, "{code}");
            assert_eq!(
                (error.get("code"), error.get("said")),
                (Some(code), Some("as AWS says it"))
            );
        }
        assert_eq!(refused("storage.get", 404, None, None).kind(), ErrorKind::NotFound);
        assert!(refused("storage.get", 503, None, None).is_retryable());
    }
}
