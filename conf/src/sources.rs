//! What a configuration is read from.

use std::path::PathBuf;

/// Nothing of the process is read behind the caller's back.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// `-c FILE`.
    pub file: Option<PathBuf>,
    /// The environment. `std::env::vars` panics on a variable that is no
    /// UTF-8; a caller leaves such variables out.
    pub env: Vec<(String, String)>,
    /// `--set key=value`, in their order.
    pub sets: Vec<String>,
}
