#![allow(clippy::unwrap_used)]

use std::path::Path;

use proptest::prelude::*;
use scram_client::ScramClient;

use super::*;
use crate::authentication::user_file::UserFile;
use crate::authentication::user_line::line_with_salt;

#[path = "../../../tests/support/scram_client.rs"]
#[allow(dead_code)]
mod scram_client;

const SALT: &str = "W22ZaJ0SNY7soEsUEjb6gQ==";
const CLIENT_NONCE: &str = "rOprNGfwEbeRWgbNEkqO";
const SERVER_NONCE: &str = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";

/// With the user, password and salt of RFC 7677, section 3, and more.
fn scram() -> Scram {
    let salt = BASE64.decode(SALT.as_bytes()).unwrap();
    let users = [("user", "pencil"), ("a,b=c", "rubber")];
    let lines = users.map(|(name, password)| line_with_salt(name, password, 4096, &salt).unwrap());
    let file = UserFile::parse(Path::new("users"), &lines.join("\n")).unwrap();
    Scram::new(Arc::new(Users::of(file)))
}

fn challenge(step: Step) -> (Vec<u8>, Box<dyn Exchange>) {
    match step {
        Step::Challenge { data, next } => (data, next),
        Step::Granted { user, .. } => panic!("{user} was let in at once"),
        Step::Refused(refusal) => panic!("{refusal}"),
    }
}

fn refusal(step: Step) -> Refusal {
    match step {
        Step::Refused(refusal) => refusal,
        Step::Challenge { .. } => panic!("it was taken"),
        Step::Granted { user, .. } => panic!("{user} was let in"),
    }
}

/// Goes through an authentication; says who it is.
fn run(scram: &Scram, mut client: ScramClient<'_>) -> Result<Arc<str>, Refusal> {
    let (data, next) = challenge(scram.begin(&client.first(), SERVER_NONCE));
    match next.advance(&client.last(&data)) {
        Step::Granted { data, user } => {
            assert!(client.believes(&data));
            Ok(user)
        }
        other => Err(refusal(other)),
    }
}

#[test]
fn the_example_of_rfc_7677() {
    let first = b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
    let (data, next) = challenge(scram().begin(first, SERVER_NONCE));
    let server_first = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                        s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
    assert_eq!(str::from_utf8(&data), Ok(server_first));
    let last = b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                 p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
    let Step::Granted { data, user } = next.advance(last) else {
        panic!("it is refused");
    };
    assert_eq!(&*user, "user");
    let server_final = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";
    assert_eq!(str::from_utf8(&data), Ok(server_final));
}

#[test]
fn only_who_knows_the_password_is_let_in() {
    let scram = scram();
    for header in ["n,,", "y,,", "n,a=user,"] {
        let mut client = ScramClient::new("user", "pencil", CLIENT_NONCE);
        client.gs2_header = header;
        assert_eq!(run(&scram, client).as_deref(), Ok("user"), "{header}");
    }
    let escaped = ScramClient::new("a,b=c", "rubber", CLIENT_NONCE);
    assert_eq!(run(&scram, escaped).as_deref(), Ok("a,b=c"));
    for (user, password) in [
        ("user", "Pencil"),
        ("user", ""),
        ("user", "rubber"),
        ("User", "pencil"),
        ("nobody", "pencil"),
    ] {
        let client = ScramClient::new(user, password, CLIENT_NONCE);
        assert_eq!(run(&scram, client), Err(Refusal::WrongProof), "{user}");
    }
}

#[test]
fn users_that_there_are_not_look_like_others() {
    let scram = scram();
    let ask = |user: &str| {
        let first = ScramClient::new(user, "", CLIENT_NONCE).first();
        let (data, _) = challenge(scram.begin(&first, SERVER_NONCE));
        String::from_utf8(data).unwrap()
    };
    let (known, unknown, other) = (ask("user"), ask("nobody"), ask("nobody else"));
    assert_eq!(known.len(), unknown.len());
    assert_ne!(unknown, other);
    assert_eq!(unknown, ask("nobody"), "asking twice tells");
    let rest = |data: &str| data.rsplit_once(",i=").unwrap().1.to_owned();
    assert_eq!(rest(&known), rest(&unknown));
}

