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
const FOOT: f64 = 22.0;
const COLORS: [&str; 4] = ["#9a9a9a", "#d9822b", "#2b7fd9", "#3f9b57"];

/// A bar for each broker in each scenario, up to what it took beside the first; a thin
/// line over it spans all runs. The axis is logarithmic: one broker may take a hundredth
/// of another in one scenario, and a hundred times as much in the next.
pub(super) fn to_svg(comparison: &Comparison) -> String {
    let brokers = comparison.brokers.len();
    let group = brokers as f64 * BAR + GAP;
    let height = TOP + group * comparison.rows.len() as f64 + GAP;
    let axis = Axis::of(comparison);
    let left = axis.left;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" \
         font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
        left + WIDTH + RIGHT,
        height + FOOT
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
            svg += &bar(row, place, y + BAR * place as f64, axis);
        }
    }
    svg += &axis.lines(height);
    svg += "</svg>\n";
    svg
}

fn bar(row: &Row, place: usize, y: f64, axis: Axis) -> String {
    let left = axis.left;
    let Some(Spread {
        median,
        least,
        most,
    }) = row.relative(place)
    else {
        let x = left + 4.0;
        return format!("<text x=\"{x}\" y=\"{}\">none</text>\n", y + 10.0);
    };
    let end = axis.x(most.max(median));
    format!(
        "<rect x=\"{left}\" y=\"{y}\" width=\"{:.1}\" height=\"{}\" fill=\"{}\"/>\
         <line x1=\"{:.1}\" y1=\"{mid}\" x2=\"{:.1}\" y2=\"{mid}\" stroke=\"#222\"/>\
         <text x=\"{:.1}\" y=\"{}\">{}</text>\n",
        axis.x(median) - left,
        BAR - 2.0,
        color(place),
        axis.x(least),
        axis.x(most),
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

/// Where a fraction lies: powers of ten are equally far from each other.
#[derive(Clone, Copy)]
struct Axis {
    left: f64,
    /// The powers of ten at both ends.
    first: i32,
    last: i32,
}

impl Axis {
    fn of(comparison: &Comparison) -> Self {
        let places = 0..comparison.brokers.len();
        let all = comparison.rows.iter().flat_map(|row| {
            let relative = places.clone().filter_map(|place| row.relative(place));
            relative.flat_map(|spread| [spread.least, spread.most])
        });
        let all = all.filter(|fraction| *fraction > 0.0);
        let (least, most) = all.fold((1.0, 1.0), |(least, most), fraction| {
            (f64::min(least, fraction), f64::max(most, fraction))
        });
        let first = least.log10().floor() as i32;
        Self {
            left: left(comparison),
            first,
            // One decade at the least, or there would be no width.
            last: (most.log10().ceil() as i32).max(first + 1),
        }
    }

    fn x(self, fraction: f64) -> f64 {
        let decade = WIDTH / f64::from(self.last - self.first);
        let beyond = fraction.log10() - f64::from(self.first);
        self.left + (beyond * decade).clamp(0.0, WIDTH)
    }

    fn lines(self, height: f64) -> String {
        let lines = (self.first..=self.last).map(|power| {
            let fraction = 10_f64.powi(power);
            let x = self.x(fraction);
            let color = if power == 0 { "#444" } else { "#ccc" };
            format!(
                "<line x1=\"{x:.1}\" y1=\"{TOP}\" x2=\"{x:.1}\" y2=\"{height}\" \
                 stroke=\"{color}\" stroke-dasharray=\"3 3\"/>\
                 <text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{fraction}</text>\n",
                height + 14.0
            )
        });
        lines.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::comparison::tests::example;
    use super::*;

    #[test]
    fn bars_end_at_the_logarithms_of_their_medians() {
        let svg = to_svg(&example());
        // From 0.1 to 10, so 1.0 is in the middle.
        assert!(svg.contains("width=\"230.0\""), "{svg}");
        assert!(svg.contains("width=\"160.8\""), "{svg}");
        // Fourteen letters, and the logarithm of the least, a quarter.
        assert!(svg.contains("x1=\"191.5\""), "{svg}");
        for tick in [">0.1<", ">1<", ">10<"] {
            assert!(svg.contains(tick), "{svg}");
        }
        assert_eq!(svg.matches("<svg").count(), svg.matches("</svg>").count());
        assert!(svg.contains(">fan-in --qos 0</text>"));
    }
}
