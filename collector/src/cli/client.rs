//! Talking to the collector.

use super::CliError;
use http::{HeaderMap, HeaderValue, Method, header};
use reqwest::Response;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::time::Duration;

/// A collector and the token to use there.
#[derive(Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    url: String,
}

impl Client {
    pub(super) fn new(url: &str, token: &str) -> Result<Self, CliError> {
        let mut headers = HeaderMap::new();
        let mut value = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| {
            CliError::Failed("the token is no token: it holds characters that no token has".into())
        })?;
        value.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, value);
        let http = crate::outbound::client()
            .default_headers(headers)
            .no_proxy() // the collector is on this machine
            .connect_timeout(Duration::from_secs(5))
            .build()
            .map_err(CliError::failed)?;
        Ok(Self { http, url: url.trim_end_matches('/').to_owned() })
    }

    pub(super) async fn get(
        &self,
        path: &str,
        query: &[(&str, &str)],
        headers: HeaderMap,
    ) -> Result<Response, CliError> {
        let request = self.http.get(self.at(path, query)).headers(headers);
        self.send(request).await
    }

    pub(super) async fn json<T: DeserializeOwned>(&self, path: &str) -> Result<T, CliError> {
        let response = self.get(path, &[], HeaderMap::new()).await?;
        response.json().await.map_err(CliError::failed)
    }

    pub(super) async fn call<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, CliError> {
        let response = self.send(self.http.post(self.at(path, &[])).json(body)).await?;
        response.json().await.map_err(CliError::failed)
    }

    pub(super) async fn post(
        &self,
        path: &str,
        query: &[(&str, &str)],
        body: String,
    ) -> Result<Response, CliError> {
        let request = self.http.post(self.at(path, query)).header(header::CONTENT_TYPE, "application/json");
        self.send(request.body(body)).await
    }

    /// A batch, as a recorder delivers it; the receipt.
    pub(super) async fn deliver(&self, query: &[(&str, &str)], body: Vec<u8>) -> Result<Value, CliError> {
        let request = self
            .http
            .post(self.at("/v1/batches", query))
            .header(header::CONTENT_TYPE, "application/x-ndjson");
        let response = self.send(request.body(body)).await?;
        response.json().await.map_err(CliError::failed)
    }

    /// One message of the Model Context Protocol.
    pub(super) async fn mcp(&self, message: String) -> Result<Response, CliError> {
        let request = self
            .http
            .post(self.at("/mcp", &[]))
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/json, text/event-stream");
        self.send(request.body(message)).await
    }

    pub(super) async fn delete(&self, path: &str, query: &[(&str, &str)]) -> Result<Response, CliError> {
        self.send(self.http.request(Method::DELETE, self.at(path, query))).await
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

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Response, CliError> {
        let response = request.send().await.map_err(|error| {
            if error.is_connect() {
                CliError::NotRunning(format!(
                    "no collector answers at {}; start one with `tabtape serve`",
                    self.url
                ))
            } else {
                CliError::failed(error)
            }
        })?;
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
}
