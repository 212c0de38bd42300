//! The store's contract: every operation on both databases.

mod support;

use lab::{
    json::Number,
    record::{Level, Point},
};
use serde_json::{Map, json, value::RawValue};
use server::{
    claims::{Judgement, Verdict},
    filter::{Condition, TextField, TextMatch},
    store::{
        AppendError, ArtifactRow, ChangeError, CheckpointRow, Ended, KeyState, NewArtifact, NewRun, NewShare, PageStart, Role, RunPatch,
        RunSort, RunStatus, Shared, SortKey, Spacing, Store, StoredResponse, Window,
    },
};
use std::collections::BTreeMap;
use support::{FreshDatabase, fresh_databases};
use uuid::Uuid;
use worker::protocol::{Batch, LEASE_MS, Lease, LogLine, Order, Progress, Register, ReportedFrame, ReportedItem, TimedPoint};

/// Runs the same body on a fresh store of each kind.
macro_rules! on_both {
    ($store:ident => $body:block) => {
        for database in fresh_databases().await {
            let FreshDatabase { url, kind, .. } = &database;
            println!("{kind}");
            let $store = Store::open(url).await.unwrap();
            $body
            $store.close().await;
        }
    };
}

fn new_run(owner: &str) -> NewRun {
    let config: Map<_, _> = [("steps".to_owned(), json!(10)), ("a".to_owned(), json!(1.5))].into_iter().collect();
    NewRun {
        experiment: "walk".to_owned(),
        preset: "quick".to_owned(),
        name: "née \u{2028} <b>".to_owned(),
        project: "default".to_owned(),
        created_by: owner.to_owned(),
        config,
        seed: (1 << 53) - 1,
        device: "auto".to_owned(),
        priority: 0,
        tags: vec!["one".to_owned(), "β".to_owned()],
        note: String::new(),
        parent_id: None,
    }
}

async fn leased(store: &Store, now: i64) -> (Uuid, Lease) {
    let worker = registered(store, now).await;
    let run = store.enqueue_run(&new_run("ada"), now).await.unwrap();
    let lease = store.lease_run(worker, &["cpu".to_owned()], now).await.unwrap().unwrap();
    assert_eq!(lease.run_id, run.id);
    (worker, lease)
}

async fn registered(store: &Store, now: i64) -> Uuid {
    let worker_id = Uuid::now_v7();
    let register = Register {
        worker_id,
        name: "w".to_owned(),
        host: "h".to_owned(),
        devices: vec!["cpu".to_owned()],
        version: worker::VERSION.to_owned(),
    };
    store.register_worker(&register, Some("here"), now).await.unwrap();
    worker_id
}

fn point(name: &str, arm: Option<&str>, step: u64, value: f64) -> TimedPoint {
    let point = Point { name: name.to_owned(), arm: arm.map(str::to_owned), step, value: Number(value) };
    TimedPoint { point, time_ms: 1_000 + step as i64 }
}

fn frame(step: u64, text: &str) -> ReportedItem {
    frame_of("map", step, text)
}

fn frame_of(name: &str, step: u64, text: &str) -> ReportedItem {
    let body = RawValue::from_string(text.to_owned()).unwrap();
    ReportedItem::Frame(ReportedFrame { name: name.to_owned(), arm: None, step, kind: "heatmap".to_owned(), body })
}

fn batch(lease: &Lease, first_ordinal: u64, items: Vec<ReportedItem>) -> Batch {
    let lease_token = lease.lease_token;
    Batch {
        lease_token,
        first_ordinal,
        items,
        clock_points: vec![],
        engine_log: vec![],
        progress: None,
        status_reason: None,
        sent_at_ms: None,
    }
}

