//! Verdicts on claims, computed from stored summaries only; a worker cannot send one.

use crate::interval::Estimate;
use lab::{
    experiment::{Claim, Expect, Op},
    json::Number,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What a claim has come to.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Verdict {
    /// The claim's id.
    pub id: String,
    /// `holds`, `fails` or `undecided`.
    pub verdict: Judgement,
    /// The measured value; null where the summary has none.
    #[schema(value_type = Option<crate::api::views::MaybeFinite>)]
    pub value: Option<Number>,
    /// One sentence about how it came out.
    pub detail: String,
}

/// The three verdicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Judgement {
    /// The measure is wholly on the claimed side.
    Holds,
    /// The measure is wholly on the other side.
    Fails,
    /// Too few runs, or the interval crosses the rule.
    Undecided,
}

/// Judges the claims over runs that succeeded and differ only in their seeds, or over one run.
///
/// Over at least `needs_seeds` runs that have the measure, its 95% t-interval must lie wholly on one side of the rule. One run has no
/// interval: its own value decides a claim that needs no more. A value that is not finite leaves its claim undecided.
pub fn judge(claims: &[Claim], summaries: &[BTreeMap<String, Number>]) -> Vec<Verdict> {
    claims.iter().map(|claim| judge_one(claim, summaries)).collect()
}

fn judge_one(claim: &Claim, summaries: &[BTreeMap<String, Number>]) -> Verdict {
    let (measure, rule) = (claim.measure, rule(&claim.expect));
    let values: Vec<f64> = summaries.iter().filter_map(|summary| summary.get(measure)).map(|value| value.0).collect();
    let odd = values.iter().filter(|value| !value.is_finite()).count();
    let Some(estimate) = Estimate::of(&values) else {
        let detail = if summaries.len() == 1 { format!("this run has no {measure}") } else { format!("no run has {measure} yet") };
        return Verdict { id: claim.id.to_owned(), verdict: Judgement::Undecided, value: None, detail };
    };
    let Estimate { n, mean, interval, .. } = estimate;
    let enough = n >= claim.needs_seeds as usize;
    let (verdict, detail) = match (odd, interval) {
        (0, Some((low, high))) if enough => {
            let detail = format!("{measure} is {mean:.6}, 95% interval {low:.6} to {high:.6} over {n} runs; the rule is {rule}");
            (side(&claim.expect, low, high), detail)
        }
        (0, _) if enough && n == 1 => (side(&claim.expect, mean, mean), format!("{measure} is {mean:.6}; the rule is {rule}")),
        (0, _) if n == 1 => {
            let detail = format!("{measure} is {mean:.6} in this run; the rule is {rule} and needs {} seeds", claim.needs_seeds);
            (Judgement::Undecided, detail)
        }
        (0, _) if !enough => {
            let detail = format!("{measure} is {mean:.6} over {n} runs; the rule is {rule} and needs {} seeds", claim.needs_seeds);
            (Judgement::Undecided, detail)
        }
        (0, _) => (Judgement::Undecided, format!("{measure} is too large over these {n} runs to have an interval")),
        (_, _) if n == 1 => (Judgement::Undecided, format!("{measure} is not finite in this run")),
        (odd, _) => (Judgement::Undecided, format!("{measure} is not finite in {odd} of {n} runs, so it has no interval")),
    };
    Verdict { id: claim.id.to_owned(), verdict, value: Some(Number(mean)), detail }
}

/// On which side of the rule the values from `low` to `high` lie, all of them finite.
pub fn side(expect: &Expect, low: f64, high: f64) -> Judgement {
    let tolerance = expect.tolerance.unwrap_or(0.0);
    let (holds, fails) = match expect.op {
        Op::Greater => (low > expect.value, high <= expect.value),
        Op::AtLeast => (low >= expect.value, high < expect.value),
        Op::Less => (high < expect.value, low >= expect.value),
        Op::AtMost => (high <= expect.value, low > expect.value),
        Op::Within => {
            let (least, most) = (expect.value - tolerance, expect.value + tolerance);
            (least <= low && high <= most, high < least || most < low)
        }
    };
    match (holds, fails) {
        (true, _) => Judgement::Holds,
        (_, true) => Judgement::Fails,
        _ => Judgement::Undecided,
    }
}

