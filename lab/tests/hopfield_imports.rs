//! The Hopfield experiment on data sets that somebody has imported: images that are stored, bags that are learnt, and what is said of wrong ones.

mod support;

use lab::{Lab, registry};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use support::{Config, Drive};

fn config(given: Value) -> Config {
    support::config("hopfield", "none", &given)
}

/// A small run of `mil`.
fn mil() -> Config {
    config(json!({
        "kind": "mil", "num_bags": 40, "folds": 3, "epochs": 3, "batch_size": 8, "instances_per_bag": 6, "hidden_width": 8, "num_heads": 2,
        "learning_rate": 0.05
    }))
}

/// Numbers of no meaning in the layout of fox: 200 bags, the first 120 of 7 instances and the others of 6, of 230 features.
#[test]
fn an_imported_set_is_here() {
    let folder = tempfile::tempdir().unwrap();
    let rows = (0..200).flat_map(|bag| (0..if bag < 120 { 7 } else { 6 }).map(move |instance| (bag, instance)));
    let text: String = rows.map(|(bag, instance)| format!("{},{bag}{}\n", bag % 2, format!(",{instance}").repeat(230))).collect();
    let (file, data) = (folder.path().join("fox.csv"), folder.path().join("data"));
    std::fs::write(&file, text).unwrap();
    lab::datasets::import::import("fox", &[file], &data, &Default::default()).unwrap();
    let mut config = mil();
    for (name, value) in [("datasets", json!(["fox", "tiger"])), ("leave_out_absent", json!(true)), ("epochs", json!(1))] {
        config[name] = value;
    }
    let lab = Lab { device: candle_core::Device::Cpu, data_folders: vec![data], seed: 0 };
    let heard = Drive::start_in("hopfield", &config, lab).run_out();
    assert!(heard.warnings.contains(&"Not on this machine and left out: tiger.".to_owned()), "{:?}", heard.warnings);
    assert!(heard.summary.contains_key("auc/test_fox.hopfield"), "{:?}", heard.summary);
}

/// A lab with two sets of its own: 40 images of 4 x 6 pixels, `leaves`, of which 32 are to train on, and 24 bags of three instances, `wells`.
fn lab_with_own_sets(folder: &Path) -> Lab {
    let pixels = |image: u32| (0..24).map(move |at| (image * image * 31 + image * at * 17 + at * at * 7) as u8);
    let header =
        |sizes: &[u32]| [&[0, 0, 8, sizes.len() as u8][..], &sizes.iter().flat_map(|size| size.to_be_bytes()).collect::<Vec<_>>()].concat();
    let rows = (0..72).map(|row| format!("{},{},{},{},{}\n", row / 3, row / 3 % 2, row / 3 % 2 * (row % 3), row % 7, row % 5));
    let files = [
        ("images-idx3-ubyte", [header(&[40, 4, 6]), (0..40).flat_map(pixels).collect()].concat()),
        ("labels-idx1-ubyte", [header(&[40]), (0..40).map(|image| image % 4).collect()].concat()),
        ("wells.csv", format!("bag_id,label,f1,f2,f3\n{}", rows.collect::<String>()).into_bytes()),
    ];
    let data = folder.join("data");
    for (name, bytes) in &files {
        std::fs::write(folder.join(name), bytes).unwrap();
    }
    let path = |name: &str| folder.join(name);
    let import = |id: &str, paths: &[PathBuf]| lab::datasets::import::import(id, paths, &data, &Default::default()).map(|_| ()).unwrap();
    import("leaves", &[path(files[0].0), path(files[1].0)]);
    import("wells", &[path(files[2].0)]);
    Lab { device: candle_core::Device::Cpu, data_folders: vec![data], seed: 0 }
}

#[test]
fn images_of_ones_own_are_stored_and_bags_of_ones_own_are_learnt() {
    let folder = tempfile::tempdir().unwrap();
    let lab = lab_with_own_sets(folder.path());
    let entry = registry::standard().get("hopfield").unwrap();
    for (kind, finding) in [("retrieve", "retrieval/identified.modern"), ("beta_scan", "regime/seen")] {
        let given = json!({ "kind": kind, "pattern_kind": "upload", "uploaded": "leaves", "num_patterns": 30, "probes": 30, "dim": 24 });
        let config = config(given);
        assert_eq!(entry.estimates(&config).unwrap().datasets, ["leaves"], "{kind}");
        let heard = Drive::start_in("hopfield", &config, lab.clone()).run_out();
        assert!(heard.summary[finding] > 0.5, "{kind}: {:?}", heard.summary);
        let refused = |field: &str, value: Value| {
            let mut config = config.clone();
            config[field] = value;
            entry.start(&config, &lab).err().unwrap().to_string()
        };
        assert!(refused("uploaded", json!("leafs")).contains("no data set `leafs`; did you mean `leaves`?"), "{kind}");
        assert!(refused("uploaded", json!("wells")).contains("holds bags, not images"), "{kind}");
        assert!(refused("num_patterns", json!(33)).contains("leaves has 32 images to store; num_patterns asks for 33"), "{kind}");
        assert!(refused("dim", json!(64)).contains("an image of leaves has 24 values"), "{kind}");
    }
    let mut config = mil();
    (config["datasets"], config["uploaded"]) = (json!(["bit_pattern", "upload"]), json!("wells"));
    assert_eq!(entry.estimates(&config).unwrap().datasets, ["wells"]);
    let heard = Drive::start_in("hopfield", &config, lab.clone()).run_out();
    assert!(!heard.series("loss/upload", "hopfield").is_empty() && heard.summary["auc/test_upload.max"].is_finite(), "{:?}", heard.summary);
    assert!(heard.said.contains(&"Info upload is the imported set `wells`.".to_owned()));
    let refused = |field: &str, value: Value| {
        let mut config = config.clone();
        config[field] = value;
        entry.start(&config, &lab).err().unwrap().to_string()
    };
    assert!(refused("uploaded", json!("well")).contains("did you mean `wells`?"));
    assert!(refused("uploaded", json!("leaves")).contains("holds images, not bags"));
    config["datasets"] = json!(["upload"]);
    config["folds"] = json!(13);
    let refused = entry.start(&config, &lab).err().unwrap().to_string();
    assert!(refused.contains("wells has 12 bags of class 0, too few for 13 folds"), "{refused}");
    for (kind, given) in
        [("retrieve", json!({ "kind": "retrieve", "pattern_kind": "upload" })), ("mil", json!({ "kind": "mil", "datasets": ["upload"] }))]
    {
        let faults = entry.complete("none", given.as_object().unwrap()).unwrap_err().to_string();
        assert!(faults.contains("uploaded: must name the set"), "{kind}: {faults}");
    }
}
