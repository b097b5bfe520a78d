//! The times of `.otio` files: floats there, exact here.

use super::json::{Kind, Value};
use crate::error::{Error, Result};
use crate::time::{MediaTime, Rate, div_nearest, gcd};

/// Every whole number up to this one is a float (IEEE 754 binary64).
const EXACT: u64 = 1 << 53;

/// A frame number as it can be written.
///
/// # Errors
/// `InvalidInput` for one that a float cannot hold exactly.
pub(super) fn portable(value: i64, rate: Rate) -> Result<i64> {
    if value.unsigned_abs() > EXACT {
        let message = "OpenTimelineIO keeps times as floats, which cannot hold this frame number \
                       exactly";
        return Err(
            Error::invalid("timeline.write", message).with("time", MediaTime::new(value, rate))
        );
    }
    Ok(value)
}

/// A time of a file: a number of frames, down to a millionth of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Time {
    whole: i64,
    millionths: u32,
    /// The rate as the file has it.
    float: u64,
    rate: Rate,
}

/// A frame number, and whether it was rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frames {
    pub(super) value: i64,
    pub(super) rounded: bool,
}

impl Time {
    pub(super) const fn rate(self) -> Rate {
        self.rate
    }

    /// With the exact rate, where that is what the float of the file means.
    pub(super) fn exactly(self, rate: Option<Rate>) -> Self {
        match rate {
            Some(rate) if rate.as_f64().to_bits() == self.float => Self { rate, ..self },
            _ => self,
        }
    }

    /// As frames of a rate: the nearest.
    pub(super) fn at(self, rate: Rate) -> Result<Frames> {
        if self.millionths == 0 {
            let rescaled = MediaTime::new(self.whole, self.rate).rescale(rate)?;
            let rounded = rescaled.exact().is_none();
            return Ok(Frames { value: rescaled.nearest(), rounded });
        }
        let (num, den) = self.fraction(rate);
        Ok(Frames { value: nearest(num, den)?, rounded: true })
    }

    /// As an exact number of frames of a rate. Fits 128 bits: parts of frames are kept for short
    /// times only.
    pub(super) fn fraction(self, rate: Rate) -> (i128, i128) {
        let scale = if self.millionths == 0 { 1 } else { 1_000_000 };
        let value = i128::from(self.whole) * scale + i128::from(self.millionths);
        let own = [self.rate.num(), self.rate.den()].map(i128::from);
        let other = [rate.num(), rate.den()].map(i128::from);
        let (mut num, mut den) = (own[1] * other[0], own[0] * other[1]);
        let common = gcd(num, den).max(1);
        (num, den) = (num / common, den / common);
        (value.saturating_mul(num), den * scale)
    }
}

/// The nearest whole number of a fraction; halfway between two, the higher.
pub(super) fn nearest(num: i128, den: i128) -> Result<i64> {
    i64::try_from(div_nearest(num, den)).map_err(|_| {
        Error::invalid("timeline.read", "a time of the file exceeds 64 bits of frames")
    })
}

/// Reads times, and remembers the rates it met.
#[derive(Debug, Default)]
pub(super) struct Times {
    rates: Vec<(u64, Rate)>,
}

impl Times {
    /// Rates remembered; a file has one or two.
    const KNOWN: usize = 8;

    /// A `RationalTime`; `None` for null.
    ///
    /// # Errors
    /// `InvalidInput` naming the place, for what is no time.
    pub(super) fn time(&mut self, value: Value<'_>) -> Result<Option<Time>> {
        if value.is_null() {
            return Ok(None);
        }
        if !value.is_object() {
            return Err(value.error("expected a RationalTime here"));
        }
        let (mut frames, mut rate) = (None, None);
        for (key, member) in value.members() {
            match &*key {
                "value" => frames = Some(member),
                "rate" => rate = Some(member),
                _ => {}
            }
        }
        let (Some(frames), Some(rate)) = (frames, rate) else {
            return Err(value.error("this RationalTime has no value or no rate"));
        };
        let float = rate.as_f64().ok_or_else(|| rate.error("this rate is no finite number"))?;
        let rate = self.rate(float).map_err(|cause| {
            rate.error("this is no rate; rates are numbers above zero").caused_by(cause)
        })?;
        let (whole, millionths) = split(frames)?;
        Ok(Some(Time { whole, millionths, float: float.to_bits(), rate }))
    }

    /// A `TimeRange` as its start and its duration; `None` for null.
    pub(super) fn range(&mut self, value: Value<'_>) -> Result<Option<(Time, Time)>> {
        if value.is_null() {
            return Ok(None);
        }
        if !value.is_object() {
            return Err(value.error("expected a TimeRange here"));
        }
        let (mut start, mut duration) = (None, None);
        for (key, member) in value.members() {
            match &*key {
                "start_time" => start = self.time(member)?,
                "duration" => duration = self.time(member)?,
                _ => {}
            }
        }
        match (start, duration) {
            (Some(start), Some(duration)) => Ok(Some((start, duration))),
            // OpenTimelineIO takes the missing one as zero.
            (None, Some(duration)) => Ok(Some((duration.zero(), duration))),
            (Some(start), None) => Ok(Some((start, start.zero()))),
            (None, None) => Err(value.error("this TimeRange has neither start_time nor duration")),
        }
    }

    fn rate(&mut self, float: f64) -> Result<Rate> {
        let bits = float.to_bits();
        if let Some((_, rate)) = self.rates.iter().find(|(known, _)| *known == bits) {
            return Ok(*rate);
        }
        let rate = Rate::from_f64(float)?;
        if self.rates.len() < Self::KNOWN {
            self.rates.push((bits, rate));
        }
        Ok(rate)
    }
}

impl Time {
    const fn zero(self) -> Self {
        Self { whole: 0, millionths: 0, ..self }
    }
}

/// A number of frames as whole ones and millionths of one.
fn split(frames: Value<'_>) -> Result<(i64, u32)> {
    /// Parts of frames above this are rounding of the float.
    const PARTS: f64 = 1e9;

    let wrong = |message| Err(frames.error(message));
    if frames.kind() == Kind::NotFinite {
        return wrong("a time is no finite number; correct it in the program that wrote the file");
    }
    let Some(float) = frames.as_f64() else {
        return wrong("the value of a time is no finite number");
    };
    if float.abs() > EXACT as f64 {
        return wrong("a time is larger than a float can count in frames");
    }
    let floor = float.floor();
    let millionths = ((float - floor) * 1e6).round();
    if float.abs() > PARTS || millionths == 0.0 {
        return Ok((float.round() as i64, 0));
    }
    // Checked above: both fit.
    Ok(if millionths >= 1e6 { (floor as i64 + 1, 0) } else { (floor as i64, millionths as u32) })
}
