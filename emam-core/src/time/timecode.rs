//! Timecode: frame numbers and their SMPTE labels.
//!
//! A label is a way to print a frame number, not a time: at 29.97 the label `01:00:00:00` is
//! 3.6 seconds later than an hour. Drop-frame counting (SMPTE ST 12-1) keeps labels near the wall
//! clock by skipping numbers, never frames: at a nominal 30 frames the first two of every minute
//! but each tenth (four at 60, eight at 120). Whether a tape counts so is a fact about the tape:
//! it is read and stored, and never guessed from the rate.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::{MediaTime, Rate, shown};
use crate::error::{Error, Result};

/// A frame number on the clock of a tape or file, counted from `00:00:00:00`.
///
/// Displays as `HH:MM:SS:FF`, or `HH:MM:SS;FF` for drop-frame. The count itself does not end
/// after a day: past 24 hours the label has hours from 24 on, before zero a leading `-`;
/// [`wrapped`](Self::wrapped) folds it into one day, as a tape does. In JSON it is
/// `{"frames": 107892, "rate": "30000/1001", "drop": true, "text": "01:00:00;00"}`, where `text` is
/// for people: on reading it may be left out, and must agree if it is there.
///
/// ```
/// use emam_core::time::{Rate, Timecode};
///
/// let last = Timecode::parse("23:59:59;29", Rate::FPS_29_97)?;
/// assert_eq!((last.frames(), last.drop_frame()), (2_589_407, true));
/// assert_eq!(last.offset(1)?.to_string(), "24:00:00;00");
/// assert_eq!(last.offset(1)?.wrapped().to_string(), "00:00:00;00");
///
/// let error = Timecode::parse("00:01:00;00", Rate::FPS_29_97).unwrap_err();
/// assert!(error.message().contains("drop-frame counting skips"));
/// # Ok::<(), emam_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Record", into = "Record")]
pub struct Timecode {
    frames: i64,
    rate: Rate,
    drop: bool,
}

impl Timecode {
    /// The timecode of frame number `frames`; `drop` chooses drop-frame labels.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for `drop` at a rate that has no drop-frame
    /// counting; see [`Rate::can_drop`].
    pub fn new(frames: i64, rate: Rate, drop: bool) -> Result<Self> {
        if drop && !rate.can_drop() {
            return Err(Error::invalid(
                "timecode.new",
                "drop-frame timecode exists only at 29.97 frames per second and its multiples",
            )
            .with("rate", rate));
        }
        Ok(Self { frames, rate, drop })
    }

    /// Reads a label within one day.
    ///
    /// The mark before the frames tells the counting: `:` non-drop, `;` drop-frame. At rates that
    /// have drop-frame, `.` and `,` there, and `;` at all three places, mean drop-frame too;
    /// elsewhere they are errors, as `.05` could be five frames or a fraction of a second.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput), naming the label and what is wrong with
    /// it: not four fields, a field out of range, 24 hours or more, a number that drop-frame
    /// counting skips, a drop-frame mark at another rate, anything before or after the label.
    pub fn parse(text: &str, rate: Rate) -> Result<Self> {
        read(text, rate, true).map_err(|why| wrong_label(text, rate, &why))
    }

    /// Reads a label as [`parse`](Self::parse) does, folding hours from 24 on and a leading `-`
    /// into the day.
    ///
    /// # Errors
    /// As [`parse`](Self::parse), except for the hours.
    pub fn parse_wrapping(text: &str, rate: Rate) -> Result<Self> {
        Self::parse_unbounded(text, rate).map(Self::wrapped)
    }

    /// Reads a label as [`parse`](Self::parse) does, counting on past 24 hours and back before
    /// zero: the inverse of displaying a timecode.
    ///
    /// # Errors
    /// As [`parse`](Self::parse), except for the hours.
    pub fn parse_unbounded(text: &str, rate: Rate) -> Result<Self> {
        read(text, rate, false).map_err(|why| wrong_label(text, rate, &why))
    }

    /// The frame number, counted from `00:00:00:00`.
    pub const fn frames(self) -> i64 {
        self.frames
    }

