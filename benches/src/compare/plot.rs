use std::fmt::Write as _;

use super::comparison::{Comparison, Row};
use super::spread::Spread;
use super::table::short;

/// Of one letter of a scenario's name, about.
const LETTER: f64 = 6.0;
const WIDTH: f64 = 460.0;
const RIGHT: f64 = 90.0;
const BAR: f64 = 12.0;
const GAP: f64 = 14.0;
const TOP: f64 = 34.0;
const COLORS: [&str; 4] = ["#9a9a9a", "#d9822b", "#2b7fd9", "#3f9b57"];

/// A bar for each broker in each scenario, as long as what it took beside the first;
/// a thin line over it spans all runs.
pub(super) fn to_svg(comparison: &Comparison) -> String {
    let brokers = comparison.brokers.len();
    let group = brokers as f64 * BAR + GAP;
    let height = TOP + group * comparison.rows.len() as f64 + GAP;
    let left = left(comparison);
    let scale = WIDTH / longest(comparison);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
        left + WIDTH + RIGHT
    );
    for (place, broker) in comparison.brokers.iter().enumerate() {
        let x = left + 110.0 * place as f64;
        let color = color(place);
        // Writing to a string does not fail.
        let _ = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"10\" width=\"10\" height=\"10\" fill=\"{color}\"/>\
             <text x=\"{}\" y=\"19\">{broker}</text>",
            x + 14.0
        );
    }
    for (number, row) in comparison.rows.iter().enumerate() {
        let y = TOP + group * number as f64;
        let middle = y + brokers as f64 * BAR / 2.0 + 4.0;
        let name = row.scenario.name();
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{middle}\" text-anchor=\"end\">{name}</text>",
            left - 8.0
        );
        for place in 0..brokers {
            let corner = (left, y + BAR * place as f64);
            svg += &bar(row, place, corner, scale);
        }
    }
    let one = left + scale;
    let _ = writeln!(
        svg,
        "<line x1=\"{one}\" y1=\"{TOP}\" x2=\"{one}\" y2=\"{height}\" stroke=\"#444\" \
         stroke-dasharray=\"3 3\"/>\n</svg>"
    );
    svg
}

fn bar(row: &Row, place: usize, (left, y): (f64, f64), scale: f64) -> String {
    let Some(Spread {
        median,
        least,
        most,
    }) = row.relative(place)
    else {
        let x = left + 4.0;
        return format!("<text x=\"{x}\" y=\"{}\">none</text>\n", y + 10.0);
    };
    let end = left + most.max(median) * scale;
    format!(
        "<rect x=\"{left}\" y=\"{y}\" width=\"{:.1}\" height=\"{}\" fill=\"{}\"/>\
         <line x1=\"{:.1}\" y1=\"{mid}\" x2=\"{:.1}\" y2=\"{mid}\" stroke=\"#222\"/>\
         <text x=\"{:.1}\" y=\"{}\">{}</text>\n",
        median * scale,
        BAR - 2.0,
        color(place),
        left + least * scale,
        left + most * scale,
        end + 4.0,
        y + 9.0,
        short(median),
        mid = y + BAR / 2.0 - 1.0,
    )
}

fn color(place: usize) -> &'static str {
    COLORS[place % COLORS.len()]
}

/// Room for the longest name.
fn left(comparison: &Comparison) -> f64 {
    let names = comparison.rows.iter().map(|row| row.scenario.name().len());
    LETTER * names.max().unwrap_or_default() as f64 + 16.0
}

/// The right edge: at least 1, where the first broker's bars end.
fn longest(comparison: &Comparison) -> f64 {
    let places = 0..comparison.brokers.len();
    let all = comparison.rows.iter().flat_map(|row| {
        let relative = places.clone().filter_map(|place| row.relative(place));
        relative.map(|spread| spread.most)
    });
    all.fold(1.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::super::comparison::tests::example;
    use super::*;

    #[test]
    fn bars_are_as_long_as_their_medians() {
        let svg = to_svg(&example());
        // The longest run took twice the median of the first, so 1.0 is half of it.
        assert!(svg.contains("width=\"230.0\""), "{svg}");
        assert!(svg.contains("width=\"115.0\""), "{svg}");
        // Fourteen letters, and an eighth of 230 for the least.
        assert!(svg.contains("x1=\"157.5\""), "{svg}");
        assert_eq!(svg.matches("<svg").count(), svg.matches("</svg>").count());
        assert!(svg.contains(">fan-in --qos 0</text>"));
    }
}
