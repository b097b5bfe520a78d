//! The SHA-256 tree hash of Glacier.

use std::ops::Range;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

/// The size of a leaf of the tree.
pub(super) const MIB: usize = 1024 * 1024;

/// The tree hash of some bytes: SHA-256 of each MiB, then of each two neighbours' hashes, until
/// one is left; a hash without a neighbour goes up as it is.
pub fn tree_hash(bytes: &[u8]) -> String {
    let mut level: Vec<Vec<u8>> = match bytes.is_empty() {
        true => vec![Sha256::digest(b"").to_vec()],
        false => bytes.chunks(MIB).map(|leaf| Sha256::digest(leaf).to_vec()).collect(),
    };
    while level.len() > 1 {
        let above = level.chunks(2).map(|pair| match pair {
            [left, right] => {
                Sha256::new().chain_update(left).chain_update(right).finalize().to_vec()
            }
            alone => alone.concat(),
        });
        level = above.collect();
    }
    HEXLOWER.encode(&level.concat())
}

/// Whether a range of `whole` bytes is a node of the tree, so that its own tree hash says
/// something: a power of two of MiB at a multiple of its size, the last one possibly shorter.
pub(super) fn aligned(range: &Range<usize>, whole: usize) -> bool {
    if !range.start.is_multiple_of(MIB) {
        return false;
    }
    let leaves = range.len().div_ceil(MIB);
    let full = range.len().is_multiple_of(MIB);
    let size = leaves.next_power_of_two();
    let placed = (range.start / MIB).is_multiple_of(size);
    placed && (range.end == whole || (full && leaves == size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tree_hash_of_five_leaves_carries_the_last_up() {
        let bytes: Vec<u8> = (0..5 * MIB - 7).map(|i| (i / 1000 % 251) as u8).collect();
        let leaf = |n: usize| Sha256::digest(&bytes[n * MIB..((n + 1) * MIB).min(bytes.len())]);
        let join = |a: &[u8], b: &[u8]| Sha256::digest([a, b].concat());
        let four = join(&join(&leaf(0), &leaf(1)), &join(&leaf(2), &leaf(3)));
        assert_eq!(tree_hash(&bytes), HEXLOWER.encode(&join(&four, &leaf(4))));
        assert_eq!(tree_hash(b"abc"), HEXLOWER.encode(&Sha256::digest(b"abc")));
    }

    #[test]
    fn aligned_ranges_are_nodes() {
        let whole = 5 * MIB - 7;
        for node in [0..MIB, 2 * MIB..4 * MIB, 0..4 * MIB, 4 * MIB..whole, 0..whole] {
            assert!(aligned(&node, whole), "{node:?}");
        }
        for other in [0..3 * MIB, MIB..3 * MIB, 1..MIB, 0..MIB - 1, 3 * MIB..whole] {
            assert!(!aligned(&other, whole), "{other:?}");
        }
    }
}