    /// Frames per second.
    pub const fn rate(self) -> Rate {
        self.rate
    }

    /// Whether labels are drop-frame.
    pub const fn drop_frame(self) -> bool {
        self.drop
    }

    /// The exact time since frame zero of this clock.
    pub const fn time(self) -> MediaTime {
        MediaTime::new(self.frames, self.rate)
    }

    /// The timecode a number of frames later, earlier if negative; not folded into the day.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the frame number exceeds 64 bits.
    pub fn offset(self, frames: i64) -> Result<Self> {
        match self.frames.checked_add(frames) {
            Some(frames) => Ok(Self { frames, ..self }),
            None => Err(Error::invalid("timecode.offset", "this timecode is out of 64 bits")
                .with("timecode", self)
                .with("frames", frames)),
        }
    }

    /// The same place on a clock that starts again at `00:00:00:00` after 24 hours.
    #[must_use]
    pub fn wrapped(self) -> Self {
        Self { frames: self.frames.rem_euclid(self.frames_per_day()), ..self }
    }

    /// The number of frames that 24 hours of labels hold.
    pub fn frames_per_day(self) -> i64 {
        const DAY_MINUTES: i64 = 24 * 60;
        let dropped = i64::from(self.dropped_per_minute()) * (DAY_MINUTES - DAY_MINUTES / 10);
        i64::from(self.rate.nominal()) * DAY_MINUTES * 60 - dropped
    }

    /// How many numbers are skipped at the start of a minute that is not a tenth.
    fn dropped_per_minute(self) -> u32 {
        if self.drop { self.rate.nominal() / 15 } else { 0 }
    }
}

impl fmt::Display for Timecode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nominal = u64::from(self.rate.nominal());
        let mut count = self.frames.unsigned_abs();
        // The label numbers every frame it skips; so add back what was skipped up to here. That is
        // less than a hundredth of a count below 2^64 / 2: nothing overflows.
        let dropped = u64::from(self.dropped_per_minute());
        if dropped > 0 {
            let per_minute = nominal * 60 - dropped;
            let per_ten_minutes = nominal * 600 - dropped * 9;
            let (tens, rest) = (count / per_ten_minutes, count % per_ten_minutes);
            // The first of ten minutes is whole; each later one has skipped before it starts.
            count += 9 * dropped * tens + rest.saturating_sub(dropped) / per_minute * dropped;
        }
        let (seconds, frames) = (count / nominal, count % nominal);
        let (minutes, seconds) = (seconds / 60, seconds % 60);
        let (hours, minutes) = (minutes / 60, minutes % 60);
        let sign = if self.frames < 0 { "-" } else { "" };
        let mark = if self.drop { ';' } else { ':' };
        write!(f, "{sign}{hours:02}:{minutes:02}:{seconds:02}{mark}{frames:02}")
    }
}

/// Why a label is none.
#[derive(Debug)]
enum Wrong {
    FieldCount(usize),
    Character(char),
    Digits(&'static str),
    OutOfRange(&'static str, u64),
    Marks,
    NoDropAtRate,
    Skipped(u64),
    TooLarge,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FieldCount(count) => {
                let plural = if *count == 1 { "" } else { "s" };
                write!(f, "it has {count} field{plural}, not four")
            }
            Self::Character(found) => write!(f, "{found:?} has no place in it"),
            Self::Digits(field) => write!(f, "its {field} have too few or too many digits"),
            Self::OutOfRange(field, limit) => write!(f, "its {field} must be below {limit}"),
            Self::Marks => f.write_str("its fields are not parted HH:MM:SS:FF or HH:MM:SS;FF"),
            Self::NoDropAtRate => f.write_str("this rate has no drop-frame counting"),
            Self::Skipped(dropped) => write!(
                f,
                "drop-frame counting skips the first {dropped} numbers of every minute but each \
                 tenth"
            ),
            Self::TooLarge => f.write_str("it is too large to count in 64 bits"),
        }
    }
}

