//! Sizes of pictures, the same whichever tool makes them.

/// The largest size with the shape of `shown` that fits `most` and is no larger than `shown`; at
/// least one pixel on each side. A limit of 0 is none.
pub fn fit(shown: (u32, u32), most: (u32, u32)) -> (u32, u32) {
    let (width, height) = (u64::from(shown.0.max(1)), u64::from(shown.1.max(1)));
    let limit = |most: u32, side: u64| if most == 0 { side } else { u64::from(most).min(side) };
    let (most_width, most_height) = (limit(most.0, width), limit(most.1, height));
    // The side that is more over its limit decides; products of 32 bits fit 64.
    let (width, height) = if most_width * height <= most_height * width {
        (most_width, nearest(most_width * height, width))
    } else {
        (nearest(most_height * width, height), most_height)
    };
    let side = |side: u64| u32::try_from(side).unwrap_or(u32::MAX).max(1);
    (side(width), side(height))
}

/// As [`fit`], with even sides as 4:2:0 video needs them. A side of one pixel becomes two: the
/// only case in which a picture grows.
pub fn fit_even(shown: (u32, u32), most: (u32, u32)) -> (u32, u32) {
    let (width, height) = fit(shown, most);
    let even = |side: u32| (side & !1).max(2);
    (even(width), even(height))
}

fn nearest(num: u64, den: u64) -> u64 {
    (num + den / 2) / den
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_keep_their_shape_and_never_grow() {
        let browse = (960, 540);
        assert_eq!(fit((1920, 1080), browse), (960, 540));
        assert_eq!(fit((1280, 720), browse), (960, 540));
        assert_eq!(fit((640, 272), browse), (640, 272));
        assert_eq!(fit((1080, 1920), browse), (304, 540));
        assert_eq!(fit((4096, 2160), browse), (960, 506));
        assert_eq!(fit((10, 100_000), browse), (1, 540));
        assert_eq!(fit((0, 0), browse), (1, 1));
        assert_eq!(fit((u32::MAX, u32::MAX), (u32::MAX, 0)), (u32::MAX, u32::MAX));
    }

    #[test]
    fn even_sides_are_found_for_odd_pictures() {
        assert_eq!(fit_even((1, 1), (960, 540)), (2, 2));
        assert_eq!(fit_even((3, 5), (960, 540)), (2, 4));
        assert_eq!(fit_even((853, 481), (960, 540)), (852, 480));
    }
}
