//! Talking to the collector.

use super::CliError;
use super::args::Target;
use super::proof::{NotProven, ProofLayer};
use super::state::Running;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use reqwest::Response;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A collector, which proves on each connection that it has the token before the token is sent there.
#[derive(Debug)]
pub(super) struct Client {
    connection: Mutex<Connection>,
    /// The target whose `collector.json` is read again when the collector has moved or has another token.
    target: Option<Target>,
}

/// An address and a token, with the connections that were proven for them.
#[derive(Debug, Clone)]
struct Connection {
    http: reqwest::Client,
    url: String,
    token: String,
}

impl Connection {
    fn new(url: &str, token: &str) -> Result<Self, CliError> {
        let url = url.trim_end_matches('/').to_owned();
        let mut builder = crate::http_client::client()
            .no_proxy() // the collector is on this machine
            .connect_timeout(Duration::from_secs(5));
        if !token.is_empty() {
            let mut headers = HeaderMap::new();
            let mut value = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| {
                CliError::Failed("the token is no token: it holds characters that no token has".into())
            })?;
            value.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, value);
            let host_port = url.trim_start_matches("http://");
            builder = builder
                .default_headers(headers)
                .connector_layer(ProofLayer::new(host_port, token));
        }
        let http = builder.build().map_err(CliError::failed)?;
        Ok(Self {
            http,
            url,
            token: token.to_owned(),
        })
    }

    fn at(&self, path: &str, query: &[(&str, &str)]) -> String {
        let mut url = format!("{}{path}", self.url);
        for (index, (name, value)) in query.iter().enumerate() {
            url.push(if index == 0 { '?' } else { '&' });
            url.push_str(name);
            url.push('=');
            url.extend(form_urlencoded::byte_serialize(value.as_bytes()));
        }
        url
    }

    /// Explains a request that got no answer.
    fn explain(&self, error: &reqwest::Error) -> CliError {
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            if cause.is::<NotProven>() {
                return CliError::Refused {
                    status: 401,
                    code: CliError::NOT_PROVEN.to_owned(),
                    detail: format!(
                        "the program at {} did not prove that it has this token, so nothing was sent to it: the token was revoked or has expired, or another program has taken the port; start `tabtape serve` again",
                        self.url
                    ),
                    seq: None,
                };
            }
            source = cause.source();
        }
        if error.is_connect() {
            return CliError::NotRunning(format!(
                "no collector answers at {}; start one with `tabtape serve`",
                self.url
            ));
        }
        CliError::failed(error)
    }
}

impl Client {
    /// Returns a client of the collector at `url`, which has to prove that it has `token`.
    pub(super) fn new(url: &str, token: &str) -> Result<Self, CliError> {
        Ok(Self {
            connection: Mutex::new(Connection::new(url, token)?),
            target: None,
        })
    }

    /// Returns a client that sends no token, for a program that need not be the collector.
    pub(super) fn without_token(url: &str) -> Result<Self, CliError> {
        Self::new(url, "")
    }

    /// Returns a client of the collector that `target` names. It finds the collector again after a restart.
    pub(super) fn following(target: &Target) -> Result<Self, CliError> {
        let Running { url, token, .. } = target.running()?;
        Ok(Self {
            connection: Mutex::new(Connection::new(&url, &token)?),
            target: Some(target.clone()),
        })
    }

    pub(super) async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Response, CliError> {
        self.send(|to| to.http.get(to.at(path, query))).await
    }

    pub(super) async fn text(&self, path: &str, query: &[(&str, &str)]) -> Result<String, CliError> {
        self.get(path, query)
            .await?
            .text()
            .await
            .map_err(CliError::failed)
    }

    pub(super) async fn json<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<T, CliError> {
        self.get(path, query)
            .await?
            .json()
            .await
            .map_err(CliError::failed)
    }

    pub(super) async fn call<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, CliError> {
        let response = self.send(|to| to.http.post(to.at(path, &[])).json(body)).await?;
        response.json().await.map_err(CliError::failed)
    }

    pub(super) async fn post(
        &self,
        path: &str,
        query: &[(&str, &str)],
        content_type: &str,
        body: impl Into<Bytes>,
    ) -> Result<Response, CliError> {
        let body = body.into();
        let post = |to: &Connection| {
            let request = to.http.post(to.at(path, query));
            request
                .header(header::CONTENT_TYPE, content_type)
                .body(body.clone())
        };
        self.send(post).await
    }

    /// A batch, as a recorder delivers it; the receipt.
    pub(super) async fn deliver(&self, query: &[(&str, &str)], body: Vec<u8>) -> Result<Value, CliError> {
        let answer = self
            .post("/v1/batches", query, "application/x-ndjson", body)
            .await?;
        answer.json().await.map_err(CliError::failed)
    }

    /// One message of the Model Context Protocol, whose answer is about `sites` only.
    pub(super) async fn mcp(
        &self,
        message: String,
        sites: Option<&HeaderValue>,
    ) -> Result<Response, CliError> {
        let message = Bytes::from(message);
        let post = |to: &Connection| {
            let mut request = to
                .http
                .post(to.at("/mcp", &[]))
                .header(header::CONTENT_TYPE, "application/json");
            if let Some(sites) = sites {
                request = request.header(crate::mcp::SITES_HEADER, sites);
            }
            request
                .header(header::ACCEPT, "application/json, text/event-stream")
                .body(message.clone())
        };
        self.send(post).await
    }

    pub(super) async fn delete(&self, path: &str, query: &[(&str, &str)]) -> Result<Response, CliError> {
        self.send(|to| to.http.request(Method::DELETE, to.at(path, query)))
            .await
    }

    /// Sends a request; once more if `collector.json` meanwhile names another address or token.
    async fn send(
        &self,
        build: impl Fn(&Connection) -> reqwest::RequestBuilder,
    ) -> Result<Response, CliError> {
        let connection = self.current();
        match exchange(&connection, build(&connection)).await {
            Err(error @ (CliError::NotRunning(_) | CliError::Refused { status: 401, .. })) => {
                match self.moved(&connection) {
                    Some(moved) => exchange(&moved, build(&moved)).await,
                    None => Err(error),
                }
            }
            result => result,
        }
    }

    fn current(&self) -> Connection {
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Returns where the collector is now, unless that is where it was.
    fn moved(&self, from: &Connection) -> Option<Connection> {
        let Running { url, token, .. } = self.target.as_ref()?.running().ok()?;
        if (url.as_str(), token.as_str()) == (from.url.as_str(), from.token.as_str()) {
            return None;
        }
        let connection = Connection::new(&url, &token).ok()?;
        *self.connection.lock().unwrap_or_else(PoisonError::into_inner) = connection.clone();
        Some(connection)
    }
}

async fn exchange(to: &Connection, request: reqwest::RequestBuilder) -> Result<Response, CliError> {
    let response = request.send().await.map_err(|error| to.explain(&error))?;
    if response.status().is_success() {
        return Ok(response);
    }
    let status = response.status().as_u16();
    let body = response.text().await.unwrap_or_default();
    let problem: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
    let field = |name: &str, otherwise: &str| problem[name].as_str().unwrap_or(otherwise).to_owned();
    Err(CliError::Refused {
        status,
        code: field("code", &format!("http {status}")),
        detail: field("detail", "the answer is not from a tabtape collector"),
        seq: problem["seq"].as_u64(),
    })
}
