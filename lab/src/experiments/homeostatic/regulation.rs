//! The learning rate as a need: what taking in an image of some class does to it.

use super::config::HomeostaticConfig;

/// The effect of each class on the learning rate, and how far it goes.
///
/// Source: K. Man, A. Damasio, H. Neven (2022), arXiv 2205.08645, with the constants of the published code: classes 5 to 9 excite, 0 to 4
/// inhibit, a step is a tenth of the rate at the start, and what would fall below zero becomes 1e-8.
#[derive(Debug, Clone)]
pub struct Regulation {
    /// Learning rate gained or lost at once (Δ).
    pub step: f64,
    /// The least learning rate.
    pub floor: f64,
    /// Effect of each label: 1, -1 or 0.
    pub effects: Vec<i64>,
}

impl Regulation {
    /// That of a config.
    pub fn new(config: &HomeostaticConfig) -> Self {
        Self {
            step: config.learning_rate * config.learning_rate_step_fraction,
            floor: config.learning_rate_floor,
            effects: config.class_effects.clone(),
        }
    }

    /// The effect of a label: 1, -1 or 0.
    pub fn effect(&self, label: u8) -> i64 {
        self.effects[usize::from(label)]
    }

    /// What `rate` becomes when an image with this label is taken in.
    pub fn moved(&self, rate: f64, label: u8) -> f64 {
        let moved = rate + self.effect(label) as f64 * self.step;
        if moved < self.floor { self.floor } else { moved }
    }

    /// Whether a rate is so small that hardly anything is learnt: below a tenth of a step.
    pub fn is_starving(&self, rate: f64) -> bool {
        rate < self.step / 10.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_specified_values() {
        let regulation = Regulation::new(&HomeostaticConfig::default());
        assert!((regulation.moved(0.001, 7) - 0.0011).abs() < 1e-18);
        assert!((regulation.moved(0.001, 2) - 0.0009).abs() < 1e-18);
        let fallen = regulation.moved(0.00005, 2);
        assert_eq!(fallen, 1e-8);
        assert!((regulation.moved(fallen, 9) - 0.00010001).abs() < 1e-18);
        assert!(regulation.is_starving(fallen) && !regulation.is_starving(0.00005));
    }

    #[test]
    fn a_frozen_rate_a_neutral_class_and_a_raised_floor() {
        let config = HomeostaticConfig { learning_rate_step_fraction: 0.0, ..HomeostaticConfig::default() };
        assert_eq!(Regulation::new(&config).moved(0.001, 7), 0.001);
        let mut effects = config.class_effects.clone();
        effects[7] = 0;
        let config = HomeostaticConfig { class_effects: effects, learning_rate_floor: 0.0005, ..HomeostaticConfig::default() };
        let regulation = Regulation::new(&config);
        assert_eq!((regulation.moved(0.001, 7), regulation.moved(0.00055, 0)), (0.001, 0.0005));
    }
}