#[test]
fn what_a_client_must_not_begin_with() {
    use Refusal::{Malformed, Unsupported};
    let missing = Malformed("it is not `n,,n=user,r=nonce`");
    let cases: &[(&[u8], Refusal)] = &[
        (b"", missing),
        (b"n", missing),
        (b"n,", missing),
        (b"n,,", missing),
        (b"n,,n=user", missing),
        (b"n,,r=nonce,n=user", missing),
        (b"n,,user,r=nonce", missing),
        (b"n,,n=user,nonce", missing),
        (b"n,user,n=user,r=nonce", missing),
        (
            b"n=user,r=nonce",
            Malformed("the first letter is not n, y or p"),
        ),
        (
            b"N,,n=user,r=nonce",
            Malformed("the first letter is not n, y or p"),
        ),
        (
            b",,n=user,r=nonce",
            Malformed("the first letter is not n, y or p"),
        ),
        (
            b"p=tls-unique,,n=user,r=nonce",
            Unsupported("channel binding"),
        ),
        (
            b"n,a=root,n=user,r=nonce",
            Unsupported("to act for another user"),
        ),
        (
            b"n,a=,n=user,r=nonce",
            Unsupported("to act for another user"),
        ),
        (
            b"n,,m=x,n=user,r=nonce",
            Unsupported("an extension that must be known"),
        ),
        (
            b"n,,n=user,r=nonce,m=x",
            Unsupported("an extension that must be known"),
        ),
        (
            b"n,,n=,r=nonce",
            Unsupported("a user name that no user has"),
        ),
        (
            b"n,,n=us\0er,r=nonce",
            Unsupported("a user name that no user has"),
        ),
        (
            b"n,,n=us:er,r=nonce",
            Unsupported("a user name that no user has"),
        ),
        (
            b"n,,n=us\xc3\xa9r,r=nonce",
            Unsupported("a user name that no user has"),
        ),
        (
            b"n,,n=us=er,r=nonce",
            Malformed("a name with a bare equals sign"),
        ),
        (
            b"n,,n=us=2cer,r=nonce",
            Malformed("a name with a bare equals sign"),
        ),
        (
            b"n,,n=user=,r=nonce",
            Malformed("a name with a bare equals sign"),
        ),
        (
            b"n,,n=user,r=",
            Malformed("the nonce is empty, or not printable"),
        ),
        (
            b"n,,n=user,r=non ce",
            Malformed("the nonce is empty, or not printable"),
        ),
        (
            b"n,,n=user,r=non\x7fce",
            Malformed("the nonce is empty, or not printable"),
        ),
        (
            b"n,,n=user,r=nonce,",
            Malformed("an extension is not `letter=value`"),
        ),
        (
            b"n,,n=user,r=nonce,1=x",
            Malformed("an extension is not `letter=value`"),
        ),
        (
            b"n,,n=user,r=nonce,x=",
            Malformed("an extension is not `letter=value`"),
        ),
        (
            b"n,,n=user,r=nonce,x=\0",
            Malformed("an extension is not `letter=value`"),
        ),
        (b"n,,n=user,r=\xff", Malformed("it is no UTF-8")),
    ];
    for (first, expected) in cases {
        let found = refusal(scram().begin(first, SERVER_NONCE));
        assert_eq!(found, *expected, "{}", first.escape_ascii());
    }
    // What is not known and need not be is passed over.
    challenge(scram().begin(b"n,,n=user,r=nonce,x=y,Z=0", SERVER_NONCE));
}

