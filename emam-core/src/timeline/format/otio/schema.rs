//! The kinds of things in an `.otio` file, in every version in use.

use super::json::Value;
use crate::error::Result;
use crate::model::Role;

/// The key OpenTimelineIO gives the only media reference of a clip; ours has the original.
pub(super) const ORIGINAL: &str = "DEFAULT_MEDIA";

/// How deep sequences may be nested in each other. No edit comes near it, and readers and writers
/// call themselves once a level.
pub(super) const MAX_NESTING: usize = 64;

/// The kind of a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Schema {
    Timeline,
    Collection,
    Stack,
    Track,
    Clip,
    Gap,
    Transition,
    LinearTimeWarp,
    FreezeFrame,
    ExternalReference,
    MissingReference,
    GeneratorReference,
    ImageSequenceReference,
    /// A kind that is understood where it stands, without its name.
    Other,
    /// A kind of another program, or null, or no object at all.
    Unknown,
}

/// Names, the newest version there is, and what they are. Old names are those of versions before
/// OpenTimelineIO 0.12.
const SCHEMAS: [(&str, u32, Schema); 20] = [
    ("Clip", 2, Schema::Clip),
    ("Gap", 1, Schema::Gap),
    ("Transition", 1, Schema::Transition),
    ("ExternalReference", 1, Schema::ExternalReference),
    ("MissingReference", 1, Schema::MissingReference),
    ("Effect", 1, Schema::Other),
    ("LinearTimeWarp", 1, Schema::LinearTimeWarp),
    ("Marker", 3, Schema::Other),
    ("GeneratorReference", 1, Schema::GeneratorReference),
    ("ImageSequenceReference", 1, Schema::ImageSequenceReference),
    ("FreezeFrame", 1, Schema::FreezeFrame),
    ("TimeEffect", 1, Schema::Other),
    ("Track", 1, Schema::Track),
    ("Stack", 1, Schema::Stack),
    ("Timeline", 1, Schema::Timeline),
    ("SerializableCollection", 1, Schema::Collection),
    ("SerializeableCollection", 1, Schema::Collection),
    ("Sequence", 1, Schema::Track),
    ("Filler", 1, Schema::Gap),
    ("Color", 1, Schema::Other),
];

impl Schema {
    /// What a thing is.
    ///
    /// # Errors
    /// `InvalidInput` naming a known kind in a version that is not known.
    pub(super) fn of(value: Value<'_>) -> Result<Self> {
        let Some(name) = value.get("OTIO_SCHEMA") else { return Ok(Self::Unknown) };
        let Some(text) = name.as_text() else { return Ok(Self::Unknown) };
        let Some((kind, version)) = text.rsplit_once('.') else { return Ok(Self::Unknown) };
        let Some((_, newest, schema)) = SCHEMAS.iter().find(|(known, ..)| *known == kind) else {
            return Ok(Self::Unknown);
        };
        match version.parse::<u32>() {
            Ok(version) if version <= *newest => Ok(*schema),
            _ => {
                let message = "this is a newer version of its kind than any that is known; write \
                               the file for an older version of OpenTimelineIO";
                Err(name.error(message).with("schema", text))
            }
        }
    }
}

/// The members of these names, and all others.
pub(super) fn members<'t, const N: usize>(
    value: Value<'t>,
    names: [&str; N],
) -> ([Option<Value<'t>>; N], Vec<(String, Value<'t>)>) {
    let mut known = [None; N];
    let mut others = Vec::new();
    for (key, member) in value.members() {
        match names.iter().position(|name| *name == key) {
            // Of two members of one name, OpenTimelineIO takes the last.
            Some(index) => known.iter_mut().skip(index).take(1).for_each(|k| *k = Some(member)),
            None if key == "OTIO_SCHEMA" => {}
            None => others.push((key.into_owned(), member)),
        }
    }
    (known, others)
}

/// The key of a rendition among the media references of a clip.
pub(super) fn key(role: Role) -> &'static str {
    if role == Role::Original { ORIGINAL } else { role.as_str() }
}

/// The rendition of a key among the media references of a clip.
pub(super) fn role(key: &str) -> Option<Role> {
    const ROLES: [Role; 11] = [
        Role::Proxy,
        Role::EditProxy,
        Role::Mezzanine,
        Role::AudioProxy,
        Role::Thumbnail,
        Role::Poster,
        Role::Storyboard,
        Role::Waveform,
        Role::Captions,
        Role::Transcript,
        Role::Hls,
    ];
    if key == ORIGINAL {
        return Some(Role::Original);
    }
    ROLES.into_iter().find(|role| role.as_str() == key)
}

/// The marker colours there are.
pub(super) const COLORS: [&str; 11] = [
    "PINK", "RED", "ORANGE", "YELLOW", "GREEN", "CYAN", "BLUE", "PURPLE", "MAGENTA", "BLACK",
    "WHITE",
];

/// The marker colour of this name, of those there are; green, OpenTimelineIO's own, for others.
pub(super) fn marker_color(name: Option<&str>) -> &'static str {
    let wanted = name.unwrap_or_default();
    COLORS.into_iter().find(|color| color.eq_ignore_ascii_case(wanted)).unwrap_or("GREEN")
}
