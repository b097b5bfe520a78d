//! The checksum Glacier vaults go by.
//!
//! SHA-256 of each MiB, and of the two halves at each level up to one (Amazon S3 Glacier Developer
//! Guide, "Computing Checksums"). Computed while bytes pass, so that an object of any size needs one
//! reading and 32 bytes for each MiB.

use ring::digest::{Context, SHA256, digest};

/// Bytes of a leaf.
pub(super) const MIB: usize = 1 << 20;

type Hash = [u8; 32];

/// A tree hash under way.
#[derive(Clone)]
pub(super) struct TreeHash {
    leaves: Vec<Hash>,
    leaf: Context,
    in_leaf: usize,
}

impl TreeHash {
    pub(super) fn new() -> Self {
        Self { leaves: Vec::new(), leaf: Context::new(&SHA256), in_leaf: 0 }
    }

    /// Takes the next bytes.
    pub(super) fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (now, rest) = bytes.split_at(bytes.len().min(MIB - self.in_leaf));
            self.leaf.update(now);
            self.in_leaf += now.len();
            bytes = rest;
            if self.in_leaf == MIB {
                self.end_leaf();
            }
        }
    }

    /// The hash of all bytes taken, as 64 hexadecimal digits.
    pub(super) fn finish(mut self) -> String {
        if self.in_leaf > 0 || self.leaves.is_empty() {
            self.end_leaf();
        }
        let mut level = self.leaves;
        while level.len() > 1 {
            level = level
                .chunks(2)
                .map(|pair| match pair {
                    [left, right] => bytes_of(digest(&SHA256, &[*left, *right].concat())),
                    // An odd one out goes up as it is.
                    odd => odd[0],
                })
                .collect();
        }
        data_encoding::HEXLOWER.encode(&level[0])
    }

    fn end_leaf(&mut self) {
        let leaf = std::mem::replace(&mut self.leaf, Context::new(&SHA256));
        self.leaves.push(bytes_of(leaf.finish()));
        self.in_leaf = 0;
    }
}

/// The tree hash of some bytes.
pub(super) fn tree_hash(bytes: &[u8]) -> String {
    let mut hash = TreeHash::new();
    hash.update(bytes);
    hash.finish()
}

fn bytes_of(digest: ring::digest::Digest) -> Hash {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest.as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sha256(bytes: &[u8]) -> Vec<u8> {
        digest(&SHA256, bytes).as_ref().to_vec()
    }

    #[test]
    fn up_to_a_leaf_it_is_plain_sha256() {
        // FIPS 180-2, appendix B.1.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(tree_hash(b"abc"), abc);
        let leaf = vec![7; MIB];
        assert_eq!(tree_hash(&leaf), data_encoding::HEXLOWER.encode(&sha256(&leaf)));
    }

    #[test]
    fn leaves_are_joined_pairwise_however_the_bytes_come() {
        let bytes: Vec<u8> = (0..3 * MIB + 5).map(|n| (n / 1000 % 251) as u8).collect();
        let leaf: Vec<Vec<u8>> = bytes.chunks(MIB).map(sha256).collect();
        let left = sha256(&[&leaf[0][..], &leaf[1]].concat());
        let right = sha256(&[&leaf[2][..], &leaf[3]].concat());
        let whole = data_encoding::HEXLOWER.encode(&sha256(&[left, right].concat()));
        assert_eq!(tree_hash(&bytes), whole);
        for size in [1000, MIB - 1, MIB, MIB + 1] {
            let mut hash = TreeHash::new();
            bytes.chunks(size).for_each(|chunk| hash.update(chunk));
            assert_eq!(hash.finish(), whole, "in chunks of {size}");
        }
        let three = sha256(&[sha256(&[&leaf[0][..], &leaf[1]].concat()), leaf[2].clone()].concat());
        assert_eq!(tree_hash(&bytes[..3 * MIB]), data_encoding::HEXLOWER.encode(&three));
    }
}
