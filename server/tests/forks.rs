//! Forks: runs that go on from a checkpoint of another, what may change there, and how long checkpoints stay.

mod support;

use serde_json::{Value, json};
use support::{
    TestApp, fresh_sqlite,
    hand::{Hand, Held},
    is_terminal,
};

fn id_of(run: &Value) -> &str {
    run["id"].as_str().unwrap_or_else(|| panic!("no run: {run}"))
}

fn path(run: &Value, rest: &str) -> String {
    format!("/api/v1/runs/{}{rest}", id_of(run))
}

/// A run of a worker that was paused somewhere in its middle, so that it has a checkpoint there, and went on to its end.
async fn paused_and_ended(app: &TestApp) -> (Value, i64) {
    let body = json!({ "experiment": "walk", "config": { "steps": 60, "pause_ms": 10, "diverge_at": 55 }, "seed": 7, "name": "first" });
    let run = app.post("/api/v1/runs", body).await.json();
    app.wait_for(id_of(&run), |run| run["last_seq"].as_i64() > Some(4)).await;
    app.post(&path(&run, "/pause"), json!({})).await;
    app.wait_for(id_of(&run), |run| run["status"] == "paused").await;
    app.post(&path(&run, "/resume"), json!({})).await;
    let run = app.wait_for(id_of(&run), is_terminal).await;
    assert_eq!(run["status"], "succeeded", "{run}");
    let checkpoints = app.get(&path(&run, "/checkpoints")).await.json();
    let step = checkpoints["items"][0]["step"].as_i64().unwrap_or_else(|| panic!("{checkpoints}"));
    assert!((1..60).contains(&step), "{checkpoints}");
    assert_eq!(checkpoints["items"][0]["usable"], true, "{checkpoints}");
    (run, step)
}

/// Step and value of every point of a series; a value as JSON writes it.
async fn points(app: &TestApp, run: &Value, name: &str, arm: &str) -> Vec<(i64, Value)> {
    let metrics = app.get(&path(run, &format!("/metrics?points=0&names={name}&arms={arm}"))).await.json();
    let series = &metrics["series"][0];
    let steps = series["steps"].as_array().into_iter().flatten().map(|step| step.as_i64().unwrap());
    steps.zip(series["values"].as_array().into_iter().flatten().cloned()).collect()
}

