use super::super::sequence::{Arrival, CompleteTrack, SparseTrack};
use super::super::stamp::Stamp;
use super::super::subscribing::Subscribing;
use super::publisher::Publisher;

/// A client that subscribes and checks what it gets.
#[derive(Clone, Debug)]
pub struct Subscriber {
    pub client_id: String,
    pub subscribing: Subscribing,
    pub flow: usize,
    /// Which of the flow's subscribers it is.
    pub place: usize,
    pub check: Check,
}

/// What is to be expected of the publishers from `first` on, one track for each.
#[derive(Clone, Debug)]
pub enum Check {
    Complete {
        first: u32,
        tracks: Vec<CompleteTrack>,
    },
    Sparse {
        first: u32,
        tracks: Vec<SparseTrack>,
    },
}

impl Check {
    pub fn complete(first: u32, publishers: usize) -> Self {
        let tracks = vec![CompleteTrack::default(); publishers];
        Self::Complete { first, tracks }
    }

    pub fn sparse(first: u32, publishers: usize) -> Self {
        let tracks = vec![SparseTrack::default(); publishers];
        Self::Sparse { first, tracks }
    }

    /// None for a message of somebody else's.
    #[inline]
    pub fn on_arrival(&mut self, stamp: Stamp) -> Option<Arrival> {
        match self {
            Self::Complete { first, tracks } => {
                let place = stamp.publisher.checked_sub(*first)? as usize;
                Some(tracks.get_mut(place)?.on_arrival(stamp.sequence))
            }
            Self::Sparse { first, tracks } => {
                let place = stamp.publisher.checked_sub(*first)? as usize;
                Some(tracks.get_mut(place)?.on_arrival(stamp.sequence))
            }
        }
    }

    /// What never came of all that was published; a sparse check cannot tell.
    pub fn lost(&self, publishers: &[Publisher]) -> u64 {
        let Self::Complete { first, tracks } = self else {
            return 0;
        };
        let published = publishers[*first as usize..]
            .iter()
            .map(Publisher::published);
        let lost = tracks.iter().zip(published);
        lost.map(|(track, published)| track.lost(published)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_publisher_has_a_track_of_its_own() {
        let mut check = Check::complete(4, 2);
        let mut arrive = |publisher, sequence| {
            check.on_arrival(Stamp {
                publisher,
                sequence,
                sent_ns: 0,
            })
        };
        assert_eq!(arrive(4, 0), Some(Arrival::InOrder));
        assert_eq!(arrive(5, 0), Some(Arrival::InOrder));
        assert_eq!(arrive(5, 0), Some(Arrival::Duplicate));
        assert_eq!((arrive(3, 0), arrive(6, 0)), (None, None));
    }
}
