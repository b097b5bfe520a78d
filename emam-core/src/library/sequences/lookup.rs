//! The assets a timeline may mean, looked up in the catalog.

use std::collections::{BTreeMap, HashSet};

use super::Sequences;
use crate::backend::catalog::Query;
use crate::error::{ErrorKind, Result};
use crate::id::{AssetId, VersionId};
use crate::model::{AssetSource, Role};
use crate::timeline::format::{Document, file_name};
use crate::timeline::relink::{Candidate, frame_map_fits, stem, wanted};
use crate::timeline::{Issue, IssueKind};

/// How many assets of one name, or of one content, are looked at.
const MOST: usize = 64;

/// What was looked up, each once.
struct Lookup<'a> {
    sequences: &'a Sequences,
    asked: HashSet<String>,
    found: BTreeMap<(AssetId, Option<VersionId>), Candidate>,
}

impl Sequences {
    /// The assets that the media of a document may be: by id, by the place of the file in this
    /// library, by checksum, by name and by reel. What is asked of the catalog grows with the
    /// document and not with the library.
    pub(in crate::library) async fn candidates(
        &self,
        document: &Document,
    ) -> Result<Vec<Candidate>> {
        let (asked, found) = (HashSet::new(), BTreeMap::new());
        let mut lookup = Lookup { sequences: self, asked, found };
        for media in wanted(document) {
            lookup.by_id(media.source.asset, media.source.version).await?;
            let said = &media.media;
            for url in said.urls.values() {
                lookup.by_place(url).await?;
            }
            if let Some(md5) = &said.summary.md5 {
                lookup.by_md5(md5).await?;
            }
            lookup.by_name(&said.name).await?;
            for name in said.urls.values().filter_map(|url| file_name(url)) {
                lookup.by_name(&name).await?;
            }
            if let Some(reel) = &said.reel {
                lookup.by_name(reel).await?;
            }
        }
        Ok(lookup.found.into_values().collect())
    }

    /// Why proxies of media that was found cannot stand in for its original.
    pub(in crate::library) async fn unfit_proxies(
        &self,
        source: &AssetSource,
        name: &str,
    ) -> Result<Vec<Issue>> {
        let summary = self.clip_media(source).await?.summary;
        let mut issues = Vec::new();
        for rendition in self.catalog().renditions(source.asset).await? {
            let of_version = source.version.is_none_or(|version| version == rendition.version);
            let is_proxy = matches!(rendition.role, Role::Proxy | Role::EditProxy);
            if !of_version || !is_proxy || summary.rate.is_none() {
                continue;
            }
            let why = frame_map_fits(&summary, rendition.frame_map.as_ref());
            if !why.is_empty() {
                let role = rendition.role.as_str();
                let message =
                    format!("the {role} of {name:?} cannot stand in for it: {}", why.join("; "));
                issues.push(Issue::new(IssueKind::MediaChanged, message));
            }
        }
        Ok(issues)
    }
}

impl Lookup<'_> {
    /// Whether this was not asked before.
    fn is_new(&mut self, what: &str, key: &str) -> bool {
        self.asked.insert(format!("{what}:{key}"))
    }

    async fn by_id(&mut self, asset: AssetId, version: Option<VersionId>) -> Result<()> {
        let key = format!("{asset}/{}", version.map(|id| id.to_string()).unwrap_or_default());
        if !self.is_new("id", &key) {
            return Ok(());
        }
        let found = match self.sequences.catalog().asset(asset).await {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            found => found?,
        };
        let known = match version {
            Some(version) if found.face_version != Some(version) => {
                let versions = self.sequences.catalog().versions(asset).await?;
                versions.into_iter().map(|known| known.id).find(|known| *known == version)
            }
            version => version,
        };
        let source = AssetSource { asset, version: known.or(found.face_version), subclip: None };
        if !self.found.contains_key(&(asset, source.version)) {
            let media = self.sequences.clip_media(&source).await?;
            self.found.insert((asset, source.version), Candidate::new(source, media));
        }
        Ok(())
    }

    /// Keys of stored files begin with the ids of their asset and version.
    async fn by_place(&mut self, url: &str) -> Result<()> {
        let parts: Vec<&str> = url.split(['/', '\\']).collect();
        for pair in parts.windows(2) {
            if let [asset, version] = pair
                && let (Ok(asset), Ok(version)) = (asset.parse(), version.parse())
            {
                self.by_id(asset, Some(version)).await?;
            }
        }
        Ok(())
    }

    async fn by_md5(&mut self, md5: &str) -> Result<()> {
        if !self.is_new("md5", md5) {
            return Ok(());
        }
        let limit = i64::try_from(MOST).unwrap_or(i64::MAX);
        let query = Query { md5: Some(md5.to_owned()), ..Query::all().limit(limit) };
        for hit in self.sequences.catalog().search(&query).await?.items {
            self.by_id(hit.asset.id, hit.asset.face_version).await?;
        }
        Ok(())
    }

    async fn by_name(&mut self, name: &str) -> Result<()> {
        let stem = stem(name);
        if stem.is_empty() || !self.is_new("stem", &stem) {
            return Ok(());
        }
        for asset in self.sequences.catalog().assets_by_stem(&stem, MOST).await? {
            self.by_id(asset.id, asset.face_version).await?;
        }
        Ok(())
    }
}
