//! Collections of faces, which get their names when somebody knows them.
//!
//! A face is kept with the pictures it was seen in. Naming one says whose it is, and from then on
//! whoever looks like it has that name too. Names are the collection's *users*: they are encoded,
//! because the service allows letters without accents only.

use std::collections::BTreeMap;

use aws_sdk_rekognition::Client;
use aws_sdk_rekognition::types::{Attribute, Image, QualityFilter};
use aws_smithy_types::Blob;
use bytes::Bytes;
use emam_core::backend::{Key, Storage};
use emam_core::model::Region;
use emam_core::{Error, ErrorKind, Result};
use md5::{Digest, Md5};

use super::hits::Hit;
use super::{pages, read, still};
use crate::error::error;
use crate::uri::S3Uri;

const ENSURE: &str = "faces.ensure";
const INDEX: &str = "faces.index";
const LIST: &str = "faces.people";
const NAME: &str = "faces.name";

/// How like two faces must be to be of the same person, in percent; the service's own default.
const LEAST_ALIKE: f32 = 80.0;

/// The longest name: the service allows ids of 128 characters, and each byte of a name takes up to
/// three.
const LONGEST_ID: usize = 128;

/// Faces that were seen, each with an id and, where known, whose it is.
#[derive(Debug, Clone)]
pub struct FaceCollection {
    client: Client,
    id: String,
}

/// A face of a collection.
#[derive(Debug, Clone, PartialEq)]
pub struct IndexedFace {
    /// Its id in the collection.
    pub face_id: String,
    /// Where it is in the picture.
    pub region: Option<Region>,
    /// How sure it is that this is a face, from 0 to 1.
    pub confidence: Option<f64>,
}

/// Whose faces those of a collection are, by face id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct People(BTreeMap<String, String>);

impl People {
    pub(super) fn name(&self, face_id: &str) -> Option<&str> {
        self.0.get(face_id).map(String::as_str)
    }
}

