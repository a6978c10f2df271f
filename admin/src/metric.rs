//! What is counted and measured, for Prometheus and what reads its text.

/// One metric and all its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metric {
    /// Letters, digits and `_`; ends in `_total` if it only grows.
    pub name: &'static str,
    /// One line.
    pub help: &'static str,
    pub samples: Vec<Sample>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    pub label: Option<Label>,
    pub value: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    pub name: &'static str,
    pub value: String,
}

impl Metric {
    /// With one value and no label.
    pub fn new(name: &'static str, help: &'static str, value: u64) -> Self {
        let sample = Sample { label: None, value };
        Self {
            name,
            help,
            samples: vec![sample],
        }
    }

    /// With a value for each of what the label may be.
    pub fn labelled(
        name: &'static str,
        help: &'static str,
        label: &'static str,
        values: impl IntoIterator<Item = (impl Into<String>, u64)>,
    ) -> Self {
        let samples = values.into_iter().map(|(text, value)| Sample {
            label: Some(Label {
                name: label,
                value: text.into(),
            }),
            value,
        });
        Self {
            name,
            help,
            samples: samples.collect(),
        }
    }
}
