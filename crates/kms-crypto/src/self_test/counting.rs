//! Bytes that count upwards: fixed inputs, not randomness.

use kms_types::Entropy;

pub(super) struct Counting(pub(super) u8);

impl Entropy for Counting {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            *byte = self.0;
            self.0 = self.0.wrapping_add(1);
        }
    }
}
