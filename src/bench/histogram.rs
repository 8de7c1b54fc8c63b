//! A histogram of durations with a bounded error, for percentiles over any number of samples in a fixed space.

/// Every power of two is divided into this many steps (as a power of two): the error is below 1/128.
const GRAIN: u32 = 7;
const STEPS: u64 = 1 << GRAIN;

/// Counts of values in steps that grow with the value.
#[derive(Debug, Clone)]
pub(super) struct Histogram {
    counts: Vec<u64>,
    total: u64,
    max: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; slot(u64::MAX) + 1], total: 0, max: 0 }
    }
}

impl Histogram {
    /// Counts one value.
    pub(super) fn record(&mut self, value: u64) {
        if let Some(count) = self.counts.get_mut(slot(value)) {
            *count += 1;
        }
        self.total += 1;
        self.max = self.max.max(value);
    }

    /// How many values were counted.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// The largest value, exactly.
    pub(super) fn max(&self) -> u64 {
        self.max
    }

    /// The smallest value that at least this share of all values does not exceed, at most 1/128 too large; 0 without values.
    pub(super) fn quantile(&self, share: f64) -> u64 {
        let rank = ((share * self.total as f64).ceil() as u64).clamp(1, self.total.max(1));
        let mut seen = 0;
        for (slot, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return ceiling(slot).min(self.max);
            }
        }
        self.max
    }
}

/// The step that a value falls into.
fn slot(value: u64) -> usize {
    if value < STEPS {
        return value as usize;
    }
    let shift = u64::BITS - 1 - value.leading_zeros() - GRAIN;
    ((u64::from(shift) << GRAIN) + (value >> shift)) as usize
}

/// The largest value of a step.
fn ceiling(slot: usize) -> u64 {
    let slot = slot as u64;
    if slot < 2 * STEPS {
        return slot;
    }
    let shift = (slot >> GRAIN) - 1;
    let mantissa = (slot & (STEPS - 1)) + STEPS;
    (mantissa << shift) | ((1 << shift) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_in_a_step_that_is_at_most_a_128th_wide() {
        for value in (0..64).flat_map(|bit| [(1_u64 << bit) - 1, 1 << bit, (1 << bit) + 1]).chain([u64::MAX])
        {
            let top = ceiling(slot(value));
            assert!(top >= value, "{value} in a step that ends at {top}");
            assert!(top - value <= value / STEPS, "{value} in a step that ends at {top}");
        }
    }

    #[test]
    fn steps_are_contiguous() {
        for value in 0..100_000_u64 {
            let here = slot(value);
            let next = slot(value + 1);
            assert!(next == here || next == here + 1);
            assert_eq!(ceiling(here) == value, next == here + 1);
        }
    }

    #[test]
    fn quantiles_of_a_known_set() {
        let mut histogram = Histogram::default();
        for value in (1..=10_000_u64).rev() {
            histogram.record(value * 1_000);
        }
        for (share, exact) in [(0.5, 5_000_000_u64), (0.99, 9_900_000), (0.999, 9_990_000)] {
            let got = histogram.quantile(share);
            assert!(got >= exact && got - exact <= exact / STEPS, "{share}: {got} for {exact}");
        }
        assert_eq!(
            (histogram.quantile(1.0), histogram.max(), histogram.total()),
            (10_000_000, 10_000_000, 10_000)
        );
    }

    #[test]
    fn one_value_is_every_quantile_and_none_is_zero() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.quantile(0.5), 0);
        histogram.record(777);
        assert_eq!([0.0, 0.5, 1.0].map(|share| histogram.quantile(share)), [777; 3]);
    }
}
