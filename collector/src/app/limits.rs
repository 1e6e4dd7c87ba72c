//! Limits on connections and on time for each client. Limits on sizes are with the code that reads bodies.

use std::time::Duration;

/// Bounds on connections and on the time a request may take to arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once; fewer where the limit of open files is lower. A further connection is answered 503.
    pub connections: usize,
    /// The time within which a request's head must arrive, and for which a connection may be idle. Also the time for the
    /// first request of a WebSocket, and for a client to take an answer.
    pub head_time: Duration,
    /// The time within which a request's body must arrive, and each further request of a WebSocket.
    pub body_time: Duration,
    /// The interval of comments in a stream without records.
    pub heartbeat: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // Thousands of subscribers fit; a flood does not take the process with it.
            connections: 8192,
            // A client that takes longer on loopback is an attack or is broken.
            head_time: Duration::from_secs(10),
            body_time: Duration::from_secs(30),
            // Proxies and people give up on silence after half a minute.
            heartbeat: Duration::from_secs(15),
        }
    }
}
