//! The catalogue entry of `hopfield`: metrics, panels, and claims fixed before any run.

use super::presets;
use crate::experiment::{Arm, Better, Card, Claim, Expect, Metric, Op, Panel, Paper};

/// Id of the experiment.
pub const ID: &str = "hopfield";

/// The catalogue entry.
pub fn card() -> Card {
    Card {
        id: ID,
        title: "Modern Hopfield networks and Hopfield layers",
        summary: "How many patterns does an attention-like memory hold, what does its temperature do, and does it pool sets better?",
        paper: Paper {
            title: "Hopfield Networks is All You Need",
            authors: "Ramsauer et al.",
            year: 2020,
            url: "https://arxiv.org/abs/2008.02217",
        },
        presets: presets::presets(),
        arms: arms(),
        metrics: metrics(),
        panels: panels(),
        claims: claims(),
        datasets: vec![
            "digits",
            "fashion_mnist",
            "mnist",
            "iris",
            "wine",
            "breast_cancer",
            "uci",
            "musk1",
            "musk2",
            "elephant",
            "fox",
            "tiger",
            "ucsb_breast_cancer",
        ],
    }
}

fn arms() -> Vec<Arm> {
    let arm = |id, title, baseline| Arm { id, title, baseline };
    vec![
        arm("modern", "modern (softmax)", false),
        arm("classical", "classical", true),
        arm("dense3", "dense, cubic", true),
        arm("dense4", "dense, quartic", true),
        arm("exponential", "exponential", true),
        arm("from_patterns", "from the patterns", false),
        arm("from_mean", "from their mean", true),
        arm("hopfield", "Hopfield layer", false),
        arm("refined", "Hopfield, refined", false),
        arm("attention", "attention pooling", true),
        arm("mean", "mean", true),
        arm("max", "max pooling", true),
        arm("layer_1", "first layer", false),
        arm("layer_2", "layer 2", false),
        arm("layer_3", "layer 3", false),
        arm("layer_4", "layer 4", false),
        arm("mlp", "perceptron", true),
        arm("logistic", "logistic regression", true),
        arm("neighbours", "nearest neighbours", true),
        arm("forest", "random forest", true),
    ]
}

