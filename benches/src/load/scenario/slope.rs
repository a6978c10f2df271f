/// The slope of the straight line that fits best: how much y grows with x. None with
/// fewer than two different x.
pub(super) fn slope_per_s(samples: &[(f64, f64)]) -> Option<f64> {
    let count = samples.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| samples.iter().map(of).sum::<f64>() / count;
    let (mean_x, mean_y) = (mean(|sample| sample.0), mean(|sample| sample.1));
    let spread = samples.iter().map(|(x, _)| (x - mean_x).powi(2));
    let spread: f64 = spread.sum();
    let joint = samples.iter().map(|(x, y)| (x - mean_x) * (y - mean_y));
    let slope = joint.sum::<f64>() / spread;
    slope.is_finite().then_some(slope)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_that_of_the_best_line() {
        assert_eq!(
            slope_per_s(&[(0.0, 5.0), (1.0, 8.0), (2.0, 11.0)]),
            Some(3.0)
        );
        assert_eq!(
            slope_per_s(&[(0.0, 1.0), (1.0, 4.0), (2.0, 1.0)]),
            Some(0.0)
        );
        assert_eq!(slope_per_s(&[(1.0, 4.0)]), None);
        assert_eq!(slope_per_s(&[]), None);
    }
}