async fn events(store: &Store, id: Uuid) -> Vec<serde_json::Value> {
    let events = store.list_events(id, 0, usize::MAX).await.unwrap();
    let seqs: Vec<_> = events.iter().map(|(seq, _)| *seq).collect();
    assert_eq!(seqs, (1..=seqs.len() as i64).collect::<Vec<_>>(), "the log has a gap or a double");
    events.iter().map(|(_, text)| serde_json::from_str(text).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_stored_found_labelled_and_deleted() {
    on_both!(store => {
        let run = store.enqueue_run(&new_run("ada"), 5_000).await.unwrap();
        assert_eq!((run.status, run.last_seq, run.seed, run.created_at_ms), (RunStatus::Queued, 1, (1 << 53) - 1, 5_000));
        let config = run.config().unwrap();
        assert_eq!(config.keys().collect::<Vec<_>>(), ["steps", "a"], "the order of fields is kept");
        assert_eq!(run.name, "née \u{2028} <b>");
        let patch = RunPatch { tags: Some(vec!["two".to_owned()]), note: Some("n".to_owned()), archived: Some(true), ..RunPatch::default() };
        let run = store.patch_run(run.id, &patch).await.unwrap().unwrap();
        assert_eq!((run.tags().unwrap(), run.note.as_str(), run.archived), (vec!["two".to_owned()], "n", true));
        assert!(store.patch_run(Uuid::now_v7(), &patch).await.unwrap().is_none());
        assert!(store.delete_run(run.id).await.unwrap());
        assert!(store.find_run(run.id).await.unwrap().is_none());
        assert!(events(&store, run.id).await.is_empty());
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_filter_sort_and_page() {
    on_both!(store => {
        let mut ids = Vec::new();
        for (index, owner) in ["ada", "bob", "ada", "bob", "ada"].into_iter().enumerate() {
            let mut new = new_run(owner);
            new.name = format!("run 100%_{index}");
            new.tags = if index % 2 == 0 { vec!["even".to_owned()] } else { vec![] };
            ids.push(store.enqueue_run(&new, 1_000 + index as i64).await.unwrap().id);
        }
        let list = async |condition: Condition, by: SortKey, descending: bool| -> Vec<usize> {
            let sort = RunSort { by, descending };
            let (mut found, mut start) = (Vec::new(), PageStart::Offset(0));
            loop {
                let rows = store.list_runs(&condition, &sort, &start, 2).await.unwrap();
                let Some((_, cursor)) = rows.last() else { break };
                start = PageStart::After(cursor.clone());
                found.extend(rows.iter().map(|(row, _)| ids.iter().position(|id| *id == row.id).unwrap()));
            }
            found
        };
        let all = || Condition::All(vec![]);
        let is = |text: &str| TextMatch::Is(text.to_owned());
        let name = |part: &str| Condition::Text(TextField::Name, TextMatch::Contains(part.to_owned()));
        let by_name = || SortKey::Text(TextField::Name);
        assert_eq!(list(all(), SortKey::CreatedAt, true).await, [4, 3, 2, 1, 0]);
        assert_eq!(list(all(), by_name(), false).await, [0, 1, 2, 3, 4]);
        assert_eq!(list(Condition::Tagged(is("even")), SortKey::CreatedAt, false).await, [0, 2, 4]);
        assert_eq!(list(Condition::Text(TextField::CreatedBy, is("bob")), by_name(), true).await, [3, 1]);
        assert_eq!(list(name("100%_3"), SortKey::CreatedAt, true).await, [3]);
        assert_eq!(list(name("100_"), SortKey::CreatedAt, true).await, [] as [usize; 0]);
        assert_eq!(list(Condition::IdBetween(ids[2], ids[2]), SortKey::CreatedAt, true).await, [2]);
        assert_eq!(list(Condition::Status(RunStatus::Running), SortKey::CreatedAt, true).await, [] as [usize; 0]);

        // Summary numbers order as numbers, NaN and absent ones last, whichever way round.
        let worker = registered(&store, 2_000).await;
        for value in [Some(0.5), Some(-1.0), Some(f64::NAN), None, Some(3.0)] {
            let lease = store.lease_run(worker, &["cpu".to_owned()], 2_000).await.unwrap().unwrap();
            let summary: BTreeMap<_, _> = value.map(|value| ("acc.a".to_owned(), Number(value))).into_iter().collect();
            store.finish_run(lease.run_id, lease.lease_token, &Ended::Succeeded { summary, claims: vec![] }, 3_000).await.unwrap();
        }
        let order_of = async |descending| {
            let sort = RunSort { by: SortKey::Summary("acc.a".to_owned()), descending };
            let rows = store.list_runs(&all(), &sort, &PageStart::Offset(0), 10).await.unwrap();
            rows.iter().map(|(row, _)| row.summary().unwrap().get("acc.a").map(|value| value.0)).collect::<Vec<_>>()
        };
        let finite = |values: Vec<Option<f64>>| values[..3].iter().map(|value| value.unwrap()).collect::<Vec<_>>();
        assert_eq!(finite(order_of(true).await), [3.0, 0.5, -1.0]);
        assert_eq!(finite(order_of(false).await), [-1.0, 0.5, 3.0]);
        assert_eq!(list(all(), SortKey::Summary("acc.a".to_owned()), true).await.len(), 5);
        assert_eq!(list(all(), SortKey::Summary("acc.a".to_owned()), false).await.len(), 5);
        assert_eq!(store.count_active_runs().await.unwrap(), (0, 0));
        assert_eq!(store.count_runs().await.unwrap(), 5);
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn points_keep_their_bits_and_the_log_tells_them_once() {
    on_both!(store => {
        let (_, lease) = leased(&store, 1_000).await;
        let values = [0.1 + 0.2, -0.0, 5e-324, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX];
        let points: Vec<_> = (1..).zip(values).map(|(step, value)| ReportedItem::Point(point("loss", Some("a"), step, value))).collect();
        let mut first = batch(&lease, 1, points.clone());
        first.clock_points = vec![point("time/step_ms", None, 1, 2.0)];
        first.progress = Some(Progress { step: 7, total: 10, eta_seconds: Some(1.5) });
        let answer = store.append_batch(lease.run_id, &first, 2_000).await.unwrap();
        assert_eq!((answer.order, answer.next_ordinal), (Order::GoOn, 8));
        // The same again, as after a lost answer: nothing is told twice, clock points of the same steps are dropped.
        first.progress = None;
        assert_eq!(store.append_batch(lease.run_id, &first, 2_000).await.unwrap().next_ordinal, 8);

        let (last_seq, series) = store.read_series(lease.run_id, &Window::default()).await.unwrap().unwrap();
        let read: Vec<_> = series.iter().map(|one| (one.name.as_str(), one.arm.as_deref(), one.count)).collect();
        assert_eq!(read, [("loss", Some("a"), 7), ("time/step_ms", None, 1)]);
        assert_eq!(series[0].values().map(f64::to_bits).collect::<Vec<_>>(), values.map(f64::to_bits));
        assert_eq!(series[0].steps().collect::<Vec<_>>(), (1..=7).collect::<Vec<_>>());

        let log = events(&store, lease.run_id).await;
        assert_eq!(log.len() as i64, last_seq);
        let told: Vec<_> = log.iter().filter(|event| event["type"] == "metrics").flat_map(|event| event["points"].as_array().unwrap().clone()).collect();
        assert_eq!(told.len(), 8);
        assert_eq!(told[3]["value"], "NaN");
        let run = store.find_run(lease.run_id).await.unwrap().unwrap();
        assert_eq!((run.progress_step, run.progress_total, run.eta_ms), (7, Some(10), Some(1_500)));
        assert_eq!(store.sum_running_eta_ms().await.unwrap(), 1_500);
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn gaps_strangers_and_steps_that_go_back_are_refused() {
    on_both!(store => {
        let (_, lease) = leased(&store, 1_000).await;
        let one = |step| vec![ReportedItem::Point(point("loss", None, step, 1.0))];
        let gap = store.append_batch(lease.run_id, &batch(&lease, 2, one(1)), 1_000).await;
        assert!(matches!(gap, Err(AppendError::Gap { expected: 1 })), "{gap:?}");
        let stranger = Lease { lease_token: Uuid::new_v4(), ..lease.clone() };
        let lost = store.append_batch(lease.run_id, &batch(&stranger, 1, one(1)), 1_000).await;
        assert!(matches!(lost, Err(AppendError::LeaseLost(_))), "{lost:?}");
        store.append_batch(lease.run_id, &batch(&lease, 1, one(5)), 1_000).await.unwrap();
        let back = store.append_batch(lease.run_id, &batch(&lease, 2, one(5)), 1_000).await;
        assert!(matches!(&back, Err(AppendError::Refused(text)) if text.contains("step 5")), "{back:?}");
        let clock = store.append_batch(lease.run_id, &batch(&lease, 2, vec![ReportedItem::Point(point("time/x", None, 9, 1.0))]), 1_000).await;
        assert!(matches!(clock, Err(AppendError::Refused(_))), "{clock:?}");
        assert_eq!(events(&store, lease.run_id).await.len(), 3, "queued, running and one metrics event");
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn repeats_with_other_bits_keep_the_first_and_warn_once() {
    on_both!(store => {
        let (worker, lease) = leased(&store, 1_000).await;
        let items = |value| vec![ReportedItem::Point(point("loss", None, 1, value)), frame(1, r#"{"v":1}"#), ReportedItem::Point(point("loss", None, 2, value))];
        let of_clock = |text| frame_of("time/steps", 2, text);
        let first = [items(1.0), vec![of_clock(r#"{"ms":1}"#)]].concat();
        store.append_batch(lease.run_id, &batch(&lease, 1, first), 1_000).await.unwrap();
        store.finish_run(lease.run_id, lease.lease_token, &Ended::HandedBack("moved".to_owned()), 1_100).await.unwrap();
        let lease = store.lease_run(worker, &["cpu".to_owned()], 1_200).await.unwrap().unwrap();
        // Nobody expects the same bits of a picture of times.
        store.append_batch(lease.run_id, &batch(&lease, 1, [items(1.0), vec![of_clock(r#"{"ms":2}"#)]].concat()), 1_300).await.unwrap();
        assert_eq!(store.list_logs(lease.run_id, 0, 10).await.unwrap().len(), 0);
        store.finish_run(lease.run_id, lease.lease_token, &Ended::HandedBack("moved".to_owned()), 2_000).await.unwrap();
        let lease = store.lease_run(worker, &["cpu".to_owned()], 3_000).await.unwrap().unwrap();
        assert_eq!(lease.attempt, 3);
        store.append_batch(lease.run_id, &batch(&lease, 1, items(1.0 + f64::EPSILON)), 3_000).await.unwrap();
        store.append_batch(lease.run_id, &batch(&lease, 1, items(2.0)), 3_000).await.unwrap();
        let (_, series) = store.read_series(lease.run_id, &Window::default()).await.unwrap().unwrap();
        assert_eq!(series[0].values().collect::<Vec<_>>(), [1.0, 1.0]);
        let logs = store.list_logs(lease.run_id, 0, 10).await.unwrap();
        assert_eq!(logs.len(), 1, "{logs:?}");
        assert!(logs[0].level == "warning" && logs[0].message.contains("step 1"), "{logs:?}");
        // A frame that differs is found too.
        store.finish_run(lease.run_id, lease.lease_token, &Ended::HandedBack("moved".to_owned()), 4_000).await.unwrap();
        let lease = store.lease_run(worker, &["cpu".to_owned()], 5_000).await.unwrap().unwrap();
        let mut other = items(1.0);
        other[1] = frame(1, r#"{"v":2}"#);
        store.append_batch(lease.run_id, &batch(&lease, 1, other), 5_000).await.unwrap();
        assert_eq!(store.list_logs(lease.run_id, 0, 10).await.unwrap().len(), 2);
        assert_eq!(store.find_frame(lease.run_id, store.list_frames(lease.run_id, 0, 9).await.unwrap()[0].seq).await.unwrap().unwrap().1, br#"{"v":1}"#);
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_does_not_depend_on_when_points_are_folded_into_chunks() {
    on_both!(store => {
        // The same points in small batches, most of which lie unfolded at some time, and in one that is folded at once.
        let (_, small) = leased(&store, 1_000).await;
        let value = |step: u64| (step as f64 * 0.1).sin() * step as f64;
        let item = |step: u64, arm| ReportedItem::Point(point("loss", Some(arm), step, value(step)));
        let windows = [(0, None, None), (8, None, None), (100, Some(100), Some(1_100)), (1_000, Some(511), Some(514))];
        let read = async |id: Uuid| {
            let mut all = Vec::new();
            for (points, from_step, to_step) in windows {
                let window = Window { points, from_step, to_step, ..Window::default() };
                let series = store.read_series(id, &window).await.unwrap().unwrap().1;
                all.push(series.iter().map(|one| (one.count, one.steps().collect::<Vec<_>>(), one.values().collect::<Vec<_>>())).collect::<Vec<_>>());
            }
            all
        };
        let mut so_far = Vec::new();
        for step in 1..=1_300u64 {
            let items = vec![item(step, "a"), item(step, "b")];
            store.append_batch(small.run_id, &batch(&small, 2 * step - 1, items), 1_000).await.unwrap();
            if step % 260 == 0 {
                so_far.push((step, read(small.run_id).await));
            }
        }
        for (step, read_then) in so_far {
            let (_, large) = leased(&store, 1_000).await;
            let items: Vec<_> = (1..=step).flat_map(|step| [item(step, "a"), item(step, "b")]).collect();
            store.append_batch(large.run_id, &batch(&large, 1, items), 1_000).await.unwrap();
            store.finish_run(large.run_id, large.lease_token, &Ended::Cancelled, 2_000).await.unwrap();
            assert_eq!(read(large.run_id).await, read_then, "after {step} steps");
        }
        let log = events(&store, small.run_id).await;
        assert_eq!(log.len(), 2 + 1_300);
        // Deleting takes the unfolded points too.
        store.finish_run(small.run_id, small.lease_token, &Ended::Cancelled, 2_000).await.unwrap();
        assert!(store.delete_run(small.run_id).await.unwrap());
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_of_one_database_append_to_the_same_run_in_turn() {
    for database in fresh_databases().await {
        let one = Store::open(&database.url).await.unwrap();
        let two = Store::open(&database.url).await.unwrap();
        let (_, lease) = leased(&one, 1_000).await;
        for step in 1..=40u64 {
            // Each remembers the run from its own last turn, which is out of date every other time.
            let server = if step % 5 < 2 { &two } else { &one };
            let items = vec![ReportedItem::Point(point("loss", None, step, step as f64))];
            let answer = server.append_batch(lease.run_id, &batch(&lease, step, items.clone()), 1_000).await.unwrap();
            assert_eq!(answer.next_ordinal, step + 1);
            // What the other has seen already is dropped by either.
            let other = if step % 5 < 2 { &one } else { &two };
            assert_eq!(other.append_batch(lease.run_id, &batch(&lease, step, items), 1_000).await.unwrap().next_ordinal, step + 1);
        }
        let series = one.read_series(lease.run_id, &Window::default()).await.unwrap().unwrap().1;
        assert_eq!(series[0].values().collect::<Vec<_>>(), (1..=40).map(f64::from).collect::<Vec<_>>());
        assert_eq!(events(&two, lease.run_id).await.len(), 2 + 40);
        // A lease that ended is remembered by nobody.
        two.finish_run(lease.run_id, lease.lease_token, &Ended::Cancelled, 2_000).await.unwrap();
        let late = one.append_batch(lease.run_id, &batch(&lease, 41, vec![]), 1_000).await;
        assert!(matches!(late, Err(AppendError::LeaseLost(_))));
        let late = one.append_batch(lease.run_id, &batch(&lease, 41, vec![ReportedItem::Point(point("loss", None, 41, 0.0))]), 1_000).await;
        assert!(matches!(late, Err(AppendError::LeaseLost(_))));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reduction_keeps_first_last_least_greatest_and_nan_of_every_bucket() {
    on_both!(store => {
        let (_, lease) = leased(&store, 1_000).await;
        // 20,000 points: two spikes and a NaN must survive any reduction.
        let value = |step: u64| match step { 7_777 => 1e9, 12_345 => -1e9, 15_001 => f64::NAN, _ => (step as f64 * 0.01).sin() };
        for start in (1..=20_000u64).step_by(5_000) {
            let items = (start..start + 5_000).map(|step| ReportedItem::Point(point("loss", None, step, value(step)))).collect();
            store.append_batch(lease.run_id, &batch(&lease, start, items), 1_000).await.unwrap();
        }
        let read = async |window: Window| store.read_series(lease.run_id, &window).await.unwrap().unwrap().1.remove(0);
        for points in [8, 100, 1_000, 5_000] {
            let one = read(Window { points, ..Window::default() }).await;
            assert!(one.downsampled && one.count == 20_000);
            let steps: Vec<_> = one.steps().collect();
            assert!(steps.len() <= points * 5 / 4 + 5, "{} points where {points} were wanted", steps.len());
            assert!(steps.windows(2).all(|pair| pair[0] < pair[1]));
            for step in [1, 7_777, 12_345, 15_001, 20_000] {
                assert!(steps.contains(&step), "step {step} vanished at {points} points");
            }
            assert_eq!(steps, read(Window { points, ..Window::default() }).await.steps().collect::<Vec<_>>(), "the same request gives the same points");
        }
        for (from_step, early) in [(None, vec![1, 2, 3, 4]), (Some(40), vec![40])] {
            let window = Window { points: 200, from_step, spacing: Spacing::Log, ..Window::default() };
            let steps: Vec<_> = read(window).await.steps().collect();
            assert!(steps.len() <= 255 && steps.windows(2).all(|pair| pair[0] < pair[1]), "{} points", steps.len());
            assert!(early.iter().chain(&[7_777, 12_345, 15_001, 20_000]).all(|step| steps.contains(step)), "{steps:?}");
            // Every step up to the next is at most a quarter more.
            assert!(steps.windows(2).all(|pair| pair[0] < 8 || pair[1] * 4 <= pair[0] * 5), "{steps:?}");
        }
        let shared = read(Window { points: 1_000, total_points: Some(100), ..Window::default() }).await;
        assert!(shared.steps().count() <= 130);
        let every = read(Window { points: 0, total_points: Some(100), ..Window::default() }).await;
        assert_eq!((every.count, every.downsampled, every.steps().count()), (20_000, false, 20_000));
        let part = read(Window { points: 1_000, from_step: Some(7_000), to_step: Some(7_099), ..Window::default() }).await;
        assert_eq!(part.steps().collect::<Vec<_>>(), (7_000..=7_099).collect::<Vec<_>>());
        let part = read(Window { points: 8, from_step: Some(7_000), to_step: Some(16_000), ..Window::default() }).await;
        assert_eq!((part.steps().min(), part.steps().max(), part.count), (Some(7_000), Some(16_000), 9_001));
        let none = store.read_series(lease.run_id, &Window { names: vec!["other".to_owned()], ..Window::default() }).await.unwrap().unwrap().1;
        assert!(none.is_empty());
        assert!(store.read_series(Uuid::now_v7(), &Window::default()).await.unwrap().is_none());
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn owners_take_turns_and_higher_priority_goes_first() {
    on_both!(store => {
        let worker = registered(&store, 1_000).await;
        let mut queued = Vec::new();
        for _ in 0..6 { queued.push(("ada", store.enqueue_run(&new_run("ada"), 1_000).await.unwrap().id)); }
        queued.push(("bob", store.enqueue_run(&new_run("bob"), 1_000).await.unwrap().id));
        let urgent = store.enqueue_run(&NewRun { priority: 5, ..new_run("ada") }, 1_000).await.unwrap().id;
        let gpu = store.enqueue_run(&NewRun { device: "cuda:0".to_owned(), priority: 9, ..new_run("bob") }, 1_000).await.unwrap().id;
        let foreseen: Vec<_> = store.list_queue().await.unwrap().into_iter().map(|(id, ..)| id).filter(|id| *id != gpu).collect();
        let mut served = Vec::new();
        while let Some(lease) = store.lease_run(worker, &["cpu".to_owned()], 1_000).await.unwrap() { served.push(lease.run_id); }
        assert_eq!(served[0], urgent);
        let owner = |id: &Uuid| queued.iter().find(|(_, known)| known == id).map(|(owner, _)| *owner);
        assert_eq!(owner(&served[1]), Some("bob"), "bob's one run waits for at most one of ada's");
        assert_eq!(served[2..], queued[..6].iter().map(|(_, id)| *id).collect::<Vec<_>>(), "an owner's oldest goes first");
        assert_eq!(foreseen.len(), served.len());
        assert_eq!(store.lease_run(worker, &["cuda:0".to_owned()], 1_000).await.unwrap().unwrap().run_id, gpu);
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn many_workers_never_get_the_same_run() {
    on_both!(store => {
        let worker = registered(&store, 1_000).await;
        for _ in 0..60 { store.enqueue_run(&new_run("ada"), 1_000).await.unwrap(); }
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..6 {
            let store = store.clone();
            tasks.spawn(async move {
                let mut got = Vec::new();
                while let Some(lease) = store.lease_run(worker, &["cpu".to_owned()], 1_000).await.unwrap() { got.push(lease.run_id); }
                got
            });
        }
        let mut all: Vec<_> = tasks.join_all().await.concat();
        all.sort();
        all.dedup();
        // A worker may find the queue locked by others and end early on PostgreSQL; what is left is still there.
        while let Some(lease) = store.lease_run(worker, &["cpu".to_owned()], 1_000).await.unwrap() { all.push(lease.run_id); }
        assert_eq!(all.len(), 60);
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn people_cancel_pause_and_resume_in_every_state() {
    on_both!(store => {
        let id = store.enqueue_run(&new_run("ada"), 1_000).await.unwrap().id;
        assert_eq!(store.pause_run(id, 1_000).await.unwrap().status, RunStatus::Paused);
        assert_eq!(store.pause_run(id, 1_000).await.unwrap().status, RunStatus::Paused);
        assert_eq!(store.resume_run(id, 1_000).await.unwrap().status, RunStatus::Queued);
        assert!(matches!(store.resume_run(id, 1_000).await, Err(ChangeError::NotAllowed(_))));
        let worker = registered(&store, 1_000).await;
        let lease = store.lease_run(worker, &["cpu".to_owned()], 1_000).await.unwrap().unwrap();
        let order = async || store.append_batch(id, &batch(&lease, 1, vec![]), 1_000).await.unwrap().order;
        assert_eq!(order().await, Order::GoOn);
        assert_eq!(store.pause_run(id, 1_000).await.unwrap().status, RunStatus::Running);
        assert_eq!(order().await, Order::Pause);
        store.resume_run(id, 1_000).await.unwrap();
        assert_eq!(order().await, Order::GoOn);
        store.cancel_run(id, 1_000).await.unwrap();
        assert_eq!(order().await, Order::Cancel);
        assert!(matches!(store.pause_run(id, 1_000).await, Err(ChangeError::NotAllowed(_))));
        store.finish_run(id, lease.lease_token, &Ended::Cancelled, 2_000).await.unwrap();
        let run = store.cancel_run(id, 3_000).await.unwrap();
        assert_eq!((run.status, run.finished_at_ms), (RunStatus::Cancelled, Some(2_000)));
        assert!(matches!(store.cancel_run(Uuid::now_v7(), 1_000).await, Err(ChangeError::NotFound(_))));
        assert!(matches!(store.finish_run(id, lease.lease_token, &Ended::Paused, 2_000).await, Err(ChangeError::LeaseLost(_))));
        let states: Vec<_> = events(&store, id).await.iter().map(|event| event["status"].as_str().unwrap().to_owned()).collect();
        assert_eq!(states, ["queued", "paused", "queued", "running", "cancelled"]);
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn the_summary_comes_before_the_last_event_and_nothing_after() {
    on_both!(store => {
        let (_, lease) = leased(&store, 1_000).await;
        let summary = BTreeMap::from([("acc.a".to_owned(), Number(f64::NEG_INFINITY))]);
        let claims = vec![Verdict { id: "c".to_owned(), verdict: Judgement::Fails, value: Some(Number(0.5)), detail: "d".to_owned() }];
        store.finish_run(lease.run_id, lease.lease_token, &Ended::Succeeded { summary: summary.clone(), claims }, 2_000).await.unwrap();
        let log = events(&store, lease.run_id).await;
        let types: Vec<_> = log.iter().map(|event| event["type"].as_str().unwrap()).collect();
        assert_eq!(types, ["status", "status", "summary", "status"]);
        assert_eq!((&log[2]["summary"]["acc.a"], &log[3]["status"]), (&json!("-Infinity"), &json!("succeeded")));
        let late = store.append_batch(lease.run_id, &batch(&lease, 1, vec![]), 3_000).await;
        assert!(matches!(late, Err(AppendError::LeaseLost(_))), "{late:?}");
        let run = store.find_run(lease.run_id).await.unwrap().unwrap();
        assert_eq!((run.summary().unwrap(), run.claims().unwrap()[0].verdict), (summary, Judgement::Fails));
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_fails_after_three_deaths_without_a_new_checkpoint_and_silence_is_forgiven() {
    on_both!(store => {
        let (worker, first) = leased(&store, 0).await;
        let id = first.run_id;
        let mut now = 0;
        let mut lease = first;
        // Silent for too long, three times; each time it calls again after all, so it may go on for ever.
        for _ in 0..4 {
            now += LEASE_MS + 1;
            assert_eq!(store.requeue_expired(now).await.unwrap(), 1);
            assert_eq!(store.requeue_expired(now).await.unwrap(), 0);
            store.forgive_lost_lease(id, lease.lease_token).await.unwrap();
            lease = store.lease_run(worker, &["cpu".to_owned()], now).await.unwrap().unwrap();
        }
        // A new checkpoint starts the count again.
        let checkpoint = CheckpointRow { id: Uuid::now_v7(), next_ordinal: 1, step: 1, bytes: 3, sha256: "s".to_owned(), engram_version: "v".to_owned(), created_at_ms: 1_000 };
        for deaths in 0..3 {
            assert_eq!(store.find_run(id).await.unwrap().unwrap().status, RunStatus::Running, "after {deaths} deaths");
            if deaths == 0 {
                store.add_checkpoint(id, lease.lease_token, &checkpoint, true).await.unwrap().unwrap();
            }
            now += LEASE_MS + 1;
            store.requeue_expired(now).await.unwrap();
            lease = store.lease_run(worker, &["cpu".to_owned()], now).await.unwrap().unwrap();
        }
        now += LEASE_MS + 1;
        store.requeue_expired(now).await.unwrap();
        let run = store.find_run(id).await.unwrap().unwrap();
        assert_eq!(run.status, RunStatus::Failed, "{run:?}");
        assert!(run.status_reason.unwrap().contains("memory"));
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn checkpoints_need_their_items_and_the_last_two_are_kept() {
    on_both!(store => {
        let (_, lease) = leased(&store, 1_000).await;
        let id = lease.run_id;
        let row = |next_ordinal| CheckpointRow { id: Uuid::now_v7(), next_ordinal, step: next_ordinal, bytes: 3, sha256: "s".to_owned(), engram_version: "v".to_owned(), created_at_ms: 1_000 };
        assert_eq!(store.add_checkpoint(id, lease.lease_token, &row(2), false).await.unwrap(), Err(1));
        let items = vec![ReportedItem::Log(LogLine { level: Level::Info, message: "m".to_owned() })];
        store.append_batch(id, &batch(&lease, 1, items), 1_000).await.unwrap();
        let (a, b, c) = (row(1), row(2), row(2));
        assert_eq!(store.add_checkpoint(id, lease.lease_token, &a, false).await.unwrap(), Ok(vec![]));
        assert_eq!(store.add_checkpoint(id, lease.lease_token, &b, false).await.unwrap(), Ok(vec![]));
        assert_eq!(store.add_checkpoint(id, lease.lease_token, &c, false).await.unwrap(), Ok(vec![a.id]));
        assert_eq!(store.find_checkpoint(id).await.unwrap().unwrap().id, c.id);
        assert!(store.list_surplus_checkpoints(0).await.unwrap().is_empty());
        assert!(matches!(store.add_checkpoint(id, Uuid::new_v4(), &row(2), false).await, Err(ChangeError::LeaseLost(_))));
        store.finish_run(id, lease.lease_token, &Ended::Failed("f".to_owned()), 2_000).await.unwrap();
        assert_eq!(store.list_surplus_checkpoints(6).await.unwrap(), vec![], "there is room");
        assert_eq!(store.list_surplus_checkpoints(0).await.unwrap(), vec![(id, b.id), (id, c.id)]);
        store.forget_checkpoint(b.id).await.unwrap();
        store.forget_checkpoint(c.id).await.unwrap();
        assert!(store.find_checkpoint(id).await.unwrap().is_none());
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn artifacts_are_known_by_path_and_replaced() {
    on_both!(store => {
        let (_, lease) = leased(&store, 1_000).await;
        let new = |path: &str, bytes| NewArtifact {
            row: ArtifactRow { path: path.to_owned(), bytes, sha256: "s".to_owned(), media_type: "text/csv".to_owned() },
            lease_token: lease.lease_token,
        };
        assert!(store.holds_lease(lease.run_id, lease.lease_token).await.unwrap());
        for (path, bytes) in [("b/y.csv", 1), ("a.csv", 2), ("a.csv", 3)] { store.add_artifact(lease.run_id, &new(path, bytes), 1_000).await.unwrap(); }
        let listed: Vec<_> = store.list_artifacts(lease.run_id, "", 9).await.unwrap().into_iter().map(|row| (row.path, row.bytes)).collect();
        assert_eq!(listed, [("a.csv".to_owned(), 3), ("b/y.csv".to_owned(), 1)]);
        assert_eq!(store.list_artifacts(lease.run_id, "a.csv", 9).await.unwrap().len(), 1);
        assert!(store.find_artifact(lease.run_id, "../a.csv").await.unwrap().is_none());
        let mut stranger = new("z", 1);
        stranger.lease_token = Uuid::new_v4();
        assert!(matches!(store.add_artifact(lease.run_id, &stranger, 1_000).await, Err(ChangeError::LeaseLost(_))));
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn shares_open_until_they_expire_or_are_revoked() {
    on_both!(store => {
        let run = store.enqueue_run(&new_run("ada"), 1_000).await.unwrap();
        let new = |hash: u8, expires_at_ms| NewShare { hash: vec![hash; 32], title: "t".to_owned(), created_by: "ada".to_owned(), expires_at_ms, shared: Shared::Runs(vec![run.id]) };
        let forever = store.add_share(&new(1, None), 1_000).await.unwrap();
        let brief = store.add_share(&new(2, Some(2_000)), 1_000).await.unwrap();
        let found = store.find_share(&[1; 32]).await.unwrap().unwrap();
        assert_eq!((found.id, found.is_open(i64::MAX)), (forever.id, true));
        assert_eq!(store.list_shared_runs(&found, 9).await.unwrap().len(), 1);
        assert!(store.share_opens(&found, run.id).await.unwrap());
        assert!(!store.share_opens(&found, Uuid::now_v7()).await.unwrap());
        assert!(brief.is_open(1_999) && !brief.is_open(2_000));
        assert!(store.find_share(&[3; 32]).await.unwrap().is_none());
        assert_eq!(store.list_shares(None, 9).await.unwrap().len(), 2);
        assert_eq!(store.list_shares(Some(brief.id), 9).await.unwrap()[0].0.id, forever.id);
        assert!(store.revoke_share(forever.id, 5_000).await.unwrap());
        assert!(!store.find_share(&[1; 32]).await.unwrap().unwrap().is_open(1_500));
        assert!(!store.revoke_share(Uuid::now_v7(), 5_000).await.unwrap());
        assert_eq!(store.list_runs_by_id(&[Uuid::now_v7(), run.id]).await.unwrap().len(), 1);
        assert!(store.delete_run(run.id).await.unwrap());
        assert!(store.list_shared_runs(&brief, 9).await.unwrap().is_empty(), "a deleted run leaves its shares");
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_count_until_they_are_revoked() {
    on_both!(store => {
        let id = store.add_token("ada", Role::Member, &[7; 32], 1_000).await.unwrap();
        let found = store.find_token(&[7; 32]).await.unwrap().unwrap();
        assert_eq!((found.id, found.name.as_str(), found.role), (id, "ada", Role::Member));
        assert!(store.find_token(&[8; 32]).await.unwrap().is_none());
        assert!(store.revoke_token(id, 2_000).await.unwrap());
        assert!(store.find_token(&[7; 32]).await.unwrap().is_none());
        assert_eq!(store.list_tokens().await.unwrap()[0].revoked_at_ms, Some(2_000));
        assert!(!store.revoke_token(Uuid::now_v7(), 2_000).await.unwrap());
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_are_listed_while_they_call_and_their_runs_go_back() {
    on_both!(store => {
        let (worker, lease) = leased(&store, 1_000).await;
        assert_eq!(store.touch_worker(worker, 5_000).await.unwrap().unwrap(), ["cpu"]);
        assert!(store.touch_worker(Uuid::now_v7(), 5_000).await.unwrap().is_none());
        let listed = store.list_workers(4_000, Uuid::nil(), 9).await.unwrap();
        assert_eq!((listed.len(), listed[0].run_id, listed[0].last_seen_at_ms), (1, Some(lease.run_id), 5_000));
        assert_eq!(store.find_worker_name(worker).await.unwrap().as_deref(), Some("w"));
        store.forget_workers(9_000).await.unwrap();
        assert_eq!(store.list_workers(9_000, Uuid::nil(), 9).await.unwrap().len(), 1, "one that holds a run is kept");
        store.recover_leases("here", 6_000).await.unwrap();
        let run = store.find_run(lease.run_id).await.unwrap().unwrap();
        assert_eq!((run.status, run.status_reason.unwrap().contains("restarted")), (RunStatus::Queued, true));
        assert!(store.list_workers(0, Uuid::nil(), 9).await.unwrap().is_empty());
        let worker = registered(&store, 7_000).await;
        store.lease_run(worker, &["cpu".to_owned()], 7_000).await.unwrap().unwrap();
        store.supervised_worker_ended("w", "here", 8_000).await.unwrap();
        assert_eq!(store.find_run(lease.run_id).await.unwrap().unwrap().status, RunStatus::Queued);
        store.remove_worker(worker).await.unwrap();
        store.ping().await.unwrap();
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_belongs_to_its_first_request() {
    on_both!(store => {
        let take = async |body: u8, now| store.take_key(&[1; 32], &[body; 32], now).await.unwrap();
        assert!(matches!(take(1, 1_000).await, KeyState::Ours));
        assert!(matches!(take(1, 1_000).await, KeyState::Pending));
        assert!(matches!(take(2, 1_000).await, KeyState::OtherBody));
        store.release_key(&[1; 32]).await.unwrap();
        assert!(matches!(take(2, 1_000).await, KeyState::Ours));
        assert!(matches!(take(2, 62_000).await, KeyState::Ours), "a key left by a server that ended is taken over");
        store.answer_key(&[1; 32], &StoredResponse { status: 201, response: vec![9] }).await.unwrap();
        assert!(matches!(take(2, 99_000).await, KeyState::Answered(StoredResponse { status: 201, .. })));
        store.forget_keys(100_000).await.unwrap();
        assert!(matches!(take(3, 100_000).await, KeyState::Ours));
    });
}
