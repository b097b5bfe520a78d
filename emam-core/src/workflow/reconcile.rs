//! Keeps the catalog true where nothing tells it: restored copies whose time is over.

use std::sync::Arc;
use std::time::Duration;

use crate::error::Result;
use crate::workflow::archive::settle_state;
use crate::workflow::engine::Shared;

/// How often to look.
const INTERVAL: Duration = Duration::from_secs(30);

/// Looks again and again until the engine closes.
pub(super) async fn keep_true(shared: Arc<Shared>) {
    while !shared.is_closing() {
        if let Err(error) = expire(&shared).await {
            tracing::warn!(error = %error.report(), "expired copies were not settled");
        }
        shared.rest_undisturbed(INTERVAL).await;
    }
}

async fn expire(shared: &Shared) -> Result<()> {
    let now = shared.backends.clock.now();
    for stored in shared.backends.catalog.expired_instances(now, 100).await? {
        settle_state(&shared.backends, &stored.instance).await?;
    }
    Ok(())
}
