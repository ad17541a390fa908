/// A source of random bytes, handed to the core as an argument.
///
/// The shells implement it over the operating system's generator, tests over a seeded one.
pub trait Entropy {
    /// Fills `bytes` with uniformly random bytes.
    fn fill(&mut self, bytes: &mut [u8]);
}

impl dyn Entropy + '_ {
    /// `N` fresh random bytes.
    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }
}
