//! A browser's socket on one run: takes every event, and fails where one is missing, doubled or out of order.

use futures::StreamExt;
use std::time::Instant;
use tokio::net::TcpStream;
use tokio_tungstenite::{WebSocketStream, client_async_with_config, tungstenite::protocol::WebSocketConfig};
use uuid::Uuid;

/// One viewer.
pub struct Viewer {
    socket: WebSocketStream<TcpStream>,
    next_seq: u64,
}

impl Viewer {
    /// Follows a run after event number `after`.
    pub async fn connect(base: &str, run_id: Uuid, after: u64) -> Self {
        let host = base.trim_start_matches("http://");
        let stream = TcpStream::connect(host).await.unwrap();
        // As little memory as a thousand of them should take of a test.
        let small = WebSocketConfig::default().read_buffer_size(4 << 10).write_buffer_size(0);
        let address = format!("ws://{host}/api/v1/runs/{run_id}/events?after={after}");
        let (socket, _) = client_async_with_config(address, stream, Some(small)).await.unwrap();
        Self { socket, next_seq: after + 1 }
    }

    /// The next event and when it came.
    pub async fn next(&mut self) -> (String, Instant) {
        let message = self.socket.next().await.expect("the socket ended").unwrap();
        let now = Instant::now();
        let text = message.into_text().unwrap().to_string();
        let seq = text.strip_prefix("{\"seq\":").and_then(|rest| rest.split(',').next()).and_then(|digits| digits.parse().ok());
        assert_eq!(seq, Some(self.next_seq), "an event is missing, doubled or out of order: {text}");
        self.next_seq += 1;
        (text, now)
    }
}