fn metrics() -> Vec<Metric> {
    let metric = |name, title, unit, better| Metric { name, title, unit, better };
    let (up, down) = (Some(Better::Up), Some(Better::Down));
    vec![
        metric("energy", "Energy", "", down),
        metric("retrieval/cosine", "Cosine to the pattern asked for", "", up),
        metric("retrieval/identified", "Cues whose nearest pattern is right", "", up),
        metric("retrieval/movement", "Largest movement of a component", "", None),
        metric("retrieval/largest_weight", "Largest softmax weight", "", None),
        metric("retrieval/k90", "Patterns that hold 90 % of the weight", "", None),
        metric("retrieval/perplexity", "Perplexity of the weights", "", None),
        metric("retrieval/bit_error", "Wrong bits", "", down),
        metric("retrieval/exact", "Cues recalled without error", "", up),
        metric("capacity/patterns", "Patterns at the threshold", "", up),
        metric("regime/k90", "Patterns that hold 90 % of the weight", "", None),
        metric("regime/perplexity", "Perplexity of the weights", "", None),
        metric("regime/updates", "Updates until rest", "", None),
        metric("regime/fixed_points", "Different fixed points", "", None),
        metric("bound/error", "Mean error after one update", "", down),
        metric("bound/value", "Mean bound on it", "", None),
        metric("bound/violations", "Cues beyond the bound", "", down),
        metric("bound/well_separated", "Well separated patterns", "", None),
        metric("bound/second_move", "Largest move of the second update", "", down),
        metric("loss/train", "Training loss", "nats", down),
        metric("accuracy/validation", "Validation accuracy", "", up),
        metric("loss/bit_pattern", "Training loss, bit patterns", "nats", down),
        metric("loss/digits_bags", "Training loss, bags of digits", "nats", down),
        metric("auc/bit_pattern", "Validation AUC, bit patterns", "", up),
        metric("auc/digits_bags", "Validation AUC, bags of digits", "", up),
        metric("key_weight/bit_pattern", "Weight on the signal, bit patterns", "", up),
        metric("key_weight/digits_bags", "Weight on the nine, bags of digits", "", up),
        metric("loss/musk1", "Training loss, MUSK1", "nats", down),
        metric("auc/musk1", "Validation AUC, MUSK1", "", up),
        metric("loss/musk2", "Training loss, MUSK2", "nats", down),
        metric("auc/musk2", "Validation AUC, MUSK2", "", up),
        metric("loss/elephant", "Training loss, elephant", "nats", down),
        metric("auc/elephant", "Validation AUC, elephant", "", up),
        metric("loss/fox", "Training loss, fox", "nats", down),
        metric("auc/fox", "Validation AUC, fox", "", up),
        metric("loss/tiger", "Training loss, tiger", "nats", down),
        metric("auc/tiger", "Validation AUC, tiger", "", up),
        metric("loss/ucsb_breast_cancer", "Training loss, UCSB breast cancer", "nats", down),
        metric("auc/ucsb_breast_cancer", "Validation AUC, UCSB breast cancer", "", up),
        metric("loss/upload", "Training loss, imported set", "nats", down),
        metric("auc/upload", "Validation AUC, imported set", "", up),
        metric("loss/repertoire", "Training loss, repertoires", "nats", down),
        metric("auc/repertoire", "Validation AUC, repertoires", "", up),
        metric("key_weight/repertoire", "Weight on the sequences with the motif", "", up),
        metric("heads/k90_share", "Median share of tokens that hold 90 % of the weight", "", None),
        metric("loss/patches", "Training error of a hidden pixel, squared", "", down),
        metric("loss/patches_validation", "Validation error of a hidden pixel, squared", "", down),
        metric("accuracy/tables", "Test accuracy, mean over the tables so far", "", up),
        metric("rank/tables", "Rank, mean over the tables so far", "", down),
        metric("throughput/instances_per_s", "Training instances per second", "1/s", up),
        metric("throughput/cues_per_s", "Cues per second", "1/s", up),
    ]
}

