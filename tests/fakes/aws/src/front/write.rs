//! What makes objects and removes them: PutObject, multipart uploads and deletes.

use axum::body::Body;
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::response::Response;

use super::announce::Event;
use super::answer::Refusal;
use super::backing::{document, header};
use super::call::{Call, decode};
use super::class::Class;
use super::overlay::{Entry, Facts, Place, Upload};
use super::shape::{Flip, Shape};
use super::{Front, xml};

impl Front {
    /// PutObject.
    pub(super) async fn put_object(
        &self,
        call: &Call,
        request: Request,
    ) -> Result<Response, Refusal> {
        let wanted = upload(request.headers())?;
        let size = header(request.headers(), "x-amz-decoded-content-length")
            .or_else(|| header(request.headers(), "content-length"))
            .and_then(|size| size.parse::<u64>().ok());
        let response = self.send_body(request).await?;
        if !response.status().is_success() {
            return Ok(response);
        }
        let place = call.place(response.headers());
        let facts = match size {
            Some(size) => {
                let etag = header(response.headers(), "etag").unwrap_or_default();
                Facts { size, etag: etag.trim_matches('"').to_owned() }
            }
            None => {
                self.backing.head(&call.bucket, &call.key, place.version.as_deref()).await?.facts
            }
        };
        self.created(place, facts, &wanted, "PutObject").await;
        Ok(response)
    }

    /// Sends on a request whose body is an object's bytes.
    pub(super) async fn send_body(&self, request: Request) -> Result<Response, Refusal> {
        let shape = self.put_shape(request.headers());
        self.backing.forward(request.map(|body| shape.apply(body))).await
    }

    fn put_shape(&self, headers: &HeaderMap) -> Shape {
        let Some(switches) = self.trouble_here() else { return Shape::default() };
        let length = header(headers, "content-length").and_then(|length| length.parse().ok());
        let chunked = header(headers, "x-amz-content-sha256")
            .is_some_and(|hash| hash.starts_with("STREAMING-"))
            || header(headers, "content-encoding").is_some_and(|kind| kind.contains("aws-chunked"));
        let flip = match length.unwrap_or(0_u64) {
            _ if chunked => Some(Flip::AfterFirstLine),
            0 => None,
            length => Some(Flip::At(length / 2)),
        };
        let flip = flip.filter(|_| self.trouble.chance(switches.corrupt_puts));
        Shape { bytes_s: switches.slow_bytes_s, flip, cut_at: None }
    }

    /// CreateMultipartUpload.
    pub(super) async fn create_upload(&self, request: Request) -> Result<Response, Refusal> {
        let wanted = upload(request.headers())?;
        let (response, text) = self.with_document(request).await?;
        if let Some(id) = xml::text(&text, "UploadId").filter(|_| response.status().is_success()) {
            self.state().overlay.begin_upload(id, wanted);
        }
        Ok(response)
    }

    /// CompleteMultipartUpload, whose answer of 200 may hold an error.
    pub(super) async fn complete_upload(
        &self,
        call: &Call,
        request: Request,
    ) -> Result<Response, Refusal> {
        let (response, text) = self.with_document(request).await?;
        let done = xml::inside(&text, "CompleteMultipartUploadResult").is_some();
        if !response.status().is_success() || !done {
            return Ok(response);
        }
        let id = call.upload.clone().unwrap_or_default();
        let wanted = self.state().overlay.upload(&id);
        let version = call.place(response.headers()).version;
        let head = self.backing.head(&call.bucket, &call.key, version.as_deref()).await?;
        self.created(head.place, head.facts, &wanted, "CompleteMultipartUpload").await;
        self.state().overlay.end_upload(&id);
        Ok(response)
    }

    /// AbortMultipartUpload.
    pub(super) async fn abort_upload(
        &self,
        call: &Call,
        request: Request,
    ) -> Result<Response, Refusal> {
        let response = self.backing.forward(request).await?;
        if let Some(id) = call.upload.as_deref().filter(|_| response.status().is_success()) {
            self.state().overlay.end_upload(id);
        }
        Ok(response)
    }

