//! `quorate cluster history`.

use quorate_admin::AdminClient;
use quorate_admin::api::HistoryEvent;

use super::args::HistoryArgs;
use super::table::{Align, Cell, Table};
use super::{Failure, Output};

pub(super) async fn run(
    client: AdminClient,
    args: HistoryArgs,
    output: &Output,
) -> Result<(), Failure> {
    let events = client.history(args.limit).await?;
    if args.json {
        return output.json(&events);
    }
    if events.is_empty() {
        return output.line("no history: this node is in no cluster yet");
    }
    output.text(&table(&events).render(output.palette))
}

fn table(events: &[HistoryEvent]) -> Table {
    let mut table = Table::new(&[
        ("REVISION", Align::Right),
        ("TIME", Align::Left),
        ("WHAT", Align::Left),
        ("BY", Align::Left),
    ]);
    for event in events {
        table.row(vec![
            Cell::new(event.revision.to_string()),
            Cell::new(&event.time),
            Cell::new(&event.what),
            Cell::of(event.by.as_deref()),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::palette::Palette;

    #[test]
    fn a_table_of_events() {
        let event = |revision, what: &str, by: Option<&str>| HistoryEvent {
            revision,
            time: "2030-01-01T00:00:00Z".to_owned(),
            what: what.to_owned(),
            by: by.map(str::to_owned),
        };
        let events = [
            event(1, "cluster formed", None),
            event(1204, "core2@h joined", Some("core2@h")),
        ];
        let expected = "\
REVISION  TIME                  WHAT            BY
       1  2030-01-01T00:00:00Z  cluster formed  -
    1204  2030-01-01T00:00:00Z  core2@h joined  core2@h
";
        assert_eq!(table(&events).render(Palette { enabled: false }), expected);
    }
}
