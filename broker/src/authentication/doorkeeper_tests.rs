#![allow(clippy::unwrap_used)]

use std::path::Path;

use quorate_mqtt::version::Version;

use super::super::method::Refusal;
use super::super::user_file::UserFile;
use super::super::user_line::user_line;
use super::*;

fn doorkeeper(has_users: bool, allow_anonymous: bool) -> Doorkeeper {
    let config = AuthenticationConfig {
        allow_anonymous,
        scram_users: None,
    };
    let line = user_line("alice", "secret", 4096).unwrap();
    let file = UserFile::parse(Path::new("users"), &line).unwrap();
    Doorkeeper {
        users: has_users.then(|| Arc::new(Users::of(file))),
        ..Doorkeeper::new(&config).unwrap()
    }
}

#[test]
fn who_comes_in_how() {
    use Approach::{ComesIn, MayNot, Password};
    let (name, password) = ("alice", &b"secret"[..]);
    let long = [b'x'; 1025];
    let nothing = MayNot(ReasonCode::NotAuthorized);
    let wrong = || MayNot(ReasonCode::BadUserNameOrPassword);
    // Whether there are users, whether anybody may come, and what a client says.
    let cases = [
        (false, true, None, None, ComesIn),
        (false, true, Some(name), Some(password), ComesIn),
        (false, true, Some(name), None, ComesIn),
        (false, false, None, None, MayNot(ReasonCode::NotAuthorized)),
        (false, false, Some(name), Some(password), wrong()),
        (true, true, None, None, ComesIn),
        (true, false, None, None, nothing),
        (
            true,
            true,
            Some(name),
            Some(password),
            Password { name, password },
        ),
        (
            true,
            false,
            Some(name),
            Some(password),
            Password { name, password },
        ),
        (true, true, Some(name), None, wrong()),
        (true, true, None, Some(password), wrong()),
        (true, true, Some(""), Some(password), wrong()),
        (true, true, Some(name), Some(b""), wrong()),
        (true, true, Some(name), Some(b"\xff"), wrong()),
        (true, true, Some(name), Some(&long), wrong()),
        (true, true, Some("al:ice"), Some(password), wrong()),
    ];
    for (has_users, allow_anonymous, user_name, password, expected) in cases {
        let connect = Connect {
            user_name,
            password,
            ..Connect::new(Version::V5, "id")
        };
        let doorkeeper = doorkeeper(has_users, allow_anonymous);
        assert_eq!(doorkeeper.judge(&connect), expected, "{connect:?}");
    }
}

#[test]
fn a_method_comes_before_all_else() {
    let connect = Connect {
        user_name: Some("alice"),
        password: Some(b"secret"),
        auth_method: Some("SCRAM-SHA-256"),
        ..Connect::new(Version::V5, "id")
    };
    let (name, first) = ("SCRAM-SHA-256", &b""[..]);
    for (has_users, allow_anonymous) in [(false, true), (true, true), (true, false)] {
        let doorkeeper = doorkeeper(has_users, allow_anonymous);
        assert_eq!(doorkeeper.judge(&connect), Approach::Method { name, first });
    }
    // Without users there is no method either.
    let step = doorkeeper(false, true).begin(name, first, "nonce");
    assert!(matches!(step, Step::Refused(Refusal::UnknownMethod)));
}
