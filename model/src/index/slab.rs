//! Values with 32-bit handles that stay put until they are released.

/// A vector whose freed places are used again, last freed first.
///
/// A freed place keeps a vacant value that the owner supplies; that saves the
/// word an `Option` costs where the type has no spare bit pattern.
pub(super) struct Slab<T> {
    slots: Vec<T>,
    free: Vec<u32>,
}

impl<T> Slab<T> {
    pub(super) const fn new() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
        }
    }

    pub(super) fn insert(&mut self, value: T) -> u32 {
        if let Some(handle) = self.free.pop() {
            self.slots[handle as usize] = value;
            return handle;
        }
        let count = self.slots.len();
        // `u32::MAX` is left to the owners as "none".
        assert!(count < u32::MAX as usize, "the index has {count} slots");
        if count == self.slots.capacity() {
            // Doubling, as a vector does, would waste a third on average.
            self.slots.reserve_exact(count / 4 + 4);
        }
        self.slots.push(value);
        count as u32
    }

    /// Takes the value out and leaves `vacant`.
    pub(super) fn release(&mut self, handle: u32, vacant: T) -> T {
        let value = std::mem::replace(&mut self.slots[handle as usize], vacant);
        self.free.push(handle);
        if self.free.len() == self.slots.len() {
            *self = Self::new();
        }
        value
    }

    pub(super) fn get(&self, handle: u32) -> &T {
        &self.slots[handle as usize]
    }

    pub(super) fn get_mut(&mut self, handle: u32) -> &mut T {
        &mut self.slots[handle as usize]
    }

    /// How many are in use.
    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// How many were in use at the same time at most: handles are below this.
    pub(super) fn bound(&self) -> usize {
        self.slots.len()
    }
}
