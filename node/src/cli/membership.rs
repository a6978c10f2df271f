//! Forming, joining, leaving, and removing who can't leave any more.

use std::io::{self, Read};

use quorate_admin::AdminClient;
use quorate_admin::api::{JoinRequest, Secret};
use quorate_model::node_name::NodeName;

use super::args::JoinArgs;
use super::core_address::CoreAddress;
use super::progress::follow;
use super::status::name_and_id;
use super::text::one_line;
use super::{Failure, Output};

const JOIN_HINT: &str = "write `quorate node join --core NAME@HOST[:PORT]`, where NAME@HOST is a \
                         core that `quorate cluster status` shows over there";

/// A token has some hundred bytes.
const MAX_TOKEN_BYTES: u64 = 64 * 1024;

pub(super) async fn init(client: AdminClient, output: &Output) -> Result<(), Failure> {
    client.init().await?;
    let status = client.status().await?;
    output.line(&format!(
        "{} formed the cluster {}",
        one_line(&status.this_node.name),
        name_and_id(&status)
    ))
}

pub(super) async fn join(
    client: AdminClient,
    args: JoinArgs,
    output: &Output,
) -> Result<(), Failure> {
    let core = core(args.core.as_deref())?;
    let request = JoinRequest {
        core: core.to_string(),
        token: args.token.map(token).transpose()?,
        wipe: args.wipe,
    };
    client.join(&request).await?;
    follow(&client, "join", output).await
}

pub(super) async fn leave(client: AdminClient, output: &Output) -> Result<(), Failure> {
    client.leave().await?;
    follow(&client, "leave", output).await
}

pub(super) async fn force_leave(
    client: AdminClient,
    name: String,
    output: &Output,
) -> Result<(), Failure> {
    let name = NodeName::new(name).map_err(|error| {
        Failure::usage(
            error.to_string(),
            "`quorate cluster status` shows the names",
        )
    })?;
    client.force_leave(name.as_str()).await?;
    output.line(&format!("{} is removed from the cluster", name.as_str()))
}

pub(super) async fn rotate_ca(
    client: AdminClient,
    finish: bool,
    output: &Output,
) -> Result<(), Failure> {
    if finish {
        client.finish_rotation().await?;
        return output.line("only the new certificate authority is trusted now");
    }
    client.rotate_authority().await?;
    output
        .line("both certificate authorities are trusted, and the nodes renew their certificates")?;
    output.hint("when all have renewed: quorate cluster rotate-ca --finish");
    Ok(())
}

fn core(given: Option<&str>) -> Result<CoreAddress, Failure> {
    let given =
        given.ok_or_else(|| Failure::usage("join needs --core: a core to join", JOIN_HINT))?;
    given
        .parse()
        .map_err(|error| Failure::usage(format!("--core {given}: {error}"), JOIN_HINT))
}

fn token(given: String) -> Result<Secret, Failure> {
    let token = if given == "-" { read_token()? } else { given };
    let token = token.trim();
    if token.is_empty() {
        let hint = "`quorate token create --role core`, on a core of the cluster, makes one";
        return Err(Failure::usage("the token is empty", hint));
    }
    Ok(Secret::new(token))
}

fn read_token() -> Result<String, Failure> {
    let mut token = String::new();
    let read = io::stdin().take(MAX_TOKEN_BYTES).read_to_string(&mut token);
    read.map_err(|error| Failure::internal(format!("can't read the token from stdin: {error}")))?;
    Ok(token)
}

#[cfg(test)]
mod tests {
    use quorate_admin::api::{Code, Problem};

    use super::*;

    fn told(failure: Failure) -> Problem {
        match failure {
            Failure::Told(problem) => problem,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_core_is_needed() {
        for given in [None, Some("10.0.0.1"), Some("core1@host:x")] {
            let problem = told(core(given).unwrap_err());
            assert_eq!(problem.code, Code::Usage);
            assert!(problem.hint.unwrap().contains("--core NAME@HOST[:PORT]"));
        }
        assert_eq!(core(Some("a@h:1")).unwrap().to_string(), "a@h:1");
    }

    #[test]
    fn a_token_loses_its_line_end() {
        assert_eq!(token("abc\n".to_owned()).unwrap(), Secret::new("abc"));
        assert_eq!(told(token(" ".to_owned()).unwrap_err()).code, Code::Usage);
    }
}
