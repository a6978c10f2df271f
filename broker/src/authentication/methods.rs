//! The methods that there are.

use super::bounded;
use super::method::{Method, Refusal, Step};

#[derive(Default)]
pub(super) struct Methods {
    methods: Vec<Box<dyn Method>>,
}

impl Methods {
    /// # Panics
    /// If there is one of that name already.
    pub(super) fn add(&mut self, method: impl Method + 'static) {
        let name = method.name();
        assert!(self.find(name).is_none(), "two methods called {name}");
        self.methods.push(Box::new(method));
    }

    pub(super) fn begin(&self, name: &str, first: &[u8], nonce: &str) -> Step {
        match self.find(name) {
            Some(method) => bounded::begin(first, |first| method.begin(first, nonce)),
            None => Step::Refused(Refusal::UnknownMethod),
        }
    }

    fn find(&self, name: &str) -> Option<&dyn Method> {
        let mut methods = self.methods.iter().map(|method| method.as_ref());
        methods.find(|method| method.name() == name)
    }
}
