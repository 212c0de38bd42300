//! The catalogue entry of `multitasking`: metrics, panels, and claims fixed before any run.

use super::presets;
use crate::experiment::{Arm, Better, Card, Claim, Expect, Metric, Op, Panel, Paper, ReportedWords};

/// Id of the experiment.
const ID: &str = "multitasking";

/// The catalogue entry.
pub fn card() -> Card {
    Card {
        id: ID,
        title: "Multitasking Hebbian networks",
        summary: "Patterns with blanks leave room for each other: how many does one state retrieve at once, and does a teacher help to \
                  learn them?",
        paper: Paper {
            title: "Parallel Learning by Multitasking Neural Networks",
            authors: "Agliari, Alessandrelli, Barra, Ricci-Tersenghi",
            year: 2023,
            url: "https://arxiv.org/abs/2308.04106",
        },
        presets: presets::presets(),
        arms: arms(),
        metrics: metrics(),
        panels: panels(),
        claims: claims(),
        datasets: Vec::new(),
    }
}

fn arms() -> Vec<Arm> {
    let arm = |id, title, baseline| Arm { id, title, baseline };
    vec![
        arm("diluted", "patterns with blanks", false),
        arm("undiluted", "patterns without blanks", true),
        arm("supervised", "examples with a teacher", false),
        arm("unsupervised", "examples without a teacher", false),
        arm("stored", "the patterns themselves", true),
    ]
}

fn metrics() -> Vec<Metric> {
    let metric = |name, title, unit, better| Metric { name, title, unit, better };
    let (up, down) = (Some(Better::Up), Some(Better::Down));
    vec![
        metric("magnetisation/mode_1", "Amplitude of the first pattern", "", up),
        metric("magnetisation/mode_2", "Amplitude of the second pattern", "", up),
        metric("magnetisation/mode_3", "Amplitude of the third pattern", "", up),
        metric("magnetisation/mode_4", "Amplitude of pattern 4", "", up),
        metric("magnetisation/mode_5", "Amplitude of pattern 5", "", up),
        metric("magnetisation/mode_6", "Amplitude of pattern 6", "", up),
        metric("magnetisation/mode_7", "Amplitude of pattern 7", "", up),
        metric("magnetisation/mode_8", "Amplitude of pattern 8", "", up),
        metric("energy", "Energy per neuron", "", down),
        metric("loss/product", "Sum of products of squared errors", "", down),
        metric("loss/image", "Affine image of that sum", "", None),
        metric("loss/residual", "Difference of energy and image", "", down),
        metric("dynamics/flips", "Share of neurons that turn in the last sweep", "", None),
        metric("dynamics/acceptance", "Share of updates that turn a neuron", "", None),
        metric("phase/alive", "Patterns alive, mean over dilutions", "", None),
        metric("phase/spread", "Largest minus least amplitude, mean over dilutions", "", None),
        metric("picture/owned_1", "Pixels of the first image", "", None),
        metric("picture/owned_2", "Pixels of the second image", "", None),
        metric("picture/owned_3", "Pixels of the third image", "", None),
        metric("growth/patterns", "Patterns stored, ln N", "", None),
        metric("growth/within_3", "Amplitudes within three errors of theory", "", up),
        metric("growth/resolved", "Amplitudes that stand out from 0", "", up),
        metric("throughput/spin_updates_per_s", "Updates of single neurons per second", "1/s", up),
    ]
}

fn panels() -> Vec<Panel> {
    let (series, frame) = (Panel::series, Panel::frame);
    vec![
        frame("dilution", "Amplitudes against dilution", "Amplitudes", "amplitudes/dilution"),
        frame("temperature", "Amplitudes against temperature", "Amplitudes", "amplitudes/temperature"),
        series(
            "strongest",
            "The three strongest amplitudes",
            "Amplitudes",
            &["magnetisation/mode_1", "magnetisation/mode_2", "magnetisation/mode_3"],
        ),
        series(
            "weaker",
            "Weaker amplitudes",
            "Amplitudes",
            &["magnetisation/mode_4", "magnetisation/mode_5", "magnetisation/mode_6", "magnetisation/mode_7", "magnetisation/mode_8"],
        ),
        frame("alive", "Patterns alive", "Phases", "phase/alive"),
        frame("spread", "Largest minus least amplitude", "Phases", "phase/spread"),
        series("phases", "Patterns alive, and spread, by temperature", "Phases", &["phase/alive", "phase/spread"]),
        frame("examples", "Amplitudes against examples", "Learning", "learning/amplitudes"),
        frame("entropy", "Amplitudes against the entropy of the examples", "Learning", "learning/entropy"),
        frame("twins", "Energy and loss", "Loss", "loss/energy"),
        series("energy", "Energy per neuron", "Loss", &["energy", "loss/image"]),
        series("product", "Sum of products of squared errors", "Loss", &["loss/product"]),
        Panel { y_log: true, ..series("residual", "Difference of energy and image", "Loss", &["loss/residual"]) },
        frame("strip", "Images, and the state that holds them", "Images", "picture/strip"),
        frame("owners", "The image that every pixel belongs to", "Images", "picture/owners"),
        frame("shares", "Pixels by image", "Images", "picture/shares"),
        frame("stack", "Pixels by image, one upon the other, sweep by sweep", "Images", "picture/stack"),
        series("owned", "Share of the pixels of each image", "Images", &["picture/owned_1", "picture/owned_2", "picture/owned_3"]),
        frame("growth", "Amplitudes of ln N patterns", "Growth", "growth/amplitudes"),
        series("modes", "Patterns, and those as theory has them", "Growth", &["growth/patterns", "growth/within_3", "growth/resolved"]),
        series("dynamics", "Neurons that turn", "Dynamics", &["dynamics/flips", "dynamics/acceptance"]),
        series("updates", "Updates of single neurons per second", "Cost", &["throughput/spin_updates_per_s"]),
    ]
}

