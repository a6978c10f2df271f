//! Values with small numbers that stay where they are.

/// How many values are allocated together.
const CHUNK: usize = 256;

/// A vector whose freed places are used again, and that grows by pieces: many thousand
/// values never move, and never take twice the room for a moment.
#[derive(Debug)]
pub(crate) struct Places<T> {
    chunks: Vec<Vec<Place<T>>>,
    /// The place that was freed last.
    free: Option<u32>,
    taken: usize,
}

#[derive(Debug)]
enum Place<T> {
    Taken(T),
    /// With the place that was freed before it.
    Free(Option<u32>),
}

impl<T> Places<T> {
    pub(crate) const fn new() -> Self {
        Self {
            chunks: Vec::new(),
            free: None,
            taken: 0,
        }
    }

    #[cfg(test)]
    pub(crate) const fn len(&self) -> usize {
        self.taken
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.taken == 0
    }

    /// Where the next value will be.
    pub(crate) fn vacant(&self) -> u32 {
        self.free.unwrap_or_else(|| {
            let full = self.chunks.len().saturating_sub(1) * CHUNK;
            let last = self.chunks.last().map_or(0, Vec::len);
            u32::try_from(full + last).unwrap_or_else(|_| panic!("{full} places"))
        })
    }

    pub(crate) fn insert(&mut self, value: T) -> u32 {
        let place = self.vacant();
        self.taken += 1;
        if self.free.is_some() {
            let before = std::mem::replace(self.slot(place), Place::Taken(value));
            let Place::Free(next) = before else {
                panic!("the place {place} is free and taken");
            };
            self.free = next;
            return place;
        }
        match self.chunks.last_mut() {
            Some(last) if last.len() < CHUNK => last.push(Place::Taken(value)),
            _ => {
                let mut chunk = Vec::with_capacity(CHUNK);
                chunk.push(Place::Taken(value));
                self.chunks.push(chunk);
            }
        }
        place
    }

    /// # Panics
    /// If there is none.
    pub(crate) fn remove(&mut self, place: u32) -> T {
        let free = self.free;
        let before = std::mem::replace(self.slot(place), Place::Free(free));
        let Place::Taken(value) = before else {
            panic!("nothing is at {place}");
        };
        self.taken -= 1;
        self.free = Some(place);
        if self.taken == 0 {
            *self = Self::new();
        }
        value
    }

    #[inline]
    pub(crate) fn get(&self, place: u32) -> Option<&T> {
        let place = place as usize;
        match self.chunks.get(place / CHUNK)?.get(place % CHUNK)? {
            Place::Taken(value) => Some(value),
            Place::Free(_) => None,
        }
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, place: u32) -> Option<&mut T> {
        let place = place as usize;
        match self.chunks.get_mut(place / CHUNK)?.get_mut(place % CHUNK)? {
            Place::Taken(value) => Some(value),
            Place::Free(_) => None,
        }
    }

    /// In the order of their places.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        let all = self.chunks.iter().flatten().zip(0..);
        all.filter_map(|(place, number)| match place {
            Place::Taken(value) => Some((number, value)),
            Place::Free(_) => None,
        })
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.chunks
            .iter_mut()
            .flatten()
            .filter_map(|place| match place {
                Place::Taken(value) => Some(value),
                Place::Free(_) => None,
            })
    }

    fn slot(&mut self, place: u32) -> &mut Place<T> {
        let place = place as usize;
        &mut self.chunks[place / CHUNK][place % CHUNK]
    }
}

impl<T> Default for Places<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> std::ops::Index<u32> for Places<T> {
    type Output = T;

    fn index(&self, place: u32) -> &T {
        self.get(place)
            .unwrap_or_else(|| panic!("nothing is at {place}"))
    }
}

impl<T> std::ops::IndexMut<u32> for Places<T> {
    fn index_mut(&mut self, place: u32) -> &mut T {
        self.get_mut(place)
            .unwrap_or_else(|| panic!("nothing is at {place}"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_never_move() {
        let mut places = Places::new();
        places.insert(0);
        let first: *const i32 = &raw const places[0];
        for value in 1..10_000 {
            assert_eq!(places.insert(value), value as u32);
        }
        assert_eq!(&raw const places[0], first);
    }

    proptest! {
        #[test]
        fn agrees_with_a_map(steps in prop::collection::vec(any::<(bool, u16)>(), 0..2_000)) {
            let mut places = Places::new();
            let mut map = BTreeMap::new();
            for (removes, value) in steps {
                let some = map.keys().nth(usize::from(value) % map.len().max(1)).copied();
                match some {
                    Some(place) if removes => {
                        prop_assert_eq!(Some(places.remove(place)), map.remove(&place));
                        prop_assert!(places.get(place).is_none());
                    }
                    _ => {
                        let vacant = places.vacant();
                        let place = places.insert(value);
                        prop_assert_eq!(place, vacant);
                        prop_assert_eq!(map.insert(place, value), None);
                    }
                }
                prop_assert_eq!(places.len(), map.len());
            }
            let all: BTreeMap<u32, u16> = places.iter().map(|(at, value)| (at, *value)).collect();
            prop_assert_eq!(&all, &map);
            prop_assert_eq!(places.iter_mut().count(), map.len());
        }
    }
}
