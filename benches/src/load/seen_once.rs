/// Which of one publisher's messages a shared group has had, whoever in it got them.
#[derive(Clone, Debug, Default)]
pub struct SeenOnce {
    bits: Vec<u64>,
    count: u64,
}

impl SeenOnce {
    /// Whether it is the first of that number.
    #[inline]
    pub fn insert(&mut self, sequence: u32) -> bool {
        let (word, bit) = (sequence as usize / 64, 1 << (sequence % 64));
        if word >= self.bits.len() {
            self.bits.resize((word + 1).next_power_of_two(), 0);
        }
        let is_new = self.bits[word] & bit == 0;
        self.bits[word] |= bit;
        self.count += u64::from(is_new);
        is_new
    }

    pub fn lost(&self, published: u32) -> u64 {
        u64::from(published).saturating_sub(self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_each_number_once() {
        let mut seen = SeenOnce::default();
        let firsts = [0, 64, 1_000, 64, 0, 63].map(|sequence| seen.insert(sequence));
        assert_eq!(firsts, [true, true, true, false, false, true]);
        assert_eq!(seen.lost(1_001), 1_001 - 4);
    }
}
