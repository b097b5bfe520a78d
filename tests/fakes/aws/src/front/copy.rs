//! Copies, tags and the configurations of buckets that move objects.

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;

use super::announce::Event;
use super::answer::{Refusal, empty, set, xml as xml_response};
use super::backing::{Head, document, header};
use super::call::{Call, copy_source};
use super::lifecycle;
use super::overlay::Upload;
use super::write::upload;
use super::{Front, xml};

impl Front {
    /// CopyObject. A copy onto itself with another class, which S3 allows and the server behind
    /// may not, is made here: the class changes, everything else stays.
    pub(super) async fn copy_object(
        &self,
        call: &Call,
        request: Request,
    ) -> Result<Response, Refusal> {
        let wanted = upload(request.headers())?;
        let replace = header(request.headers(), "x-amz-tagging-directive") == Some("REPLACE");
        let source = self.readable_source(request.headers()).await?;
        let (response, text) = self.with_document(request).await?;
        if response.status().is_success() {
            if xml::inside(&text, "CopyObjectResult").is_none() {
                return Ok(response);
            }
            let version = call.place(response.headers()).version;
            let head = self.backing.head(&call.bucket, &call.key, version.as_deref()).await?;
            let tags = match replace {
                true => wanted.tags,
                false => self.backing.tags(&head.place).await?,
            };
            let wanted = Upload { class: wanted.class, tags };
            self.created(head.place, head.facts, &wanted, "CopyObject").await;
            return Ok(response);
        }
        let refused = xml::text(&text, "Code").as_deref() == Some("InvalidRequest");
        let Some(head) = source.filter(|head| refused && head.place.is_named(call)) else {
            return Ok(response);
        };
        let changed = {
            let mut state = self.state();
            let mut entry = state.overlay.look(&head.place, head.class, &head.facts);
            match wanted.class.filter(|class| *class != entry.class) {
                Some(class) => {
                    entry.class = class;
                    entry.access = None;
                    entry.restore = None;
                    state.overlay.keep(head.place.clone(), entry);
                    true
                }
                None => false,
            }
        };
        if !changed {
            return Ok(response);
        }
        let event = Event::created(&self.origin(), &head.place, &head.facts, "CopyObject");
        self.tell(event).await;
        Ok(copied(&head))
    }

    /// UploadPartCopy.
    pub(super) async fn copy_part(&self, request: Request) -> Result<Response, Refusal> {
        self.readable_source(request.headers()).await?;
        self.backing.forward(request).await
    }

    /// The source of a copy, refused where it is archived. A source that is not there is left to
    /// the server behind to tell of.
    async fn readable_source(
        &self,
        headers: &axum::http::HeaderMap,
    ) -> Result<Option<Head>, Refusal> {
        let Some((bucket, key, version)) = copy_source(headers) else { return Ok(None) };
        let Ok(head) = self.backing.head(&bucket, &key, version.as_deref()).await else {
            return Ok(None);
        };
        let entry = self.state().overlay.look(&head.place, head.class, &head.facts);
        if !entry.readable() {
            let message = "The source object of the COPY action is not in the active tier and is \
                           only stored in Amazon S3 Glacier.";
            return Err(Refusal::new(403, "ObjectNotInActiveTierError", message));
        }
        self.touched(&head.place, &entry);
        Ok(Some(head))
    }

    /// PutObjectTagging and DeleteObjectTagging: the lifecycle looks at an object's tags.
    pub(super) async fn tag(&self, call: &Call, request: Request) -> Result<Response, Refusal> {
        let (parts, body) = request.into_parts();
        let body = document(body).await?;
        let text = String::from_utf8_lossy(&body).into_owned();
        let request = Request::from_parts(parts, Body::from(body));
        let response = self.backing.forward(request).await?;
        if !response.status().is_success() {
            return Ok(response);
        }
        let tags = match call.operation {
            "PutObjectTagging" => lifecycle::tags(&text),
            _ => Vec::new(),
        };
        let head = self.backing.head(&call.bucket, &call.key, call.version.as_deref()).await?;
        let now = self.world.clock.now();
        let mut state = self.state();
        let mut entry = state.overlay.look(&head.place, head.class, &head.facts);
        let plan = state.lifecycle.plan(&call.bucket, &call.key, &tags, entry.class, now);
        if entry.transitions != plan {
            entry.transitions = plan;
            state.overlay.keep(head.place, entry);
        }
        Ok(response)
    }

    /// The lifecycle configuration of a bucket, kept here where the server behind has none.
    pub(super) async fn lifecycle(
        &self,
        call: &Call,
        request: Request,
    ) -> Result<Response, Refusal> {
        let (parts, body) = request.into_parts();
        let body = document(body).await?;
        let text = String::from_utf8_lossy(&body).into_owned();
        let request = Request::from_parts(parts, Body::from(body));
        let response = self.backing.forward(request).await?;
        let status = response.status().as_u16();
        if status == 403 || (status == 404 && call.operation.starts_with("Put")) {
            return Ok(response);
        }
        let mut state = self.state();
        match call.operation {
            "PutBucketLifecycleConfiguration" => {
                state.lifecycle.put(&call.bucket, &text)?;
                Ok(empty(200))
            }
            "GetBucketLifecycleConfiguration" => match state.lifecycle.document(&call.bucket) {
                Some(document) => Ok(xml_response(200, document)),
                None => Ok(response),
            },
            _ if state.lifecycle.delete(&call.bucket) => Ok(empty(204)),
            _ => Ok(response),
        }
    }

    /// The Intelligent-Tiering configurations of a bucket, which are kept here alone: the servers
    /// behind take the request for CreateBucket.
    pub(super) async fn tiering(&self, call: &Call, request: Request) -> Result<Response, Refusal> {
        let body = document(request.into_body()).await?;
        let text = String::from_utf8_lossy(&body);
        let mut state = self.state();
        let missing = || {
            let message = "The specified configuration does not exist.";
            Refusal::new(404, "NoSuchConfiguration", message)
        };
        let (bucket, id) = (call.bucket.as_str(), call.id.as_str());
        match call.operation {
            "PutBucketIntelligentTieringConfiguration" => {
                state.lifecycle.put_tiering(bucket, id, &text)?;
                Ok(empty(200))
            }
            "GetBucketIntelligentTieringConfiguration" => {
                let document = state.lifecycle.tiering(bucket, id).ok_or_else(missing)?;
                Ok(xml_response(200, document))
            }
            _ if state.lifecycle.delete_tiering(bucket, id) => Ok(empty(204)),
            _ => Err(missing()),
        }
    }
}

/// What CopyObject answers when only the class changed.
fn copied(head: &Head) -> Response {
    let modified = head.modified.strftime("%Y-%m-%dT%H:%M:%S.000Z");
    let document = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<CopyObjectResult \
         xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><LastModified>{modified}</LastModified>\
         <ETag>&quot;{}&quot;</ETag></CopyObjectResult>",
        xml::escape(&head.facts.etag)
    );
    let mut response = xml_response(200, document);
    if let Some(version) = &head.place.version {
        set(&mut response, "x-amz-version-id", version);
        set(&mut response, "x-amz-copy-source-version-id", version);
    }
    response
}