fn wrong_label(text: &str, rate: Rate, why: &Wrong) -> Error {
    let shown = shown(text);
    Error::invalid("timecode.parse", format!("{shown:?} is not a timecode here: {why}"))
        .with("rate", rate)
}

/// Reads a label without allocating; `one_day` refuses a sign and hours from 24 on.
fn read(text: &str, rate: Rate, one_day: bool) -> Result<Timecode, Wrong> {
    const MAX_HOURS: u64 = i64::MAX.unsigned_abs() / 3600;

    let unsigned = if one_day { None } else { text.strip_prefix('-') };
    let (negative, label) = unsigned.map_or((false, text), |rest| (true, rest));
    let is_mark = |byte: u8| matches!(byte, b':' | b';' | b'.' | b',');
    let mut fields = [""; 4];
    let mut marks = [0_u8; 3];
    let (mut count, mut from) = (0, 0);
    for (at, byte) in label.bytes().enumerate() {
        if is_mark(byte) {
            if let (Some(field), Some(mark)) = (fields.get_mut(count), marks.get_mut(count)) {
                (*field, *mark) = (&label[from..at], byte);
            }
            (count, from) = (count + 1, at + 1);
        } else if !byte.is_ascii_digit() {
            // `at` starts a character, as every byte before it was ASCII.
            return Err(Wrong::Character(label[at..].chars().next().unwrap_or_default()));
        }
    }
    if count != 3 {
        return Err(Wrong::FieldCount(count + 1));
    }
    fields[3] = &label[from..];

    let drop = match marks {
        [b':', b':', b':'] => false,
        [b':', b':', _] | [b';', b';', b';'] => true,
        _ => return Err(Wrong::Marks),
    };
    if drop && !rate.can_drop() {
        return Err(Wrong::NoDropAtRate);
    }

    let nominal = u64::from(rate.nominal());
    // As many digits as the last number of a second has, but two where one would do.
    let frame_digits = (nominal - 1).checked_ilog10().map_or(2, |log| log.max(1) + 1);
    let hours = if one_day {
        number(fields[0], "hours", 2, 24)?
    } else {
        number(fields[0], "hours", 19, MAX_HOURS)?
    };
    let minutes = hours * 60 + number(fields[1], "minutes", 2, 60)?;
    let seconds = number(fields[2], "seconds", 2, 60)?;
    let frames = number(fields[3], "frames", frame_digits, nominal)?;

    let timecode = Timecode { frames: 0, rate, drop };
    let dropped = u64::from(timecode.dropped_per_minute());
    if frames < dropped && seconds == 0 && !minutes.is_multiple_of(10) {
        return Err(Wrong::Skipped(dropped));
    }
    // Within i64 at one frame a second, this needs 128 bits at more.
    let labels = i128::from(minutes * 60 + seconds) * i128::from(nominal) + i128::from(frames);
    let skipped = i128::from(dropped) * i128::from(minutes - minutes / 10);
    let counted = labels - skipped;
    let frames = i64::try_from(if negative { -counted } else { counted });
    Ok(Timecode { frames: frames.map_err(|_| Wrong::TooLarge)?, ..timecode })
}

/// Reads a field known to hold only digits: one to `digits` of them, below `limit`.
fn number(field: &str, name: &'static str, digits: u32, limit: u64) -> Result<u64, Wrong> {
    let length = u32::try_from(field.len()).unwrap_or(u32::MAX);
    if !(1..=digits).contains(&length) {
        return Err(Wrong::Digits(name));
    }
    // Up to nineteen digits fit 64 bits.
    let value = field.bytes().fold(0_u64, |value, byte| value * 10 + u64::from(byte - b'0'));
    if value < limit { Ok(value) } else { Err(Wrong::OutOfRange(name, limit)) }
}

/// A [`Timecode`] as it is written: the text is for people who read the JSON.
#[derive(Serialize, Deserialize)]
#[serde(rename = "Timecode")]
struct Record {
    frames: i64,
    rate: Rate,
    drop: bool,
    #[serde(default)]
    text: Option<String>,
}

