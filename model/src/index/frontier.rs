//! The nodes that a walk through the trie has reached on one level.

/// How many nodes fit without an allocation.
const INLINE: usize = 24;

/// A list of node handles that allocates only when it becomes unusually long.
pub(super) struct Frontier {
    inline: [u32; INLINE],
    inline_len: usize,
    /// Follows `inline`; empty unless that is full.
    spilled: Vec<u32>,
}

impl Frontier {
    pub(super) const fn new() -> Self {
        Self {
            inline: [0; INLINE],
            inline_len: 0,
            spilled: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, node: u32) {
        if self.inline_len < INLINE {
            self.inline[self.inline_len] = node;
            self.inline_len += 1;
        } else {
            self.spilled.push(node);
        }
    }

    pub(super) fn clear(&mut self) {
        self.inline_len = 0;
        self.spilled.clear();
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.inline_len == 0
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = u32> {
        let inline = &self.inline[..self.inline_len];
        inline.iter().chain(&self.spilled).copied()
    }
}
