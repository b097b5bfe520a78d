//! After Effects' projects: RIFX, the big-endian form of RIFF, or the same as XML.
//!
//! The format is not published. What is read was found out by others and agrees among them
//! (<https://github.com/LottieFiles/lottie-docs/blob/main/docs/aep.md>): a `LIST` of the kind
//! `Als2` holds a chunk `alas` of JSON, whose `fullpath` is the file or, where `target_is_folder`
//! says so, the folder of a sequence of images. In `.aepx` the element `fileReference` has the
//! same as attributes.

use std::io::{Read, Seek, SeekFrom};

use quick_xml::events::Event;

use super::bounded::{broken, for_each};
use super::{Issue, IssueKind, OPERATION, Used};
use crate::error::{Error, ErrorKind, Result};

/// The longest `alas` read; it holds one path.
const LONGEST: u64 = 1 << 20;

/// The deepest lists may lie in each other; those of real projects lie some 20 deep.
const DEEPEST: usize = 512;

/// Reads the media of a project.
pub(super) fn read(file: &mut (impl Read + Seek), size: u64, used: &mut Used<'_>) -> Result<()> {
    let head = chunk_head(file)?.ok_or_else(|| broken("it is too short"))?;
    let mut kind = [0; 4];
    file.read_exact(&mut kind).map_err(|_| broken("it is too short"))?;
    if &head.id != b"RIFX" || &kind != b"Egg!" {
        return Err(broken("it does not begin as an After Effects project does"));
    }
    let mut at = 12_u64;
    let end = 8_u64.saturating_add(head.size);
    if end > size {
        return Err(broken("it is shorter than it says; copy it again"));
    }
    // Where each list that is open ends.
    let mut open = vec![end];
    while let Some(end) = open.last().copied() {
        if end.saturating_sub(at) < 8 {
            open.pop();
            at = end;
            continue;
        }
        file.seek(SeekFrom::Start(at)).map_err(|cause| unreadable(&cause))?;
        let Some(chunk) = chunk_head(file)? else { break };
        let body = at + 8;
        // Chunks begin at even places.
        let next = body.saturating_add(chunk.size).saturating_add(chunk.size % 2);
        let past = body.saturating_add(chunk.size) > end;
        if past {
            return Err(broken("a chunk of it is longer than the list it is in"));
        }
        at = next;
        match &chunk.id {
            b"LIST" if chunk.size >= 4 => {
                let mut kind = [0; 4];
                file.read_exact(&mut kind).map_err(|cause| unreadable(&cause))?;
                // Text of its own grammar.
                if &kind != b"btdk" {
                    if open.len() >= DEEPEST {
                        return Err(broken("its lists lie more than 512 deep in each other"));
                    }
                    open.push(body.saturating_add(chunk.size));
                    at = body + 4;
                }
            }
            b"alas" => alas(file, chunk.size, used)?,
            _ => {}
        }
    }
    Ok(())
}

struct Head {
    id: [u8; 4],
    size: u64,
}

/// The next name and size; nothing at the end of the file.
fn chunk_head(file: &mut impl Read) -> Result<Option<Head>> {
    let mut head = Vec::new();
    file.take(8).read_to_end(&mut head).map_err(|cause| unreadable(&cause))?;
    let head: Option<[u8; 8]> = head.try_into().ok();
    Ok(head.map(|[a, b, c, d, size @ ..]| Head {
        id: [a, b, c, d],
        size: u64::from(u32::from_be_bytes(size)),
    }))
}

fn alas(file: &mut impl Read, size: u64, used: &mut Used<'_>) -> Result<()> {
    let not_understood = |used: &mut Used<'_>, why: &str| {
        let message = format!("the place of a footage item is not understood: {why}");
        used.note(Issue::new(IssueKind::NotUnderstood, message));
    };
    if size > LONGEST {
        not_understood(used, "it is longer than a megabyte");
        return Ok(());
    }
    let mut text = Vec::new();
    file.take(size).read_to_end(&mut text).map_err(|cause| unreadable(&cause))?;
    // It may be filled up with zeros.
    let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
    let path = serde_json::from_slice::<serde_json::Value>(text)
        .ok()
        .and_then(|value| Some(value.get("fullpath")?.as_str()?.to_owned()));
    match path {
        Some(path) if !path.is_empty() => {
            used.add(None, vec![path])?;
        }
        Some(_) => {}
        None => not_understood(used, "it is no JSON with a fullpath"),
    }
    Ok(())
}

/// Reads the media of a project as XML.
pub(super) fn read_xml(file: impl Read, used: &mut Used<'_>) -> Result<()> {
    let max = used.options.max_unpacked;
    let mut is_project = false;
    for_each(file, max, |event, depth| {
        let Event::Start(tag) = event else { return Ok(()) };
        if depth == 1 {
            is_project = tag.name().as_ref() == "AfterEffectsProject";
            return match is_project {
                true => Ok(()),
                false => Err(broken("its first element is not AfterEffectsProject")),
            };
        }
        if tag.name().as_ref() == "fileReference" {
            let path = tag.attributes().flatten().find(|a| a.key.as_ref() == "fullpath");
            let path = path.and_then(|path| {
                path.normalized_value(quick_xml::XmlVersion::Implicit1_0)
                    .ok()
                    .map(std::borrow::Cow::into_owned)
            });
            match path {
                Some(path) if !path.is_empty() => {
                    used.add(None, vec![path])?;
                }
                _ => {
                    let message = "a footage item names no file";
                    used.note(Issue::new(IssueKind::NotUnderstood, message));
                }
            }
        }
        Ok(())
    })?;
    match is_project {
        true => Ok(()),
        false => Err(broken("it has no element AfterEffectsProject")),
    }
}

fn unreadable(cause: &std::io::Error) -> Error {
    let message = "the file cannot be read to its end";
    Error::new(ErrorKind::Unavailable, OPERATION, message).with("cause", cause)
}
