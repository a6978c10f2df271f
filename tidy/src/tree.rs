//! The files of the repository, read once.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Folders that a walk skips. Git knows them from `.gitignore`; a source
/// archive without git does not.
const BUILD_FOLDERS: &[&str] = &[
    ".git",
    "target",
    "fuzz/target",
    "fuzz/corpus",
    "fuzz/artifacts",
];

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextFile {
    /// Relative to the root, with `/` between folders.
    pub path: String,
    pub text: String,
}

/// All paths, and the text of those that are UTF-8. Golden and other binary
/// files count as existing but no rule reads them.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    pub paths: BTreeSet<String>,
    pub files: Vec<TextFile>,
}

impl Tree {
    pub fn load(root: &Path) -> io::Result<Self> {
        let paths = match listed_by_git(root) {
            Some(paths) => paths,
            None => walked(root)?,
        };
        let mut tree = Self::default();
        for path in paths {
            let bytes = match std::fs::read(root.join(&path)) {
                Ok(bytes) => bytes,
                // Removed from the work tree, not yet from the index.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                // A link to a folder: git lists it as one file.
                Err(error) if error.kind() == io::ErrorKind::IsADirectory => continue,
                Err(error) => return Err(error),
            };
            if let Ok(text) = String::from_utf8(bytes) {
                tree.files.push(TextFile {
                    path: path.clone(),
                    text,
                });
            }
            tree.paths.insert(path);
        }
        Ok(tree)
    }

    /// A tree for unit tests.
    pub fn of(files: &[(&str, &str)]) -> Self {
        Self {
            paths: files.iter().map(|(path, _)| (*path).to_owned()).collect(),
            files: files
                .iter()
                .map(|(path, text)| TextFile {
                    path: (*path).to_owned(),
                    text: (*text).to_owned(),
                })
                .collect(),
        }
    }

    pub fn text(&self, path: &str) -> Option<&str> {
        self.files
            .iter()
            .find(|file| file.path == path)
            .map(|file| file.text.as_str())
    }

    pub fn rust_files(&self) -> impl Iterator<Item = &TextFile> {
        self.files.iter().filter(|file| file.path.ends_with(".rs"))
    }

    /// True for a file and for a folder that holds one.
    pub fn holds(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        path.is_empty()
            || self.paths.contains(path)
            || self
                .paths
                .range(format!("{path}/")..)
                .next()
                .is_some_and(|next| next.starts_with(&format!("{path}/")))
    }
}

/// Tracked files and new ones that are not ignored, so that a rule speaks
/// before the commit. `None` when this is no git work tree or git is missing.
fn listed_by_git(root: &Path) -> Option<BTreeSet<String>> {
    if !root.join(".git").exists() {
        return None;
    }
    let output = Command::new("git")
        .arg("-C")
        .arg(root)
        .args(["ls-files", "-z", "--cached", "--others"])
        .arg("--exclude-standard")
        .output()
        .ok()?;
    if !output.status.success() {
        return None;
    }
    let listing = String::from_utf8(output.stdout).ok()?;
    Some(
        listing
            .split('\0')
            .filter(|path| !path.is_empty())
            .map(str::to_owned)
            .collect(),
    )
}

fn walked(root: &Path) -> io::Result<BTreeSet<String>> {
    let mut paths = BTreeSet::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(root.join(&folder))? {
            let entry = entry?;
            let relative = folder.join(entry.file_name());
            let Some(path) = relative.to_str().map(|path| path.replace('\\', "/")) else {
                continue;
            };
            if entry.file_type()?.is_dir() {
                if !BUILD_FOLDERS.contains(&path.as_str()) {
                    folders.push(relative);
                }
            } else {
                paths.insert(path);
            }
        }
    }
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_counts_when_it_holds_a_file() {
        let tree = Tree::of(&[("docs/adr/0001-x.md", ""), ("docs-old", "")]);
        assert!(tree.holds("docs"));
        assert!(tree.holds("docs/adr/"));
        assert!(tree.holds("docs/adr/0001-x.md"));
        assert!(!tree.holds("docs/adr/0002-y.md"));
        assert!(!tree.holds("doc"));
    }

    #[test]
    fn walking_finds_what_git_finds_outside_build_folders() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let walked = walked(root).unwrap();
        assert!(walked.contains("src/tree.rs"));
        assert!(walked.contains("Cargo.toml"));
        assert!(!walked.iter().any(|path| path.starts_with("target/")));
    }
}
