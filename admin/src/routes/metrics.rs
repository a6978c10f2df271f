//! `/metrics`, in the text format of Prometheus.

use std::fmt::Write;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use super::App;
use crate::metric::{Metric, Sample};

const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What this node counts and measures, for Prometheus.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "metrics",
    responses((status = OK, description = "All metrics", body = String, content_type = "text/plain"))
)]
pub(super) async fn metrics(State(app): State<App>) -> Response {
    let mut text = String::new();
    for metric in app.control.metrics() {
        write_metric(&mut text, &metric);
    }
    ([(CONTENT_TYPE, TEXT_FORMAT)], text).into_response()
}

fn write_metric(text: &mut String, metric: &Metric) {
    let Metric {
        name,
        help,
        samples,
    } = metric;
    let kind = if name.ends_with("_total") {
        "counter"
    } else {
        "gauge"
    };
    // Writing to a string does not fail.
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    for Sample { label, value } in samples {
        let _ = match label {
            None => writeln!(text, "{name} {value}"),
            Some(label) => {
                let (label, of) = (label.name, escaped(&label.value));
                writeln!(text, "{name}{{{label}=\"{of}\"}} {value}")
            }
        };
    }
}

fn escaped(label: &str) -> String {
    let label = label.replace('\\', "\\\\").replace('"', "\\\"");
    label.replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value() {
        let mut text = String::new();
        write_metric(&mut text, &Metric::new("clients", "All of them.", 12));
        let expected = "# HELP clients All of them.\n# TYPE clients gauge\nclients 12\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_value_for_each_label() {
        let mut text = String::new();
        let values = [("a", 1), ("b\"\\\n", 2)];
        let metric = Metric::labelled("lost_total", "Why.", "reason", values);
        write_metric(&mut text, &metric);
        let expected = "# HELP lost_total Why.\n# TYPE lost_total counter\n\
                        lost_total{reason=\"a\"} 1\nlost_total{reason=\"b\\\"\\\\\\n\"} 2\n";
        assert_eq!(text, expected);
    }
}