async fn forked(app: &TestApp, run: &Value, body: Value) -> Value {
    let answer = app.post(&path(run, "/fork"), body).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    app.wait_for(id_of(&answer.json()), is_terminal).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_without_a_change_is_the_rest_of_its_parent_and_outlives_it() {
    for app in TestApp::on_each_database().await {
        app.start_worker();
        let (parent, step) = paused_and_ended(&app).await;
        let fork = forked(&app, &parent, json!({ "step": step })).await;
        assert_eq!(
            (&fork["status"], &fork["forked_from"], &fork["forked_step"], &fork["parent_id"]),
            (&json!("succeeded"), &parent["id"], &json!(step), &parent["id"])
        );
        assert_eq!((&fork["config"], &fork["seed"], &fork["name"]), (&parent["config"], &parent["seed"], &parent["name"]));
        assert_eq!(fork["summary"], parent["summary"]);
        for (name, arm) in [("place", "left"), ("place", "right"), ("loss/train", "null")] {
            let mut rest = points(&app, &parent, name, arm).await;
            rest.retain(|(at, _)| *at > step);
            assert_eq!(points(&app, &fork, name, arm).await, rest, "{name} {arm}");
        }
        let same = app.get(&path(&fork, "/sameness")).await.json();
        assert_eq!(
            (&same["verdict"], &same["same_recipe"], &same["after_step"], &same["points"]),
            (&json!("identical"), &json!(true), &json!(step), &json!(3 * (60 - step))),
            "{same}"
        );
        let first = &app.get(&path(&fork, "/logs")).await.json()["items"][0];
        let told = format!("Forked from run {} at step {step}: nothing changed.", id_of(&parent));
        assert_eq!((&first["seq"], &first["message"]), (&json!(2), &json!(told)));

        // A report of the fork has what came before, up to the step; through a share of the fork alone it has not.
        let recorded = async |origin: &str| -> Value {
            let report = app.get(&format!("{origin}/export.html")).await.text();
            let data =
                report.split("<script type=\"application/json\" id=\"recorded\">").nth(1).and_then(|rest| rest.split("</script>").next());
            serde_json::from_str(data.unwrap_or_else(|| panic!("{report}"))).unwrap()
        };
        let before = recorded(&path(&fork, "")).await["before"].clone();
        assert_eq!((before.as_array().unwrap().len(), &before[0]["run"]["id"]), (1, &parent["id"]));
        let series = before[0]["metrics"]["series"].as_array().unwrap();
        let left = series.iter().find(|series| series["name"] == "place" && series["arm"] == "left").unwrap();
        assert_eq!(left["steps"].as_array().unwrap().last(), Some(&json!(step)));
        let share = app.post("/api/v1/shares", json!({ "run_id": fork["id"] })).await.json();
        let shared = format!("/api/v1/shared/{}/runs/{}", share["token"].as_str().unwrap(), id_of(&fork));
        assert_eq!(recorded(&shared).await["before"], json!([]));

        // Then all that it came from goes.
        let points_before = points(&app, &fork, "place", "left").await;
        let found = async |origin: &str| {
            let list = app.get(&format!("/api/v1/runs?filter=forked_from%20%3D%20{origin}")).await.json();
            list["items"].as_array().unwrap_or_else(|| panic!("{list}")).iter().map(|run| run["id"].clone()).collect::<Vec<_>>()
        };
        assert_eq!(found(id_of(&parent)).await, [fork["id"].clone()]);
        assert_eq!(found("none").await, [parent["id"].clone()]);
        assert_eq!(app.delete(&path(&parent, "")).await.status, 204);
        assert_eq!(points(&app, &fork, "place", "left").await, points_before);
        assert_eq!(app.get(&path(&fork, "/sameness")).await.status, 404);
        assert_eq!(app.get(&path(&fork, "")).await.json()["forked_from"], parent["id"], "it still says where it comes from");
        let again = app.post(&path(&fork, "/clone"), json!({})).await.json();
        let again = app.wait_for(id_of(&again), is_terminal).await;
        assert_eq!((&again["summary"], &again["forked_from"]), (&fork["summary"], &parent["id"]), "{again}");
        let same = app.get(&path(&again, "/sameness")).await.json();
        assert_eq!((&same["verdict"], &same["same_recipe"], &same["after_step"]), (&json!("identical"), &json!(true), &json!(null)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_fork_parts_from_its_parent_at_once_and_stands_alone() {
    for app in TestApp::on_each_database().await {
        app.start_worker();
        let (parent, step) = paused_and_ended(&app).await;
        let fork = forked(&app, &parent, json!({ "step": step, "config": { "size": 3, "steps": 70 }, "name": "wider" })).await;
        assert_eq!((&fork["status"], &fork["name"], &fork["progress"]["total"]), (&json!("succeeded"), &json!("wider"), &json!(70)));
        assert_eq!((&fork["config"]["size"], &fork["config"]["pause_ms"]), (&json!(3.0), &json!(10)));
        let (before, after) = (points(&app, &parent, "place", "left").await, points(&app, &fork, "place", "left").await);
        assert_eq!((after.first().unwrap().0, after.last().unwrap().0), (step + 1, 70));
        assert_ne!(after[0], before[step as usize], "the first step after the fork differs");
        let same = app.get(&path(&fork, "/sameness")).await.json();
        assert_eq!(
            (&same["verdict"], &same["same_recipe"], &same["difference"]["step"]),
            (&json!("different"), &json!(false), &json!(step + 1))
        );
        let told = app.get(&path(&fork, "/logs")).await.json()["items"][0]["message"].as_str().unwrap().to_owned();
        assert!(told.contains("size 1.0 → 3.0") && told.contains("steps 60 → 70"), "{told}");

        // A run that had these values from its beginning is another thing.
        let whole = app.post("/api/v1/runs", json!({ "experiment": "walk", "config": fork["config"], "seed": 8 })).await.json();
        app.wait_for(id_of(&whole), is_terminal).await;
        for (run, alone) in [(&fork, &fork), (&whole, &whole)] {
            let evidence = app.get(&path(run, "/evidence")).await.json();
            assert_eq!(evidence["runs"].as_array().unwrap().iter().map(|run| &run["id"]).collect::<Vec<_>>(), [&alone["id"]]);
        }

        let checked = app.post(&path(&parent, "/fork/check"), json!({ "step": step, "config": { "size": 3 } })).await.json();
        assert_eq!((&checked["config"]["size"], &checked["seed"]), (&json!(3.0), &json!(7)));
        let whole = app.post("/api/v1/runs/check", json!({ "experiment": "walk", "config": checked["config"] })).await.json();
        let share = checked["seconds"].as_f64().unwrap() / whole["seconds"].as_f64().unwrap();
        assert!((share - (60 - step) as f64 / 60.0).abs() < 1e-9, "{share} of the time is left from step {step}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_a_fork_is_told_at_once_and_nothing_is_queued() {
    let app = TestApp::on_sqlite().await;
    app.start_worker();
    let (parent, step) = paused_and_ended(&app).await;
    let faults = async |body: Value| {
        let answer = app.post(&path(&parent, "/fork"), body.clone()).await;
        assert_eq!(answer.status, 422, "{}", answer.text());
        assert_eq!(app.post(&path(&parent, "/fork/check"), body).await.json()["errors"], answer.json()["errors"]);
        let found = answer.json()["errors"].as_array().unwrap().clone();
        found
            .into_iter()
            .map(|fault| format!("{} {}", fault["pointer"].as_str().unwrap(), fault["detail"].as_str().unwrap()))
            .collect::<Vec<_>>()
    };
    let config = json!({ "size": 11, "frame_every": 5, "panic_at": 0, "seize": 1 });
    let found = faults(json!({ "step": 61, "config": config, "nam": "x" })).await;
    let starts = [
        "/nam there is no field of this name; did you mean `name`?",
        &format!("/step must be a step with a checkpoint: {step}"),
        "/config/frame_every is fixed at a fork: what a checkpoint holds follows from it; free are steps, pause_ms, size",
        "/config/size must be between 0 and 10; got 11",
        "/config/seize there is no field of this name; did you mean `size`?",
    ];
    for start in starts {
        assert!(found.iter().any(|fault| fault.starts_with(start)), "{start}: {found:#?}");
    }
    assert_eq!(found.len(), starts.len(), "{found:#?}");
    let found = faults(json!({ "step": step, "config": { "steps": step, "diverge_at": 55 } })).await;
    assert!(found[0].starts_with("/config/diverge_at must be at most the number of steps"), "{found:?}");
    let found = faults(json!({})).await;
    assert_eq!(found, ["/step must be given"]);
    assert_eq!(app.get("/api/v1/runs?count=true").await.json()["items"].as_array().unwrap().len(), 1);
    assert_eq!(app.post(&format!("/api/v1/runs/{}/fork", uuid::Uuid::now_v7()), json!({ "step": 1 })).await.status, 404);
}

/// A run by hand with a checkpoint of no use.
async fn by_hand<'a>(app: &'a TestApp, hand: &Hand<'a>) -> (Value, Held<'a>) {
    let run = app.post("/api/v1/runs", json!({ "experiment": "walk", "config": { "diverge_at": 0 } })).await.json();
    let held = hand.lease().await;
    assert_eq!(held.run_id, id_of(&run));
    let item = json!([{ "type": "point", "name": "place", "arm": "left", "step": 1, "value": 0.5, "time_ms": 5 }]);
    assert_eq!(held.batch(1, item).await.status, 200);
    assert_eq!(held.checkpoint(2, b"no checkpoint").await.status, 204);
    (run, held)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_needs_the_version_that_wrote_its_checkpoint_and_steps_that_are_left() {
    let app = TestApp::on_sqlite().await;
    let hand = Hand::register(&app).await;
    let (run, held) = by_hand(&app, &hand).await;
    let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let query = format!("lease_token={}&next_ordinal=2&step=40&sha256={sha256}&engram_version=0.0.1", held.lease_token);
    let url = app.url(&format!("/api/v1/worker/runs/{}/checkpoint?{query}", held.run_id));
    assert_eq!(app.client.put(url).body("abc").send().await.unwrap().status(), 204);
    let listed = app.get(&path(&run, "/checkpoints?limit=1")).await.json();
    assert_eq!(
        (&listed["items"][0]["step"], &listed["items"][0]["bytes"], &listed["items"][0]["usable"]),
        (&json!(1), &json!(13), &json!(true))
    );
    let next = app.get(&path(&run, &format!("/checkpoints?cursor={}", listed["next_cursor"].as_str().unwrap()))).await.json();
    assert_eq!((&next["items"][0]["step"], &next["items"][0]["usable"], &next["next_cursor"]), (&json!(40), &json!(false), &json!(null)));
    let fault = app.post(&path(&run, "/fork"), json!({ "step": 40 })).await.json()["errors"][0].clone();
    assert_eq!(fault["pointer"], "/step");
    assert!(fault["detail"].as_str().unwrap().contains("was made by engram 0.0.1, and this is"), "{fault}");
    let fault = app.post(&path(&run, "/fork"), json!({ "step": 1, "config": { "steps": 1 } })).await.json()["errors"][0].clone();
    assert_eq!(
        (&fault["pointer"], &fault["detail"]),
        (&json!("/config/steps"), &json!("must give the run more steps than the 1 that are done; got 1 steps in all"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_whose_checkpoint_is_damaged_fails_with_the_reason_and_a_retry_forks_again() {
    for app in TestApp::on_each_database().await {
        let hand = Hand::register(&app).await;
        let (run, held) = by_hand(&app, &hand).await;
        held.finish("cancelled").await;
        let fork = app.post(&path(&run, "/fork"), json!({ "step": 1, "config": { "size": 2 } })).await.json();
        app.start_worker();
        let failed = app.wait_for(id_of(&fork), is_terminal).await;
        let reason = failed["status_reason"].as_str().unwrap();
        assert!(failed["status"] == "failed" && reason.contains("forked at step 1 and cannot start over"), "{failed}");
        let again = app.post(&path(&fork, "/retry"), json!({})).await.json();
        let kept = ["forked_from", "forked_step", "config", "seed"].map(|field| &again[field]);
        assert_eq!(kept, ["forked_from", "forked_step", "config", "seed"].map(|field| &fork[field]));
        assert_eq!(again["parent_id"], fork["id"]);
        // A clone of a fork is one too, so that only what may change at a fork does.
        let answer = app.post(&path(&fork, "/clone"), json!({ "config": { "frame_every": 3 }, "seed": 99 })).await;
        let pointers: Vec<Value> = answer.json()["errors"].as_array().unwrap().iter().map(|fault| fault["pointer"].clone()).collect();
        assert_eq!((answer.status, pointers), (422, vec![json!("/config/frame_every"), json!("/seed")]));
        let clone = app.post(&path(&fork, "/clone"), json!({ "config": { "size": 4 } })).await.json();
        assert_eq!((&clone["forked_from"], &clone["config"]["size"]), (&run["id"], &json!(4.0)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_room_a_run_keeps_the_last_two_checkpoints_and_none_after_its_end() {
    let app = TestApp::start(fresh_sqlite(), |options| options.keep_checkpoints_mb = 0).await;
    let hand = Hand::register(&app).await;
    let (run, held) = by_hand(&app, &hand).await;
    for _ in 0..3 {
        assert_eq!(held.checkpoint(2, b"another").await.status, 204);
    }
    let id = uuid::Uuid::parse_str(id_of(&run)).unwrap();
    assert_eq!(app.store.list_checkpoints(id).await.unwrap().len(), 2);
    held.finish("cancelled").await;
    let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !app.store.list_checkpoints(id).await.unwrap().is_empty() {
        assert!(std::time::Instant::now() < until, "the checkpoints stay");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let fault = app.post(&path(&run, "/fork"), json!({ "step": 1 })).await.json()["errors"][0].clone();
    assert_eq!(fault["detail"], "this run has no checkpoint to fork at; got 1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retried_run_of_a_sweep_takes_its_place_there_and_a_clone_says_where_it_comes_from() {
    for app in TestApp::on_each_database().await {
        let sweep = app.post("/api/v1/sweeps", json!({ "experiment": "walk", "grid": { "size": [1, 2] }, "seeds": [5] })).await.json();
        let runs = app.get(&format!("/api/v1/runs?sort=created_at&sweep={}", id_of(&sweep))).await.json();
        let run = &runs["items"][1];
        app.post(&path(run, "/cancel"), json!({})).await;
        let again = app.post(&path(run, "/retry"), json!({})).await.json();
        assert_eq!((&again["sweep_id"], &again["config"], &again["parent_id"]), (&sweep["id"], &run["config"], &run["id"]));
        let told = app.get(&path(&again, "/logs")).await.json()["items"][0]["message"].clone();
        assert_eq!(told, json!(format!("Retries run {} in its place in sweep {}.", id_of(run), id_of(&sweep))));
        let refused = app.post(&path(run, "/retry"), json!({})).await;
        assert!(refused.status == 409 && refused.text().contains(id_of(&again)), "a second one would count twice: {}", refused.text());
        let clone = app.post(&path(run, "/clone"), json!({ "config": { "size": 3 }, "seed": 6 })).await.json();
        assert_eq!((&clone["sweep_id"], &clone["parent_id"]), (&json!(null), &run["id"]));
        let told = app.get(&path(&clone, "/logs")).await.json()["items"][0]["message"].clone();
        assert_eq!(told, json!(format!("A clone of run {} of sweep {}: size 2.0 → 3.0, seed 5 → 6.", id_of(run), id_of(&sweep))));

        app.start_worker();
        app.wait_for(id_of(&again), is_terminal).await;
        app.wait_for(id_of(&runs["items"][0]), is_terminal).await;
        let table = app.get(&format!("/api/v1/sweeps/{}", id_of(&sweep))).await.json();
        assert_eq!((&table["run_count"], &table["status"]["succeeded"], &table["status"]["cancelled"]), (&json!(3), &json!(2), &json!(1)));
        assert_eq!(table["cells"][1]["summary"]["place.left"]["n"], 1, "{table}");
        assert_eq!(app.delete(&path(run, "")).await.status, 204);
        let config = app.get(&format!("/api/v1/runs?filter=config.size%20%3D%202&sweep={}", id_of(&sweep))).await.json();
        assert_eq!(config["items"][0]["id"], again["id"], "its config is still found: {config}");
    }
}
