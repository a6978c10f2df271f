use serde_json::{Value, json};

use super::bench::Sample;
use super::scenario::Scenario;
use super::spread::Spread;

/// All runs: for each scenario one row, in it one cell a broker.
#[derive(Clone, Debug)]
pub(super) struct Comparison {
    /// Names of the brokers; the others are measured by the first.
    pub(super) brokers: Vec<&'static str>,
    pub(super) rows: Vec<Row>,
}

#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) scenario: Scenario,
    /// By broker.
    pub(super) cells: Vec<Vec<Sample>>,
}

impl Row {
    /// What a broker took; None if it never got through.
    pub(super) fn spread(&self, broker: usize) -> Option<Spread> {
        let key = self.scenario.figure.key;
        let figures = self.cells[broker].iter().filter_map(|it| it.figure(key));
        let figures: Vec<f64> = figures.collect();
        Spread::of(&figures)
    }

    /// The same as a fraction of what the first broker took.
    pub(super) fn relative(&self, broker: usize) -> Option<Spread> {
        let unit = self.spread(0)?.median;
        let spread = self.spread(broker)?;
        (unit > 0.0).then(|| spread.relative_to(unit))
    }

    /// Each problem of a broker's runs once.
    pub(super) fn problems(&self, broker: usize) -> Vec<String> {
        let mut problems: Vec<_> = self.cells[broker]
            .iter()
            .flat_map(Sample::problems)
            .collect();
        problems.sort();
        problems.dedup();
        problems
    }
}

impl Comparison {
    /// All runs that count.
    pub(super) fn samples(&self) -> impl Iterator<Item = &Sample> {
        self.rows.iter().flat_map(|row| row.cells.iter().flatten())
    }

    pub(super) fn to_json(&self) -> Value {
        let rows = self.rows.iter().map(|row| {
            let cells = self.brokers.iter().zip(&row.cells);
            let cells = cells.map(|(broker, samples)| {
                let samples: Vec<_> = samples.iter().map(Sample::to_json).collect();
                ((*broker).to_owned(), json!(samples))
            });
            json!({
                "scenario": row.scenario.name(),
                "figure": row.scenario.figure.key,
                "runs": cells.collect::<serde_json::Map<_, _>>(),
            })
        });
        json!({ "brokers": self.brokers, "rows": rows.collect::<Vec<_>>() })
    }
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// Two brokers, the second twice as fast, and once with a problem.
    pub(in super::super) fn example() -> Comparison {
        let samples = |figures: [f64; 3], problem: &str| {
            let sample = |figure: f64| {
                let problems: Vec<_> = Some(problem)
                    .filter(|it| !it.is_empty())
                    .into_iter()
                    .collect();
                let report = json!({
                    "broker_cpu_s_per_million": figure,
                    "problems": problems,
                });
                Sample::of(report, figure / 500.0)
            };
            figures.map(sample).to_vec()
        };
        Comparison {
            brokers: vec!["mosquitto", "quorate"],
            rows: vec![Row {
                scenario: Scenario::parse("fan-in --qos 0").unwrap(),
                cells: vec![
                    samples([4.0, 2.0, 8.0], ""),
                    samples([1.0, 2.0, 3.0], "lost: 2"),
                ],
            }],
        }
    }

    #[test]
    fn the_first_is_the_measure() {
        let row = &example().rows[0];
        assert_eq!(row.relative(0).map(|it| it.median), Some(1.0));
        let expected = Spread::of(&[0.25, 0.5, 0.75]);
        assert_eq!(row.relative(1), expected);
        assert_eq!(row.problems(1), ["lost: 2"]);
    }

    #[test]
    fn json_holds_every_run() {
        let json = example().to_json();
        let runs = &json["rows"][0]["runs"];
        assert_eq!(runs["mosquitto"].as_array().unwrap().len(), 3);
        assert_eq!(runs["quorate"][2]["broker_cpu_s_per_million"], 3.0);
    }
}