impl From<Timecode> for Record {
    fn from(timecode: Timecode) -> Self {
        let Timecode { frames, rate, drop } = timecode;
        Self { frames, rate, drop, text: Some(timecode.to_string()) }
    }
}

impl TryFrom<Record> for Timecode {
    type Error = Error;

    fn try_from(record: Record) -> Result<Self> {
        let timecode = Self::new(record.frames, record.rate, record.drop)?;
        if let Some(text) = record.text
            && Self::parse_unbounded(&text, record.rate)? != timecode
        {
            let message = "the text of this timecode is not the label of its frame number";
            return Err(Error::invalid("timecode.read", message)
                .with("text", shown(&text))
                .with("frames", record.frames)
                .with("label", timecode));
        }
        Ok(timecode)
    }
}

impl JsonSchema for Timecode {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Timecode".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        // What is written always has the text; what is read may leave it out.
        let mut required = vec!["frames", "rate", "drop"];
        if generator.contract().is_serialize() {
            required.push("text");
        }
        json_schema!({
            "type": "object",
            "description": "A frame number on the clock of a tape or file, and its SMPTE label.",
            "properties": {
                "frames": {
                    "type": "integer",
                    "format": "int64",
                    "description": "The frame number, counted from 00:00:00:00.",
                },
                "rate": generator.subschema_for::<Rate>(),
                "drop": {
                    "type": "boolean",
                    "description": "Whether labels are drop-frame.",
                },
                "text": {
                    "type": "string",
                    "description": "The label, such as 01:00:00;00. Where a timecode is passed in \
                                    it may be left out, and must agree with the frame number.",
                },
            },
            "required": required,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str, rate: Rate) -> Timecode {
        Timecode::parse(text, rate).unwrap()
    }

    #[test]
    fn labels_are_read_in_every_accepted_spelling() {
        let want = Timecode::new(107_892, Rate::FPS_29_97, true).unwrap();
        for text in ["01:00:00;00", "01;00;00;00", "01:00:00.00", "01:00:00,00", "1:0:0;0"] {
            assert_eq!(parse(text, Rate::FPS_29_97), want, "{text}");
        }
        assert_eq!(parse("01:00:00:00", Rate::FPS_29_97).frames(), 108_000);
        assert_eq!(parse("00:00:01:119", Rate::FPS_120).to_string(), "00:00:01:119");
        assert_eq!(parse("00:01:00;16", Rate::new(240_000, 1001).unwrap()).frames(), 14_400);
        // A rate of twelve and a half frames counts thirteen to its second.
        let odd = Rate::new(25, 2).unwrap();
        assert_eq!(parse("00:00:01:12", odd).frames(), 25);
        assert_eq!(parse("00:00:01:00", Rate::new(1, 10).unwrap()).frames(), 1);
    }

    #[test]
    fn an_error_names_the_label_and_the_reason() {
        for (text, rate, reason) in [
            ("01:00:00", Rate::FPS_25, "it has 3 fields, not four"),
            ("01:00:00:25", Rate::FPS_25, "its frames must be below 25"),
            ("24:00:00:00", Rate::FPS_25, "its hours must be below 24"),
            ("-01:00:00:00", Rate::FPS_25, "'-' has no place"),
            ("01:00:00;00", Rate::FPS_25, "no drop-frame counting"),
            ("00:01:00;01", Rate::FPS_29_97, "skips the first 2 numbers"),
            ("01:00:00:0\u{661}", Rate::FPS_25, "has no place"),
        ] {
            let error = Timecode::parse(text, rate).unwrap_err();
            assert!(error.message().contains(reason), "{error}");
            assert!(error.message().contains(&format!("{text:?}")), "{error}");
        }
        let long = "1:".repeat(1_000_000);
        assert!(Timecode::parse(&long, Rate::FPS_25).unwrap_err().to_string().len() < 200);
    }

    #[test]
    fn the_day_wraps_only_when_asked() {
        let read = |text| Timecode::parse_unbounded(text, Rate::FPS_25).unwrap();
        assert_eq!(read("25:00:00:00").frames(), 25 * 90_000);
        assert_eq!(read("25:00:00:00").wrapped().to_string(), "01:00:00:00");
        assert_eq!(read("-00:00:00:01").frames(), -1);
        let wrapping = Timecode::parse_wrapping("-00:00:00:01", Rate::FPS_25).unwrap();
        assert_eq!(wrapping.to_string(), "23:59:59:24");
        assert!(Timecode::parse_wrapping("9999999999999999999:00:00:00", Rate::FPS_25).is_err());
        assert!(Timecode::parse_unbounded("--00:00:00:01", Rate::FPS_25).is_err());
        let last = Timecode::new(i64::MAX, Rate::FPS_25, false).unwrap();
        assert!(last.offset(1).is_err());
    }

    #[test]
    fn json_carries_a_label_that_must_agree() {
        let timecode = parse("01:00:00;00", Rate::FPS_29_97);
        let json = serde_json::to_string(&timecode).unwrap();
        let want = r#"{"frames":107892,"rate":"30000/1001","drop":true,"text":"01:00:00;00"}"#;
        assert_eq!(json, want);
        assert_eq!(serde_json::from_str::<Timecode>(&json).unwrap(), timecode);
        for json in [want.replace(r#","text":"01:00:00;00""#, ""), want.replace(";00", ".00")] {
            assert_eq!(serde_json::from_str::<Timecode>(&json).unwrap(), timecode, "{json}");
        }
        for json in [
            want.replace(";00", ":00"),
            want.replace(";00", ";02"),
            want.replace("30000/1001", "25"),
        ] {
            assert!(serde_json::from_str::<Timecode>(&json).is_err(), "{json}");
        }
    }

    #[test]
    fn the_schema_asks_for_the_text_only_where_it_is_written() {
        let input = serde_json::to_value(schemars::schema_for!(Timecode)).unwrap();
        assert_eq!(input["required"], serde_json::json!(["frames", "rate", "drop"]));
        let settings = schemars::generate::SchemaSettings::draft2020_12().for_serialize();
        let output = settings.into_generator().into_root_schema_for::<Timecode>();
        let output = serde_json::to_value(output).unwrap();
        assert_eq!(output["required"][3], "text");
        let written = Timecode::new(0, Rate::FPS_25, false).unwrap();
        let written = serde_json::to_value(written).unwrap();
        for (field, _) in written.as_object().unwrap() {
            assert!(output["properties"][field].is_object(), "{field}");
        }
    }

    fn clocks() -> impl Strategy<Value = (Rate, bool)> {
        let standard = proptest::sample::select(Rate::STANDARD.to_vec());
        let any = (1..=u32::MAX, 1..=u32::MAX).prop_map(|(num, den)| Rate::new(num, den).unwrap());
        (prop_oneof![3 => standard, 1 => any], proptest::bool::ANY)
            .prop_map(|(rate, drop)| (rate, drop && rate.can_drop()))
    }

    proptest! {
        #[test]
        fn text_and_json_round_trip(frames: i64, (rate, drop) in clocks()) {
            let timecode = Timecode::new(frames, rate, drop).unwrap();
            let text = timecode.to_string();
            prop_assert_eq!(Timecode::parse_unbounded(&text, rate).unwrap(), timecode);
            let wrapped = timecode.wrapped();
            prop_assert_eq!(Timecode::parse(&wrapped.to_string(), rate).unwrap(), wrapped);
            let json = serde_json::to_string(&timecode).unwrap();
            prop_assert_eq!(serde_json::from_str::<Timecode>(&json).unwrap(), timecode);
        }

        #[test]
        fn any_text_is_a_timecode_or_an_error(
            text in "-?[0-9:;.,é ]{0,24}",
            (rate, _) in clocks(),
        ) {
            if let Ok(timecode) = Timecode::parse_unbounded(&text, rate) {
                let again = Timecode::parse_unbounded(&timecode.to_string(), rate);
                prop_assert_eq!(again.unwrap(), timecode);
            }
            let _ = (Timecode::parse(&text, rate), Timecode::parse_wrapping(&text, rate));
        }
    }
}
