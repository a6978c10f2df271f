#![allow(clippy::unwrap_used)]

use std::fmt::Write;

use super::super::error::TextFault;
use super::super::user_line::{line_with_salt, user_line};
use super::*;

const ITERATIONS: u32 = 4096;

fn parse(text: &str) -> Result<UserFile, UserFileError> {
    UserFile::parse(Path::new("users"), text)
}

fn line(name: &str, password: &str) -> String {
    user_line(name, password, ITERATIONS).unwrap()
}

#[test]
fn it_finds_its_users_and_checks_their_passwords() {
    let text = format!(
        "# ours\r\n{}\r\n\n{}\n",
        line("alice", "one two"),
        line("b+#/", "~")
    );
    let file = parse(&text).unwrap();
    assert_eq!((file.len(), file.iterations().get()), (2, ITERATIONS));
    let check = |name: &str, password: &[u8]| file.check(name, &Password::new(password));
    assert_eq!(check("alice", b"one two").as_deref(), Some("alice"));
    assert_eq!(check("b+#/", b"~").as_deref(), Some("b+#/"));
    for (name, password) in [("alice", "~"), ("alice", "one two "), ("carol", "~")] {
        assert_eq!(check(name, password.as_bytes()), None, "{name} {password}");
    }
}

#[test]
fn faults_are_told_with_their_line() {
    let good = line_with_salt("good", "secret", ITERATIONS, &[1; 16]).unwrap();
    let other = |name: &str, iterations: u32, salt: &[u8]| {
        line_with_salt(name, "secret", iterations, salt).unwrap()
    };
    let with = |field: usize, text: &str| {
        let mut fields: Vec<&str> = good.split(':').collect();
        fields[field] = text;
        fields.join(":")
    };
    let cases = [
        ("user:secret".to_owned(), LineFault::Fields { found: 2 }),
        (format!("{good}:"), LineFault::Fields { found: 6 }),
        (with(0, ""), LineFault::Name(TextFault::Empty)),
        (with(0, "\u{e9}"), LineFault::Name(TextFault::NotPlain)),
        (
            with(0, &"x".repeat(257)),
            LineFault::Name(TextFault::LongName),
        ),
        (good.clone(), LineFault::Twice),
        (with(1, "secret!"), LineFault::Base64("salt")),
        (with(1, "AAAA"), LineFault::Salt { found: 3 }),
        (with(2, "many"), LineFault::Iterations),
        (with(2, "4095"), LineFault::Iterations),
        (with(2, "2000001"), LineFault::Iterations),
        (with(3, "AAA"), LineFault::Base64("stored key")),
        (
            with(3, "AAAA"),
            LineFault::Key {
                field: "stored key",
                found: 3,
            },
        ),
        (
            with(4, ""),
            LineFault::Key {
                field: "server key",
                found: 0,
            },
        ),
        (
            other("slow", 5000, &[1; 16]),
            LineFault::OtherIterations {
                found: 5000,
                wanted: 4096,
            },
        ),
        (
            other("salty", 4096, &[1; 12]),
            LineFault::OtherSalt {
                found: 12,
                wanted: 16,
            },
        ),
    ];
    for (bad, expected) in cases {
        let error = parse(&format!("# users\n{good}\n{bad}\n")).err().unwrap();
        let told = error.to_string();
        match error {
            UserFileError::Line { line, fault, .. } => assert_eq!((line, fault), (3, expected)),
            other => panic!("{other}"),
        }
        assert!(told.starts_with("\"users\", line 3: "), "{told}");
        for secret in bad.split(':').skip(1).filter(|field| field.len() > 4) {
            assert!(!told.contains(secret), "{told}");
        }
    }
}

#[test]
fn no_users_are_a_fault_and_not_an_open_door() {
    for text in ["", "\n", "# nobody\n"] {
        assert!(matches!(parse(text), Err(UserFileError::Empty { .. })));
    }
    let missing = UserFile::load(Path::new("there/is/no/such/file"));
    assert!(matches!(missing, Err(UserFileError::Unreadable { .. })));
}

#[test]
fn decoys_are_the_same_after_a_restart_and_differ_otherwise() {
    let text = line("alice", "secret");
    let salt_of = |file: &UserFile, name: &str| file.find(name).credentials.salt;
    let (one, same) = (parse(&text).unwrap(), parse(&text).unwrap());
    assert_eq!(salt_of(&one, "nobody"), salt_of(&same, "nobody"));
    assert_ne!(salt_of(&one, "nobody"), salt_of(&one, "nobody2"));
    let other = parse(&line("alice", "secret")).unwrap();
    assert_ne!(salt_of(&one, "nobody"), salt_of(&other, "nobody"));
}

#[test]
fn a_line_is_made_for_what_can_be_used_alone() {
    use super::super::error::UserLineError::{Iterations, Name, Password as Wrong};
    let long = "x".repeat(1025);
    let cases = [
        ("", "secret", 4096, Name(TextFault::Empty)),
        ("#a", "secret", 4096, Name(TextFault::Comment)),
        ("a:b", "secret", 4096, Name(TextFault::Colon)),
        ("a\nb", "secret", 4096, Name(TextFault::NotPlain)),
        ("a", "", 4096, Wrong(TextFault::Empty)),
        ("a", "p\u{e4}ss", 4096, Wrong(TextFault::NotPlain)),
        ("a", &long, 4096, Wrong(TextFault::LongPassword)),
        ("a", "secret", 1000, Iterations { found: 1000 }),
    ];
    for (name, password, iterations, expected) in cases {
        let error = user_line(name, password, iterations).unwrap_err();
        assert_eq!(error, expected);
    }
    assert_ne!(
        line("a", "secret"),
        line("a", "secret"),
        "the salt is fresh"
    );
}

#[test]
fn nothing_secret_is_shown() {
    let mut shown = String::new();
    let file = parse(&line("alice", "secret")).unwrap();
    write!(shown, "{:?}", file.find("alice").credentials).unwrap();
    write!(shown, "{:?}", Password::new(b"secret")).unwrap();
    assert_eq!(shown, "Credentials { .. }Password(hidden)");
}
