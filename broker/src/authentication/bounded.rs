//! The bounds that hold for every method.

use super::method::{Exchange, Refusal, Step};

/// Far more than a method of passwords needs; enough for a certificate or a ticket.
pub(super) const MAX_DATA_BYTES: usize = 16 * 1024;
/// How often a client may be asked.
pub(super) const MAX_CHALLENGES: usize = 8;

/// An exchange that ends in time, whatever its method does.
#[derive(Debug)]
struct Bounded {
    inner: Box<dyn Exchange>,
    challenges_left: usize,
}

/// Takes the first step under the bounds, and has the others taken under them.
pub(super) fn begin(first: &[u8], begin: impl FnOnce(&[u8]) -> Step) -> Step {
    step(first, MAX_CHALLENGES, begin)
}

fn step(data: &[u8], challenges_left: usize, take: impl FnOnce(&[u8]) -> Step) -> Step {
    if data.len() > MAX_DATA_BYTES {
        return Step::Refused(Refusal::TooLong {
            limit: MAX_DATA_BYTES,
        });
    }
    match (take(data), challenges_left.checked_sub(1)) {
        (Step::Challenge { data, next }, Some(challenges_left)) => Step::Challenge {
            data,
            next: Box::new(Bounded {
                inner: next,
                challenges_left,
            }),
        },
        (Step::Challenge { .. }, None) => Step::Refused(Refusal::TooManySteps {
            limit: MAX_CHALLENGES,
        }),
        (end, _) => end,
    }
}

impl Exchange for Bounded {
    fn advance(self: Box<Self>, data: &[u8]) -> Step {
        step(data, self.challenges_left, |data| self.inner.advance(data))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asks for ever.
    #[derive(Debug)]
    struct Curious;

    impl Exchange for Curious {
        fn advance(self: Box<Self>, _: &[u8]) -> Step {
            Step::Challenge {
                data: Vec::new(),
                next: self,
            }
        }
    }

    fn ask(_: &[u8]) -> Step {
        Box::new(Curious).advance(b"")
    }

    #[test]
    fn nobody_is_asked_for_ever() {
        let mut step = begin(b"", ask);
        let mut challenges = 0;
        while let Step::Challenge { next, .. } = step {
            challenges += 1;
            step = next.advance(b"");
        }
        assert_eq!(challenges, MAX_CHALLENGES);
        let limit = MAX_CHALLENGES;
        assert!(
            matches!(step, Step::Refused(refusal) if refusal == Refusal::TooManySteps { limit })
        );
    }

    #[test]
    fn nobody_says_more_than_fits() {
        let limit = MAX_DATA_BYTES;
        let fits = vec![0; limit];
        let too_long = vec![0; limit + 1];
        let is_too_long = |step: Step| matches!(step, Step::Refused(refusal) if refusal == Refusal::TooLong { limit });
        assert!(is_too_long(begin(&too_long, ask)));
        let Step::Challenge { next, .. } = begin(&fits, ask) else {
            panic!("it fits");
        };
        let Step::Challenge { next, .. } = next.advance(&fits) else {
            panic!("it fits");
        };
        assert!(is_too_long(next.advance(&too_long)));
    }
}
