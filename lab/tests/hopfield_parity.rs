//! Hopfield layers in f64 against numbers recorded from the authors' public code; see `data/hopfield/README.md`.

use candle_core::{DType, Tensor, npy::NpzTensors};
use lab::experiments::hopfield::{
    layers::{AdamW, Association, AssociationShape, Heads, Item, Layout, Stop, Variant, attend::attend, clip},
    memory::Memory,
    mil::{
        bags::Bags,
        model::{BagModel, Pooling},
    },
};
use std::collections::BTreeMap;

const TOLERANCE: f64 = 1e-9;

struct Fixture(NpzTensors);

impl Fixture {
    fn open(name: &str) -> Self {
        Self(NpzTensors::new(format!("{}/tests/data/hopfield/{name}.npz", env!("CARGO_MANIFEST_DIR"))).unwrap())
    }

    fn tensor(&self, name: &str) -> Tensor {
        self.0.get(name).unwrap().unwrap_or_else(|| panic!("no array {name}"))
    }

    fn get(&self, name: &str) -> Vec<f64> {
        self.tensor(name).to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        self.tensor(name).flatten_all().unwrap().to_vec1().unwrap()
    }
}

/// What our blocks are called there, given the prefix of the layer's arrays. The first number is the third of a stacked array to take.
fn source_of(name: &str, widths: [usize; 3]) -> (String, Option<std::ops::Range<usize>>) {
    let [q, k, v] = widths;
    let third = |at: usize| match at {
        0 => 0..q,
        1 => q..q + k,
        _ => q + k..q + k + v,
    };
    let maps = ["query", "key", "value"];
    if let Some(at) = maps.iter().position(|map| name == format!("{map}.bias")) {
        return ("association_core.in_proj_bias".to_owned(), Some(third(at)));
    }
    if let Some(at) = maps.iter().position(|map| name == format!("{map}.weight")) {
        return ("association_core.in_proj_weight".to_owned(), Some(third(at)));
    }
    let plain = match name {
        "norm_state.weight" => "norm_state_pattern.weight",
        "norm_state.bias" => "norm_state_pattern.bias",
        "norm_stored.weight" => "norm_stored_pattern.weight",
        "norm_stored.bias" => "norm_stored_pattern.bias",
        "norm_projection.weight" => "norm_pattern_projection.weight",
        "norm_projection.bias" => "norm_pattern_projection.bias",
        "norm_head.weight" => "association_core.p_norm_weight",
        "norm_head.bias" => "association_core.p_norm_bias",
        "out.weight" => "association_core.out_proj.weight",
        "out.bias" => "association_core.out_proj.bias",
        other => panic!("no name for {other}"),
    };
    (plain.to_owned(), None)
}

/// The numbers of our block `name` of a layer whose arrays begin with `prefix`.
fn layer_values(fixture: &Fixture, prefix: &str, name: &str, widths: [usize; 3], len: usize) -> Vec<f64> {
    let (source, rows) = source_of(name, widths);
    let separate = ["query", "key", "value"].iter().zip(["q", "k", "v"]).find(|(map, _)| name == format!("{map}.weight"));
    if let Some((_, letter)) = separate {
        let alone = format!("{prefix}association_core.{letter}_proj_weight");
        if fixture.0.names().contains(&&alone) {
            return fixture.get(&alone);
        }
    }
    let values = fixture.get(&format!("{prefix}{source}"));
    match rows {
        None => values,
        Some(rows) => {
            let width = len / rows.len();
            values[rows.start * width..rows.end * width].to_vec()
        }
    }
}

fn same(found: &[f64], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let far = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(far <= tolerance, "{what}: off by {far:e}");
}

fn together(refinements: usize) -> Stop {
    Stop { refinements, tolerance: 1e-4, together: true }
}

