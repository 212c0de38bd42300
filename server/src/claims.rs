//! Verdicts on claims, computed from stored summaries only; a worker cannot send one.

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

/// Judges the claims of one run. It stays undecided unless the claim needs one run only.
pub fn judge_run(claims: &[Claim], summary: &BTreeMap<String, Number>) -> Vec<Verdict> {
    claims
        .iter()
        .map(|claim| {
            let value = summary.get(claim.measure).copied();
            let (verdict, detail) = match value {
                None => (Judgement::Undecided, format!("this run has no {}", claim.measure)),
                Some(Number(value)) if value.is_nan() => (Judgement::Undecided, format!("{} is not a number in this run", claim.measure)),
                Some(Number(value)) if claim.needs_seeds <= 1 => {
                    let holds = satisfies(&claim.expect, value);
                    let verdict = if holds { Judgement::Holds } else { Judgement::Fails };
                    (verdict, format!("{} is {value:.6}; the rule is {}", claim.measure, rule(&claim.expect)))
                }
                Some(Number(value)) => {
                    let detail = format!(
                        "{} is {value:.6} in this run; the rule is {} and needs {} seeds",
                        claim.measure,
                        rule(&claim.expect),
                        claim.needs_seeds
                    );
                    (Judgement::Undecided, detail)
                }
            };
            Verdict { id: claim.id.to_owned(), verdict, value, detail }
        })
        .collect()
}

fn satisfies(expect: &Expect, value: f64) -> bool {
    match expect.op {
        Op::Greater => value > expect.value,
        Op::AtLeast => value >= expect.value,
        Op::Less => value < expect.value,
        Op::AtMost => value <= expect.value,
        Op::Within => (value - expect.value).abs() <= expect.tolerance.unwrap_or(0.0),
    }
}

fn rule(expect: &Expect) -> String {
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
        Claim { id: "c", statement: "", reported: None, measure: "m.a", expect, needs_seeds, why: "" }
    }

    #[test]
    fn one_run_decides_only_deterministic_claims() {
        let summary = BTreeMap::from([("m.a".to_owned(), Number(0.74))]);
        assert_eq!(judge_run(&[claim(Op::AtLeast, 1)], &summary)[0].verdict, Judgement::Holds);
        assert_eq!(judge_run(&[claim(Op::Greater, 1)], &summary)[0].verdict, Judgement::Fails);
        assert_eq!(judge_run(&[claim(Op::AtLeast, 5)], &summary)[0].verdict, Judgement::Undecided);
        assert_eq!(judge_run(&[claim(Op::AtLeast, 1)], &BTreeMap::new())[0].verdict, Judgement::Undecided);
    }
}
