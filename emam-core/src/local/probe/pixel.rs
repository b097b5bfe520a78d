//! What the name of one of ffmpeg's pixel formats says.

/// What is in one pixel.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Pixel {
    /// Bits of one sample.
    pub(super) bit_depth: Option<u32>,
    pub(super) chroma: Option<String>,
    pub(super) alpha: bool,
}

/// Reads names such as `yuv422p10le`, `nv12`, `p010le`, `gbrap12be`, `rgb48le`.
pub(super) fn pixel(name: &str) -> Pixel {
    let base = name.trim_end_matches("le").trim_end_matches("be");
    let alpha =
        ["yuva", "gbrap", "rgba", "bgra", "argb", "abgr", "ya8", "ya16", "ayuv", "vuya", "pal8"]
            .iter()
            .any(|prefix| base.starts_with(prefix));
    let chroma = if base.starts_with("gray") || base.starts_with("mono") || base.starts_with("ya") {
        Some("gray")
    } else if [
        "rgb", "bgr", "gbr", "0rgb", "0bgr", "argb", "abgr", "x2rgb", "x2bgr", "pal8", "bayer",
    ]
    .iter()
    .any(|prefix| base.starts_with(prefix))
    {
        Some("rgb")
    } else {
        const PLACES: [(&str, &str); 17] = [
            ("444", "4:4:4"),
            ("440", "4:4:0"),
            ("422", "4:2:2"),
            ("420", "4:2:0"),
            ("411", "4:1:1"),
            ("410", "4:1:0"),
            ("nv12", "4:2:0"),
            ("nv21", "4:2:0"),
            ("nv16", "4:2:2"),
            ("nv20", "4:2:2"),
            ("nv24", "4:4:4"),
            ("p01", "4:2:0"),
            ("p21", "4:2:2"),
            ("p41", "4:4:4"),
            ("y21", "4:2:2"),
            ("ayuv", "4:4:4"),
            ("xyz", "4:4:4"),
        ];
        PLACES.iter().find(|(part, _)| base.contains(part)).map(|(_, chroma)| *chroma)
    };
    Pixel { bit_depth: depth(base), chroma: chroma.map(str::to_owned), alpha }
}

fn depth(base: &str) -> Option<u32> {
    // A whole pixel's bits in the name.
    match base {
        "rgb24" | "bgr24" | "rgba" | "bgra" | "argb" | "abgr" | "rgb0" | "bgr0" | "0rgb"
        | "0bgr" | "pal8" | "ya8" | "gray" | "yuyv422" | "uyvy422" | "yvyu422" | "uyyvyy411"
        | "nv12" | "nv16" | "nv21" | "nv24" => return Some(8),
        "rgb48" | "bgr48" | "rgba64" | "bgra64" | "ya16" | "ayuv64" => return Some(16),
        "monow" | "monob" => return Some(1),
        "nv20" | "x2rgb10" | "x2bgr10" => return Some(10),
        "rgb565" | "bgr565" | "rgb555" | "bgr555" => return Some(5),
        _ => {}
    }
    let digits = base.len() - base.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let number = &base[base.len() - digits..];
    let stem = &base[..base.len() - digits];
    let semi_planar = matches!(stem, "p" | "y");
    match number.parse::<u32>().ok() {
        // p010, p216, y210: the last two digits are the bits.
        Some(value) if semi_planar && number.len() == 3 => Some(value % 100),
        Some(value) if stem.ends_with(['p', 'y', 'z', 'f', 'd']) && value <= 32 => Some(value),
        None if stem.starts_with("yuv") || stem.starts_with("gbr") => Some(8),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_depth_chroma_and_alpha() {
        for (name, depth, chroma, alpha) in [
            ("yuv420p", 8, "4:2:0", false),
            ("yuvj422p", 8, "4:2:2", false),
            ("yuv422p10le", 10, "4:2:2", false),
            ("yuva444p12le", 12, "4:4:4", true),
            ("gbrap16be", 16, "rgb", true),
            ("gbrp", 8, "rgb", false),
            ("rgb48le", 16, "rgb", false),
            ("rgba", 8, "rgb", true),
            ("nv12", 8, "4:2:0", false),
            ("p010le", 10, "4:2:0", false),
            ("p216le", 16, "4:2:2", false),
            ("y210le", 10, "4:2:2", false),
            ("gray10le", 10, "gray", false),
            ("gray", 8, "gray", false),
            ("yuv411p", 8, "4:1:1", false),
            ("uyvy422", 8, "4:2:2", false),
            ("xyz12le", 12, "4:4:4", false),
        ] {
            let pixel = pixel(name);
            let found = (pixel.bit_depth, pixel.chroma.as_deref(), pixel.alpha);
            assert_eq!(found, (Some(depth), Some(chroma), alpha), "{name}");
        }
        assert_eq!(pixel("cuda"), Pixel::default());
    }
}
