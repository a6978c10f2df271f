//! A configuration, with what there is to say about it.

use crate::config::Config;
use crate::origin::Origins;
use crate::problem::Problem;
use crate::show::show;

#[derive(Clone, Debug)]
pub struct Loaded {
    pub config: Config,
    /// What does not stop a node, and should be mended.
    pub warnings: Vec<Problem>,
    pub origins: Origins,
}

impl Loaded {
    /// The values in effect, as TOML, secrets redacted. With their origins,
    /// each line ends in a comment that names its.
    pub fn show(&self, with_origin: bool) -> String {
        show(&self.config, with_origin.then_some(&self.origins))
    }
}
