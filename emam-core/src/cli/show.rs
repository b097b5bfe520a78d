//! `emam show`: one asset.

use clap::Args;

use super::output::Failure;
use super::session::{Session, Use};
use super::text;
use crate::id::AssetId;

/// Shows assets with what was made of them.
///
/// With --json each is printed as its record; `emam call assets.renditions` has the files.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The ids of the assets.
    #[arg(required = true, value_name = "ASSET")]
    assets: Vec<AssetId>,
}

pub(super) async fn run(session: &Session, arguments: Arguments) -> Result<(), Failure> {
    let library = session.open(Use::Read).await?;
    for id in arguments.assets {
        let asset = library.assets().get(id).await?;
        let renditions = library.assets().renditions(id).await?;
        let availability = text::word(library.assets().availability(id).await?);
        session.out.record(&asset, |asset| text::whole(asset, &renditions, &availability))?;
    }
    Ok(())
}
