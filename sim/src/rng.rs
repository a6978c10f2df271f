//! The simulator's own random generator.
//!
//! Plans and seeds that are kept must mean the same story for years, so the
//! generator is spelled out here (splitmix64 seeding, xoshiro256** output) and
//! does not change with a library's version.

/// A seeded generator. [`fork`](Rng::fork) gives independent streams, so that
/// one more draw in one part does not shift the draws of all others.
#[derive(Debug, Clone)]
pub struct Rng {
    state: [u64; 4],
}

impl Rng {
    pub fn new(seed: u64) -> Self {
        let mut mixer = seed;
        Self {
            state: [
                splitmix(&mut mixer),
                splitmix(&mut mixer),
                splitmix(&mut mixer),
                splitmix(&mut mixer),
            ],
        }
    }

    /// An independent stream named by `seed` and a list of labels.
    pub fn derive(seed: u64, labels: &[u64]) -> Self {
        let mut mixer = seed;
        for label in labels {
            mixer = splitmix(&mut mixer) ^ label.wrapping_mul(0x9E6C_63D0_876A_9A35);
        }
        Self::new(splitmix(&mut mixer))
    }

    pub fn fork(&mut self) -> Self {
        Self::new(self.draw())
    }

    pub fn draw(&mut self) -> u64 {
        let [s0, s1, s2, s3] = self.state;
        let output = s1.wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let shifted = s1 << 17;
        let (s2, s3) = (s2 ^ s0, s3 ^ s1);
        self.state = [s0 ^ s3, s1 ^ s2, s2 ^ shifted, s3.rotate_left(45)];
        output
    }

    /// A number in `0..bound`. The bias of the multiplication is below 2^-32
    /// for the bounds used here.
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "an empty range has no member");
        let wide = u128::from(self.draw()) * u128::from(bound);
        (wide >> 64) as u64
    }

    /// A number in `low..=high`.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        assert!(low <= high, "range {low}..={high} is empty");
        low + self.below(high - low + 1)
    }

    pub fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    pub fn permille(&mut self, chance: u64) -> bool {
        self.below(1000) < chance
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        let index = self.below(from.len() as u64) as usize;
        &from[index]
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (1..items.len()).rev() {
            let other = self.below(end as u64 + 1) as usize;
            items.swap(end, other);
        }
    }
}

fn splitmix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::Rng;

    #[test]
    fn equal_seeds_give_equal_streams_and_labels_differ() {
        let draw = |mut rng: Rng| (0..8).map(|_| rng.draw()).collect::<Vec<_>>();
        assert_eq!(draw(Rng::new(7)), draw(Rng::new(7)));
        assert_ne!(draw(Rng::derive(7, &[1])), draw(Rng::derive(7, &[2])));
        assert_ne!(draw(Rng::derive(7, &[1, 2])), draw(Rng::derive(7, &[2, 1])));
    }

    #[test]
    fn the_stream_is_frozen() {
        // A changed stream would silently give every kept plan another story.
        let mut rng = Rng::new(1);
        assert_eq!(
            [rng.draw(), rng.draw()],
            [0xb3f2_af6d_0fc7_10c5, 0x853b_5596_4736_4cea]
        );
    }

    #[test]
    fn ranges_hold_their_bounds() {
        let mut rng = Rng::new(3);
        let drawn: Vec<u64> = (0..1000).map(|_| rng.between(3, 5)).collect();
        assert!(drawn.iter().all(|value| (3..=5).contains(value)));
        assert!([3, 4, 5].iter().all(|value| drawn.contains(value)));
    }
}