/// The rule in words, as "above 0".
pub fn rule(expect: &Expect) -> String {
    match expect.op {
        Op::Greater => format!("above {}", expect.value),
        Op::AtLeast => format!("at least {}", expect.value),
        Op::Less => format!("below {}", expect.value),
        Op::AtMost => format!("at most {}", expect.value),
        Op::Within => format!("within {} of {}", expect.tolerance.unwrap_or(0.0), expect.value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(op: Op, needs_seeds: u32) -> Claim {
        let expect = Expect { op, value: 0.74, tolerance: None };
        Claim { id: "c", statement: "", reported: None, reported_words: None, measure: "m.a", expect, needs_seeds, why: "" }
    }

    fn runs(values: &[f64]) -> Vec<BTreeMap<String, Number>> {
        values.iter().map(|value| BTreeMap::from([("m.a".to_owned(), Number(*value))])).collect()
    }

    fn verdict(op: Op, needs_seeds: u32, values: &[f64]) -> Judgement {
        judge(&[claim(op, needs_seeds)], &runs(values))[0].verdict
    }

    #[test]
    fn one_run_decides_only_deterministic_claims() {
        assert_eq!(verdict(Op::AtLeast, 1, &[0.74]), Judgement::Holds);
        assert_eq!(verdict(Op::Greater, 1, &[0.74]), Judgement::Fails);
        assert_eq!(verdict(Op::AtLeast, 5, &[0.74]), Judgement::Undecided);
        assert_eq!(judge(&[claim(Op::AtLeast, 1)], &[BTreeMap::new()])[0].verdict, Judgement::Undecided);
    }

    #[test]
    fn several_runs_decide_once_their_interval_is_on_one_side() {
        // Standard deviation 0.01: the half width over five runs is 0.0124, so 0.75 - 0.0124 reaches below 0.74.
        let around = |mean: f64| [-0.01, -0.01, 0.0, 0.01, 0.01].map(|off| mean + off);
        assert_eq!(verdict(Op::Greater, 5, &around(0.76)), Judgement::Holds);
        assert_eq!(verdict(Op::Greater, 5, &around(0.75)), Judgement::Undecided);
        assert_eq!(verdict(Op::Greater, 5, &around(0.72)), Judgement::Fails);
        assert_eq!(verdict(Op::Less, 5, &around(0.72)), Judgement::Holds);
        assert_eq!(verdict(Op::AtMost, 5, &around(0.76)), Judgement::Fails);
        assert_eq!(verdict(Op::Greater, 6, &around(0.76)), Judgement::Undecided, "five runs where six are needed");
    }

    #[test]
    fn equal_values_decide_at_the_edge_of_the_rule() {
        assert_eq!(verdict(Op::AtLeast, 1, &[0.74; 3]), Judgement::Holds);
        assert_eq!(verdict(Op::Greater, 1, &[0.74; 3]), Judgement::Fails);
    }

    #[test]
    fn within_holds_inside_and_fails_on_either_side() {
        let mut within = claim(Op::Within, 2);
        within.expect.tolerance = Some(0.05);
        let verdict = |values: &[f64]| judge(std::slice::from_ref(&within), &runs(values))[0].verdict;
        assert_eq!(verdict(&[0.74, 0.741]), Judgement::Holds);
        assert_eq!(verdict(&[0.9, 0.901]), Judgement::Fails);
        assert_eq!(verdict(&[0.5, 0.501]), Judgement::Fails);
        assert_eq!(verdict(&[0.5, 0.98]), Judgement::Undecided, "an interval around the whole band is on no side");
    }

    #[test]
    fn what_is_not_finite_or_not_there_decides_nothing_and_says_why() {
        let judged = judge(&[claim(Op::Less, 2)], &runs(&[0.1, f64::NEG_INFINITY, 0.1]));
        assert_eq!((judged[0].verdict, judged[0].value), (Judgement::Undecided, Some(Number(f64::NEG_INFINITY))));
        assert!(judged[0].detail.contains("not finite in 1 of 3 runs"), "{}", judged[0].detail);
        assert_eq!(verdict(Op::AtLeast, 1, &[f64::INFINITY]), Judgement::Undecided);
        let mut some = runs(&[0.8, 0.8]);
        some.push(BTreeMap::new());
        assert_eq!(judge(&[claim(Op::Greater, 3)], &some)[0].verdict, Judgement::Undecided, "only runs that have the measure count");
        assert_eq!(judge(&[claim(Op::Greater, 2)], &some)[0].verdict, Judgement::Holds);
        assert_eq!(judge(&[claim(Op::Greater, 2)], &[])[0].value, None);
    }
}
