//! Peaks of the sound in audiowaveform's binary format, version 2.
//!
//! The format is that of `doc/DataFormat.md` of bbc/audiowaveform: a header of six little-endian
//! 32-bit numbers (version, flags, samples a second, samples per peak, number of peaks, channels),
//! then for each peak the lowest and the highest sample as one signed byte each.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use crate::model::WaveformSpec;

const VERSION: i32 = 2;
/// Bit 0: samples of 8 bits.
const FLAGS: u32 = 1;

/// Reads mono samples of 16 bits (little-endian) from `samples` and writes their peaks to `peaks`.
/// Memory does not grow with the length of the sound.
pub(crate) fn waveform(samples: &Path, peaks: &Path, spec: &WaveformSpec) -> std::io::Result<()> {
    let per_peak = usize::try_from(spec.samples_per_peak.max(1)).unwrap_or(usize::MAX);
    let mut input = BufReader::with_capacity(1 << 16, File::open(samples)?);
    let mut output = BufWriter::new(File::create(peaks)?);
    let header = |count: u32| {
        let mut header = Vec::with_capacity(24);
        header.extend(VERSION.to_le_bytes());
        header.extend(FLAGS.to_le_bytes());
        header.extend(spec.sample_rate.to_le_bytes());
        header.extend(spec.samples_per_peak.max(1).to_le_bytes());
        header.extend(count.to_le_bytes());
        header.extend(1_i32.to_le_bytes());
        header
    };
    output.write_all(&header(0))?;

    let (mut count, mut low, mut high, mut seen) = (0_u32, i16::MAX, i16::MIN, 0);
    let mut buffer = vec![0; 1 << 16];
    let mut kept = 0;
    loop {
        let read = input.read(&mut buffer[kept..])?;
        if read == 0 {
            break;
        }
        let filled = kept + read;
        for pair in buffer[..filled].chunks_exact(2) {
            let sample = i16::from_le_bytes([pair[0], pair[1]]);
            (low, high, seen) = (low.min(sample), high.max(sample), seen + 1);
            if seen == per_peak {
                output.write_all(&peak(low, high))?;
                (count, low, high, seen) = (count.saturating_add(1), i16::MAX, i16::MIN, 0);
            }
        }
        // Half a sample waits for its other half.
        kept = filled % 2;
        if kept == 1 {
            buffer[0] = buffer[filled - 1];
        }
    }
    if seen > 0 {
        output.write_all(&peak(low, high))?;
        count = count.saturating_add(1);
    }
    output.seek(SeekFrom::Start(0))?;
    output.write_all(&header(count))?;
    output.flush()
}

fn peak(low: i16, high: i16) -> [u8; 2] {
    // The upper byte of each: 16 bits to 8 as audiowaveform does it.
    [low.to_be_bytes()[0], high.to_be_bytes()[0]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peaks_are_the_lowest_and_highest_of_each_stretch() {
        let folder = tempfile::tempdir().unwrap();
        let (pcm, dat) = (folder.path().join("pcm"), folder.path().join("dat"));
        let samples: [i16; 7] = [0, 256, -256, 32_767, -32_768, -1, 511];
        let mut bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        bytes.push(9);
        std::fs::write(&pcm, bytes).unwrap();
        let spec = WaveformSpec { sample_rate: 8_000, samples_per_peak: 3 };
        waveform(&pcm, &dat, &spec).unwrap();
        let found = std::fs::read(&dat).unwrap();
        let number = |at: usize| u32::from_le_bytes(found[at..at + 4].try_into().unwrap());
        let header: Vec<u32> = (0..6).map(|n| number(n * 4)).collect();
        assert_eq!(header, [2, 1, 8_000, 3, 3, 1]);
        let peaks: Vec<i8> = found[24..].iter().map(|byte| i8::from_le_bytes([*byte])).collect();
        assert_eq!(peaks, [-1, 1, -128, 127, 1, 1]);
    }

    #[test]
    fn long_sound_is_streamed() {
        let folder = tempfile::tempdir().unwrap();
        let (pcm, dat) = (folder.path().join("pcm"), folder.path().join("dat"));
        std::fs::write(&pcm, vec![1_u8; 300_001]).unwrap();
        waveform(&pcm, &dat, &WaveformSpec::default()).unwrap();
        assert_eq!(std::fs::metadata(&dat).unwrap().len(), 24 + 2 * 1_875);
    }
}