impl FromIterator<(String, String)> for People {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

impl FaceCollection {
    /// The collection of that id: 1 to 255 characters of `[A-Za-z0-9_.-]`.
    pub fn new(client: Client, id: impl Into<String>) -> Self {
        Self { client, id: id.into() }
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Makes the collection where there is none.
    ///
    /// # Errors
    /// What the service answers.
    pub async fn ensure(&self) -> Result<()> {
        match self.client.create_collection().collection_id(&self.id).send().await {
            Ok(_) => Ok(()),
            Err(cause) => match error(ENSURE, cause) {
                there if there.get("code") == Some("ResourceAlreadyExistsException") => Ok(()),
                error => Err(self.about(error)),
            },
        }
    }

    /// Keeps the faces of a picture (JPEG or PNG, at most 15 MB) that is stored in S3. The same
    /// picture again gives the same faces.
    ///
    /// # Errors
    /// [`Unsupported`](ErrorKind::Unsupported) where the storage is not S3, else what the service
    /// answers.
    pub async fn index(&self, storage: &dyn Storage, key: &Key) -> Result<Vec<IndexedFace>> {
        let uri = S3Uri::of(INDEX, storage, key)?;
        let records = self.records(still::image(&uri), &digest(uri.to_string())).await?;
        Ok(records.into_iter().map(|(face, _)| face).collect())
    }

    /// Keeps the faces of a picture given as its bytes: JPEG or PNG, at most 5 MB.
    ///
    /// # Errors
    /// What the service answers.
    pub async fn index_bytes(&self, picture: Bytes) -> Result<Vec<IndexedFace>> {
        let digest = digest(&picture);
        let image = Image::builder().bytes(Blob::new(picture)).build();
        let records = self.records(image, &digest).await?;
        Ok(records.into_iter().map(|(face, _)| face).collect())
    }

    /// Keeps the faces of a still and says what they look like and whose they are.
    pub(super) async fn look(&self, uri: &S3Uri, people: &People) -> Result<Vec<Hit>> {
        let mut hits = Vec::new();
        for (face, mut hit) in self.records(still::image(uri), &digest(uri.to_string())).await? {
            read::identify(&mut hit, &face.face_id, None);
            let name = match people.name(&face.face_id) {
                Some(name) => Some(name.to_owned()),
                None => self.alike(&face.face_id, people).await?,
            };
            if let Some(name) = name {
                hit.name = name;
            }
            hits.push(hit);
        }
        Ok(hits)
    }

    /// The name of the face most like this one that has a name.
    async fn alike(&self, face_id: &str, people: &People) -> Result<Option<String>> {
        let asked = self.client.search_faces().collection_id(&self.id).face_id(face_id);
        let told = asked.face_match_threshold(LEAST_ALIKE).send().await;
        let told = told.map_err(|cause| self.about(error(super::FINDINGS, cause)))?;
        let mut alike: Vec<_> = told.face_matches().iter().collect();
        alike.sort_by(|one, other| {
            other.similarity().unwrap_or(0.0).total_cmp(&one.similarity().unwrap_or(0.0))
        });
        let ids = alike.iter().filter_map(|one| one.face()?.face_id());
        Ok(ids.filter_map(|id| people.name(id)).next().map(str::to_owned))
    }

    /// The service keeps no face twice whose picture and `external` id are the same.
    async fn records(&self, image: Image, external: &str) -> Result<Vec<(IndexedFace, Hit)>> {
        let told = self
            .client
            .index_faces()
            .collection_id(&self.id)
            .image(image)
            .external_image_id(external)
            .detection_attributes(Attribute::All)
            .quality_filter(QualityFilter::Auto)
            .send()
            .await
            .map_err(|cause| self.about(error(INDEX, cause)))?;
        let records = told.face_records().iter().filter_map(|record| {
            let (face, detail) = (record.face()?, record.face_detail()?);
            let hit = read::face(detail);
            let face_id = face.face_id()?.to_owned();
            Some((IndexedFace { face_id, region: hit.region, confidence: hit.confidence }, hit))
        });
        Ok(records.collect())
    }

    /// Says whose face this is. A face that had another name gets this one; the name may be given
    /// to any number of faces.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) for an empty or too long name,
    /// [`NotFound`](ErrorKind::NotFound) for a face the collection does not have,
    /// [`Conflict`](ErrorKind::Conflict) where the face is not like the others of that name.
    pub async fn name(&self, face_id: &str, person: &str) -> Result<()> {
        let user = encode(person)?;
        if let Some(old) = self.user_of(face_id).await? {
            if old == user {
                return Ok(());
            }
            let asked = self.client.disassociate_faces().collection_id(&self.id).user_id(old);
            let told = asked.face_ids(face_id).send().await;
            told.map_err(|cause| self.about(error(NAME, cause)))?;
        }
        let made = self.client.create_user().collection_id(&self.id).user_id(&user).send().await;
        if let Err(cause) = made {
            let error = error(NAME, cause);
            if error.get("code") != Some("ConflictException") {
                return Err(self.about(error));
            }
        }
        let asked = self.client.associate_faces().collection_id(&self.id).user_id(&user);
        let told = asked.face_ids(face_id).send().await;
        let told = told.map_err(|cause| self.about(error(NAME, cause)))?;
        match told.unsuccessful_face_associations().first() {
            None => Ok(()),
            Some(refused) => {
                let reasons = refused.reasons().iter().map(|reason| reason.as_str());
                let reasons: Vec<&str> = reasons.collect();
                let missing = reasons.contains(&"FACE_NOT_FOUND");
                let (kind, message) = if missing {
                    (ErrorKind::NotFound, "the collection has no such face")
                } else {
                    (ErrorKind::Conflict, "the face is not like the others of that name")
                };
                Err(self
                    .about(Error::new(kind, NAME, message))
                    .with("face", face_id)
                    .with("reasons", reasons.join(", ")))
            }
        }
    }

    /// The user a face is of.
    async fn user_of(&self, face_id: &str) -> Result<Option<String>> {
        let asked = self.client.list_faces().collection_id(&self.id).face_ids(face_id);
        let told = asked.send().await.map_err(|cause| self.about(error(NAME, cause)))?;
        let Some(face) = told.faces().first() else {
            return Err(self
                .about(Error::new(ErrorKind::NotFound, NAME, "the collection has no such face"))
                .with("face", face_id));
        };
        Ok(face.user_id().map(str::to_owned))
    }

    /// Whose face each of the collection's is, as face id and name; those without a name are left
    /// out.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) where there is no such collection.
    pub async fn people(&self) -> Result<Vec<(String, String)>> {
        pages::all(LIST, |token| async move {
            let asked = self.client.list_faces().collection_id(&self.id).max_results(4_096);
            let told = asked.set_next_token(token).send().await;
            let told = told.map_err(|cause| self.about(error(LIST, cause)))?;
            let named = told
                .faces()
                .iter()
                .filter_map(|face| Some((face.face_id()?.to_owned(), decode(face.user_id()?))));
            Ok((named.collect(), told.next_token().map(str::to_owned)))
        })
        .await
    }

    fn about(&self, error: Error) -> Error {
        error.with("collection", &self.id)
    }
}

fn digest(of: impl AsRef<[u8]>) -> String {
    data_encoding::HEXLOWER.encode(&Md5::digest(of))
}

/// A name as a user id: letters, digits, `.` and `-` stand for themselves, every other byte is
/// `_` and two hexadecimal digits.
fn encode(person: &str) -> Result<String> {
    let mut id = String::new();
    for byte in person.trim().bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-') {
            id.push(char::from(byte));
        } else {
            id.push('_');
            id.push_str(&data_encoding::HEXLOWER.encode(&[byte]));
        }
    }
    if id.is_empty() || id.len() > LONGEST_ID {
        return Err(Error::invalid(
            NAME,
            "a name has at least one character, and at most 128 where spaces and other characters \
             outside a-z, 0-9 count three for each of their bytes",
        )
        .with("name", person));
    }
    Ok(id)
}

/// The name of a user id. Ids of other programs that do not decode are names as they are.
fn decode(id: &str) -> String {
    let mut bytes = Vec::with_capacity(id.len());
    let mut rest = id.as_bytes();
    while let Some((first, others)) = rest.split_first() {
        rest = others;
        if *first != b'_' {
            bytes.push(*first);
            continue;
        }
        let decoded = others.get(..2).and_then(|hex| data_encoding::HEXLOWER.decode(hex).ok());
        let Some(decoded) = decoded else { return id.to_owned() };
        bytes.extend(decoded);
        rest = &others[2..];
    }
    String::from_utf8(bytes).unwrap_or_else(|_| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_survives_the_service_s_alphabet() {
        for name in ["Ada Lovelace", "Åsa Öberg", "李雷", "O'Neil-Smith Jr.", "under_score"] {
            let id = encode(name).unwrap();
            assert!(id.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-:".contains(&b)), "{id}");
            assert_eq!(decode(&id), name);
        }
        assert_eq!(encode("Ada Lovelace").unwrap(), "Ada_20Lovelace");
        for foreign in ["user_1", "a_", "_zz", "_ff"] {
            assert_eq!(decode(foreign), foreign, "an id of another program");
        }
        for wrong in ["", "   ", &"ü".repeat(22)] {
            assert_eq!(encode(wrong).unwrap_err().kind(), ErrorKind::InvalidInput, "{wrong:?}");
        }
    }
}