#[test]
fn association_of_two_sets_with_its_gradients() {
    let fixture = Fixture::open("association");
    let heads = Heads { count: 3, dim: 4, value_dim: 6, beta: 0.7 };
    let shape = AssociationShape { state: 12, stored: 10, projection: 9, heads, output: 11 };
    let widths = [12, 12, 18];
    let items = [Item { queries: 0..5, keys: 0..7 }, Item { queries: 5..10, keys: 7..14 }];
    let inputs = ["state", "stored", "projection"].map(|name| fixture.get(name));
    for (name, refinements) in [("0", 0), ("1", 1), ("2", 2), ("3", 3), ("inf", 1_000)] {
        let mut layout = Layout::default();
        let layer = Association::new(&mut layout, "layer", shape, together(refinements));
        let mut parameters = vec![0.0; layout.len()];
        for (block_name, shape, block) in layout.blocks() {
            let short = block_name.strip_prefix("layer.").unwrap();
            let values = layer_values(&fixture, "weight.", short, widths, shape.iter().product());
            block.of_mut(&mut parameters).copy_from_slice(&values);
        }
        let associated = layer.forward(&parameters, &inputs[0], &inputs[1], &inputs[2], &items);
        same(&associated.output, &fixture.get(&format!("output.{name}")), TOLERANCE, "output");
        let expected = fixture.get(&format!("association.{name}"));
        for (at, expected) in expected.chunks(35).enumerate() {
            same(associated.attended.association(at / 3, at % 3, 3), expected, TOLERANCE, "association");
        }
        if ["0", "3"].contains(&name) {
            let mut gradient = vec![0.0; layout.len()];
            let found = layer.backward(&parameters, &associated, &fixture.get("probe"), &items, &mut gradient);
            for (block_name, shape, block) in layout.blocks() {
                let short = block_name.strip_prefix("layer.").unwrap();
                let expected = layer_values(&fixture, &format!("grad.{name}."), short, widths, shape.iter().product());
                same(block.of(&gradient), &expected, TOLERANCE, block_name);
            }
            same(&found.state, &fixture.get(&format!("grad.{name}.input.state")), TOLERANCE, "state");
            same(&found.stored, &fixture.get(&format!("grad.{name}.input.stored")), TOLERANCE, "stored");
            same(&found.projection, &fixture.get(&format!("grad.{name}.input.projection")), TOLERANCE, "projection");
        }
    }
}

#[test]
fn a_set_associated_with_itself_also_with_values_made_of_keys() {
    let fixture = Fixture::open("association_variants");
    let input = fixture.get("input");
    let items: Vec<Item> = (0..3).map(|at| Item { queries: at * 6..at * 6 + 6, keys: at * 6..at * 6 + 6 }).collect();
    for (case, dim, variant) in [("packed", 4, Variant::default()), ("connected", 5, Variant { connected: true, head_norm: true })] {
        let heads = Heads { count: 2, dim, value_dim: dim, beta: 1.0 / (dim as f64).sqrt() };
        let shape = AssociationShape { state: 8, stored: 8, projection: 8, heads, output: 8 };
        let mut layout = Layout::default();
        let layer = Association::with(&mut layout, "layer", shape, together(1), variant);
        let mut parameters = vec![0.0; layout.len()];
        for (name, shape, block) in layout.blocks() {
            let short = name.strip_prefix("layer.").unwrap();
            let values = layer_values(&fixture, &format!("{case}.weight."), short, [2 * dim; 3], shape.iter().product());
            block.of_mut(&mut parameters).copy_from_slice(&values);
        }
        let found = layer.forward(&parameters, &input, &input, &input, &items);
        same(&found.output, &fixture.get(&format!("{case}.output")), TOLERANCE, case);
        for (at, expected) in fixture.get(&format!("{case}.association")).chunks(36).enumerate() {
            same(found.attended.association(at / 2, at % 2, 2), expected, TOLERANCE, case);
        }
    }
}

