//! `quorate token`.

use quorate_admin::AdminClient;
use quorate_admin::api::{CreateTokenRequest, NewToken, TokenInfo, TokenRole, TokenState};

use super::args::TokenCommand;
use super::palette::Tone;
use super::table::{Align, Cell, Table};
use super::text::one_line;
use super::{Failure, Output};

pub(super) async fn run(
    client: AdminClient,
    command: TokenCommand,
    output: &Output,
) -> Result<(), Failure> {
    match command {
        TokenCommand::Create { role, ttl, json } => {
            let request = CreateTokenRequest {
                role: role.into(),
                ttl_s: ttl.seconds,
            };
            show_new(&client.create_token(request).await?, json, output)
        }
        TokenCommand::List { json } => show_all(&client.list_tokens().await?, json, output),
        TokenCommand::Revoke { id } => {
            client.revoke_token(&id).await?;
            output.line(&format!("token {id} is revoked"))
        }
    }
}

/// The token alone is on stdout, so that `TOKEN=$(quorate token create ..)` works.
fn show_new(token: &NewToken, json: bool, output: &Output) -> Result<(), Failure> {
    if json {
        return output.json(token);
    }
    output.line(&one_line(token.token.expose()))?;
    let (id, expires) = (&token.id, &token.expires);
    let role = role(token.role);
    output.note(&format!(
        "token {id} for a {role}, valid until {expires}; it is not shown again"
    ));
    if token.role == TokenRole::Core {
        output.hint("on the new core: quorate node join --core NAME@HOST --token TOKEN");
    }
    Ok(())
}

fn show_all(tokens: &[TokenInfo], json: bool, output: &Output) -> Result<(), Failure> {
    if json {
        return output.json(&tokens);
    }
    if tokens.is_empty() {
        return output.line("no tokens; `quorate token create --role core` makes one");
    }
    output.text(&table(tokens).render(output.palette))
}

fn table(tokens: &[TokenInfo]) -> Table {
    let mut table = Table::new(&[
        ("ID", Align::Left),
        ("ROLE", Align::Left),
        ("STATE", Align::Left),
        ("EXPIRES", Align::Left),
        ("CREATED BY", Align::Left),
        ("USED BY", Align::Left),
    ]);
    for token in tokens {
        let (state, tone) = state(token.state);
        table.row(vec![
            Cell::new(&token.id),
            Cell::new(role(token.role)),
            Cell::toned(state, tone),
            Cell::new(&token.expires),
            Cell::new(&token.created_by),
            Cell::of(token.used_by.as_deref()),
        ]);
    }
    table
}

fn role(role: TokenRole) -> &'static str {
    match role {
        TokenRole::Core => "core",
        TokenRole::Replicant => "replicant",
    }
}

fn state(state: TokenState) -> (&'static str, Tone) {
    match state {
        TokenState::Valid => ("valid", Tone::Good),
        TokenState::Used => ("used", Tone::Faint),
        TokenState::Expired => ("expired", Tone::Faint),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::palette::Palette;

    #[test]
    fn a_table_of_tokens() {
        let token = |id: &str, role, state, used_by: Option<&str>| TokenInfo {
            id: id.to_owned(),
            role,
            expires: "2030-01-01T00:00:00Z".to_owned(),
            created_by: "core1@h".to_owned(),
            used_by: used_by.map(str::to_owned),
            state,
        };
        let tokens = [
            token("7ab1", TokenRole::Core, TokenState::Used, Some("core2@h")),
            token("9c", TokenRole::Replicant, TokenState::Valid, None),
        ];
        let expected = "\
ID    ROLE       STATE  EXPIRES               CREATED BY  USED BY
7ab1  core       used   2030-01-01T00:00:00Z  core1@h     core2@h
9c    replicant  valid  2030-01-01T00:00:00Z  core1@h     -
";
        assert_eq!(table(&tokens).render(Palette { enabled: false }), expected);
    }
}
