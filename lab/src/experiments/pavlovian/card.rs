//! The catalogue entry of `pavlovian`: metrics, panels, and claims fixed before any run.

use super::presets;
use crate::experiment::{Arm, Better, Card, Claim, Expect, Metric, Op, Panel, Paper, ReportedWords};

/// Id of the experiment.
const ID: &str = "pavlovian";
/// More seeds than anybody runs: a claim that needs them is shown and stays undecided.
const NEVER_DECIDED: u32 = 10_000_000;

/// The catalogue entry.
pub fn card() -> Card {
    Card {
        id: ID,
        title: "Attention as Pavlovian conditioning",
        summary: "Keys are stimuli and values what follows them: how many pairs does a memory hold, what do layers, heads and learning \
                  rules do to it, and does that predict a trained sequence model?",
        paper: Paper {
            title: "Understanding Transformers through the Lens of Pavlovian Conditioning",
            authors: "Qiao",
            year: 2025,
            url: "https://arxiv.org/abs/2508.08289",
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
        arm("hebb", "Hebb, linear attention", false),
        arm("decay", "Hebb with forgetting", false),
        arm("delta", "delta rule", false),
        arm("replay", "delta rule, several passes", false),
        arm("oja", "Oja", false),
        arm("bcm", "Bienenstock, Cooper, Munro", false),
        arm("pinv", "pseudo-inverse", true),
        arm("softmax", "softmax attention", true),
        arm("softmax_age", "softmax attention with penalties of age", true),
        arm("no_cleanup", "layers without clean-up", false),
        arm("sign_cleanup", "layers of signs", false),
        arm("softmax_cleanup", "layers with softmax", true),
        arm("fixed_key_dim", "heads of the same size", false),
        arm("fixed_width", "heads that share a width", true),
    ]
}

fn metrics() -> Vec<Metric> {
    let metric = |name, title, unit, better| Metric { name, title, unit, better };
    let (up, down) = (Some(Better::Up), Some(Better::Down));
    vec![
        metric("recall/relative_error", "Relative error of what is read", "", down),
        metric("recall/cosine", "Cosine of what is read and what was stored", "", up),
        metric("recall/bit_error", "Share of wrong bits", "", down),
        metric("recall/exact_rate", "Draws without any wrong bit", "", up),
        metric("recall/correlation", "Correlation of what is read and what was stored", "", up),
        metric("recall/within_target", "Codes with at most the target error", "", up),
        metric("recall/vote_error", "Share of signs that the majority of heads has wrong", "", down),
        metric("capacity/error_free_pairs", "Pairs without any wrong sign in half of the draws", "", up),
        metric("strength/a", "Associative strength of A", "", None),
        metric("strength/b", "Associative strength of B", "", None),
        metric("strength/c", "Associative strength of C", "", None),
        metric("strength/d", "Associative strength of D", "", None),
        metric("strength/response", "What is expected of the stimuli shown", "", None),
        metric("loss/train", "Cross-entropy", "nats", down),
        metric("accuracy/train", "Accuracy on the batch, before it is learned", "", up),
        metric("accuracy/test", "Accuracy on episodes not seen", "", up),
        metric("rule/eta", "Write rate that was learned", "", None),
        metric("rule/forget", "Forgetting that was learned", "", None),
        metric("throughput/pairs_per_s", "Pairs written and read per second", "1/s", up),
        metric("throughput/tokens_per_s", "Tokens trained on per second, all arms", "1/s", up),
    ]
}

fn panels() -> Vec<Panel> {
    let (series, frame) = (Panel::series, Panel::frame);
    vec![
        frame("criteria", "Capacity by three criteria, against the size of keys", "Capacity", "capacity/criteria"),
        frame("load_error", "Relative error against load; criterion: error 0.5", "Capacity", "capacity/relative_error"),
        frame("load_bits", "Wrong signs against load; criterion: 1 %", "Capacity", "capacity/bit_error"),
        frame("load_exact", "Draws without a wrong sign; criterion: half of them", "Capacity", "capacity/exact_rate"),
        frame("load_cosine", "Cosine against load; criterion: average fidelity", "Capacity", "capacity/cosine"),
        frame("rules_error", "Relative error by rule, against load", "Rules", "rules/relative_error"),
        frame("rules_bits", "Wrong bits by rule, against load", "Rules", "rules/bit_error"),
        frame("rules_correlation", "Correlation by rule, against load", "Rules", "rules/correlation"),
        frame("recency", "Relative error of a pair by its age", "Rules", "rules/recency"),
        frame("memory", "The memory half-way and at the end", "Rules", "rules/memory"),
        frame("layers_error", "Relative error layer by layer, without sign clean-up", "Depth", "depth/relative_error"),
        frame("layers_bits", "Wrong signs layer by layer, with sign clean-up", "Depth", "depth/bit_error"),
        frame("reliability", "Codes within the target error, over layers and total width", "Depth", "depth/reliability"),
        frame("heads_error", "Relative error of the mean of heads", "Heads", "heads/relative_error"),
        frame("heads_bits", "Wrong signs of the mean and of the vote of heads", "Heads", "heads/bit_error"),
        frame("heads_layers", "Layers until half of the signs are lost, were layers independent", "Heads", "heads/layers"),
        frame("strengths", "Associative strengths", "Conditioning", "conditioning/strengths"),
        frame("control", "Associative strengths of the control group", "Conditioning", "conditioning/control"),
        series(
            "strength",
            "Associative strengths, trial by trial",
            "Conditioning",
            &["strength/a", "strength/b", "strength/c", "strength/d"],
        ),
        series("response", "What is expected of the stimuli shown", "Conditioning", &["strength/response"]),
        Panel { y_log: true, ..series("loss", "Cross-entropy", "Trained model", &["loss/train"]) },
        series("accuracy", "Accuracy on the batch, before it is learned", "Trained model", &["accuracy/train", "accuracy/test"]),
        frame("accuracy_pairs", "Accuracy on episodes not seen, against pairs", "Trained model", "task/accuracy"),
        series("rates", "Rates that were learned", "Trained model", &["rule/eta", "rule/forget"]),
        series("error", "Relative error of the newest points", "Progress", &["recall/relative_error"]),
        series("bits", "Wrong bits of the newest points", "Progress", &["recall/bit_error", "recall/vote_error"]),
        series("fidelity", "Fidelity of the newest points", "Progress", &["recall/cosine", "recall/correlation"]),
        series("shares", "Shares that are right", "Progress", &["recall/exact_rate", "recall/within_target"]),
        series("error_free", "Pairs without any wrong sign in half of the draws", "Progress", &["capacity/error_free_pairs"]),
        series("pairs", "Pairs written and read per second", "Cost", &["throughput/pairs_per_s"]),
        series("tokens", "Tokens trained on per second", "Cost", &["throughput/tokens_per_s"]),
    ]
}

fn claims() -> Vec<Claim> {
    let rule = |op, value| Expect { op, value, tolerance: None };
    let within = |value, tolerance| Expect { op: Op::Within, value, tolerance: Some(tolerance) };
    vec![
        Claim {
            id: "capacity_linear_average",
            statement: "Average fidelity: the number of pairs grows as the size of keys, O(d_k).",
            reported: None,
            reported_words: Some(ReportedWords { words: "O(d_k)", source: "abstract of version 2" }),
            measure: "capacity/exponent_relative_error",
            expect: within(1.0, 0.05),
            needs_seeds: 5,
            why: "Slope of ln n on ln d_k, n the pairs at which the relative error is 0.5. Theory has n = 1 + d_k/2: the 1 alone makes the \
                  slope 0.96 over sizes of 16 to 256.",
        },
        Claim {
            id: "error_free_capacity",
            statement: "Recall without errors: the number of pairs grows as the root of the size of keys, O(√d_k).",
            reported: None,
            reported_words: Some(ReportedWords { words: "O(√d_k)", source: "abstract" }),
            measure: "capacity/exponent_error_free",
            expect: within(0.5, 0.05),
            needs_seeds: NEVER_DECIDED,
            why: "Shown, not decided: how many pairs are safe in the worst case grows as √d_k; how many of random ones come out without any \
                  wrong sign in half of the draws grows as d_k over its logarithm, whose slope over the sizes at hand lies between 1/2 and 1. \
                  Both lines are drawn. A slope over a few sizes says nothing of a limit.",
        },
        Claim {
            id: "depth_law",
            statement: "Errors grow with depth as theory says.",
            reported: None,
            reported_words: Some(ReportedWords { words: "yes, qualitative", source: "abstract" }),
            measure: "depth/law_share_within_3",
            expect: rule(Op::AtLeast, 0.95),
            needs_seeds: 5,
            why: "Share of the relative errors after 1, 2, ... layers without clean-up that lie within three standard errors of \
                  (1 + ν)^L - 1, which was derived here; the paper's own formula is not known to us. Layers of signs are compared with their \
                  recursion beside it. The layers of one trial share what was lost before, so that their distances from the law are not independent.",
        },
        Claim {
            id: "heads_divide_error",
            statement: "Independent heads divide the error by their number.",
            reported: None,
            reported_words: Some(ReportedWords { words: "yes, qualitative", source: "abstract" }),
            measure: "heads/slope.fixed_key_dim",
            expect: within(-1.0, 0.05),
            needs_seeds: 5,
            why: "Slope of the logarithm of the relative error on that of the number of heads, each of the same size. Heads that share a fixed \
                  width gain nothing.",
        },
        Claim {
            id: "plausible_rule_helps",
            statement: "A biologically plausible rule improves attention.",
            reported: None,
            reported_words: Some(ReportedWords { words: "could", source: "abstract" }),
            measure: "reversal/least_gain.delta-hebb",
            expect: rule(Op::Greater, 0.15),
            needs_seeds: 3,
            why: "Accuracy of the delta rule less that of Hebb's rule, both trained to name the newest value of every key; the least over \
                  numbers of pairs. Where no key repeats there is no gain.",
        },
    ]
}
