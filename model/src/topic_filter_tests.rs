#![allow(clippy::unwrap_used, clippy::expect_used)]

use proptest::prelude::*;
use rkyv::rancor::Error;

use super::*;

fn filter(text: &str) -> TopicFilter {
    TopicFilter::new(text).unwrap()
}

fn topic(text: &str) -> TopicName {
    TopicName::new(text).unwrap()
}

#[test]
fn accepts_what_mqtt_accepts() {
    let longest = "x".repeat(65_535);
    let plain = [
        "a", "/", "+", "#", "/#", "+/#", "+/+", "a/+/b", "a//#", "+/", "$SYS/#",
    ];
    let odd = [
        "$shared",
        "$shared/a",
        "$SHARE",
        "$SHARE//a",
        "$",
        "é/+",
        "✓/#",
        "share/+",
    ];
    for text in plain.into_iter().chain(odd).chain([longest.as_str()]) {
        let accepted = filter(text);
        assert_eq!(accepted.as_str(), text);
        assert_eq!(accepted.pattern(), text);
        assert_eq!(accepted.share_group(), None);
    }
}

#[test]
fn splits_shared_filters() {
    let table = [
        ("$share/g/a", "g", "a"),
        ("$share/g/#", "g", "#"),
        ("$share/g//", "g", "/"),
        ("$share/g//a", "g", "/a"),
        ("$share/é ✓/+/b", "é ✓", "+/b"),
        ("$share/$share/a", "$share", "a"),
        ("$share/g/$shared", "g", "$shared"),
    ];
    for (text, group, pattern) in table {
        assert_eq!(filter(text).share_group(), Some(group), "{text}");
        assert_eq!(filter(text).pattern(), pattern, "{text}");
    }
}

#[test]
fn says_what_is_wrong() {
    use TopicFilterError as E;
    let table = [
        ("", E::Empty),
        ("a+", E::PartialPlus { at: 1 }),
        ("a+/b", E::PartialPlus { at: 1 }),
        ("a/+b", E::PartialPlus { at: 2 }),
        ("++", E::PartialPlus { at: 0 }),
        ("é+", E::PartialPlus { at: 2 }),
        ("a#", E::PartialHash { at: 1 }),
        ("a/b#", E::PartialHash { at: 3 }),
        ("##", E::PartialHash { at: 0 }),
        ("#/", E::HashNotLast { at: 0 }),
        ("a/#/b", E::HashNotLast { at: 2 }),
        ("#/#", E::HashNotLast { at: 0 }),
        ("$share", E::ShareGroupMissing),
        ("$share/", E::ShareGroupMissing),
        ("$share//f", E::ShareGroupMissing),
        ("$share//", E::ShareGroupMissing),
        ("$share/g", E::ShareFilterMissing),
        ("$share/g/", E::ShareFilterMissing),
        ("$share/+/a", E::ShareGroupWildcard { wildcard: '+' }),
        ("$share/a#/a", E::ShareGroupWildcard { wildcard: '#' }),
        ("$share/#", E::ShareGroupWildcard { wildcard: '#' }),
        ("$share/g/a/b+", E::PartialPlus { at: 12 }),
        ("$share/g/#/b", E::HashNotLast { at: 9 }),
        ("$share/g/$share/h/a", E::ShareNested),
        ("$share/g/$share", E::ShareNested),
        ("a/\0", E::Text(TextError::Nul { at: 2 })),
    ];
    for (text, error) in table {
        assert_eq!(TopicFilter::new(text), Err(error), "{text:?}");
    }
    let bytes = 65_536;
    assert_eq!(
        TopicFilter::new("x".repeat(bytes)),
        Err(TextError::TooLong { bytes }.into())
    );
}

#[test]
fn knows_wildcards() {
    for (text, wildcard) in [
        ("a/b", false),
        ("+", true),
        ("a/#", true),
        ("$share/g/a", false),
    ] {
        assert_eq!(filter(text).is_wildcard(), wildcard, "{text}");
    }
    assert!(filter("$share/g/a/+").is_wildcard());
}

