use super::attributes::{check_extensions, check_nonce, text_of};
use crate::authentication::method::Refusal;
use crate::authentication::password::check_name;

/// `n,,n=user,r=nonce`
#[derive(Debug)]
pub(super) struct ClientFirst<'a> {
    /// Up to the second comma, with it.
    pub(super) gs2_header: &'a str,
    /// All that follows.
    pub(super) bare: &'a str,
    pub(super) user: String,
    pub(super) nonce: &'a str,
}

impl<'a> ClientFirst<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, Refusal> {
        let text = text_of(bytes)?;
        let (flag, rest) = text.split_once(',').ok_or(MISSING)?;
        match flag {
            // `y` is of a client that would bind the channel if we said that we can.
            "n" | "y" => {}
            _ if flag.starts_with("p=") => {
                return Err(Refusal::Unsupported("channel binding"));
            }
            _ => return Err(Refusal::Malformed("the first letter is not n, y or p")),
        }
        let (authorization, bare) = rest.split_once(',').ok_or(MISSING)?;
        let mut attributes = bare.split(',');
        let user = attributes.next().ok_or(MISSING)?;
        if user.starts_with("m=") {
            return Err(Refusal::Unsupported("an extension that must be known"));
        }
        let user = user.strip_prefix("n=").ok_or(MISSING)?;
        let user = unescape(user)?;
        let nonce = attributes.next().ok_or(MISSING)?;
        let nonce = nonce.strip_prefix("r=").ok_or(MISSING)?;
        check_nonce(nonce)?;
        check_extensions(attributes)?;
        check_name(&user).map_err(|_| Refusal::Unsupported("a user name that no user has"))?;
        check_authorization(authorization, &user)?;
        Ok(Self {
            gs2_header: &text[..text.len() - bare.len()],
            bare,
            user,
            nonce,
        })
    }
}

const MISSING: Refusal = Refusal::Malformed("it is not `n,,n=user,r=nonce`");

/// Nobody acts for anybody else.
fn check_authorization(authorization: &str, user: &str) -> Result<(), Refusal> {
    if authorization.is_empty() {
        return Ok(());
    }
    let name = authorization.strip_prefix("a=").ok_or(MISSING)?;
    match unescape(name)? == user {
        true => Ok(()),
        false => Err(Refusal::Unsupported("to act for another user")),
    }
}

/// A name has `=2C` for a comma and `=3D` for an equals sign.
fn unescape(name: &str) -> Result<String, Refusal> {
    let mut parts = name.split('=');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (letter, rest) = match (part.strip_prefix("2C"), part.strip_prefix("3D")) {
            (Some(rest), _) => (',', rest),
            (_, Some(rest)) => ('=', rest),
            (None, None) => return Err(Refusal::Malformed("a name with a bare equals sign")),
        };
        plain.push(letter);
        plain.push_str(rest);
    }
    Ok(plain)
}
