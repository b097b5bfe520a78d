//! Speed, transitions, generators and colours: what the format says by effects and numbers.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::Value;

use super::dom::Element;
use super::text::escape;
use crate::model::Transition;
use crate::time::Speed;

/// The name of the effect that changes the speed of a clip.
const TIME_REMAP: &str = "timeremap";

/// What a speed filter says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remap {
    /// One speed throughout.
    Constant(Speed),
    /// A speed that changes, or one that is no number.
    Other,
}

/// The filter that gives a clip its speed. `kind` is `video` or `audio`.
pub(super) fn remap(speed: Speed, kind: &str) -> String {
    let mut text = format!(
        "<filter><effect><name>Time Remap</name><effectid>{TIME_REMAP}</effectid>\
         <effectcategory>motion</effectcategory><effecttype>motion</effecttype>\
         <mediatype>{kind}</mediatype>"
    );
    let reverse = if speed.is_reverse() { "TRUE" } else { "FALSE" };
    for (name, limits, value) in [
        ("variablespeed", "<valuemin>0</valuemin><valuemax>1</valuemax>", "0"),
        (
            "speed",
            "<valuemin>-100000</valuemin><valuemax>100000</valuemax>",
            &percent(speed.abs()) as &str,
        ),
        ("reverse", "", reverse),
        ("frameblending", "", "FALSE"),
    ] {
        // A text cannot refuse to be written to.
        let _ = write!(
            text,
            "<parameter authoringApp=\"PremierePro\"><parameterid>{name}</parameterid>\
             <name>{name}</name>{limits}<value>{value}</value></parameter>"
        );
    }
    text.push_str("</effect></filter>");
    text
}

/// What a filter says about speed; absent if it is another filter.
pub(super) fn remap_of(filter: Element<'_>) -> Option<Remap> {
    let effect = filter.child("effect")?;
    if effect.child_text("effectid")? != TIME_REMAP {
        return None;
    }
    let parameter = |name: &str| {
        effect
            .named("parameter")
            .find(|parameter| parameter.child_text("parameterid").is_some_and(|id| id == name))
            .and_then(|parameter| parameter.child_text("value"))
    };
    let variable = parameter("variablespeed").is_some_and(|value| value.trim() != "0");
    let speed = parameter("speed").and_then(|value| Speed::from_percent(&value).ok());
    let reverse = parameter("reverse").is_some_and(|value| is_true(&value));
    Some(match speed {
        Some(speed) if !variable => {
            let turned = || Speed::new(speed.num().checked_neg()?, speed.den()).ok();
            Remap::Constant(if reverse && !speed.is_reverse() { turned()? } else { speed })
        }
        _ => Remap::Other,
    })
}

/// A speed in percent, to ten digits after the point.
pub(super) fn percent(speed: Speed) -> String {
    let (num, den) = (i64::from(speed.num()).abs() * 100, i64::from(speed.den()));
    let mut text = format!("{}{}", if speed.is_reverse() { "-" } else { "" }, num / den);
    let mut rest = num % den;
    if rest > 0 {
        text.push('.');
        for _ in 0..10 {
            rest *= 10;
            let _ = write!(text, "{}", rest / den);
            rest %= den;
        }
        text.truncate(text.trim_end_matches('0').trim_end_matches('.').len());
    }
    text
}

pub(super) fn is_true(text: &str) -> bool {
    text.trim().eq_ignore_ascii_case("true")
}

/// The effect of a transition.
pub(super) fn transition(kind: &str, is_video: bool) -> String {
    let (name, id) = match (kind, is_video) {
        (Transition::DISSOLVE, true) => ("Cross Dissolve", "Cross Dissolve"),
        (Transition::DISSOLVE, false) => ("Cross Fade (+3dB)", "KGAudioTransCrossFade3dB"),
        _ => (kind, kind),
    };
    let mut text = String::from("<effect><name>");
    escape(name, &mut text);
    text.push_str("</name><effectid>");
    escape(id, &mut text);
    let (category, media) = if is_video { ("Dissolve", "video") } else { ("Dissolve", "audio") };
    let _ = write!(
        text,
        "</effectid><effectcategory>{category}</effectcategory><effecttype>transition</effecttype>\
         <mediatype>{media}</mediatype><wipecode>0</wipecode><wipeaccuracy>100</wipeaccuracy>\
         <startratio>0</startratio><endratio>1</endratio><reverse>FALSE</reverse></effect>"
    );
    text
}

/// The kind of the transition an effect is.
pub(super) fn transition_kind(effect: Option<Element<'_>>) -> String {
    let text = |name: &str| effect.and_then(|effect| effect.child_text(name)).unwrap_or_default();
    let (name, id) = (text("name"), text("effectid"));
    let name = if name.is_empty() { id.as_ref() } else { name.as_ref() };
    kind_of_name(name, &id).to_owned()
}

/// As [`transition_kind`], by name.
pub(super) fn kind_of_name<'a>(name: &'a str, id: &str) -> &'a str {
    let dissolve = matches!(name, "" | "Cross Dissolve")
        || name.starts_with("Cross Fade")
        || id == "Cross Dissolve"
        || id.starts_with("KGAudioTransCrossFade");
    if dissolve { Transition::DISSOLVE } else { name }
}