fn panels() -> Vec<Panel> {
    let (series, frame) = (Panel::series, Panel::frame);
    vec![
        frame("strip", "Target, cue and what comes back", "Retrieval", "retrieval/strip"),
        frame("descent", "Energy descent of single cues", "Retrieval", "retrieval/energies"),
        series("energy", "Energy", "Retrieval", &["energy"]),
        series("identified", "Recalled", "Retrieval", &["retrieval/identified", "retrieval/cosine"]),
        Panel { y_log: true, ..series("movement", "Largest movement of a component", "Retrieval", &["retrieval/movement"]) },
        series("weights", "Largest softmax weight", "Retrieval", &["retrieval/largest_weight"]),
        series("mixed", "Patterns mixed", "Retrieval", &["retrieval/k90", "retrieval/perplexity"]),
        frame("capacity", "Wrong bits against stored patterns", "Capacity", "capacity/bit_error"),
        frame("exact", "Cues recalled without error", "Capacity", "capacity/exact"),
        frame("growth", "Capacity against dimension", "Capacity", "capacity/growth"),
        series("bit_error", "Wrong bits", "Capacity", &["retrieval/bit_error"]),
        series("recalled", "Cues recalled without error", "Capacity", &["retrieval/exact"]),
        Panel { y_log: true, ..series("patterns", "Patterns at the threshold", "Capacity", &["capacity/patterns"]) },
        frame("k90", "k90 against the inverse temperature", "Regimes", "regime/k90"),
        frame("shares", "Regimes of the patterns", "Regimes", "regime/shares"),
        frame("fixed_points", "Different fixed points", "Regimes", "regime/fixed_points"),
        series("scan", "Patterns mixed at the fixed points", "Regimes", &["regime/k90", "regime/perplexity"]),
        series("points", "Different fixed points", "Regimes", &["regime/fixed_points"]),
        Panel { y_log: true, ..series("updates", "Updates until rest", "Regimes", &["regime/updates"]) },
        frame("scatter", "Error against bound", "Bound", "bound/scatter"),
        Panel { y_log: true, ..series("errors", "Mean error and mean bound", "Bound", &["bound/error", "bound/value"]) },
        Panel { y_log: true, ..series("second", "Largest move of the second update", "Bound", &["bound/second_move"]) },
        series("violations", "Cues beyond the bound", "Bound", &["bound/violations"]),
        series("separated", "Well separated patterns", "Bound", &["bound/well_separated"]),
        frame("matrix", "Association of a pair of sets", "Association", "association/matrix"),
        series("association_accuracy", "Validation accuracy", "Association", &["accuracy/validation"]),
        Panel { y_log: true, ..series("association_loss", "Training loss", "Association", &["loss/train"]) },
        frame("auc_table", "Test AUC by set and pooling", "Pooling", "mil/auc"),
        frame("roc", "ROC of the first set and fold", "Pooling", "mil/roc"),
        frame("bag_weights", "Weights over a positive bag", "Pooling", "mil/weights"),
        series("auc_bit_pattern", "Validation AUC, bit patterns", "Pooling", &["auc/bit_pattern"]),
        series("auc_digits_bags", "Validation AUC, bags of digits", "Pooling", &["auc/digits_bags"]),
        series("auc_musk1", "Validation AUC, MUSK1", "Pooling", &["auc/musk1"]),
        series("auc_musk2", "Validation AUC, MUSK2", "Pooling", &["auc/musk2"]),
        series("auc_elephant", "Validation AUC, elephant", "Pooling", &["auc/elephant"]),
        series("auc_fox", "Validation AUC, fox", "Pooling", &["auc/fox"]),
        series("auc_tiger", "Validation AUC, tiger", "Pooling", &["auc/tiger"]),
        series("auc_ucsb_breast_cancer", "Validation AUC, UCSB breast cancer", "Pooling", &["auc/ucsb_breast_cancer"]),
        series("auc_upload", "Validation AUC, imported set", "Pooling", &["auc/upload"]),
        Panel { y_log: true, ..series("loss_mil", "Training loss", "Pooling", &["loss/bit_pattern", "loss/digits_bags"]) },
        Panel {
            y_log: true,
            ..series(
                "loss_mil_sets",
                "Training loss, sets that are read",
                "Pooling",
                &["loss/musk1", "loss/musk2", "loss/elephant", "loss/fox", "loss/tiger", "loss/ucsb_breast_cancer", "loss/upload"],
            )
        },
        series("key_weight", "Weight on the telling instance", "Pooling", &["key_weight/bit_pattern", "key_weight/digits_bags"]),
        frame("repertoire_auc", "Validation AUC by epoch", "Repertoires", "repertoire/auc"),
        series("auc_repertoire", "Validation AUC", "Repertoires", &["auc/repertoire"]),
        Panel { y_log: true, ..series("loss_repertoire", "Training loss", "Repertoires", &["loss/repertoire"]) },
        series("motif_weight", "Weight on the sequences with the motif", "Repertoires", &["key_weight/repertoire"]),
        frame("heads_attention", "An image filled in, and where its heads look", "Heads", "heads/attention"),
        frame("heads_medians", "Tokens that hold 90 % of the weight, by layer", "Heads", "heads/medians"),
        frame("heads_distributions", "The same, over the queries of every head", "Heads", "heads/distributions"),
        series("heads_k90", "Median share of tokens that hold 90 % of the weight", "Heads", &["heads/k90_share"]),
        Panel { y_log: true, ..series("heads_loss", "Error of a hidden pixel", "Heads", &["loss/patches", "loss/patches_validation"]) },
        frame("uci_accuracy", "Test accuracy by table and classifier", "Tables", "uci/accuracy"),
        frame("uci_ranks", "Mean rank with its interval", "Tables", "uci/ranks"),
        series("uci_accuracies", "Test accuracy, mean over the tables so far", "Tables", &["accuracy/tables"]),
        series("uci_mean_ranks", "Rank, mean over the tables so far", "Tables", &["rank/tables"]),
        series("instances", "Training instances per second", "Cost", &["throughput/instances_per_s"]),
        series("cues", "Cues per second", "Cost", &["throughput/cues_per_s"]),
    ]
}

