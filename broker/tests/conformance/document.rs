//! What the document about conformance says, and that it says all of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};

use crate::registry::Covered;

const STATEMENTS: &str = include_str!("statements.tsv");
const WRITE: &str = "QUORATE_WRITE_GOLDEN";

const INTRODUCTION: &str = "\
# Conformance to MQTT

Both standards, [MQTT 3.1.1](https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/mqtt-v3.1.1.html) and \
[MQTT 5.0](https://docs.oasis-open.org/mqtt/mqtt/v5.0/mqtt-v5.0.html), number what an \
implementation has to do. The tables below name every such statement that binds a server, and the \
tests that fail when the broker does not keep to it. The tests speak over real sockets, in bytes \
that were put together by hand wherever the form of a packet matters.

The tests of a statement of 3.1.1 are also held against 3.1, where that edition says the same.

Where the standards leave room, or this broker does not keep to their letter:

- Clients of 3.1.1 can share subscriptions as those of 5.0 can: `$share/group/filter` is not an \
ordinary filter for them.
- Any part of a packet is a sign of life, so a client that sends a large packet slowly is not cut \
off by its keep alive; by the letter only a whole packet is.
- A retained message goes to whoever subscribes, also to the client that published it and asks \
for no messages of its own.
- What is published while a new subscription waits for its retained messages may come before \
them, unless it is retained too.
- A client of 3.1.1 that takes over its own session leaves the will of its former connection.

This page is generated from the tests themselves, and a test compares the two: a statement without \
a test fails the build, and so does a page that says something else. To write it anew:

```sh
QUORATE_WRITE_GOLDEN=1 cargo test -p quorate-broker --test conformance document
```
";

/// One line of the list.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Statement {
    edition: &'static str,
    group: &'static str,
    name: &'static str,
}

fn statements() -> Vec<Statement> {
    let lines = STATEMENTS.lines().skip(1);
    let statement = |line: &'static str| {
        let [edition, group, name] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("{line:?} has not three fields");
        };
        Statement {
            edition,
            group,
            name,
        }
    };
    lines.map(statement).collect()
}

type Tests = BTreeMap<(&'static str, &'static str), Vec<&'static Covered>>;

/// The tests of each statement, by edition and name.
fn tests() -> Tests {
    let mut tests = Tests::new();
    for test in crate::COVERED.iter().copied().flatten() {
        for (edition, names) in test.statements {
            for name in *names {
                tests.entry((edition, name)).or_default().push(test);
            }
        }
    }
    tests
}

fn generate() -> String {
    let mut page = INTRODUCTION.to_owned();
    let tests = tests();
    let (mut edition, mut group) = ("", "");
    for statement in statements() {
        if statement.edition != edition {
            (edition, group) = (statement.edition, "");
            write!(page, "\n## MQTT {edition}\n").unwrap();
        }
        if statement.group != group {
            group = statement.group;
            let head = "| Statement | Checked by |\n|---|---|";
            writeln!(page, "\n### {group}\n\n{head}").unwrap();
        }
        let tests = tests.get(&(statement.edition, statement.name));
        let links = tests.into_iter().flatten().map(|test| link(test));
        let links = links.collect::<Vec<_>>().join("<br>");
        writeln!(page, "| {} | {links} |", statement.name).unwrap();
    }
    page
}

fn link(test: &Covered) -> String {
    let module = test.module.rsplit("::").next().unwrap();
    let test = test.test;
    format!("[{test}](../broker/tests/conformance/{module}.rs)")
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/conformance.md")
}

#[test]
fn every_statement_is_checked_by_a_test() {
    let tests = tests();
    let open: Vec<_> = statements()
        .into_iter()
        .filter(|statement| !tests.contains_key(&(statement.edition, statement.name)))
        .map(|statement| (statement.edition, statement.name))
        .collect();
    assert!(open.is_empty(), "{} without a test: {open:?}", open.len());
}

#[test]
fn every_test_names_statements_of_the_list() {
    let known: BTreeSet<_> = statements()
        .iter()
        .map(|statement| (statement.edition, statement.name))
        .collect();
    for ((edition, name), tests) in tests() {
        let test = tests[0].test;
        assert!(known.contains(&(edition, name)), "{test}: {edition} {name}");
        let names: BTreeSet<_> = tests.iter().map(|test| test.test).collect();
        assert_eq!(names.len(), tests.len(), "{name} names a test twice");
    }
}

#[test]
fn the_document_says_what_the_tests_check() {
    let page = generate();
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(path(), &page).unwrap();
    }
    let written = std::fs::read_to_string(path()).unwrap_or_default();
    let differs = written.lines().zip(page.lines()).find(|(is, be)| is != be);
    assert!(
        written == page,
        "docs/conformance.md is out of date; write it with {WRITE}=1: {differs:?}"
    );
}
