use std::fmt::Write as _;

use serde_json::{Map, Number, json};

use super::histogram::Histogram;

/// What a scenario found: figures in the order in which they are shown, and problems.
#[derive(Clone, Debug)]
pub struct Report {
    scenario: String,
    rows: Vec<Row>,
    problems: Vec<String>,
}

#[derive(Clone, Debug)]
struct Row {
    /// In JSON; with its unit.
    key: &'static str,
    /// In the table.
    label: &'static str,
    figure: Figure,
}

#[derive(Clone, Debug)]
enum Figure {
    Count(u64),
    Number { value: f64, decimals: usize },
    Text(String),
}

impl Report {
    pub fn new(scenario: &str) -> Self {
        Self {
            scenario: scenario.to_owned(),
            rows: Vec::new(),
            problems: Vec::new(),
        }
    }

    pub fn count(&mut self, key: &'static str, label: &'static str, count: u64) {
        self.push(key, label, Figure::Count(count));
    }

    pub fn number(&mut self, key: &'static str, label: &'static str, value: f64, decimals: usize) {
        self.push(key, label, Figure::Number { value, decimals });
    }

    pub fn text(&mut self, key: &'static str, label: &'static str, text: impl Into<String>) {
        self.push(key, label, Figure::Text(text.into()));
    }

    /// A count that is a problem unless it is 0.
    pub fn fault(&mut self, key: &'static str, label: &'static str, count: u64) {
        self.count(key, label, count);
        if count > 0 {
            self.problem(format!("{label}: {count}"));
        }
    }

    pub fn problem(&mut self, problem: impl Into<String>) {
        self.problems.push(problem.into());
    }

    /// The usual percentiles, in microseconds.
    pub fn latency(&mut self, histogram: &Histogram) {
        let us = |nanoseconds: u64| nanoseconds as f64 / 1e3;
        let shares = [
            ("latency_p50_us", "latency p50, µs", 500),
            ("latency_p90_us", "latency p90, µs", 900),
            ("latency_p99_us", "latency p99, µs", 990),
            ("latency_p999_us", "latency p99.9, µs", 999),
        ];
        for (key, label, share) in shares {
            self.number(key, label, us(histogram.per_mille(share)), 1);
        }
        let maximum = us(histogram.maximum());
        self.number("latency_max_us", "latency max, µs", maximum, 1);
    }

    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }

    fn push(&mut self, key: &'static str, label: &'static str, figure: Figure) {
        debug_assert!(self.rows.iter().all(|row| row.key != key), "{key} twice");
        self.rows.push(Row { key, label, figure });
    }

    pub fn to_json(&self) -> String {
        let mut object = Map::new();
        object.insert("scenario".to_owned(), json!(self.scenario));
        for row in &self.rows {
            object.insert(row.key.to_owned(), row.figure.to_json());
        }
        object.insert("problems".to_owned(), json!(self.problems));
        json!(object).to_string()
    }

    /// Two aligned columns, and the problems below.
    pub fn to_table(&self) -> String {
        let shown: Vec<_> = self.rows.iter().map(|row| row.figure.shown()).collect();
        let chars = |text: &str| text.chars().count();
        let labels = self.rows.iter().map(|row| chars(row.label)).max();
        let figures = shown.iter().map(|text| chars(text)).max();
        let (left, right) = (labels.unwrap_or_default(), figures.unwrap_or_default());
        let mut table = format!("{}\n", self.scenario);
        for (row, text) in self.rows.iter().zip(&shown) {
            // Writing to a string does not fail.
            let _ = writeln!(table, "  {:left$}  {text:>right$}", row.label);
        }
        for problem in &self.problems {
            let _ = writeln!(table, "problem: {problem}");
        }
        table
    }
}

impl Figure {
    fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Count(count) => json!(count),
            Self::Number { value, .. } => json!(Number::from_f64(*value)),
            Self::Text(text) => json!(text),
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Count(count) => grouped(&count.to_string()),
            Self::Number { value, decimals } => grouped(&format!("{value:.decimals$}")),
            Self::Text(text) => text.clone(),
        }
    }
}

/// A comma between thousands.
fn grouped(number: &str) -> String {
    let (whole, fraction) = match number.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (number, None),
    };
    let digits = whole.trim_start_matches('-').len();
    let mut text = String::new();
    for (at, character) in whole.trim_start_matches('-').chars().enumerate() {
        if at > 0 && (digits - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(character);
    }
    let sign = if whole.starts_with('-') { "-" } else { "" };
    match fraction {
        Some(fraction) => format!("{sign}{text}.{fraction}"),
        None => format!("{sign}{text}"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn report() -> Report {
        let mut report = Report::new("fan-in");
        report.count("delivered", "delivered", 1_234_567);
        report.number("rate_per_s", "per second", 1234.56, 1);
        report.text("mqtt", "MQTT", "3.1.1");
        report.fault("lost", "lost", 0);
        report
    }

    #[test]
    fn the_table_is_aligned() {
        let expected = "fan-in\n  \
                        delivered   1,234,567\n  \
                        per second    1,234.6\n  \
                        MQTT            3.1.1\n  \
                        lost                0\n";
        assert_eq!(report().to_table(), expected);
    }

    #[test]
    fn json_is_one_object_with_numbers() {
        let json = report().to_json();
        assert!(!json.contains('\n'));
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        let expected = json!({
            "scenario": "fan-in",
            "delivered": 1_234_567,
            "rate_per_s": 1234.56,
            "mqtt": "3.1.1",
            "lost": 0,
            "problems": [],
        });
        assert_eq!(value, expected);
    }

    #[test]
    fn a_fault_is_a_problem() {
        let mut report = report();
        assert!(report.is_sound());
        report.fault("duplicated", "duplicated", 2);
        assert!(!report.is_sound());
        assert!(report.to_table().ends_with("problem: duplicated: 2\n"));
        assert!(
            report
                .to_json()
                .contains("\"problems\":[\"duplicated: 2\"]")
        );
    }

    #[test]
    fn thousands_are_grouped() {
        let numbers = ["0", "999", "1000", "-1234567.89", "-999"];
        let shown = numbers.map(grouped);
        assert_eq!(shown, ["0", "999", "1,000", "-1,234,567.89", "-999"]);
    }

    #[test]
    fn what_is_no_number_is_null() {
        let mut report = Report::new("x");
        report.number("ratio", "ratio", f64::NAN, 1);
        assert!(report.to_json().contains("\"ratio\":null"));
    }
}