fn claims() -> Vec<Claim> {
    let rule = |op, value| Expect { op, value, tolerance: None };
    vec![
        Claim {
            id: "exponential_storage",
            statement: "The number of patterns that can be stored grows exponentially with their dimension.",
            reported: None,
            measure: "capacity/fit_r2.exponential-power",
            expect: rule(Op::Greater, 0.0),
            needs_seeds: 1,
            why: "Patterns held at 1 % wrong bits for 8 to 64 signs: the exponential explains more of ln n than the power law does.",
        },
        Claim {
            id: "one_update",
            statement: "Retrieval takes one update: for well separated patterns a second one hardly moves.",
            reported: None,
            measure: "bound/second_move",
            expect: rule(Op::AtMost, 1e-5),
            needs_seeds: 1,
            why: "The largest move of a second update over all cues whose pattern is well separated, in units of a pattern's length.",
        },
        Claim {
            id: "bound_holds",
            statement: "The error of one update stays below its bound.",
            reported: None,
            measure: "bound/violations",
            expect: rule(Op::AtMost, 0.0),
            needs_seeds: 1,
            why: "Cues beyond the bound, over all settings; where beta is small the bound exceeds the size of the patterns and says nothing.",
        },
        Claim {
            id: "three_regimes",
            statement: "Fixed points average over all patterns, over a few similar ones, or stand for a single one.",
            reported: None,
            measure: "regime/seen",
            expect: rule(Op::AtLeast, 3.0),
            needs_seeds: 1,
            why: "Regimes met while the inverse temperature rises, by the number of patterns that hold 90 % of the weight at the fixed points.",
        },
        Claim {
            id: "pooling_wins_mil",
            statement: "Hopfield pooling has a higher AUC than other poolings on three of the four sets tiger, fox, elephant and UCSB breast cancer.",
            reported: None,
            measure: "mil/sets_won_of_four",
            expect: rule(Op::AtLeast, 3.0),
            needs_seeds: 1,
            why: "Sets on which its mean test AUC over ten folds is above that of the best other pooling. Undecided unless all four sets are on the \
                  machine: fox and tiger have to be imported.",
        },
        Claim {
            id: "uci_best_rank",
            statement: "Hopfield layers have the best average rank on small tables.",
            reported: None,
            measure: "rank/place.hopfield",
            expect: rule(Op::AtMost, 1.0),
            needs_seeds: 1,
            why: "The place of the Hopfield net among five classifiers by mean rank over the tables present, given at least twenty of them. The paper \
                  compares some 25 methods on 75 tables by a protocol that is not known in full.",
        },
        Claim {
            id: "repertoire",
            statement: "Hopfield pooling finds a motif that few of a bag's many sequences carry, where the mean of all sequences does not.",
            reported: None,
            measure: "auc/test_repertoire.hopfield-mean",
            expect: rule(Op::Greater, 0.1),
            needs_seeds: 5,
            why: "With one sequence in a hundred Hopfield pooling finds the motif in most draws and the mean lags behind by 0.05 to \
                  0.16, but in some draws it never finds it, so that nothing is sure; the maximum often finds nothing. Generated sequences, not the \
                  paper's immune repertoires.",
        },
        Claim {
            id: "heads_by_layer",
            statement: "Heads of early layers average over more of the patterns than those of late layers do.",
            reported: None,
            measure: "heads/k90_share.first-last",
            expect: rule(Op::Greater, 0.0),
            needs_seeds: 5,
            why: "In a small net trained here to fill in patches of images the middle layers become selective and the last one averages over more \
                  patches than the first; the paper looked at a large language model.",
        },
    ]
}
