//! The catalogue entry of `dense_rsb`: metrics, panels, and claims fixed before any run.

use super::presets;
use crate::experiment::{Arm, Better, Card, Claim, Expect, Metric, Op, Panel, Paper, ReportedWords};

/// Id of the experiment.
const ID: &str = "dense_rsb";

/// The catalogue entry.
pub fn card() -> Card {
    Card {
        id: ID,
        title: "Dense associative memories and replica symmetry breaking",
        summary: "P spins interact at a time, so that N^(P-1) patterns can be stored: where does crosstalk turn the memory into a spin glass, and how \
                  much does breaking the symmetry of replicas change?",
        paper: Paper {
            title: "Replica symmetry breaking in dense neural networks",
            authors: "Albanese, Alemanno, Alessandrelli, Barra",
            year: 2021,
            url: "https://arxiv.org/abs/2111.12997",
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
    vec![arm("p2", "pairs of spins (Hopfield)", true), arm("p3", "three spins at a time", false), arm("p4", "four spins at a time", false)]
}

fn metrics() -> Vec<Metric> {
    let metric = |name, title, unit, better| Metric { name, title, unit, better };
    let (up, down) = (Some(Better::Up), Some(Better::Down));
    vec![
        metric("magnetisation/pattern", "Overlap with the pattern", "", up),
        metric("success/rate", "Share of samples with an overlap above 0.7", "", up),
        metric("energy", "Energy per spin", "", down),
        metric("dynamics/flips", "Share of spins that turn in the last sweep", "", None),
        metric("dynamics/acceptance", "Share of updates that turn a spin", "", None),
        metric("dynamics/survived", "Sweeps before the pattern is lost", "sweeps", up),
        metric("theory/capacity_gain", "What one step of breaking adds to the capacity, as a share", "", None),
        metric("theory/residual", "Largest residual of the solvers", "", down),
        metric("phase/spinodal", "Load at which retrieval ends, replica-symmetric", "", None),
        metric("phase/broken_spinodal", "The same with one step of breaking", "", None),
        metric("phase/magnetisation", "Overlap of the retrieval state, mean over cells", "", None),
        metric("phase/iterations", "Iterations, mean over cells", "", None),
        metric("scaling/patterns", "Patterns at half success", "", up),
        metric("split/residual", "What the parts of the free energy leave", "", down),
        metric("glass/crosstalk", "Mean square overlap with the other patterns times N", "", None),
        metric("glass/overlap_within", "Overlap of a replica and its copy", "", None),
        metric("glass/overlap_between", "Overlap of two replicas from random states", "", None),
        metric("detect/first_update", "Overlap after one update from the pattern", "", up),
        metric("throughput/spin_updates_per_s", "Updates of single spins per second", "1/s", up),
    ]
}

fn panels() -> Vec<Panel> {
    let (series, frame) = (Panel::series, Panel::frame);
    vec![
        frame("capacity", "Overlap against load", "Capacity", "capacity/magnetisation"),
        frame("success", "Success against load", "Capacity", "capacity/success"),
        series("pattern", "Overlap with the pattern", "Capacity", &["magnetisation/pattern", "success/rate"]),
        series("gain", "What breaking adds to the capacity", "Capacity", &["theory/capacity_gain"]),
        Panel { y_log: true, ..series("residuals", "Residuals of the solvers", "Capacity", &["theory/residual"]) },
        frame("diagram", "Retrieval over load and temperature", "Phases", "phase/diagram"),
        frame("broken_diagram", "Retrieval with one step of breaking", "Phases", "phase/broken_diagram"),
        frame("stability", "Where breaking the symmetry makes the glass stable", "Phases", "phase/stability"),
        frame("retrieval_replicon", "Stability of the retrieval state", "Phases", "phase/replicon_retrieval"),
        frame("symmetric_replicon", "Stability of the replica-symmetric glass", "Phases", "phase/replicon_symmetric"),
        frame("broken_replicon", "Stability of the one-step-broken glass", "Phases", "phase/replicon_broken"),
        series("spinodals", "Loads at which retrieval ends", "Phases", &["phase/spinodal", "phase/broken_spinodal"]),
        series("cells", "Overlap of the cells", "Phases", &["phase/magnetisation"]),
        series("iterations", "Iterations", "Phases", &["phase/iterations"]),
        frame("basin", "Overlap at the end against overlap at the start", "Basins", "basin/magnetisation"),
        frame("sigmoids", "Success against load by size", "Scaling", "scaling/success"),
        frame("growth", "Patterns against neurons", "Scaling", "scaling/growth"),
        Panel { y_log: true, ..series("patterns", "Patterns at half success", "Scaling", &["scaling/patterns"]) },
        frame("parts", "Parts of the free energy", "Glass", "split/pressure"),
        Panel { y_log: true, ..series("split", "What the parts leave", "Glass", &["split/residual"]) },
        frame("soft", "Overlaps with the other patterns", "Glass", "glass/crosstalk"),
        series("crosstalk", "Overlaps with the other patterns", "Glass", &["glass/crosstalk"]),
        frame("within", "Overlaps of replicas and their copies", "Glass", "glass/within"),
        frame("between", "Overlaps of replicas from random states", "Glass", "glass/between"),
        series("replicas", "Overlaps of replicas", "Glass", &["glass/overlap_within", "glass/overlap_between"]),
        frame("noise", "Overlap against noise", "Detection", "detect/magnetisation"),
        series("detection", "Overlap after one update", "Detection", &["detect/first_update"]),
        frame("descent", "Energy, sweep by sweep", "Dynamics", "dynamics/descent"),
        series("energy", "Energy per spin", "Dynamics", &["energy"]),
        series("dynamics", "Spins that turn", "Dynamics", &["dynamics/flips", "dynamics/acceptance"]),
        series("survival", "Sweeps before the pattern is lost", "Dynamics", &["dynamics/survived"]),
        series("updates", "Updates of single spins per second", "Cost", &["throughput/spin_updates_per_s"]),
    ]
}

fn claims() -> Vec<Claim> {
    let rule = |op, value| Expect { op, value, tolerance: None };
    vec![
        Claim {
            id: "theory_meets_mc",
            statement: "Theory and Monte Carlo agree.",
            reported: None,
            reported_words: Some(ReportedWords { words: "yes", source: "abstract" }),
            measure: "theory/share_within_3",
            expect: rule(Op::AtLeast, 0.95),
            needs_seeds: 5,
            why: "Share of loads at which the measured overlap lies within three standard errors of the finest theory solved. Compared up to 0.75 of the \
                  replica-symmetric spinodal for pairs and 0.9 for P >= 3; above T = 0 over the samples that have kept the pattern, for the state of \
                  theory is metastable. Samples are finite, and at T = 0 they stick in local minima near the pattern, which replica theory does not count.",
        },
        Claim {
            id: "capacity_constants",
            statement: "The critical loads at T = 0 are those known.",
            reported: None,
            reported_words: None,
            measure: "theory/constants_off",
            expect: rule(Op::AtMost, 0.0),
            needs_seeds: 1,
            why: "Replica-symmetric and one-step-broken capacities, m at the first, and the load at which retrieval stops being the ground state, P = 2 to \
                  6: how many are further than half a unit of the last digit from those known (P = 2: Steffan and Kuehn, 1994) or computed independently.",
        },
        Claim {
            id: "rsb_raises_capacity",
            statement: "Breaking the symmetry of replicas raises the capacity.",
            reported: None,
            reported_words: None,
            measure: "capacity/least_gain",
            expect: rule(Op::Greater, 0.0),
            needs_seeds: 1,
            why: "One-step-broken over replica-symmetric capacity less 1, the lesser of P = 2 and 4: 0.2 % and 16 %. Further steps change it again, for P = \
                  2 in the sixth digit.",
        },
        Claim {
            id: "hopfield_hard_plus_soft",
            statement: "For pairs the glass is a hard one and a soft, Gaussian one.",
            reported: None,
            reported_words: Some(ReportedWords { words: "yes", source: "abstract" }),
            measure: "split/residual_pairs",
            expect: rule(Op::Less, 1e-10),
            needs_seeds: 1,
            why: "Pressure of the memory without a pattern less that of the Sherrington-Kirkpatrick glass at its own temperature and of the soft glass, \
                  replica-symmetric; each overlap is solved for on its own.",
        },
        Claim {
            id: "only_hard_for_dense",
            statement: "For P >= 3 only the hard P-spin glass is left.",
            reported: None,
            reported_words: Some(ReportedWords { words: "yes", source: "abstract" }),
            measure: "split/residual_dense",
            expect: rule(Op::Less, 1e-10),
            needs_seeds: 1,
            why: "Pressure of the memory without a pattern less that of the P-spin glass at its own temperature, P = 3 to 6.",
        },
        Claim {
            id: "rsb_stabilises_glass",
            statement: "One step of breaking makes the glass stable.",
            reported: None,
            reported_words: Some(ReportedWords { words: "yes", source: "abstract" }),
            measure: "phase/cells_stabilised",
            expect: rule(Op::AtLeast, 1.0),
            needs_seeds: 1,
            why: "Loads and temperatures of the map at which the replicon of the glass is below 0 without breaking and above 0 with one step, within clusters \
                  and between them. At the lowest temperatures one step is unstable as well, and for pairs at all: their glass needs infinitely many steps.",
        },
        Claim {
            id: "soft_part_gone",
            statement: "For P >= 3 the retrieved state knows nothing of the other patterns.",
            reported: None,
            reported_words: Some(ReportedWords { words: "yes", source: "abstract" }),
            measure: "glass/soft_absolute_z",
            expect: rule(Op::AtMost, 3.0),
            needs_seeds: 5,
            why: "Mean square overlap with the other patterns times N, over all loads: how many standard errors it lies from 1, the larger of P = 3 and 4. \
                  For pairs it is q / (1 - beta (1 - q))^2.",
        },
    ]
}