#[test]
fn matches_by_the_rules() {
    let table: [(&str, &[&str], &[&str]); 18] = [
        (
            "a/b",
            &["a/b"],
            &["a", "a/b/", "a/b/c", "/a/b", "A/b", "a/bb", "a/"],
        ),
        ("+", &["a", "é", "✓✓"], &["/", "a/", "/a", "a/b", "$a", "$"]),
        ("#", &["a", "/", "a/b/c", "é/✓"], &["$SYS", "$SYS/a", "$"]),
        ("/+", &["/", "/a"], &["a", "//", "/a/"]),
        ("+/+", &["/", "a/", "/a", "a/b"], &["a", "a/b/c", "$SYS/a"]),
        ("+/#", &["a", "/", "a/b", "/a/b"], &["$SYS/a", "$SYS"]),
        (
            "a/#",
            &["a", "a/", "a/b", "a//b/c"],
            &["ab", "b", "/a", "aa/b"],
        ),
        ("a/+", &["a/", "a/b"], &["a", "a/b/c", "a//"]),
        ("a/+/#", &["a/", "a/b", "a/b/c"], &["a"]),
        ("a//b", &["a//b"], &["a/b", "a/x/b"]),
        ("a/+/b", &["a//b", "a/é/b"], &["a/b", "a/b/b/b"]),
        ("//#", &["/", "//", "///", "//a"], &["/a", "a", "a//"]),
        ("/", &["/"], &["//", "a"]),
        (
            "$SYS/#",
            &["$SYS", "$SYS/", "$SYS/a/b"],
            &["$SYSa", "$sys", "a/$SYS"],
        ),
        ("$SYS/+", &["$SYS/a", "$SYS/"], &["$SYS", "$SYS/a/b"]),
        ("a/$b/+", &["a/$b/c"], &["a/b/c"]),
        ("$share/g/#", &["a", "a/b"], &["$SYS/a", "$share/g/a"]),
        ("$share/g/$SYS/#", &["$SYS/a"], &["a", "SYS/a"]),
    ];
    for (pattern, hits, misses) in table {
        for hit in hits {
            assert!(filter(pattern).matches(&topic(hit)), "{pattern} {hit}");
        }
        for miss in misses {
            assert!(!filter(pattern).matches(&topic(miss)), "{pattern} {miss}");
        }
    }
}

#[test]
fn malformed_bytes_are_refused() {
    for good in ["a", "$share/group/with/+/a/long/pattern/#"].map(filter) {
        let bytes = rkyv::to_bytes::<Error>(&good).unwrap();
        assert_eq!(
            rkyv::from_bytes::<TopicFilter, Error>(&bytes).unwrap(),
            good
        );
    }
    for bad in [
        "",
        "a+",
        "#/a",
        "$share//f",
        "$share/g/",
        "a\0b",
        "a/long/filter/#/out/of/line",
    ] {
        let bytes = rkyv::to_bytes::<Error>(&TopicFilter(Arc::from(bad))).unwrap();
        assert!(
            rkyv::access::<ArchivedTopicFilter, Error>(&bytes).is_err(),
            "{bad:?}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Both over any string and over strings made of the characters that matter.
    #[test]
    fn nothing_panics(any in ".*", dense in "(\\$share|[a$+#/é✓\\x00]){0,12}") {
        for text in [any, dense] {
            let name = TopicName::new(text.as_str());
            let filter = TopicFilter::new(text.as_str());
            if let (Ok(name), Ok(filter)) = (&name, &filter) {
                // What is both has no wildcards: as a plain filter it matches
                // itself, as a shared one only what its pattern says.
                prop_assert_eq!(filter.matches(name), filter.share_group().is_none());
            }
            if let Ok(filter) = filter {
                prop_assert!(check_pattern(filter.pattern()).is_ok());
                let whole = match filter.share_group() {
                    Some(group) => format!("$share/{group}/{}", filter.pattern()),
                    None => filter.pattern().to_owned(),
                };
                prop_assert_eq!(whole.as_str(), filter.as_str());
            }
            if let Ok(name) = name {
                let all = TopicFilter::new("#").unwrap();
                prop_assert_eq!(all.matches(&name), !text.starts_with('$'));
            }
        }
    }
}
