//! Whether a run repeats another: bit for bit, or where they part first.

mod support;

use serde_json::{Value, json};
use support::{
    TestApp,
    hand::{Hand, Held},
    is_terminal,
};

async fn queue(app: &TestApp) -> String {
    app.post("/api/v1/runs", json!({ "experiment": "walk" })).await.json()["id"].as_str().unwrap().to_owned()
}

fn point(name: &str, arm: Option<&str>, step: u64, value: Value) -> Value {
    json!({ "type": "point", "name": name, "arm": arm, "step": step, "value": value, "time_ms": 5 })
}

/// A run by hand with these points, and one of the clock.
async fn record(app: &TestApp, hand: &Hand<'_>, points: Vec<Value>, seconds: f64) -> String {
    let id = queue(app).await;
    let held: Held = hand.lease().await;
    assert_eq!(held.run_id, id);
    for (place, piece) in points.chunks(1_000).enumerate() {
        let answer = held.batch(1 + 1_000 * place as u64, json!(piece)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let clock = json!([{ "name": "time/step", "arm": null, "step": 1, "value": seconds, "time_ms": 5 }]);
    let body = json!({ "lease_token": held.lease_token, "first_ordinal": points.len() + 1, "items": [], "clock_points": clock });
    let answer = app.post(&format!("/api/v1/worker/runs/{id}/batches"), body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    held.finish("succeeded").await;
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_config_and_seed_give_the_same_bits() {
    for app in TestApp::on_each_database().await {
        app.start_worker();
        // NaN, infinities and −0.0 are values like others here.
        let body = json!({ "experiment": "walk", "config": { "diverge_at": 50 }, "seed": 7 });
        let first = app.post("/api/v1/runs", body).await.json()["id"].as_str().unwrap().to_owned();
        app.wait_for(&first, is_terminal).await;
        let clone = async |body: Value| {
            let made = app.post(&format!("/api/v1/runs/{first}/clone"), body).await.json()["id"].as_str().unwrap().to_owned();
            app.wait_for(&made, is_terminal).await;
            made
        };
        let again = clone(json!({})).await;
        // With its parent by default.
        let same = app.get(&format!("/api/v1/runs/{again}/sameness")).await.json();
        assert_eq!((&same["verdict"], &same["with"], &same["difference"]), (&json!("identical"), &json!(first), &json!(null)), "{same}");
        assert_eq!(
            (&same["series"], &same["points"], &same["same_recipe"], &same["same_version"]),
            (&json!(3), &json!(300), &json!(true), &json!(true))
        );

        let other = clone(json!({ "seed": 8 })).await;
        let different = app.get(&format!("/api/v1/runs/{other}/sameness?with={again}")).await.json();
        assert_eq!(
            (&different["verdict"], &different["same_recipe"], &different["difference"]["step"]),
            (&json!("different"), &json!(false), &json!(1))
        );
        assert_eq!(different["difference"]["name"], "place");

        assert_eq!(app.get(&format!("/api/v1/runs/{first}/sameness")).await.status, 422, "it has no parent");
        assert_eq!(app.get(&format!("/api/v1/runs/{first}/sameness?with=x")).await.status, 404);
        assert_eq!(app.get(&format!("/api/v1/runs/{first}/sameness?with={}", uuid::Uuid::now_v7())).await.status, 404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_differing_step_is_found_in_long_series_and_the_clock_counts_for_nothing() {
    for app in TestApp::on_each_database().await {
        let hand = Hand::register(&app).await;
        let values = |part: u64| -> Vec<Value> {
            (1..=18_000)
                .flat_map(|step| {
                    let left = if step == part { json!("NaN") } else { json!(step as f64 / 7.0) };
                    [point("place", Some("left"), step, left), point("loss/train", None, step, json!(1.0 / step as f64))]
                })
                .collect()
        };
        let first = record(&app, &hand, values(0), 1.0).await;
        // Beyond the 16,384 points that are read at once.
        let parting = record(&app, &hand, values(17_001), 1.0).await;
        let found = app.get(&format!("/api/v1/runs/{parting}/sameness?with={first}")).await.json();
        assert_eq!(
            found["difference"],
            json!({ "step": 17_001, "name": "place", "arm": "left", "value": "NaN", "other_value": 17_001.0 / 7.0 }),
            "{found}"
        );

        // A run that ends earlier parts where it has nothing more; the earliest of two differences is told.
        let mut short = values(0);
        short.truncate(200);
        short.push(point("place", Some("right"), 90, json!(1.0)));
        let short = record(&app, &hand, short, 1.0).await;
        let found = app.get(&format!("/api/v1/runs/{short}/sameness?with={first}")).await.json();
        assert_eq!(found["difference"], json!({ "step": 90, "name": "place", "arm": "right", "value": 1.0, "other_value": null }));

        // Zero has two signs, and both are told apart.
        let zero = record(&app, &hand, vec![point("place", None, 1, json!(0.0))], 1.0).await;
        let minus = record(&app, &hand, vec![point("place", None, 1, json!(-0.0))], 2.0).await;
        assert_eq!(app.get(&format!("/api/v1/runs/{zero}/sameness?with={minus}")).await.json()["difference"]["step"], 1);
        let slow = record(&app, &hand, vec![point("place", None, 1, json!(0.0))], 9.0).await;
        let found = app.get(&format!("/api/v1/runs/{zero}/sameness?with={slow}")).await.json();
        assert_eq!((&found["verdict"], &found["series"]), (&json!("identical"), &json!(1)));

        let waiting = queue(&app).await;
        assert_eq!(app.get(&format!("/api/v1/runs/{waiting}/sameness?with={first}")).await.json()["verdict"], "unfinished");
    }
}