#[test]
fn plain_retrieval_without_projections() {
    let fixture = Fixture::open("association_variants");
    let (stored, state) = (fixture.get("retrieval.stored"), fixture.get("retrieval.state"));
    let memory = Memory::new(stored.clone(), 16, 0.15);
    let heads = Heads { count: 1, dim: 16, value_dim: 16, beta: 0.15 };
    for (name, refinements) in [("0", 0), ("1", 1), ("3", 3), ("inf", 1_000)] {
        // All cues together are one item: the stop rule looks at all of them.
        let items = [Item { queries: 0..10, keys: 0..24 }];
        let found = attend(&state, &stored, &stored, &items, heads, together(refinements));
        same(&found.output, &fixture.get(&format!("retrieval.output.{name}")), TOLERANCE, name);
        same(found.association(0, 0, 1), &fixture.get(&format!("retrieval.association.{name}")), TOLERANCE, name);
        let mut streamed = state.clone();
        for _ in 0..found.most_associations() {
            streamed = memory.update(&streamed).states;
        }
        same(&streamed, &found.output, TOLERANCE, "streamed");
    }
}

/// Fills a bag model whose pooling arrays begin with `pooling` and whose read-out ones, if recorded, with `readout`.
fn load(fixture: &Fixture, model: &mut BagModel<f64>, pooling: &str, readout: &str, widths: [usize; 3]) {
    let blocks: Vec<_> = model.layout.blocks().map(|(name, shape, block)| (name.to_owned(), shape.to_vec(), block)).collect();
    for (name, shape, block) in blocks {
        if let Some(values) = recorded(fixture, &name, pooling, readout, widths, shape.iter().product()) {
            block.of_mut(&mut model.parameters).copy_from_slice(&values);
        }
    }
}

fn recorded(fixture: &Fixture, name: &str, pooling: &str, readout: &str, widths: [usize; 3], len: usize) -> Option<Vec<f64>> {
    match name {
        "queries" => Some(fixture.get(&format!("{pooling}pooling_weights"))),
        "readout.weight" | "readout.bias" => {
            let array = format!("{readout}{}", name.strip_prefix("readout.")?);
            fixture.0.names().contains(&&array).then(|| fixture.get(&array))
        }
        _ => Some(layer_values(fixture, &format!("{pooling}hopfield."), name.strip_prefix("hopfield.")?, widths, len)),
    }
}

#[test]
fn pooling_of_padded_bags_with_its_gradients() {
    let fixture = Fixture::open("pooling");
    let heads = Heads { count: 2, dim: 5, value_dim: 5, beta: 1.3 };
    let (values, mask) = (fixture.get("bags"), fixture.bytes("mask"));
    let bags = Bags::from_padded(&values, &mask, 9, 8);
    let items: Vec<Item> = (0..6).map(|bag| Item { queries: 0..3, keys: bags.rows(bag) }).collect();
    let shape = AssociationShape { state: 8, stored: 8, projection: 8, heads, output: 7 };
    let queries = fixture.get("weight.pooling_weights");
    for (name, refinements) in [("0", 0), ("2", 2)] {
        let mut layout = Layout::default();
        let layer = Association::new(&mut layout, "layer", shape, together(refinements));
        let mut parameters = vec![0.0; layout.len()];
        for (block_name, shape, block) in layout.blocks() {
            let short = block_name.strip_prefix("layer.").unwrap();
            let values = layer_values(&fixture, "weight.hopfield.", short, [10, 10, 10], shape.iter().product());
            block.of_mut(&mut parameters).copy_from_slice(&values);
        }
        let associated = layer.forward(&parameters, &queries, &bags.values, &bags.values, &items);
        same(&associated.output, &fixture.get(&format!("output.{name}")), TOLERANCE, "output");
        let expected = fixture.get(&format!("association.{name}"));
        for (at, expected) in expected.chunks(27).enumerate() {
            let (bag, head) = (at / 2, at % 2);
            let kept = |(at, value): (usize, &f64)| (mask[bag * 9 + at % 9] == 0).then_some(*value);
            let expected: Vec<f64> = expected.iter().enumerate().filter_map(kept).collect();
            same(associated.attended.association(bag, head, 2), &expected, TOLERANCE, "association");
        }
        let mut gradient = vec![0.0; layout.len()];
        let found = layer.backward(&parameters, &associated, &fixture.get("probe"), &items, &mut gradient);
        for (block_name, shape, block) in layout.blocks() {
            let short = block_name.strip_prefix("layer.").unwrap();
            let expected = layer_values(&fixture, &format!("grad.{name}.hopfield."), short, [10, 10, 10], shape.iter().product());
            same(block.of(&gradient), &expected, TOLERANCE, block_name);
        }
        same(&found.state, &fixture.get(&format!("grad.{name}.pooling_weights")), TOLERANCE, "queries");
        let expected = Bags::from_padded(&fixture.get(&format!("grad.{name}.input")), &mask, 9, 8);
        let sum: Vec<f64> = found.stored.iter().zip(&found.projection).map(|(a, b)| a + b).collect();
        same(&sum, &expected.values, TOLERANCE, "input");
    }
}

