//! RestoreObject.

use axum::body::Bytes;
use axum::response::Response;

use super::announce::Event;
use super::answer::{Refusal, empty, set};
use super::call::Call;
use super::class::{Class, Tier};
use super::overlay::Answer;
use super::{Front, xml};
use crate::service::Fault;

/// The fault that only Expedited restores meet.
pub(super) const NO_EXPEDITED: &str = "GlacierExpeditedRetrievalNotAvailable";

impl Front {
    /// Starts a restore, makes one faster or makes a restored copy live longer. `fault` is an
    /// error of Expedited restores.
    pub(super) async fn restore_object(
        &self,
        call: &Call,
        document: Bytes,
        fault: Option<Fault>,
    ) -> Result<Response, Refusal> {
        let head = self.backing.head(&call.bucket, &call.key, call.version.as_deref()).await?;
        let now = self.world.clock.now();
        let (class, answer) = {
            let mut state = self.state();
            let mut entry = state.overlay.look(&head.place, head.class, &head.facts);
            let wanted = Wanted::read(&document, entry.class)?;
            if let Some(fault) = fault.filter(|_| wanted.tier == Tier::Expedited) {
                return Err(fault.into());
            }
            let answer = entry.restore(wanted.tier, wanted.days, now);
            let class = entry.class;
            if entry.restore.is_some() {
                state.overlay.keep(head.place.clone(), entry);
            }
            (class, answer)
        };
        let status = match answer {
            Answer::Started | Answer::Upgraded => {
                let origin = self.origin();
                let name = class.name();
                self.tell(Event::restore_initiated(&origin, &head.place, &head.facts, name)).await;
                202
            }
            Answer::Extended => 200,
            refused => return Err(refusal(refused, class)),
        };
        let mut response = empty(status);
        if let Some(version) = &head.place.version {
            set(&mut response, "x-amz-version-id", version);
        }
        Ok(response)
    }
}

fn refusal(answer: Answer, class: Class) -> Refusal {
    match answer {
        Answer::InProgress => {
            Refusal::new(409, "RestoreAlreadyInProgress", "Object restore is already in progress")
        }
        Answer::AlreadyActive => Refusal::new(
            403,
            "ObjectAlreadyInActiveTierError",
            "This action is not allowed against this storage tier.",
        ),
        Answer::TierNotOffered => Refusal::new(
            400,
            "InvalidArgument",
            "Retrieval option is not supported by this storage class",
        ),
        _ => {
            let message = "Restore is not allowed for the object's current storage class";
            Refusal::new(403, "InvalidObjectState", message).detail("StorageClass", class.name())
        }
    }
}

/// What a RestoreRequest asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Wanted {
    tier: Tier,
    /// 0 for Intelligent-Tiering, whose copies stay.
    days: u32,
}

impl Wanted {
    fn read(document: &[u8], class: Class) -> Result<Self, Refusal> {
        let document = std::str::from_utf8(document).map_err(|_| Refusal::malformed())?;
        let inside = xml::inside(document, "RestoreRequest").ok_or_else(Refusal::malformed)?;
        let request = document.get(inside).unwrap_or_default();
        let tier = match xml::text(request, "Tier") {
            None => Tier::Standard,
            Some(name) => Tier::parse(&name).ok_or_else(Refusal::malformed)?,
        };
        let days = xml::text(request, "Days");
        let days = days.map(|days| days.parse::<i64>().map_err(|_| Refusal::malformed()));
        match (class, days.transpose()?) {
            (Class::IntelligentTiering, None) => Ok(Self { tier, days: 0 }),
            (Class::IntelligentTiering, Some(_)) => {
                let message = "Days cannot be specified for objects in the INTELLIGENT_TIERING \
                               storage class.";
                Err(Refusal::new(400, "InvalidRequest", message))
            }
            (_, None) => Err(Refusal::malformed()),
            (_, Some(days)) => match u32::try_from(days) {
                Ok(days) if days > 0 => Ok(Self { tier, days }),
                _ => {
                    let message = "restoration days should be at least 1";
                    let refusal = Refusal::new(400, "InvalidArgument", message);
                    Err(refusal.detail("ArgumentName", "Days"))
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(inner: &str, class: Class) -> Result<Wanted, Refusal> {
        let document = format!("<RestoreRequest xmlns=\"x\">{inner}</RestoreRequest>");
        Wanted::read(document.as_bytes(), class)
    }

    #[test]
    fn days_and_tier_are_read() {
        let parameters = "<GlacierJobParameters><Tier>Bulk</Tier></GlacierJobParameters>";
        let wanted = read(&format!("<Days>3</Days>{parameters}"), Class::Glacier);
        assert_eq!(wanted, Ok(Wanted { tier: Tier::Bulk, days: 3 }));
        let wanted = read("<Days>1</Days>", Class::DeepArchive);
        assert_eq!(wanted, Ok(Wanted { tier: Tier::Standard, days: 1 }));
        let wanted = read(parameters, Class::IntelligentTiering);
        assert_eq!(wanted, Ok(Wanted { tier: Tier::Bulk, days: 0 }));
    }

    #[test]
    fn nonsense_is_refused() {
        let malformed = Err(Refusal::malformed());
        assert_eq!(Wanted::read(b"", Class::Glacier), malformed);
        assert_eq!(Wanted::read(b"<RestoreRequest>", Class::Glacier), malformed);
        assert_eq!(read("", Class::Glacier), malformed);
        assert_eq!(read("<Days>soon</Days>", Class::Glacier), malformed);
        assert_eq!(read("<Days>1</Days><Tier>Slow</Tier>", Class::Glacier), malformed);
        assert!(read("<Days>0</Days>", Class::Glacier).is_err());
        assert!(read("<Days>1</Days>", Class::IntelligentTiering).is_err());
    }
}
