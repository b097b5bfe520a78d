//! What reads objects: GetObject, HeadObject, the lists and GetObjectAttributes.

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::CONTENT_LENGTH;
use axum::response::Response;

use super::answer::{Refusal, set};
use super::backing::{document, header};
use super::call::{Call, decode};
use super::class::Class;
use super::overlay::{Entry, Facts, Place, Restore, Target, Transition};
use super::shape::{Flip, Shape};
use super::{Front, xml};

impl Front {
    /// GetObject and HeadObject.
    pub(super) async fn read_object(
        &self,
        call: &Call,
        request: Request,
    ) -> Result<Response, Refusal> {
        let mut response = self.backing.forward(request).await?;
        if !response.status().is_success() {
            return Ok(response);
        }
        let place = call.place(response.headers());
        let behind = header(response.headers(), "x-amz-storage-class").and_then(Class::parse);
        let entry = {
            let behind = behind.unwrap_or(Class::Standard);
            self.state().overlay.look(&place, behind, &Facts::default())
        };
        if !call.head && !entry.readable() {
            return Err(archived(&entry));
        }
        show(&mut response, &entry);
        if call.head {
            return Ok(response);
        }
        if entry.class == Class::IntelligentTiering {
            self.touched(&place, &entry);
        }
        let shape = self.get_shape(&response);
        Ok(response.map(|body| shape.apply(body)))
    }

    /// Intelligent-Tiering counts the days since an object was last read.
    pub(super) fn touched(&self, place: &Place, entry: &Entry) {
        let now = self.world.clock.now();
        let mut state = self.state();
        let fresh = state.lifecycle.plan(&place.bucket, &place.key, &[], entry.class, now);
        let access = |moves: &Transition| matches!(moves.to, Target::Access(_));
        let mut plan = entry.transitions.clone();
        plan.retain(|moves| !access(moves));
        plan.extend(fresh.into_iter().filter(access));
        plan.sort_by_key(|moves| moves.at);
        state.overlay.replan(place, plan);
    }

    fn get_shape(&self, response: &Response) -> Shape {
        let Some(switches) = self.trouble_here() else { return Shape::default() };
        let length = header(response.headers(), "content-length");
        let length = length.and_then(|length| length.parse().ok()).unwrap_or(0_u64);
        let some = length > 0;
        Shape {
            bytes_s: switches.slow_bytes_s,
            flip: (some && self.trouble.chance(switches.corrupt_gets))
                .then_some(Flip::At(length / 2)),
            cut_at: (some && self.trouble.chance(switches.cut_gets)).then_some(length / 2),
        }
    }

    /// ListObjects, ListObjectsV2 and ListObjectVersions.
    pub(super) async fn list(&self, call: &Call, request: Request) -> Result<Response, Refusal> {
        let optional = header(request.headers(), "x-amz-optional-object-attributes");
        let restores = optional.is_some_and(|names| names.contains("RestoreStatus"));
        let response = self.backing.forward(request).await?;
        if !response.status().is_success() {
            return Ok(response);
        }
        rewritten(response, |list| {
            let encoded = xml::text(list, "EncodingType").as_deref() == Some("url");
            let versions = call.operation == "ListObjectVersions";
            let element = if versions { "Version" } else { "Contents" };
            let state = self.state();
            xml::rewrite(list, element, |block| {
                let key = xml::text(block, "Key").unwrap_or_default();
                let key = if encoded { decode(&key.replace('+', "%20")) } else { key };
                let entry = if versions {
                    let version = xml::text(block, "VersionId").filter(|id| id != "null");
                    state.overlay.get(&Place { bucket: call.bucket.clone(), key, version })
                } else {
                    state.overlay.newest(&call.bucket, &key)
                };
                match entry {
                    Some(entry) => listed(block, entry, restores),
                    None => block.to_owned(),
                }
            })
        })
        .await
    }

    /// GetObjectAttributes.
    pub(super) async fn attributes(
        &self,
        call: &Call,
        request: Request,
    ) -> Result<Response, Refusal> {
        let response = self.backing.forward(request).await?;
        if !response.status().is_success() {
            return Ok(response);
        }
        let entry = self.state().overlay.get(&call.place(response.headers())).cloned();
        let Some(entry) = entry else { return Ok(response) };
        rewritten(response, |document| {
            xml::rewrite(document, "StorageClass", |_| entry.class.name().to_owned())
        })
        .await
    }
}

/// What reading an archived object is answered with.
fn archived(entry: &Entry) -> Refusal {
    let message = "The operation is not valid for the object's storage class";
    let refusal = Refusal::new(403, "InvalidObjectState", message);
    let refusal = refusal.detail("StorageClass", entry.class.name());
    match entry.access {
        Some(depth) => refusal.detail("AccessTier", depth.access_tier()),
        None => refusal,
    }
}

/// Puts class, archive status and restore into a response's headers.
fn show(response: &mut Response, entry: &Entry) {
    response.headers_mut().remove("x-amz-storage-class");
    if entry.class != Class::Standard {
        set(response, "x-amz-storage-class", entry.class.name());
    }
    if let Some(depth) = entry.access {
        set(response, "x-amz-archive-status", depth.access_tier());
    }
    match entry.restore {
        None => {}
        Some(Restore::Running { .. }) => {
            set(response, "x-amz-restore", "ongoing-request=\"true\"");
        }
        Some(Restore::Ready { expires }) => {
            let expires = expires.strftime("%a, %d %b %Y %H:%M:%S GMT");
            let value = format!("ongoing-request=\"false\", expiry-date=\"{expires}\"");
            set(response, "x-amz-restore", &value);
        }
    }
}

/// One object in a list.
fn listed(block: &str, entry: &Entry, restores: bool) -> String {
    let class = entry.class.name();
    let mut block = if xml::inside(block, "StorageClass").is_some() {
        xml::rewrite(block, "StorageClass", |_| class.to_owned())
    } else {
        format!("{block}<StorageClass>{class}</StorageClass>")
    };
    let Some(restore) = entry.restore.filter(|_| restores) else { return block };
    let running = matches!(restore, Restore::Running { .. });
    block.push_str(&format!("<RestoreStatus><IsRestoreInProgress>{running}</IsRestoreInProgress>"));
    if let Restore::Ready { expires } = restore {
        let expires = expires.strftime("%Y-%m-%dT%H:%M:%S.000Z");
        block.push_str(&format!("<RestoreExpiryDate>{expires}</RestoreExpiryDate>"));
    }
    block.push_str("</RestoreStatus>");
    block
}

/// A response whose document is written anew.
async fn rewritten(
    response: Response,
    with: impl FnOnce(&str) -> String,
) -> Result<Response, Refusal> {
    let (mut parts, body) = response.into_parts();
    let body = document(body).await?;
    let text = String::from_utf8_lossy(&body);
    parts.headers.remove(CONTENT_LENGTH);
    Ok(Response::from_parts(parts, Body::from(with(&text))))
}