#[test]
fn what_a_client_must_not_end_with() {
    use Refusal::{Malformed, Unsupported, WrongProof};
    let nonce = format!("{CLIENT_NONCE}{SERVER_NONCE}");
    let proof = BASE64.encode(&[7; 32]);
    let short = BASE64.encode(&[7; 31]);
    let missing = Malformed("it is not `c=biws,r=nonce,p=proof`");
    let another_nonce = Malformed("another nonce than at first");
    let another_binding = Malformed("another channel binding than at first");
    let base64 = Malformed("it is no base64");
    let cases = [
        (String::new(), missing),
        (format!("c=biws,r={nonce}"), missing),
        (format!("p={proof}"), missing),
        (format!("c=biws,p={proof}"), missing),
        (format!("r={nonce},c=biws,p={proof}"), missing),
        (format!("c=biws,r={nonce},p=,x=y"), base64),
        (format!("c=biws,r={nonce},p={proof}="), base64),
        (format!("c=biws,r={nonce},p={proof} "), base64),
        (format!("c=bi ws,r={nonce},p={proof}"), base64),
        (
            format!("c=biws,r={nonce},p="),
            Malformed("the proof has not 32 bytes"),
        ),
        (
            format!("c=biws,r={nonce},p={short}"),
            Malformed("the proof has not 32 bytes"),
        ),
        (format!("c=eSws,r={nonce},p={proof}"), another_binding),
        (format!("c=,r={nonce},p={proof}"), another_binding),
        (format!("c=biws,r={CLIENT_NONCE},p={proof}"), another_nonce),
        (format!("c=biws,r={SERVER_NONCE},p={proof}"), another_nonce),
        (format!("c=biws,r={nonce}x,p={proof}"), another_nonce),
        (
            format!("c=biws,r={nonce},m=x,p={proof}"),
            Unsupported("an extension that must be known"),
        ),
        (
            format!("c=biws,r={nonce},x,p={proof}"),
            Malformed("an extension is not `letter=value`"),
        ),
        (format!("c=biws,r={nonce},p={proof}"), WrongProof),
    ];
    let first = ScramClient::new("user", "pencil", CLIENT_NONCE).first();
    for (last, expected) in cases {
        let (_, next) = challenge(scram().begin(&first, SERVER_NONCE));
        assert_eq!(refusal(next.advance(last.as_bytes())), expected, "{last}");
    }
}

/// A proof is of one exchange: what was heard once is of no use.
#[test]
fn a_proof_that_was_heard_is_worth_nothing() {
    let scram = scram();
    let mut client = ScramClient::new("user", "pencil", CLIENT_NONCE);
    let (data, next) = challenge(scram.begin(&client.first(), SERVER_NONCE));
    let heard = client.last(&data);
    assert!(matches!(next.advance(&heard), Step::Granted { .. }));
    let (_, next) = challenge(scram.begin(&client.first(), "fresh"));
    let said = String::from_utf8(heard).unwrap();
    let another_nonce = Refusal::Malformed("another nonce than at first");
    assert_eq!(refusal(next.advance(said.as_bytes())), another_nonce);
    let (_, next) = challenge(scram.begin(&client.first(), "fresh"));
    let fitted = said.replace(SERVER_NONCE, "fresh");
    assert_eq!(
        refusal(next.advance(fitted.as_bytes())),
        Refusal::WrongProof
    );
}

#[test]
fn nothing_secret_is_shown() {
    let first = ScramClient::new("user", "pencil", CLIENT_NONCE).first();
    let (_, next) = challenge(scram().begin(&first, SERVER_NONCE));
    assert_eq!(format!("{next:?}"), "scram::Proof { .. }");
}

/// Bytes of which many look like what is expected.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop_oneof![
        proptest::sample::select(vec![
            "n", "y", "p=", ",", "=", "n=", "r=", "a=", "m=", "c=", "biws", "=2C", "=3D", "user",
            "nonce", ",p=", "AAAA",
        ])
        .prop_map(|piece| piece.as_bytes().to_vec()),
        proptest::collection::vec(any::<u8>(), 0..4),
    ];
    proptest::collection::vec(pieces, 0..16).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_bytes_are_let_in_or_end_in_a_panic(first in noise(), last in noise()) {
        let scram = scram_once();
        if let Step::Challenge { data, next } = scram.begin(&first, SERVER_NONCE) {
            prop_assert!(data.starts_with(b"r="));
            prop_assert!(matches!(next.advance(&last), Step::Refused(_)));
        }
        let first = ScramClient::new("user", "pencil", CLIENT_NONCE).first();
        let (_, next) = challenge(scram.begin(&first, SERVER_NONCE));
        prop_assert!(matches!(next.advance(&last), Step::Refused(_)));
    }
}

/// Making the users anew takes longer than all the rest.
fn scram_once() -> &'static Scram {
    static SCRAM: std::sync::LazyLock<Scram> = std::sync::LazyLock::new(scram);
    &SCRAM
}
