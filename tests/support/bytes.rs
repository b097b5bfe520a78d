//! Small files written byte by byte: good ones, and ones that lie.

/// A WAV of a tone: 16 bits, mono, 8,000 samples a second. Another `pitch` is other content.
pub fn wav(milliseconds: u32, pitch: u16) -> Vec<u8> {
    let samples = milliseconds * 8;
    let bytes = samples * 2;
    let mut file = Vec::new();
    file.extend_from_slice(b"RIFF");
    file.extend_from_slice(&(36 + bytes).to_le_bytes());
    file.extend_from_slice(b"WAVEfmt ");
    file.extend_from_slice(&16_u32.to_le_bytes());
    file.extend_from_slice(&1_u16.to_le_bytes());
    file.extend_from_slice(&1_u16.to_le_bytes());
    file.extend_from_slice(&8_000_u32.to_le_bytes());
    file.extend_from_slice(&16_000_u32.to_le_bytes());
    file.extend_from_slice(&2_u16.to_le_bytes());
    file.extend_from_slice(&16_u16.to_le_bytes());
    file.extend_from_slice(b"data");
    file.extend_from_slice(&bytes.to_le_bytes());
    for sample in 0..samples {
        // A saw tooth needs no floating point and sounds.
        let wave = (sample.wrapping_mul(u32::from(pitch)) % 20_000) as i32 - 10_000;
        file.extend_from_slice(&i16::try_from(wave).unwrap_or(0).to_le_bytes());
    }
    file
}

/// The start of a PNG that claims to be of this size, with a little data after its header.
pub fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut header = b"IHDR".to_vec();
    header.extend_from_slice(&width.to_be_bytes());
    header.extend_from_slice(&height.to_be_bytes());
    header.extend_from_slice(&[8, 2, 0, 0, 0]);
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    file.extend_from_slice(&13_u32.to_be_bytes());
    let sum = crc32(&header);
    file.extend_from_slice(&header);
    file.extend_from_slice(&sum.to_be_bytes());
    // Compressed zeros without end, as far as it goes.
    let mut data = b"IDAT\x78\x9c".to_vec();
    data.extend_from_slice(&[0; 64]);
    file.extend_from_slice(&u32::try_from(data.len() - 4).unwrap_or(0).to_be_bytes());
    let sum = crc32(&data);
    file.extend_from_slice(&data);
    file.extend_from_slice(&sum.to_be_bytes());
    file
}

/// An MP4 whose index (`moov`) is missing, as a camera that lost its power leaves it.
pub fn mp4_without_moov() -> Vec<u8> {
    let mut file = Vec::new();
    file.extend_from_slice(&24_u32.to_be_bytes());
    file.extend_from_slice(b"ftypisom\0\0\x02\0isomiso2");
    let data = vec![0x55; 100_000];
    file.extend_from_slice(&u32::try_from(data.len() + 8).unwrap_or(0).to_be_bytes());
    file.extend_from_slice(b"mdat");
    file.extend_from_slice(&data);
    file
}

/// CRC-32 as PNG has it (ISO 3309).
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            if sum & 1 == 1 { (sum >> 1) ^ 0xEDB8_8320 } else { sum >> 1 }
        })
    })
}
