//! The peer of a connection proves that it has the token before the token is sent to it.
//!
//! After a crash of the collector any process can take its port. So each new connection begins with a hello whose
//! answer only a program that has the token (or its hash) can give, and the requests follow on the same connection.
//! No other process can take that over. The answer covers the address that was dialled, so that a relay on this port
//! cannot use the answer of a collector on another one.

use crate::auth::{hello_hmac, token_hint, token_key};
use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper::rt::{Read, Write};
use serde_json::{Value, json};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use subtle::ConstantTimeEq as _;
use tower::{Layer, Service};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A hello needs no disk.
const HELLO_TIME: Duration = Duration::from_secs(5);
/// Longest answer that is read.
const MAX_ANSWER_BYTES: usize = 4 << 10;

/// The peer did not prove that it has the token.
#[derive(Debug, thiserror::Error)]
#[error("the peer did not prove that it has the token")]
pub(super) struct NotProven;

/// Adds the proof to a connector.
#[derive(Clone)]
pub(super) struct ProofLayer(Arc<Challenge>);

struct Challenge {
    host_port: String,
    token: String,
}

impl ProofLayer {
    pub(super) fn new(host_port: &str, token: &str) -> Self {
        Self(Arc::new(Challenge {
            host_port: host_port.to_owned(),
            token: token.to_owned(),
        }))
    }
}

impl<S> Layer<S> for ProofLayer {
    type Service = ProvenConnector<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ProvenConnector {
            inner,
            challenge: Arc::clone(&self.0),
        }
    }
}

/// A connector whose connections are proven.
#[derive(Clone)]
pub(super) struct ProvenConnector<S> {
    inner: S,
    challenge: Arc<Challenge>,
}

impl<S, R> Service<R> for ProvenConnector<S>
where
    S: Service<R, Error = BoxError>,
    S::Future: Send + 'static,
    S::Response: Read + Write + Unpin + Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let connecting = self.inner.call(request);
        let challenge = Arc::clone(&self.challenge);
        Box::pin(async move {
            let connection = connecting.await?;
            tokio::time::timeout(HELLO_TIME, challenge.prove(connection))
                .await
                .map_err(|_| NotProven)?
        })
    }
}

impl Challenge {
    /// Returns `connection` once its peer has proved that it has the token.
    async fn prove<C: Read + Write + Unpin + Send + 'static>(&self, connection: C) -> Result<C, BoxError> {
        let mut nonce = [0; 32];
        getrandom::fill(&mut nonce).map_err(|error| format!("there are no random bytes: {error}"))?;
        let body = json!({"nonce": hex::encode(nonce), "token": token_hint(&self.token)}).to_string();
        let request = Request::post("/v1/hello")
            .header(header::HOST, &self.host_port)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body)))?;
        let (mut sender, mut driver) = http1::handshake(connection).await?;
        let answer = async {
            let response = sender.send_request(request).await?;
            let status = response.status();
            let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES)
                .collect()
                .await?
                .to_bytes();
            Ok::<_, BoxError>((status, body))
        };
        let (status, body) = tokio::select! {
            answer = answer => answer.map_err(|_| NotProven)?,
            _ = &mut driver => return Err(NotProven.into()),
        };
        let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
        let given = answer["hmac"].as_str().unwrap_or_default();
        let expected = hello_hmac(&token_key(&self.token), &nonce, &self.host_port).unwrap_or_default();
        let is_proof = status == StatusCode::OK
            && !expected.is_empty()
            && bool::from(given.as_bytes().ct_eq(expected.as_bytes()));
        if is_proof {
            Ok(driver.into_parts().io)
        } else {
            Err(NotProven.into())
        }
    }
}
