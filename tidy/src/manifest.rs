//! As much of a `Cargo.toml` as the rules need: one key a line, no nesting
//! beyond inline tables. Cargo itself checks the rest.

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest {
    pub name: Option<String>,
    pub dependencies: Vec<Dependency>,
    pub dev_dependencies: Vec<Dependency>,
    pub build_dependencies: Vec<Dependency>,
    /// `path = "..."` of `[lib]`, `[[bin]]`, `[[test]]`, `[[bench]]`, `[[example]]`.
    pub target_paths: Vec<String>,
    pub inherits_lints: bool,
    pub is_workspace: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// The package's name, also when the key renames it.
    pub name: String,
    pub line: usize,
}

pub fn parse(text: &str) -> Manifest {
    let mut manifest = Manifest::default();
    let mut section = String::new();
    for (at, raw) in text.lines().enumerate() {
        let line = without_comment(raw).trim();
        if let Some(header) = line.strip_prefix('[') {
            section = header.trim_matches(['[', ']']).trim().to_owned();
            manifest.is_workspace |= section == "workspace";
            // `[dependencies.name]` is a table of its own.
            if let Some((table, name)) = section.rsplit_once('.') {
                let name = name.trim_matches('"').to_owned();
                let dependency = Dependency { name, line: at + 1 };
                if let Some(list) = manifest.dependency_list(table) {
                    list.push(dependency);
                }
            }
            continue;
        }
        let Some((key, value)) = line.split_once('=') else {
            continue;
        };
        manifest.take(&section, key.trim(), value.trim(), at + 1);
    }
    manifest
}

impl Manifest {
    pub fn all_dependencies(&self) -> impl Iterator<Item = &Dependency> {
        self.dependencies
            .iter()
            .chain(&self.build_dependencies)
            .chain(&self.dev_dependencies)
    }

    fn take(&mut self, section: &str, key: &str, value: &str, line: usize) {
        match (section, key) {
            ("package", "name") => self.name = quoted(value),
            ("lints", "workspace") => self.inherits_lints = value == "true",
            ("lib" | "bin" | "test" | "bench" | "example", "path") => {
                self.target_paths.extend(quoted(value));
            }
            _ => {
                let name = package_name(key, value);
                if let Some(list) = self.dependency_list(section) {
                    list.push(Dependency { name, line });
                }
            }
        }
    }

    fn dependency_list(&mut self, section: &str) -> Option<&mut Vec<Dependency>> {
        let table = match section.strip_prefix("target.") {
            Some(rest) => rest.rsplit('.').next()?,
            None => section,
        };
        match table {
            "dependencies" => Some(&mut self.dependencies),
            "dev-dependencies" => Some(&mut self.dev_dependencies),
            "build-dependencies" => Some(&mut self.build_dependencies),
            _ => None,
        }
    }
}

fn package_name(key: &str, value: &str) -> String {
    let renamed = value
        .split(['{', ','])
        .filter_map(|part| part.trim().strip_prefix("package"))
        .find_map(|rest| quoted(rest.trim().strip_prefix('=')?.trim()));
    let key = key.trim_matches('"');
    renamed.unwrap_or_else(|| key.split('.').next().unwrap_or(key).to_owned())
}

fn quoted(value: &str) -> Option<String> {
    value.split('"').nth(1).map(str::to_owned)
}

/// A `#` inside quotes is part of the value.
pub fn without_comment(line: &str) -> &str {
    let mut inside = false;
    for (at, character) in line.char_indices() {
        match character {
            '"' => inside = !inside,
            '#' if !inside => return &line[..at],
            _ => {}
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dependencies: &[Dependency]) -> Vec<&str> {
        dependencies.iter().map(|one| one.name.as_str()).collect()
    }

    #[test]
    fn reads_what_the_rules_need() {
        let manifest = parse(
            "[package]\nname = \"quorate-x\" # why\n[lints]\nworkspace = true\n\
             [dependencies]\na.workspace = true\nb = { version = \"1\", package = \"real-b\" }\n\
             [dev-dependencies]\nc = \"1\"\n[build-dependencies]\nd = \"1\"\n\
             [dependencies.e]\nversion = \"1\"\n\
             [target.'cfg(unix)'.dependencies]\nf = \"1\"\n\
             [[bin]]\nname = \"tool\"\npath = \"tools/tool.rs\"\n",
        );
        assert_eq!(manifest.name.as_deref(), Some("quorate-x"));
        assert!(manifest.inherits_lints);
        assert!(!manifest.is_workspace);
        assert_eq!(names(&manifest.dependencies), ["a", "real-b", "e", "f"]);
        assert_eq!(names(&manifest.dev_dependencies), ["c"]);
        assert_eq!(names(&manifest.build_dependencies), ["d"]);
        assert_eq!(manifest.target_paths, ["tools/tool.rs"]);
        assert_eq!(manifest.dependencies[0].line, 6);
    }

    #[test]
    fn a_hash_in_quotes_is_no_comment() {
        assert_eq!(without_comment("a = \"b#c\" # d"), "a = \"b#c\" ");
    }
}