    /// An object was written: keeps its class, plans its moves and tells of it.
    pub(super) async fn created(&self, place: Place, facts: Facts, wanted: &Upload, reason: &str) {
        let now = self.world.clock.now();
        let class = wanted.class.unwrap_or(Class::Standard);
        {
            let mut state = self.state();
            let mut entry = Entry::new(class, facts.clone());
            entry.transitions =
                state.lifecycle.plan(&place.bucket, &place.key, &wanted.tags, class, now);
            state.overlay.wrote(place.clone(), entry);
        }
        self.tell(Event::created(&self.origin(), &place, &facts, reason)).await;
    }

    /// DeleteObject.
    pub(super) async fn delete_object(
        &self,
        call: &Call,
        request: Request,
    ) -> Result<Response, Refusal> {
        let response = self.backing.forward(request).await?;
        if response.status().is_success() {
            let told = header(response.headers(), "x-amz-delete-marker") == Some("true");
            let marker = call.version.is_none() && told;
            let mut place = call.place(response.headers());
            place.version = place.version.or_else(|| call.version.clone());
            self.deleted(place, marker).await;
        }
        Ok(response)
    }

    /// DeleteObjects.
    pub(super) async fn delete_objects(
        &self,
        call: &Call,
        request: Request,
    ) -> Result<Response, Refusal> {
        let (parts, body) = request.into_parts();
        let body = document(body).await?;
        let wanted = String::from_utf8_lossy(&body).into_owned();
        let request = Request::from_parts(parts, Body::from(body));
        let (response, text) = self.with_document(request).await?;
        if !response.status().is_success() {
            return Ok(response);
        }
        let name = |block| {
            let version = xml::text(block, "VersionId").filter(|version| version != "null");
            (xml::text(block, "Key").unwrap_or_default(), version)
        };
        let failed: Vec<_> = xml::each(&text, "Error").into_iter().map(name).collect();
        let markers = xml::each(&text, "Deleted").into_iter();
        let markers = markers.filter(|block| xml::inside(block, "DeleteMarkerVersionId").is_some());
        let markers: Vec<_> = markers.map(name).collect();
        for block in xml::each(&wanted, "Object") {
            let (key, version) = name(block);
            if failed.contains(&(key.clone(), version.clone())) {
                continue;
            }
            let told = markers.iter().any(|marker| marker.0 == key);
            let marker = version.is_none()
                && (told || self.state().overlay.is_versioned(&call.bucket, &key));
            let place = Place { bucket: call.bucket.clone(), key, version };
            self.deleted(place, marker).await;
        }
        Ok(response)
    }

    async fn deleted(&self, place: Place, marker: bool) {
        if !marker {
            self.state().overlay.forget(&place);
        }
        self.tell(Event::deleted(&self.origin(), &place, marker)).await;
    }

    /// Sends a request on whose answer is a small document, and reads that.
    pub(super) async fn with_document(
        &self,
        request: Request,
    ) -> Result<(Response, String), Refusal> {
        let (parts, body) = self.backing.forward(request).await?.into_parts();
        let body = document(body).await?;
        let text = String::from_utf8_lossy(&body).into_owned();
        Ok((Response::from_parts(parts, Body::from(body)), text))
    }
}

/// Class and tags that a request's headers ask for.
pub(super) fn upload(headers: &HeaderMap) -> Result<Upload, Refusal> {
    let class = match header(headers, "x-amz-storage-class") {
        None => None,
        Some(name) => Some(Class::parse(name).ok_or_else(|| {
            let message = "The storage class you specified is not valid";
            Refusal::new(400, "InvalidStorageClass", message).detail("StorageClassRequested", name)
        })?),
    };
    let text = |text: &str| decode(&text.replace('+', " "));
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (text(name), text(value))
    };
    let tags = header(headers, "x-amz-tagging").unwrap_or_default();
    let tags = tags.split('&').filter(|pair| !pair.is_empty()).map(pair).collect();
    Ok(Upload { class, tags })
}
