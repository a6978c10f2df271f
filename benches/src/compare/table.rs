use std::fmt::Write as _;

use super::bench::Sample;
use super::comparison::Comparison;
use super::spread::Spread;

/// A Markdown table: what the first broker took, and the others as fractions of it, in
/// brackets the range over all runs.
pub(super) fn to_markdown(comparison: &Comparison) -> String {
    let mut text = String::from("| scenario | figure |");
    // Writing to a string does not fail.
    for (place, broker) in comparison.brokers.iter().enumerate() {
        let _ = match place {
            0 => write!(text, " {broker} |"),
            _ => write!(text, " {broker}, fraction |"),
        };
    }
    let _ = writeln!(text, "\n|{}", " --- |".repeat(2 + comparison.brokers.len()));
    for row in &comparison.rows {
        let _ = write!(
            text,
            "| {} | {} |",
            row.scenario.name(),
            row.scenario.figure.unit
        );
        for place in 0..comparison.brokers.len() {
            let spread = match place {
                0 => row.spread(0),
                _ => row.relative(place),
            };
            let mark = if row.problems(place).is_empty() {
                ""
            } else {
                " (!)"
            };
            let _ = write!(text, " {}{mark} |", cell(spread));
        }
        text.push('\n');
    }
    text += &disturbance(comparison);
    let problems = problems(comparison);
    if !problems.is_empty() {
        let _ = write!(text, "\n(!) Not all went well:\n\n{problems}");
    }
    text
}

/// How much of it was the host's doing.
fn disturbance(comparison: &Comparison) -> String {
    let shares: Vec<f64> = comparison.samples().map(Sample::stolen).collect();
    let repeated: usize = comparison.samples().map(Sample::repeated).sum();
    let Some(spread) = Spread::of(&shares) else {
        return String::new();
    };
    format!(
        "\nThe machine's host took {:.1} % of the time away in a run (median; at most {:.1} %); \
         {repeated} runs were repeated for that.\n",
        100.0 * spread.median,
        100.0 * spread.most
    )
}

fn problems(comparison: &Comparison) -> String {
    let mut text = String::new();
    for row in &comparison.rows {
        for (place, broker) in comparison.brokers.iter().enumerate() {
            for problem in row.problems(place) {
                let _ = writeln!(text, "- {broker}, {}: {problem}", row.scenario.name());
            }
        }
    }
    text
}

fn cell(spread: Option<Spread>) -> String {
    match spread {
        None => "none".to_owned(),
        Some(Spread {
            median,
            least,
            most,
        }) => format!("{} ({}..{})", short(median), short(least), short(most)),
    }
}

/// Three digits that count.
pub(super) fn short(number: f64) -> String {
    let decimals = match number.abs() {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        _ => 3,
    };
    format!("{number:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::super::comparison::tests::example;
    use super::*;

    #[test]
    fn shows_the_first_and_fractions_of_it() {
        let expected = "| scenario | figure | mosquitto | quorate, fraction |\n\
                        | --- | --- | --- | --- |\n\
                        | fan-in --qos 0 | CPU s per million delivered | 4.00 (2.00..8.00) \
                        | 0.500 (0.250..0.750) (!) |\n\
                        \nThe machine's host took 0.5 % of the time away in a run (median; at \
                        most 1.6 %); 0 runs were repeated for that.\n\
                        \n(!) Not all went well:\n\n\
                        - quorate, fan-in --qos 0: lost: 2\n";
        assert_eq!(to_markdown(&example()), expected);
    }

    #[test]
    fn without_a_figure_there_is_none() {
        assert_eq!(cell(None), "none");
        assert_eq!(short(1234.5), "1234");
    }
}
