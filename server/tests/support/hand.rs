//! A worker by hand: each call of the protocol when a test says so.

use super::{Answer, TestApp};
use serde_json::{Value, json};
use uuid::Uuid;

/// A registered worker without a loop.
pub struct Hand<'a> {
    app: &'a TestApp,
    pub worker_id: Uuid,
}

/// A lease that a test holds.
pub struct Held<'a> {
    app: &'a TestApp,
    pub run_id: String,
    pub lease_token: String,
}

impl<'a> Hand<'a> {
    pub async fn register(app: &'a TestApp) -> Self {
        let worker_id = Uuid::now_v7();
        let body = json!({ "worker_id": worker_id, "name": "hand", "host": "h", "devices": ["cpu"], "version": worker::VERSION });
        assert_eq!(app.post("/api/v1/worker/register", body).await.status, 204);
        Self { app, worker_id }
    }

    /// Leases the next run; there must be one.
    pub async fn lease(&self) -> Held<'a> {
        let ask = json!({ "worker_id": self.worker_id, "wait_seconds": 0 });
        let answer = self.app.post("/api/v1/worker/lease", ask).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let lease = answer.json();
        let text = |field: &str| lease[field].as_str().unwrap().to_owned();
        Held { app: self.app, run_id: text("run_id"), lease_token: text("lease_token") }
    }
}

impl Held<'_> {
    fn path(&self, rest: &str) -> String {
        format!("/api/v1/worker/runs/{}/{rest}", self.run_id)
    }

    /// Sends a batch.
    pub async fn batch(&self, first_ordinal: u64, items: Value) -> Answer {
        let body = json!({ "lease_token": self.lease_token, "first_ordinal": first_ordinal, "items": items });
        self.app.post(&self.path("batches"), body).await
    }

    /// Uploads an artifact under the path as it stands in the address.
    pub async fn artifact(&self, path: &str, media_type: &str, bytes: Vec<u8>) -> Answer {
        let url = self.app.url(&format!("{}?lease_token={}", self.path(&format!("artifacts/{path}")), self.lease_token));
        Answer::of(self.app.client.put(url).header("content-type", media_type).body(bytes).send().await.unwrap()).await
    }

    /// Uploads a checkpoint below ordinal `next_ordinal`.
    pub async fn checkpoint(&self, next_ordinal: u64, bytes: &'static [u8]) -> Answer {
        use sha2::{Digest, Sha256};
        let sha256 = hex::encode(Sha256::digest(bytes));
        let query = format!(
            "lease_token={}&next_ordinal={next_ordinal}&step=1&sha256={sha256}&engram_version={}",
            self.lease_token,
            worker::VERSION
        );
        let url = self.app.url(&format!("{}?{query}", self.path("checkpoint")));
        Answer::of(self.app.client.put(url).body(bytes).send().await.unwrap()).await
    }

    /// Gives the lease back: `succeeded`, `failed`, `cancelled`, `paused` or `handed_back`.
    pub async fn finish(&self, outcome: &str) {
        let outcome = json!({ "outcome": outcome, "summary": { "steps": 1.0 }, "reason": "by hand" });
        let body = json!({ "lease_token": self.lease_token, "outcome": outcome });
        let answer = self.app.post(&self.path("finish"), body).await;
        assert_eq!(answer.status, 204, "{}", answer.text());
    }
}
