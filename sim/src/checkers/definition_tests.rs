//! The search against the definition, and against histories known to be bad.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::claims::{ClaimAnswer, Claims, ClaimsStep, Holding, Life, ReleaseAnswer};
use super::definition::is_linearizable;
use super::register::{Register, RegisterStep};
use super::wgl::{Verdict, check};
use super::{Span, Specification};
use crate::rng::Rng;

const HISTORIES: u64 = 100_000;
const BUDGET: usize = 1_000_000;

fn span<S>(invoked: u64, completed: u64, step: S) -> Span<S> {
    Span {
        invoked,
        completed: Some(completed),
        step,
    }
}

fn unanswered<S>(invoked: u64, step: S) -> Span<S> {
    Span {
        invoked,
        completed: None,
        step,
    }
}

fn is_bad<S: Specification>(specification: &S, spans: &[Span<S::Step>]) -> bool {
    let found = matches!(check(specification, spans, BUDGET), Verdict::Violation(_));
    assert_eq!(found, !is_linearizable(specification, spans), "{spans:?}");
    found
}

/// Compares both on random histories and returns how many were linearizable.
fn compare<S: Specification>(
    seed: u64,
    specification: &S,
    step: impl Fn(&mut Rng, u64) -> S::Step,
) -> u64 {
    let mut rng = Rng::new(seed);
    let mut good = 0;
    for _ in 0..HISTORIES {
        let length = rng.between(2, 6);
        let spans: Vec<Span<S::Step>> = (0..length)
            .map(|index| {
                let invoked = rng.below(12);
                let completed = (!rng.percent(20)).then(|| invoked + rng.below(5));
                Span {
                    invoked,
                    completed,
                    step: step(&mut rng, index),
                }
            })
            .collect();
        good += u64::from(!is_bad(specification, &spans));
    }
    good
}

#[test]
fn the_search_decides_registers_as_the_definition_does() {
    let good = compare(1, &Register, |rng, _| match rng.below(6) {
        0 => RegisterStep::Write(None),
        1 => RegisterStep::Expire(rng.below(3)),
        2 | 3 => RegisterStep::Write(Some(rng.below(3))),
        _ => RegisterStep::Read([None, Some(0), Some(1), Some(2)][rng.below(4) as usize]),
    });
    assert!(
        (HISTORIES / 20..HISTORIES * 19 / 20).contains(&good),
        "{good} are linearizable"
    );
}

#[test]
fn the_search_decides_claims_as_the_definition_does() {
    let specification = Claims {
        granted: [0, 1].into(),
    };
    let epoch = |rng: &mut Rng| [None, Some(0), Some(1), Some(7)][rng.below(4) as usize];
    let life = |rng: &mut Rng| Life {
        node: rng.below(2),
        incarnation: 1 + rng.below(2),
    };
    let good = compare(2, &specification, |rng, index| match rng.below(8) {
        0..=3 => ClaimsStep::Claim {
            life: life(rng),
            expected: if rng.percent(70) { None } else { epoch(rng) },
            answer: match rng.below(3) {
                0 => None,
                1 => Some(ClaimAnswer::Granted(index % 2)),
                _ => Some(ClaimAnswer::Lost(epoch(rng))),
            },
        },
        4 => ClaimsStep::Release {
            node: rng.below(2),
            epoch: rng.below(2),
            answer: match rng.below(3) {
                0 => None,
                1 => Some(ReleaseAnswer::Released),
                _ => Some(ReleaseAnswer::Lost(epoch(rng))),
            },
        },
        5 => ClaimsStep::Announce(life(rng)),
        _ => {
            let life = life(rng);
            ClaimsStep::Read(epoch(rng).map(|epoch| Holding { life, epoch }))
        }
    });
    assert!(
        (HISTORIES / 20..HISTORIES * 19 / 20).contains(&good),
        "{good} are linearizable"
    );
}

#[test]
fn known_bad_register_histories_are_refused() {
    use RegisterStep::{Read, Write};
    let stale_read = [
        span(0, 1, Write(Some(1))),
        span(2, 3, Write(Some(2))),
        span(4, 5, Read(Some(1))),
    ];
    let lost_write = [span(0, 1, Write(Some(1))), span(2, 3, Read(None))];
    let back_in_time = [
        span(0, 9, Write(Some(1))),
        span(1, 2, Read(Some(1))),
        span(3, 4, Read(None)),
    ];
    let out_of_nowhere = [span(0, 1, Read(Some(3)))];
    let applied_twice = [
        span(0, 1, Write(Some(1))),
        span(2, 3, Write(Some(2))),
        span(4, 5, Read(Some(2))),
        span(6, 7, Read(Some(1))),
    ];
    for bad in [
        &stale_read[..],
        &lost_write,
        &back_in_time,
        &out_of_nowhere,
        &applied_twice,
    ] {
        assert!(is_bad(&Register, bad), "{bad:?}");
    }
}

#[test]
fn an_unanswered_write_may_come_late_or_never() {
    use RegisterStep::{Read, Write};
    let late = [
        unanswered(0, Write(Some(1))),
        span(1, 2, Read(None)),
        span(3, 4, Read(Some(1))),
    ];
    let never = [unanswered(0, Write(Some(1))), span(1, 2, Read(None))];
    let taken_back = [
        unanswered(0, Write(Some(1))),
        span(1, 2, Read(Some(1))),
        span(3, 4, Read(None)),
    ];
    assert!(!is_bad(&Register, &late));
    assert!(!is_bad(&Register, &never));
    assert!(is_bad(&Register, &taken_back));
}

#[test]
fn known_bad_claim_histories_are_refused() {
    let life = |node| Life {
        node,
        incarnation: 1,
    };
    let claim = |node, expected, epoch| ClaimsStep::Claim {
        life: life(node),
        expected,
        answer: Some(ClaimAnswer::Granted(epoch)),
    };
    let specification = Claims {
        granted: [5, 6].into(),
    };
    let two_owners = [span(0, 1, claim(1, None, 5)), span(2, 3, claim(2, None, 6))];
    let released_twice = [
        span(0, 1, claim(1, None, 5)),
        span(
            2,
            3,
            ClaimsStep::Release {
                node: 1,
                epoch: 5,
                answer: Some(ReleaseAnswer::Released),
            },
        ),
        span(
            4,
            5,
            ClaimsStep::Release {
                node: 1,
                epoch: 5,
                answer: Some(ReleaseAnswer::Released),
            },
        ),
    ];
    let refused_though_free = [span(
        0,
        1,
        ClaimsStep::Claim {
            life: life(1),
            expected: None,
            answer: Some(ClaimAnswer::Lost(Some(6))),
        },
    )];
    for bad in [&two_owners[..], &released_twice, &refused_though_free] {
        assert!(is_bad(&specification, bad), "{bad:?}");
    }
    let taken_over = [
        span(0, 1, claim(1, None, 5)),
        span(2, 3, claim(2, Some(5), 6)),
        span(
            4,
            5,
            ClaimsStep::Read(Some(Holding {
                life: life(2),
                epoch: 6,
            })),
        ),
    ];
    assert!(!is_bad(&specification, &taken_over));
}