struct Training {
    name: &'static str,
    heads: Heads,
    quantity: usize,
    stop: Stop,
    learning_rate: f64,
    weight_decay: f64,
}

#[test]
fn a_hundred_training_steps() {
    let heads = |count, beta| Heads { count, dim: 8, value_dim: 8, beta };
    let untied = 1.0 / 8f64.sqrt();
    for training in [
        Training {
            name: "training_untied",
            heads: heads(1, untied),
            quantity: 1,
            stop: together(0),
            learning_rate: 1e-3,
            weight_decay: 0.01,
        },
        Training {
            name: "training_adapted",
            heads: heads(8, 0.25),
            quantity: 1,
            stop: together(3),
            learning_rate: 1e-2,
            weight_decay: 0.01,
        },
        Training {
            name: "training_large_weights",
            heads: heads(4, untied),
            quantity: 2,
            stop: Stop { tolerance: 1e-12, ..together(1) },
            learning_rate: 1e-2,
            weight_decay: 0.0,
        },
    ] {
        let fixture = Fixture::open(training.name);
        let Training { heads, quantity, stop, .. } = training;
        let mut model = BagModel::<f64>::new(8, None, Pooling::Hopfield { quantity, heads, output: 8, stop });
        let widths = [8 * heads.count; 3];
        load(&fixture, &mut model, "initial.0.", "initial.1.", widths);
        let (instances, targets) = (fixture.get("bags"), fixture.bytes("targets"));
        let mut all = Bags::new(8);
        instances.chunks(16 * 8).for_each(|bag| all.push(bag));
        let batches: Vec<usize> = fixture.get("batch_index").into_iter().map(|index| index as usize).collect();
        let mut optimiser = AdamW::new(model.parameters.len(), training.weight_decay);
        let mut gradient = vec![0.0; model.parameters.len()];
        let mut found: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for (step, batch) in batches.chunks(32).enumerate() {
            let bags = all.gather(batch);
            let labels: Vec<u8> = batch.iter().map(|bag| targets[*bag]).collect();
            if step == 0 {
                same(&model.logits(&bags), &fixture.get("first_logits"), TOLERANCE, "first logits");
            }
            let (loss, associations) = model.loss(&bags, &labels, None, &mut gradient);
            if step == 0 {
                for (name, shape, block) in model.layout.blocks() {
                    let expected = recorded(&fixture, name, "first_gradient.0.", "first_gradient.1.", widths, shape.iter().product());
                    same(block.of(&gradient), &expected.unwrap(), TOLERANCE, name);
                }
            }
            let norm = clip(&mut gradient, 1.0);
            optimiser.update(&mut model.parameters, &gradient, training.learning_rate);
            for (name, value) in [("loss", loss), ("gradient_norm", norm), ("associations", associations as f64)] {
                found.entry(name).or_default().push(value);
            }
        }
        for (name, values) in found {
            same(&values, &fixture.get(name), TOLERANCE, &format!("{} {name}", training.name));
        }
        for (name, shape, block) in model.layout.blocks() {
            let expected = recorded(&fixture, name, "final.0.", "final.1.", widths, shape.iter().product());
            same(block.of(&model.parameters), &expected.unwrap(), TOLERANCE, name);
        }
    }
}
