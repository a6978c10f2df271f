//! What somebody probably meant who mistyped a word.

/// The candidate that is a few keystrokes from `word`, if there is one: one
/// for every three letters, so that short words do not match everything.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let allowed = (word.chars().count() / 3).max(1);
    let word = word.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| {
            let distance = strsim::damerau_levenshtein(&word, &candidate.to_lowercase());
            (distance, candidate)
        })
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `a, b and c` would claim completeness of a sentence; `a, b, c` lists.
pub(crate) fn listed(words: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let mut list = String::new();
    for word in words {
        if !list.is_empty() {
            list += ", ";
        }
        list += word.as_ref();
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_and_far() {
        let keys = ["name", "roles", "data_dir", "cookie"];
        for (word, near) in [
            ("nmae", Some("name")),
            ("role", Some("roles")),
            ("datadir", Some("data_dir")),
            ("COOKIE", Some("cookie")),
            ("node", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, keys), near, "{word}");
        }
    }
}
