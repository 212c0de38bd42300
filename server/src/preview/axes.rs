//! Axes on round numbers, linear or logarithmic, with their ticks.

/// The range of an axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Axis {
    low: f64,
    high: f64,
    log: bool,
}

/// The next of 1, 2, 5 times a power of ten at or above `size`, which is above 0.
fn round_up(size: f64) -> f64 {
    let power = 10f64.powf(size.log10().floor());
    let times = size / power;
    [1.0, 2.0, 5.0, 10.0].into_iter().find(|round| times <= round * (1.0 + 1e-9)).unwrap_or(10.0) * power
}

impl Axis {
    /// A range that holds these values, above 0 where it is logarithmic; `None` without values. Steps are drawn from end to end, so only values
    /// that are all alike get room around them.
    pub fn of(values: impl Iterator<Item = f64>, log: bool) -> Option<Self> {
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
        if !low.is_finite() || !high.is_finite() {
            return None;
        }
        Some(match log {
            _ if high > low => Self { low, high, log },
            true => Self { low: low / 2.0, high: high * 2.0, log },
            false => {
                let half = if low == 0.0 { 0.5 } else { low.abs() * 0.05 };
                Self { low: low - half, high: high + half, log }
            }
        })
    }

    /// Where a value lies, 0 to 1.
    pub fn place(&self, value: f64) -> f64 {
        if self.log { (value / self.low).ln() / (self.high / self.low).ln() } else { (value - self.low) / (self.high - self.low) }
    }

    /// About `count` round numbers inside.
    pub fn ticks(&self, count: usize) -> Vec<f64> {
        if self.log {
            let (first, last) = (self.low.log10().ceil() as i32, self.high.log10().floor() as i32);
            let every = ((last - first) / count as i32).max(0) as usize + 1;
            let powers: Vec<f64> = (first..=last).step_by(every).map(|power| 10f64.powi(power)).collect();
            if powers.len() > 1 {
                return powers;
            }
        }
        let step = round_up((self.high - self.low) / count as f64);
        let first = (self.low / step - 1e-9).ceil() as i64;
        let last = (self.high / step + 1e-9).floor() as i64;
        (first..=last).map(|multiple| multiple as f64 * step).collect()
    }
}

/// A tick as people read it.
pub fn label(tick: f64) -> String {
    let size = tick.abs();
    match size {
        0.0 => "0".to_owned(),
        size if !(1e-3..1e6).contains(&size) => format!("{tick:.0e}"),
        size if size >= 1e4 => format!("{}k", rounded(tick / 1e3)),
        _ => rounded(tick),
    }
}

/// Six digits at most, without zeroes at the end.
fn rounded(value: f64) -> String {
    let text = format!("{value:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_numbers_inside_the_range() {
        let ticks =
            |values: &[f64], log| Axis::of(values.iter().copied(), log).unwrap().ticks(5).into_iter().map(label).collect::<Vec<_>>();
        assert_eq!(ticks(&[0.0, 1.0], false), ["0", "0.2", "0.4", "0.6", "0.8", "1"]);
        assert_eq!(ticks(&[-3.0, 12_000.0], false), ["0", "5000", "10k"]);
        assert_eq!(ticks(&[0.002, 30.0], true), ["0.01", "0.1", "1", "10"]);
        assert_eq!(Axis::of(std::iter::empty(), false), None);
    }

    #[test]
    fn equal_values_lie_in_the_middle() {
        for (value, log) in [(3.0, false), (0.0, false), (-7.0, false), (3.0, true)] {
            let axis = Axis::of([value].into_iter(), log).unwrap();
            assert!((axis.place(value) - 0.5).abs() < 1e-9, "{axis:?}");
        }
    }
}
