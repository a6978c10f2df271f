//! The shared secret of a cluster: where its text is, and what is no secret.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::problem::Problem;
use crate::secret::{REDACTED, Secret};

/// Below this an attacker may just try.
const MIN_BYTES: usize = 16;
/// A file beyond this is no cookie.
const MAX_FILE_BYTES: u64 = 4096;

/// What a cookie starts with that stands elsewhere.
const REFERENCE: &str = "file:";

/// Defaults of brokers and of tutorials.
const WELL_KNOWN: [&str; 14] = [
    "quorate",
    "secret",
    "secretcookie",
    "changeme",
    "change-me",
    "change_me",
    "cookie",
    "mycookie",
    "password",
    "public",
    "admin",
    "monster",
    "emqxsecretcookie",
    "vmqsecretcookie",
];

pub(crate) fn is_reference(text: &str) -> bool {
    text.starts_with(REFERENCE)
}

/// The secret that `text` is or names, with what is to be warned of.
pub(crate) fn read_cookie(text: &str) -> Result<(Secret, Option<Problem>), Problem> {
    if text == REDACTED {
        return Err(Problem::new(format!(
            "`{REDACTED}` stands where `config show` leaves the cookie out"
        ))
        .with_hint("put the cookie itself there, or file:///path"));
    }
    let Some(rest) = text.strip_prefix(REFERENCE) else {
        return Ok((Secret::new(text), None));
    };
    let path = rest
        .strip_prefix("//")
        .filter(|path| path.starts_with('/'))
        .ok_or_else(|| {
            Problem::new("a cookie's file is named by its absolute path")
                .with_hint("write file:///path, with three slashes")
        })?;
    let path = Path::new(path);
    let content = read_file(path).map_err(|error| {
        let path = path.display();
        Problem::new(format!("cannot read the cookie's file {path}: {error}"))
    })?;
    let line = content.strip_suffix('\n').unwrap_or(&content);
    let line = line.strip_suffix('\r').unwrap_or(line);
    Ok((Secret::new(line), open_to_others(path)))
}

fn read_file(path: &Path) -> io::Result<String> {
    let mut content = String::new();
    let mut file = File::open(path)?.take(MAX_FILE_BYTES + 1);
    file.read_to_string(&mut content)?;
    if content.len() as u64 > MAX_FILE_BYTES {
        let what = format!("it has more than {MAX_FILE_BYTES} bytes");
        return Err(io::Error::other(what));
    }
    Ok(content)
}

/// A warning, and no error: Kubernetes mounts secrets readable to all, in a
/// container with nobody else in it.
pub(crate) fn open_to_others(path: &Path) -> Option<Problem> {
    let mode = path.metadata().ok()?.mode();
    let path = path.display();
    (mode & 0o044 != 0).then(|| {
        Problem::new(format!(
            "{path} holds a secret, and others may read it (mode {:04o})",
            mode & 0o7777
        ))
        .with_hint(format!("chmod 600 {path}"))
    })
}

/// Why this is no secret, if it is none.
pub(crate) fn weakness(cookie: &Secret) -> Option<String> {
    let text = cookie.reveal().trim();
    if text.is_empty() {
        Some("the cookie is empty".to_owned())
    } else if WELL_KNOWN
        .iter()
        .any(|known| known.eq_ignore_ascii_case(text))
    {
        Some("the cookie is a well-known one".to_owned())
    } else if text.len() < MIN_BYTES {
        Some(format!(
            "the cookie has {} bytes, fewer than {MIN_BYTES}",
            text.len()
        ))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn cookie_file(content: &[u8], mode: u32) -> (tempfile::TempDir, String) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cookie");
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let text = format!("file://{}", path.display());
        (dir, text)
    }

    #[test]
    fn one_line_end_is_not_part_of_it() {
        for (content, expected) in [
            ("a b", "a b"),
            ("a\n", "a"),
            ("a\r\n", "a"),
            ("a\n\n", "a\n"),
            ("", ""),
        ] {
            let (_dir, text) = cookie_file(content.as_bytes(), 0o600);
            let (cookie, warning) = read_cookie(&text).unwrap();
            assert_eq!(cookie.reveal(), expected);
            assert_eq!(warning, None);
        }
    }

    #[test]
    fn a_file_open_to_others_is_warned_of() {
        let (_dir, text) = cookie_file(b"x", 0o640);
        let (_, warning) = read_cookie(&text).unwrap();
        let path = text.trim_start_matches("file://");
        let warning = warning.unwrap();
        assert_eq!(
            warning.what(),
            format!("{path} holds a secret, and others may read it (mode 0640)")
        );
        assert_eq!(warning.hint(), Some(format!("chmod 600 {path}").as_str()));
    }

    #[test]
    fn files_that_are_no_cookie() {
        let problem = |text: &str| read_cookie(text).unwrap_err().to_string();
        assert_eq!(
            problem("file:///no/such/cookie"),
            "cannot read the cookie's file /no/such/cookie: \
             No such file or directory (os error 2)"
        );
        for text in ["file:cookie", "file://cookie", "file:/cookie"] {
            let expected = "a cookie's file is named by its absolute path";
            assert_eq!(problem(text), expected);
        }
        let (_dir, text) = cookie_file(&[b'x'; 4097], 0o600);
        assert!(problem(&text).ends_with("it has more than 4096 bytes"));
        let (_dir, text) = cookie_file(&[0xff], 0o600);
        assert!(problem(&text).contains("UTF-8"));
    }

    #[test]
    fn weak_cookies() {
        let weakness = |text: &str| weakness(&Secret::new(text));
        assert_eq!(weakness(" \n").unwrap(), "the cookie is empty");
        for text in ["emqxsecretcookie", "Quorate", " password "] {
            assert_eq!(weakness(text).unwrap(), "the cookie is a well-known one");
        }
        assert_eq!(
            weakness("123456789012345").unwrap(),
            "the cookie has 15 bytes, fewer than 16"
        );
        assert_eq!(weakness("1234567890123456"), None);
    }
}
