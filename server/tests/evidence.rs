//! What verdicts rest on: each seed's own value, intervals, and what a share shows of it.

mod support;

use serde_json::{Value, json};
use support::{TestApp, is_terminal};

async fn run(app: &TestApp, body: Value) -> String {
    let made = app.post("/api/v1/runs", body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let id = made.json()["id"].as_str().unwrap().to_owned();
    app.wait_for(&id, is_terminal).await;
    id
}

fn numbers(points: &Value, field: &str) -> Vec<f64> {
    points.as_array().unwrap().iter().map(|point| point[field].as_f64().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_rests_on_the_paired_difference_of_every_seed() {
    for app in TestApp::on_each_database().await {
        app.start_worker();
        let body = json!({ "experiment": "walk", "grid": { "size": [1, 2] }, "config": { "steps": 20 }, "seeds": [5, 2, 9, 4] });
        let sweep = app.post("/api/v1/sweeps", body).await.json();
        let sweep = sweep["id"].as_str().unwrap();
        let runs = app.get(&format!("/api/v1/runs?sweep={sweep}")).await.json();
        let mut differences = Vec::new();
        for made in runs["items"].as_array().unwrap() {
            let run = app.wait_for(made["id"].as_str().unwrap(), is_terminal).await;
            if run["config"]["size"] == 2.0 {
                differences.push((run["seed"].as_i64().unwrap(), run["summary"]["place.right-left"].as_f64().unwrap(), run["id"].clone()));
            }
        }
        differences.sort_by_key(|(seed, ..)| *seed);
        let cell = app.get(&format!("/api/v1/sweeps/{sweep}/cells/1")).await.json();
        assert_eq!((&cell["cell"], &cell["values"], &cell["status"]["succeeded"]), (&json!(1), &json!({ "size": 2 }), &json!(4)));
        let ids: Vec<_> = cell["seeds"].as_array().unwrap().iter().map(|run| run["id"].clone()).collect();
        assert_eq!(ids, differences.iter().map(|(.., id)| id.clone()).collect::<Vec<_>>());
        assert_eq!(cell["runs"], cell["seeds"]);

        let claim = &cell["claims"][1];
        assert_eq!((&claim["id"], &claim["rule"]), (&json!("right_is_ahead"), &json!("above 0")));
        assert_eq!(numbers(&claim["points"], "seed"), [2.0, 4.0, 5.0, 9.0]);
        let values = numbers(&claim["points"], "value");
        assert_eq!(values, differences.iter().map(|(_, value, _)| *value).collect::<Vec<_>>());
        let mean = values.iter().sum::<f64>() / 4.0;
        let deviation = (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / 3.0).sqrt();
        // Student's t at 97.5% with three degrees of freedom.
        let half = 3.182_446_305_284_26 * deviation / 2.0;
        let near = |value: &Value, wanted: f64| (value.as_f64().unwrap() - wanted).abs() < 1e-9;
        assert!(
            near(&claim["value"], mean) && near(&claim["interval"]["low"], mean - half) && near(&claim["interval"]["high"], mean + half)
        );
        let (least, most) = (values.iter().copied().fold(f64::MAX, f64::min), values.iter().copied().fold(f64::MIN, f64::max));
        let (low, high) = (claim["bootstrap"]["low"].as_f64().unwrap(), claim["bootstrap"]["high"].as_f64().unwrap());
        assert!(least <= low && low < mean && mean < high && high <= most, "{claim}");
        assert_eq!(claim["on_its_side"], values.iter().filter(|value| **value > 0.0).count());
        let decided = claim["verdict"] != "undecided";
        // The fewest seeds whose half width is below the distance to the rule: no more than there are exactly where they decide.
        assert_eq!(claim["seeds_needed"].as_u64().is_some_and(|seeds| seeds <= 4), decided, "{claim}");
        // What every seed has alike.
        let ends = &cell["claims"][0];
        assert_eq!(
            (&ends["verdict"], &ends["interval"], &ends["bootstrap"]),
            (&json!("holds"), &json!({ "low": 20.0, "high": 20.0 }), &json!({ "low": 20.0, "high": 20.0 }))
        );
        for missing in ["2", "-1", "x", "99999999999999999999"] {
            assert_eq!(app.get(&format!("/api/v1/sweeps/{sweep}/cells/{missing}")).await.status, 404, "{missing}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runs_claims_rest_on_every_seed_of_its_config_and_a_share_shows_only_its_own() {
    for app in TestApp::on_each_database().await {
        app.start_worker();
        let config = json!({ "steps": 20 });
        let first = run(&app, json!({ "experiment": "walk", "config": config, "seed": 1 })).await;
        let alone = app.get(&format!("/api/v1/runs/{first}/evidence")).await.json();
        let claim = &alone["claims"][1];
        assert_eq!(
            (&claim["verdict"], &claim["interval"], &claim["bootstrap"], &claim["seeds_needed"]),
            (&json!("undecided"), &json!(null), &json!(null), &json!(null))
        );
        assert_eq!(claim["points"].as_array().unwrap().len(), 1);

        let second = run(&app, json!({ "experiment": "walk", "config": config, "seed": 2 })).await;
        let repeated = run(&app, json!({ "experiment": "walk", "config": config, "seed": 1 })).await;
        run(&app, json!({ "experiment": "walk", "config": { "steps": 21 }, "seed": 3 })).await;
        let both = app.get(&format!("/api/v1/runs/{first}/evidence")).await.json();
        // A seed counts once, by its newest run; another config not at all.
        assert_eq!(both["runs"], json!([{ "id": repeated, "seed": 1 }, { "id": second, "seed": 2 }]));

        let share = app.post("/api/v1/shares", json!({ "run_ids": [first] })).await.json();
        let shared = format!("/api/v1/shared/{}/runs", share["token"].as_str().unwrap());
        let shown = app.get(&format!("{shared}/{first}/evidence")).await.json();
        assert_eq!(shown["runs"], json!([{ "id": first, "seed": 1 }]));
        assert_eq!(app.get(&format!("{shared}/{second}/evidence")).await.status, 404);
        assert_eq!(app.get(&format!("/api/v1/shared/{}/cells/0", share["token"].as_str().unwrap())).await.status, 404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_without_a_measure_leaves_its_claim_without_evidence() {
    let app = TestApp::on_sqlite().await;
    let id = app.post("/api/v1/runs", json!({ "experiment": "walk" })).await.json()["id"].as_str().unwrap().to_owned();
    let evidence = app.get(&format!("/api/v1/runs/{id}/evidence")).await.json();
    let claim = &evidence["claims"][1];
    assert_eq!(
        (&evidence["runs"], &claim["points"], &claim["value"], &claim["verdict"]),
        (&json!([]), &json!([]), &json!(null), &json!("undecided"))
    );
    assert_eq!(app.get(&format!("/api/v1/runs/{}/evidence", uuid::Uuid::now_v7())).await.status, 404);
}
