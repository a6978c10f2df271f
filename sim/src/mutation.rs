//! The planted bug of a run, if this build can plant any.

use quorate_core::CoreConfig;

/// Nothing planted, unless the feature `mutants` is on and one was chosen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mutation {
    #[cfg(feature = "mutants")]
    pub mutant: Option<quorate_model::mutant::Mutant>,
}

impl Mutation {
    /// Finds a bug by its name.
    #[cfg(feature = "mutants")]
    pub fn named(name: &str) -> Result<Self, String> {
        let all = quorate_model::mutant::Mutant::ALL;
        let mutant = all.into_iter().find(|mutant| format!("{mutant:?}") == name);
        match mutant {
            Some(mutant) => Ok(Self {
                mutant: Some(mutant),
            }),
            None => Err(format!("there is no mutant {name}; there are {all:?}")),
        }
    }

    #[cfg(not(feature = "mutants"))]
    pub fn named(name: &str) -> Result<Self, String> {
        Err(format!(
            "this build has no mutant {name}: build with --features mutants"
        ))
    }

    #[cfg(feature = "mutants")]
    pub(crate) fn plant(self, config: &mut CoreConfig) {
        config.mutant = self.mutant;
    }

    #[cfg(not(feature = "mutants"))]
    pub(crate) fn plant(self, config: &mut CoreConfig) {
        let _ = config;
    }
}
