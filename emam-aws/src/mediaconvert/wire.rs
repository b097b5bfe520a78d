//! What goes over the wire, as JSON: the SDK's types do not print themselves.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_mediaconvert::operation::create_job::builders::CreateJobFluentBuilder;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    AfterDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use emam_core::{Error, ErrorKind, Result};
use serde_json::Value;

/// A place for one JSON body.
#[derive(Debug, Clone, Default)]
pub(super) struct Kept(Arc<Mutex<Option<Value>>>);

impl Kept {
    fn keep(&self, body: Option<&[u8]>) {
        let value = body.and_then(|body| serde_json::from_slice(body).ok());
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = value;
    }

    pub(super) fn take(&self) -> Option<Value> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Keeps the request and sends nothing.
#[derive(Debug)]
struct Withheld(Kept);

impl Intercept for Withheld {
    fn name(&self) -> &'static str {
        "Withheld"
    }

    fn read_after_serialization(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> std::result::Result<(), BoxError> {
        self.0.keep(context.request().body().bytes());
        Err("the request is printed and not sent".into())
    }
}

/// Keeps the answer beside what the SDK makes of it.
#[derive(Debug)]
pub(super) struct Answer(pub(super) Kept);

impl Intercept for Answer {
    fn name(&self) -> &'static str {
        "Answer"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> std::result::Result<(), BoxError> {
        self.0.keep(context.response().body().bytes());
        Ok(())
    }
}

/// The body of the request that would be sent. Sends nothing, and needs no credentials.
pub(super) async fn json(request: CreateJobFluentBuilder) -> Result<Value> {
    let kept = Kept::default();
    // It ends in the error by which it is not sent.
    let unsent = request.customize().interceptor(Withheld(kept.clone())).send().await;
    kept.take().ok_or_else(|| {
        let error =
            Error::new(ErrorKind::Unexpected, "transcoder.explain", "the job cannot be written");
        match unsent {
            Ok(_) => error,
            Err(cause) => error.caused_by(cause),
        }
    })
}
