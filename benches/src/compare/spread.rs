/// The middle of some runs, and how far they lie apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) least: f64,
    pub(super) most: f64,
}

impl Spread {
    /// None of nothing.
    pub(super) fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        let median = match sorted.len() % 2 {
            1 => sorted[middle],
            _ => (sorted.get(middle)? + sorted[middle.checked_sub(1)?]) / 2.0,
        };
        Some(Self {
            median,
            least: *sorted.first()?,
            most: *sorted.last()?,
        })
    }

    /// The same with another number as the unit.
    pub(super) fn relative_to(self, unit: f64) -> Self {
        Self {
            median: self.median / unit,
            least: self.least / unit,
            most: self.most / unit,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread(median: f64, least: f64, most: f64) -> Option<Spread> {
        Some(Spread {
            median,
            least,
            most,
        })
    }

    #[test]
    fn the_median_is_not_moved_by_one_bad_run() {
        assert_eq!(
            Spread::of(&[3.0, 1.0, 100.0, 2.0, 2.5]),
            spread(2.5, 1.0, 100.0)
        );
        assert_eq!(Spread::of(&[4.0, 2.0]), spread(3.0, 2.0, 4.0));
        assert_eq!(Spread::of(&[]), None);
    }

    #[test]
    fn a_fraction_keeps_its_spread() {
        let relative = Spread::of(&[1.0, 2.0, 3.0]).map(|it| it.relative_to(4.0));
        assert_eq!(relative, spread(0.5, 0.25, 0.75));
    }
}
