//! Data sets in the list, over REST and on the command line.

mod support;

use serde_json::{Value, json};
use std::process::{Command, Output};
use support::TestApp;

fn engram(app: &TestApp, args: &[&str]) -> Output {
    let (command, data) = (env!("CARGO_BIN_EXE_engram"), app.data_dir());
    Command::new(command).args(args).arg("--data-dir").arg(data).output().unwrap()
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

async fn listed(app: &TestApp, id: &str) -> Option<Value> {
    let sets = app.get("/api/v1/datasets?limit=100").await.json();
    sets["items"].as_array().unwrap().iter().find(|set| set["id"] == id).cloned()
}

#[tokio::test(flavor = "multi_thread")]
async fn sets_of_every_form_are_listed_and_only_what_can_be_checked_is_fetched() {
    let app = TestApp::on_sqlite().await;
    let form_of = async |id| listed(&app, id).await.unwrap()["form"].clone();
    assert_eq!(form_of("musk1").await, json!({ "kind": "bags", "bags": 92, "positive": 47, "instances": 476, "features": 166 }));
    assert_eq!(form_of("iris").await, json!({ "kind": "table", "rows": 150, "features": 4, "classes": 3 }));
    assert_eq!(form_of("uci").await, json!({ "kind": "tables", "tables": 50 }));
    assert_eq!(form_of("cifar100").await["classes"], 100);
    let fox = listed(&app, "fox").await.unwrap();
    assert_eq!((&fox["state"], &fox["fetchable"]), (&json!("absent"), &json!(false)));
    let answer = app.post("/api/v1/datasets/fox/fetch", json!({})).await;
    assert_eq!(answer.status, 409);
    assert!(answer.json()["detail"].as_str().unwrap().contains("`engram data import fox PATH`"), "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_of_ones_own_is_imported_listed_verified_and_never_half_there() {
    let app = TestApp::on_sqlite().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wells.csv");
    std::fs::write(&file, "depth,rock,class\n1.5,clay,dry\n2.5,sand,wet\n?,sand\n").unwrap();
    let path = file.to_str().unwrap();
    let refused = engram(&app, &["data", "import", "wells", path]);
    assert_eq!(refused.status.code(), Some(1));
    for part in
        ["wells.csv, line 4: value 1 must be there and finite; it is \"?\"", "line 4: must hold 3 values as the first row; it holds 2"]
    {
        assert!(told(&refused).contains(part), "{}", told(&refused));
    }
    assert_eq!(listed(&app, "wells").await, None);
    assert!(!app.data_dir().join("datasets/wells").exists());

    std::fs::write(&file, "depth,rock,class\n1.5,clay,dry\n2.5,sand,wet\n").unwrap();
    let imported = engram(&app, &["data", "import", "wells", path, "--title", "Wells", "--licence", "CC0"]);
    assert!(imported.status.success() && told(&imported).contains("wells is here: 2 rows, 3 features, 2 classes"), "{}", told(&imported));
    let set = listed(&app, "wells").await.unwrap();
    assert_eq!((&set["state"], &set["title"], &set["licence"]), (&json!("imported"), &json!("Wells"), &json!("CC0")));
    assert!(told(&engram(&app, &["data", "verify", "wells"])).contains("wells: every byte is right"));
    assert!(told(&engram(&app, &["data", "list"])).lines().any(|line| line.starts_with("wells") && line.contains("imported")));
}
