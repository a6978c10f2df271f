//! Linearizability by its definition: some order of all answered operations and
//! any choice of the unanswered ones keeps real time and is legal one by one.
//! Factorial, so for tiny histories only; the search is tested against it.

use super::{Span, Specification};

pub(super) fn is_linearizable<S: Specification>(
    specification: &S,
    spans: &[Span<S::Step>],
) -> bool {
    let unanswered: Vec<usize> = (0..spans.len())
        .filter(|&index| spans[index].completed.is_none())
        .collect();
    (0..1_u32 << unanswered.len()).any(|choice| {
        let mut order: Vec<usize> = (0..spans.len())
            .filter(|index| {
                unanswered
                    .iter()
                    .position(|other| other == index)
                    .is_none_or(|bit| choice & (1 << bit) != 0)
            })
            .collect();
        some_permutation(&mut order, 0, &|order| {
            keeps_real_time(spans, order) && is_legal(specification, spans, order)
        })
    })
}

fn some_permutation(
    order: &mut Vec<usize>,
    fixed: usize,
    accepts: &impl Fn(&[usize]) -> bool,
) -> bool {
    if fixed == order.len() {
        return accepts(order);
    }
    (fixed..order.len()).any(|other| {
        order.swap(fixed, other);
        let found = some_permutation(order, fixed + 1, accepts);
        order.swap(fixed, other);
        found
    })
}

fn keeps_real_time<T>(spans: &[Span<T>], order: &[usize]) -> bool {
    order.iter().enumerate().all(|(position, &earlier)| {
        order[position + 1..]
            .iter()
            .all(|&later| !spans[later].precedes(&spans[earlier]))
    })
}

fn is_legal<S: Specification>(specification: &S, spans: &[Span<S::Step>], order: &[usize]) -> bool {
    let mut state = specification.initial();
    order.iter().all(
        |&index| match specification.apply(&state, &spans[index].step) {
            Some(next) => {
                state = next;
                true
            }
            None => false,
        },
    )
}
