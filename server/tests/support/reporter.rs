//! A worker that only reports: it leases a run and sends batches of points, as fast as it is asked to.

use lab::{json::Number, record::Point};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};
use uuid::Uuid;
use worker::protocol::{Answer, Batch, Finish, Lease, Outcome, Progress, ReportedItem, TimedPoint};

/// A worker that holds one run.
pub struct Reporter {
    pub base: String,
    pub run_id: Uuid,
    /// Name of the metric that it reports.
    pub metric: &'static str,
    /// Steps of the whole run, if it reports how far it is.
    pub total: Option<u64>,
    client: reqwest::Client,
    lease_token: Uuid,
    next_ordinal: u64,
    steps: Vec<u64>,
    /// The value of a series, by its number, at a step.
    pub value_of: fn(usize, u64) -> f64,
}

impl Reporter {
    /// Queues a run and leases it.
    pub async fn start(base: &str) -> Self {
        Self::start_with_seed(base, 0).await
    }

    /// Queues a run with this seed and leases it.
    pub async fn start_with_seed(base: &str, seed: u64) -> Self {
        let client = super::client();
        let worker_id = Uuid::new_v4();
        let catalogue: Value = client.get(format!("{base}/api/v1/experiments")).send().await.unwrap().json().await.unwrap();
        let run = json!({ "experiment": catalogue["items"][0]["id"], "seed": seed });
        let answer = client.post(format!("{base}/api/v1/runs")).json(&run).send().await.unwrap();
        assert_eq!(answer.status(), 201, "{:?}", answer.text().await);
        let introduction =
            json!({ "worker_id": worker_id, "name": "bench", "host": "here", "devices": ["cpu"], "version": worker::VERSION });
        let answer = client.post(format!("{base}/api/v1/worker/register")).json(&introduction).send().await.unwrap();
        assert_eq!(answer.status(), 204);
        let ask = json!({ "worker_id": worker_id, "wait_seconds": 5 });
        let answer = client.post(format!("{base}/api/v1/worker/lease")).json(&ask).send().await.unwrap();
        let lease: Lease = answer.json().await.unwrap();
        let value_of = |number, step| (step as f64 * 0.001 + number as f64).sin();
        let (run_id, lease_token, base) = (lease.run_id, lease.lease_token, base.to_owned());
        Self { base, run_id, metric: "loss/train", total: None, client, lease_token, next_ordinal: 1, steps: Vec::new(), value_of }
    }

    /// Reports the next `steps` steps of the first `series` series in one batch.
    pub async fn report(&mut self, series: usize, steps: u64) {
        let body = self.batch(series, steps);
        let address = format!("{}/api/v1/worker/runs/{}/batches", self.base, self.run_id);
        let request = self.client.post(address).header("content-type", "application/json").body(body);
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert_eq!(status, 200, "{text}");
        assert_eq!(serde_json::from_str::<Answer>(&text).unwrap().next_ordinal, self.next_ordinal);
    }

    fn batch(&mut self, series: usize, steps: u64) -> Vec<u8> {
        let time_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
        self.steps.resize(self.steps.len().max(series), 0);
        let mut items = Vec::with_capacity(series * steps as usize);
        for _ in 0..steps {
            for (number, step) in self.steps.iter_mut().enumerate().take(series) {
                *step += 1;
                let value = Number((self.value_of)(number, *step));
                let point = Point { name: self.metric.to_owned(), arm: Some(format!("arm_{number}")), step: *step, value };
                items.push(ReportedItem::Point(TimedPoint { point, time_ms }));
            }
        }
        let batch = Batch {
            lease_token: self.lease_token,
            first_ordinal: self.next_ordinal,
            items,
            clock_points: Vec::new(),
            engine_log: Vec::new(),
            progress: self.total.map(|total| Progress { step: self.steps[0], total, eta_seconds: None }),
            status_reason: None,
            sent_at_ms: None,
        };
        self.next_ordinal += batch.items.len() as u64;
        serde_json::to_vec(&batch).unwrap()
    }

    /// Gives the lease back as cancelled: nothing follows.
    pub async fn end(&self) {
        let body = Finish { lease_token: self.lease_token, outcome: Outcome::Cancelled };
        let address = format!("{}/api/v1/worker/runs/{}/finish", self.base, self.run_id);
        let answer = self.client.post(address).json(&body).send().await.unwrap();
        assert_eq!(answer.status(), 204);
    }

    /// The run as the server tells it.
    pub async fn run(&self) -> Value {
        self.client.get(format!("{}/api/v1/runs/{}", self.base, self.run_id)).send().await.unwrap().json().await.unwrap()
    }
}
