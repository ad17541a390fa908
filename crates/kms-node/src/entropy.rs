//! Where this process draws random bytes: the operating system's generator, every time.
//!
//! No generator of our own in between: it would have to be reseeded after fork and after a virtual machine is cloned
//! (invariant E1), and a system call costs little beside a request.

use kms_types::Entropy;
use rand::{TryRng, rngs::SysRng};

/// The operating system's generator; on a thread that simulates, the seeded one.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    #[expect(
        clippy::expect_used,
        reason = "without randomness every key and nonce would be wrong: nothing may go on"
    )]
    fn fill(&mut self, bytes: &mut [u8]) {
        #[cfg(feature = "simulation")]
        if kms_raft::simulation::fill(bytes) {
            return;
        }
        SysRng.try_fill_bytes(bytes).expect("the operating system supplies random bytes");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_draws_differ() {
        let entropy: &mut dyn Entropy = &mut OsEntropy;
        assert_ne!(entropy.array::<32>(), entropy.array::<32>());
    }
}