fn claims() -> Vec<Claim> {
    let rule = |op, value| Expect { op, value, tolerance: None };
    vec![
        Claim {
            id: "hierarchical_powerlaw",
            statement: "Mild dilution: the amplitudes fall as powers of the dilution.",
            reported: None,
            reported_words: Some(ReportedWords { words: "yes", source: "abstract" }),
            measure: "powerlaw/absolute_z",
            expect: rule(Op::AtMost, 3.0),
            needs_seeds: 5,
            why: "The second amplitude over the first against the dilution d, below the critical dilution and at the lowest temperature: \
                  how many standard errors the slope lies from that of theory's own ratios at the same places, which is 1 without \
                  temperature. A neuron that the first pattern leaves blank, a share d of them, follows the second.",
        },
        Claim {
            id: "parallel_equal",
            statement: "Strong dilution: all patterns are retrieved equally strongly.",
            reported: None,
            reported_words: Some(ReportedWords { words: "yes", source: "abstract" }),
            measure: "parallel/spread",
            expect: rule(Op::AtMost, 0.02),
            needs_seeds: 5,
            why: "Largest minus least mean amplitude at dilutions from 0.85 on and temperatures above 0 at which theory has them equal \
                  and above 0.5. What is left is the noise of the samples: beside it stand the spread in a single sample and the one \
                  that drawn patterns and temperature make of equal amplitudes. Without temperature three patterns are never equally strong.",
        },
        Claim {
            id: "standard_cannot",
            statement: "A network of patterns without blanks retrieves one at a time.",
            reported: None,
            reported_words: Some(ReportedWords { words: "yes", source: "abstract" }),
            measure: "amplitude/second.undiluted",
            expect: rule(Op::AtMost, 0.1),
            needs_seeds: 5,
            why: "The largest mean second amplitude of the network without blanks wherever the first is at least 0.9: chance overlaps of \
                  random patterns, about one over the root of the number of neurons.",
        },
        Claim {
            id: "log_growth",
            statement: "Up to ln N patterns are retrieved in parallel.",
            reported: None,
            reported_words: Some(ReportedWords { words: "up to log N patterns", source: "abstract" }),
            measure: "growth/modes_outside_3",
            expect: rule(Op::AtMost, 0.0),
            needs_seeds: 5,
            why: "Amplitudes of K = ln N patterns outside three standard errors of theory, for 1,000 to 100,000 neurons, signs and order \
                  as they started. In networks of this size the overlaps of the weaker patterns are mostly chance: together they \
                  overrule the third or fourth pattern, which then takes a sign and a place of its own. How many stand out from 0 is \
                  counted beside it.",
        },
        Claim {
            id: "teacher_no_effect",
            statement: "A teacher changes neither what is retrieved nor how many examples it takes.",
            reported: None,
            reported_words: Some(ReportedWords { words: "yes", source: "abstract" }),
            measure: "learning/threshold_ratio",
            expect: Expect { op: Op::Within, value: 1.025, tolerance: Some(0.225) },
            needs_seeds: 5,
            why: "Examples after which the strongest amplitude passes 0.9, with a teacher over without: 0.8 to 1.25 holds.",
        },
        Claim {
            id: "loss_is_cost",
            statement: "The energy is a sum of squared errors: both have the same minima.",
            reported: None,
            reported_words: Some(ReportedWords { words: "yes", source: "abstract" }),
            measure: "loss/residual",
            expect: rule(Op::Less, 1e-9),
            needs_seeds: 1,
            why: "Energy per neuron minus the affine image of the sum of L+ L-, computed entry by entry, the largest over all sweeps.",
        },
        Claim {
            id: "theory_meets_mc",
            statement: "Theory and Monte Carlo agree.",
            reported: None,
            reported_words: Some(ReportedWords { words: "yes", source: "abstract" }),
            measure: "theory/share_within_3",
            expect: rule(Op::AtLeast, 0.95),
            needs_seeds: 5,
            why: "Share of the measured amplitudes within three standard errors of theory. Left out: dilutions within 0.04 of the \
                  critical one, where samples fall on either side of it, and points at which the solver did not converge. Errors shrink \
                  with the samples, the network stays finite: weak patterns take another sign or place, and sorting adds a spread to \
                  equal ones. With examples, theory is for many of them: class sums of few are whole numbers, whose ties it does not \
                  know.",
        },
    ]
}