/// The effect of a generator.
pub(super) fn generator(name: &str, parameters: &BTreeMap<String, Value>, kind: &str) -> String {
    let mut text = String::from("<effect><name>");
    escape(name, &mut text);
    text.push_str("</name><effectid>");
    escape(name, &mut text);
    let _ = write!(
        text,
        "</effectid><effectcategory>Generators</effectcategory>\
         <effecttype>generator</effecttype><mediatype>{kind}</mediatype>"
    );
    for (key, value) in parameters {
        text.push_str("<parameter><parameterid>");
        escape(key, &mut text);
        text.push_str("</parameterid><name>");
        escape(key, &mut text);
        text.push_str("</name><value>");
        match value {
            Value::String(value) => {
                escape(value, &mut text);
            }
            Value::Object(fields) if fields.keys().all(|key| is_plain(key)) => {
                for (key, value) in fields {
                    let _ = write!(text, "<{key}>");
                    let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    escape(&value, &mut text);
                    let _ = write!(text, "</{key}>");
                }
            }
            value => {
                escape(&value.to_string(), &mut text);
            }
        }
        text.push_str("</value></parameter>");
    }
    text.push_str("</effect>");
    text
}

/// The name and the settings of a generator.
pub(super) fn generator_of(effect: Element<'_>) -> (String, BTreeMap<String, Value>) {
    let name = effect.child_text("name").filter(|name| !name.is_empty());
    let name = name.or_else(|| effect.child_text("effectid")).unwrap_or_default();
    let parameters = effect.named("parameter").filter_map(|parameter| {
        let key = parameter.child_text("parameterid").or_else(|| parameter.child_text("name"))?;
        let value = parameter.child("value")?;
        let value = if value.has_children() {
            let fields = value.children().map(|field| {
                let value = if field.has_children() { field.inner().into() } else { field.text() };
                (field.name().to_owned(), Value::String(value.into_owned()))
            });
            Value::Object(fields.collect())
        } else {
            Value::String(value.text().into_owned())
        };
        Some((key.into_owned(), value))
    });
    (name.into_owned(), parameters.collect())
}

/// Whether a parameter reads back as it is written.
pub(super) fn is_plain_value(value: &Value) -> bool {
    match value {
        Value::String(_) => true,
        Value::Object(fields) => {
            !fields.is_empty()
                && fields.iter().all(|(key, value)| is_plain(key) && value.is_string())
        }
        _ => false,
    }
}

fn is_plain(key: &str) -> bool {
    key.starts_with(|c: char| c.is_ascii_alphabetic())
        && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The colours of Premiere's markers, in its `pproColor`: 0xAABBGGRR.
const MARKER_COLORS: [(&str, u32); 8] = [
    ("green", 4_281_828_977),
    ("red", 4_281_740_498),
    ("purple", 4_289_825_711),
    ("orange", 4_280_578_025),
    ("yellow", 4_281_049_552),
    ("white", 4_294_967_295),
    ("blue", 4_294_741_314),
    ("cyan", 4_292_277_273),
];

/// The number of a colour in any case, where Premiere has it or one close by.
pub(super) fn marker_color(name: &str) -> Option<u32> {
    let near = match name.to_ascii_lowercase().as_str() {
        "pink" | "magenta" | "violet" | "lavender" => "purple".to_owned(),
        name => name.to_owned(),
    };
    MARKER_COLORS.iter().find(|(name, _)| *name == near).map(|(_, number)| *number)
}

/// The colour of a number.
pub(super) fn marker_color_name(number: &str) -> Option<&'static str> {
    let number: u32 = number.trim().parse().ok()?;
    MARKER_COLORS.iter().find(|(_, known)| *known == number).map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::super::dom::Dom;
    use super::*;

    #[test]
    fn a_speed_is_read_as_it_was_written() {
        for (num, den, text) in
            [(1, 2, "50"), (3, 2, "150"), (-1, 1, "-100"), (0, 1, "0"), (1, 3, "33.3333333333")]
        {
            let speed = Speed::new(num, den).unwrap();
            assert_eq!(percent(speed), text);
            let filter = remap(speed, "video");
            let dom = Dom::parse(&filter, 9).unwrap();
            assert_eq!(remap_of(dom.root().unwrap()), Some(Remap::Constant(speed)));
        }
    }

    #[test]
    fn a_filter_that_changes_speed_is_told_apart() {
        let parameter = |id, value| {
            format!("<parameter><parameterid>{id}</parameterid><value>{value}</value></parameter>")
        };
        for (parameters, want) in [
            (parameter("speed", "0.25"), Some(Remap::Constant(Speed::new(1, 400).unwrap()))),
            (parameter("speed", "x"), Some(Remap::Other)),
            (parameter("speed", "50") + &parameter("variablespeed", "1"), Some(Remap::Other)),
            (
                parameter("speed", "100") + &parameter("reverse", "TRUE"),
                Some(Remap::Constant(Speed::REVERSE)),
            ),
            (
                parameter("speed", "-100") + &parameter("reverse", "TRUE"),
                Some(Remap::Constant(Speed::REVERSE)),
            ),
        ] {
            let text = format!(
                "<filter><effect><effectid>timeremap</effectid>{parameters}</effect></filter>"
            );
            let dom = Dom::parse(&text, 9).unwrap();
            assert_eq!(remap_of(dom.root().unwrap()), want, "{text}");
        }
        let dom = Dom::parse("<filter><effect><effectid>basic</effectid></effect></filter>", 9);
        assert_eq!(remap_of(dom.unwrap().root().unwrap()), None);
    }

    #[test]
    fn generators_keep_their_settings() {
        let parameters: BTreeMap<String, Value> = [
            ("str".to_owned(), Value::from("a <b>\n c")),
            ("fillcolor".to_owned(), serde_json::json!({"alpha": "0", "red": "255"})),
        ]
        .into();
        assert!(parameters.values().all(is_plain_value));
        let text = generator("Color & more", &parameters, "video");
        let dom = Dom::parse(&text, 9).unwrap();
        assert_eq!(generator_of(dom.root().unwrap()), ("Color & more".to_owned(), parameters));
    }
}
