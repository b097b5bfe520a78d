//! Which frame of its media a frame of a cut shows.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::time::{Rate, Speed, gcd};

/// A way from frames of one timeline to frames of the next inner one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The outer frame at which the inner one is `base`.
    pub origin: i64,
    /// The inner frame shown there: the lowest of the clip.
    pub base: i64,
    /// Inner frames for each `den` outer ones; above zero.
    pub num: i64,
    /// Outer frames for each `num` inner ones; above zero.
    pub den: i64,
    /// Whether inner frames are counted down as outer ones are counted up.
    pub reverse: bool,
}

/// Which frame of a source is on at each frame of the output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FrameMap {
    /// The same all the time.
    Still(i64),
    /// Through each step in turn, the outermost first.
    Steps(Vec<Step>),
}

/// A bound of the outer frames for which a condition on inner ones holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bound {
    AtLeast(i64),
    AtMost(i64),
}

fn narrow(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

/// `a / b` rounded up; `b` is above zero.
pub(crate) const fn div_ceil(a: i128, b: i128) -> i128 {
    -(-a).div_euclid(b)
}

impl Step {
    /// One frame for each, from `origin` on.
    pub(crate) const fn plain(origin: i64, base: i64) -> Self {
        Self { origin, base, num: 1, den: 1, reverse: false }
    }

    /// The inner frame on at an outer one.
    pub fn at(&self, frame: i64) -> i64 {
        let steps = i128::from(frame) - i128::from(self.origin);
        let steps = if self.reverse { -steps } else { steps };
        let inner = (steps * i128::from(self.num)).div_euclid(i128::from(self.den));
        narrow(i128::from(self.base) + inner)
    }

    /// The outer frames that show an inner frame within the bound.
    pub(crate) fn bound(&self, inner: Bound) -> Bound {
        let (num, den) = (i128::from(self.num), i128::from(self.den));
        let (origin, base) = (i128::from(self.origin), i128::from(self.base));
        let from = |inner: i64| div_ceil((i128::from(inner) - base) * den, num);
        let until = |inner: i64| div_ceil((i128::from(inner) - base + 1) * den, num) - 1;
        match (inner, self.reverse) {
            (Bound::AtLeast(n), false) => Bound::AtLeast(narrow(origin + from(n))),
            (Bound::AtLeast(n), true) => Bound::AtMost(narrow(origin - from(n))),
            (Bound::AtMost(n), false) => Bound::AtMost(narrow(origin + until(n))),
            (Bound::AtMost(n), true) => Bound::AtLeast(narrow(origin - until(n))),
        }
    }

    /// How a clip that starts at frame 0 of its sequence and takes `duration` frames runs through
    /// its source; nothing if it stands still.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for rates and a speed whose ratio does not
    /// fit 64 bits.
    pub fn of_clip(
        source_start: i64,
        source_rate: Rate,
        duration: i64,
        speed: Speed,
        rate: Rate,
    ) -> Result<Option<Self>> {
        if speed.is_freeze() {
            return Ok(None);
        }
        let wide = |value: u32| i128::from(value);
        let size = i128::from(speed.num()).abs();
        let num = size * wide(source_rate.num()) * wide(rate.den());
        let den = wide(speed.den()) * wide(source_rate.den()) * wide(rate.num());
        let common = gcd(num, den).max(1);
        // Half of 64 bits, so that products with frame numbers fit 128.
        let fit = |value: i128| i64::try_from(value / common).ok().filter(|v| *v <= 1 << 47);
        let (Some(num), Some(den)) = (fit(num), fit(den)) else {
            let message = "the speed of this clip and its rates have no common measure that can \
                           be reckoned with";
            return Err(Error::invalid("timeline.conform", message)
                .with("speed", speed)
                .with("source_rate", source_rate)
                .with("rate", rate));
        };
        let reverse = speed.is_reverse();
        let origin = if reverse { duration.saturating_sub(1) } else { 0 };
        Ok(Some(Self { origin, base: source_start, num, den, reverse }))
    }
}

impl FrameMap {
    /// The frame of the source on at a frame of the output.
    pub fn at(&self, frame: i64) -> i64 {
        match self {
            Self::Still(frame) => *frame,
            Self::Steps(steps) => steps.iter().fold(frame, |frame, step| step.at(frame)),
        }
    }

    /// Whether later frames of the output show earlier ones of the source.
    pub fn is_reverse(&self) -> bool {
        match self {
            Self::Still(_) => false,
            Self::Steps(steps) => steps.iter().filter(|step| step.reverse).count() % 2 == 1,
        }
    }

    /// The first frame of the output that shows `source` or what comes after it, in the way it
    /// runs; nothing for a still.
    pub fn first(&self, source: i64) -> Option<i64> {
        let Self::Steps(steps) = self else { return None };
        let wanted = if self.is_reverse() { Bound::AtMost(source) } else { Bound::AtLeast(source) };
        match steps.iter().rev().fold(wanted, |bound, step| step.bound(bound)) {
            Bound::AtLeast(frame) => Some(frame),
            Bound::AtMost(_) => None,
        }
    }

    /// Whether it shows one frame of the source for each of the output, counting up.
    pub fn is_plain(&self) -> bool {
        matches!(self, Self::Steps(steps) if steps.iter().all(|s| s.num == s.den && !s.reverse))
    }

    /// The same map as seen through a step in front of it.
    pub(crate) fn through(&self, outer: &Step) -> Self {
        match self {
            Self::Still(frame) => Self::Still(*frame),
            Self::Steps(steps) => {
                let mut steps = steps.clone();
                match steps.first_mut() {
                    // A plain step only moves what comes behind it.
                    Some(first) if outer.num == outer.den && !outer.reverse => {
                        let shift = i128::from(outer.origin) - i128::from(outer.base);
                        first.origin = narrow(i128::from(first.origin) + shift);
                    }
                    _ => steps.insert(0, *outer),
                }
                Self::Steps(steps)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn step() -> impl Strategy<Value = Step> {
        (-50_i64..50, -50_i64..50, 1_i64..60, 1_i64..60, any::<bool>())
            .prop_map(|(origin, base, num, den, reverse)| Step { origin, base, num, den, reverse })
    }

    proptest! {
        #[test]
        fn the_first_frame_is_where_the_map_gets_there(
            steps in prop::collection::vec(step(), 1..4),
            frame in -200_i64..200,
        ) {
            let map = FrameMap::Steps(steps);
            let source = map.at(frame);
            let first = map.first(source).unwrap();
            prop_assert!(first <= frame);
            prop_assert_eq!(map.at(first), source);
            let before = map.at(first - 1);
            let behind = if map.is_reverse() { before > source } else { before < source };
            prop_assert!(behind);
        }

        #[test]
        fn a_step_in_front_is_taken_first(
            outer in step(), steps in prop::collection::vec(step(), 1..3), frame in -99_i64..99,
        ) {
            let inner = FrameMap::Steps(steps);
            prop_assert_eq!(inner.through(&outer).at(frame), inner.at(outer.at(frame)));
            let plain = Step::plain(outer.origin, outer.base);
            prop_assert_eq!(inner.through(&plain).at(frame), inner.at(plain.at(frame)));
        }
    }

    #[test]
    fn clips_run_through_their_source_as_the_model_says() {
        let of = |speed: (i32, u32), source_rate, rate| {
            let speed = Speed::new(speed.0, speed.1).unwrap();
            let step = Step::of_clip(10, source_rate, 5, speed, rate).unwrap().unwrap();
            (0..5).map(|frame| step.at(frame)).collect::<Vec<_>>()
        };
        let fps = Rate::FPS_25;
        assert_eq!(of((1, 1), fps, fps), [10, 11, 12, 13, 14]);
        assert_eq!(of((2, 1), fps, fps), [10, 12, 14, 16, 18]);
        assert_eq!(of((1, 2), fps, fps), [10, 10, 11, 11, 12]);
        assert_eq!(of((-1, 1), fps, fps), [14, 13, 12, 11, 10]);
        assert_eq!(of((1, 1), fps, Rate::FPS_50), [10, 10, 11, 11, 12]);
        assert_eq!(of((1, 1), Rate::FPS_23_976, fps), [10, 10, 11, 12, 13]);
        let freeze = Speed::new(0, 1).unwrap();
        assert_eq!(Step::of_clip(10, fps, 5, freeze, fps).unwrap(), None);
    }
}
