//! The linearizability search of Wing and Gong with Lowe's memory.
//!
//! It walks the calls and returns in time order and tries to let each open call
//! take effect. A return whose call has no place yet means: undo the last
//! choice. A pair (calls that took effect, state) is entered only once.

use std::collections::HashSet;

use super::{Span, Specification};

/// The answer of the search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Linearizable,
    /// No order explains the answers; the text shows where the best try ended.
    Violation(String),
    /// The search was given up after its budget; says nothing.
    Exhausted,
}

/// Searches an order that explains `spans`, in at most `budget` steps.
pub fn check<S: Specification>(
    specification: &S,
    spans: &[Span<S::Step>],
    budget: usize,
) -> Verdict {
    let mut search = Search::new(specification, spans);
    for _ in 0..budget {
        match search.advance() {
            Progress::Going => {}
            Progress::Explained => return Verdict::Linearizable,
            Progress::Stuck => return Verdict::Violation(search.story()),
        }
    }
    Verdict::Exhausted
}

enum Progress {
    Going,
    Explained,
    Stuck,
}

/// A call or a return in the doubly linked list of what is still to explain.
#[derive(Debug, Clone, Copy)]
struct Event {
    span: usize,
    is_call: bool,
    previous: usize,
    next: usize,
}

const HEAD: usize = 0;

struct Search<'a, S: Specification> {
    specification: &'a S,
    spans: &'a [Span<S::Step>],
    events: Vec<Event>,
    /// Where each span's return stands, if it has one.
    returns: Vec<Option<usize>>,
    calls: Vec<usize>,
    at: usize,
    state: S::State,
    taken: Vec<u64>,
    unexplained: usize,
    choices: Vec<(usize, S::State)>,
    seen: HashSet<(Vec<u64>, S::State)>,
    deepest: usize,
    deepest_at: Option<(usize, S::State)>,
}

impl<'a, S: Specification> Search<'a, S> {
    fn new(specification: &'a S, spans: &'a [Span<S::Step>]) -> Self {
        let mut order: Vec<(u64, bool, usize)> = Vec::with_capacity(spans.len() * 2);
        for (index, span) in spans.iter().enumerate() {
            order.push((span.invoked, false, index));
            if let Some(completed) = span.completed {
                assert!(span.invoked <= completed, "a span ends before it begins");
                order.push((completed, true, index));
            }
        }
        // At equal times calls stand before returns: touching is concurrent.
        order.sort_unstable();

        let mut events = vec![Event {
            span: usize::MAX,
            is_call: false,
            previous: HEAD,
            next: HEAD,
        }];
        let mut calls = vec![HEAD; spans.len()];
        let mut returns = vec![None; spans.len()];
        for (_, is_return, span) in order {
            let position = events.len();
            events[position - 1].next = position;
            events.push(Event {
                span,
                is_call: !is_return,
                previous: position - 1,
                next: HEAD,
            });
            if is_return {
                returns[span] = Some(position);
            } else {
                calls[span] = position;
            }
        }
        let last = events.len() - 1;
        events[HEAD].previous = last;
        Self {
            specification,
            spans,
            at: events[HEAD].next,
            events,
            unexplained: returns.iter().flatten().count(),
            returns,
            calls,
            state: specification.initial(),
            taken: vec![0; spans.len().div_ceil(64)],
            choices: Vec::new(),
            seen: HashSet::new(),
            deepest: 0,
            deepest_at: None,
        }
    }

    fn advance(&mut self) -> Progress {
        if self.unexplained == 0 {
            return Progress::Explained;
        }
        // With returns left, the walk meets one of them before the list ends.
        assert_ne!(self.at, HEAD, "ran past a return");
        let event = self.events[self.at];
        if event.is_call {
            self.try_call(event);
            return Progress::Going;
        }
        self.remember_depth(event.span);
        self.undo()
    }

    fn try_call(&mut self, event: Event) {
        let step = &self.spans[event.span].step;
        if let Some(state) = self.specification.apply(&self.state, step) {
            self.flip(event.span);
            if self.seen.insert((self.taken.clone(), state.clone())) {
                let former = std::mem::replace(&mut self.state, state);
                self.choices.push((event.span, former));
                self.lift(event.span);
                self.at = self.events[HEAD].next;
                return;
            }
            self.flip(event.span);
        }
        self.at = event.next;
    }

    fn undo(&mut self) -> Progress {
        let Some((span, state)) = self.choices.pop() else {
            return Progress::Stuck;
        };
        self.state = state;
        self.flip(span);
        self.unlift(span);
        self.at = self.events[self.calls[span]].next;
        Progress::Going
    }

    fn flip(&mut self, span: usize) {
        self.taken[span / 64] ^= 1 << (span % 64);
    }

    fn lift(&mut self, span: usize) {
        self.unlink(self.calls[span]);
        if let Some(position) = self.returns[span] {
            self.unlink(position);
            self.unexplained -= 1;
        }
    }

    fn unlift(&mut self, span: usize) {
        if let Some(position) = self.returns[span] {
            self.relink(position);
            self.unexplained += 1;
        }
        self.relink(self.calls[span]);
    }

    fn unlink(&mut self, position: usize) {
        let Event { previous, next, .. } = self.events[position];
        self.events[previous].next = next;
        self.events[next].previous = previous;
    }

    fn relink(&mut self, position: usize) {
        let Event { previous, next, .. } = self.events[position];
        self.events[previous].next = position;
        self.events[next].previous = position;
    }

    fn remember_depth(&mut self, blocked: usize) {
        if self.deepest_at.is_none() || self.choices.len() > self.deepest {
            self.deepest = self.choices.len();
            self.deepest_at = Some((blocked, self.state.clone()));
        }
    }

    fn story(&self) -> String {
        let Some((blocked, state)) = &self.deepest_at else {
            return "nothing could be explained".to_owned();
        };
        let blocked = &self.spans[*blocked];
        let around: Vec<String> = self
            .spans
            .iter()
            .filter(|span| !span.precedes(blocked) && !blocked.precedes(span))
            .take(8)
            .map(|span| format!("{span:?}"))
            .collect();
        format!(
            "after {} of {} operations the state is {state:?} and nothing explains {blocked:?}; at the same time: {}",
            self.deepest,
            self.spans.len(),
            around.join(", "),
        )
    }
}
