//! A collector in this process, and what to send it.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;
use tabtape::sealed::{self, NONCE_BYTES, RequestHead, ResponseHead};
use tabtape_collector::app::{App, Limits};
use tabtape_collector::auth::{Auth, NewPairing, Scope};
use tabtape_collector::http::{router, serve};
use tabtape_collector::store::Store;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub const SESSION: &str = "0193b3a0-7c1e-7000-8000-0123456789ab";
pub const OTHER: &str = "0193b3a0-7c1e-7000-8000-ba9876543210";
pub const EXTENSION: &str = "chrome-extension://abcdefghijklmnopabcdefghijklmnop";
pub const OTHER_EXTENSION: &str = "chrome-extension://ponmlkjihgfedcbaponmlkjihgfedcba";

pub struct Collector {
    pub app: App,
    pub address: SocketAddr,
    pub url: String,
    pub admin: String,
    pub ingest: String,
    pub read: String,
    pub http: reqwest::Client,
    folder: Option<TempDir>,
    task: JoinHandle<()>,
}

impl Collector {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_owned();
        let mut collector = Self::open(&path).await;
        collector.folder = Some(folder);
        collector
    }

    pub async fn open(folder: &Path) -> Self {
        Self::open_with(folder, Limits::default()).await
    }

    pub async fn open_with(folder: &Path, limits: Limits) -> Self {
        let store = Store::open(folder).unwrap();
        let auth = Auth::open(folder).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = App {
            limits,
            ..App::new(store, auth, address)
        };
        let (router, _) = router(state.clone());
        let serving = state.clone();
        let task = tokio::spawn(async move { serve(listener, &serving, router).await });
        let read = state
            .auth
            .create_token(Scope::Read, "test", None, None)
            .unwrap()
            .token;
        Self {
            address,
            url: format!("http://{address}"),
            admin: state.auth.local_token(),
            ingest: state.auth.local_pairing().unwrap().token,
            read,
            http: client(),
            app: state,
            folder: None,
            task,
        }
    }

    /// Returns the folder that `start` created.
    pub fn path(&self) -> &Path {
        self.folder.as_ref().unwrap().path()
    }

    /// Stops it as SIGTERM would; its folder stays if this gave it one.
    pub async fn stop(self) -> Option<TempDir> {
        self.app.shutdown.cancel();
        self.task.await.unwrap();
        self.app.store.close().await;
        self.folder
    }

    pub async fn deliver(&self, session: &str, first: u64, last: u64, lines: &[String]) -> (u16, Value) {
        let body = lines.iter().map(|line| format!("{line}\n")).collect::<String>();
        self.deliver_bytes(session, first, last, body.into_bytes(), false)
            .await
    }

    pub async fn deliver_bytes(
        &self,
        session: &str,
        first: u64,
        last: u64,
        body: Vec<u8>,
        gzip: bool,
    ) -> (u16, Value) {
        let mut request = self
            .http
            .post(format!(
                "{}/v1/batches?session={session}&first_seq={first}&last_seq={last}",
                self.url
            ))
            .bearer_auth(&self.ingest)
            .header("content-type", "application/x-ndjson");
        if gzip {
            request = request.header("content-encoding", "gzip");
        }
        let response = request.body(body).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// Sends a sealed request of `pairing`; the status and body of the answer, which is sealed too or a problem with the
    /// seal.
    pub async fn sealed(
        &self,
        pairing: &NewPairing,
        origin: Option<&str>,
        method: &str,
        path: &str,
        body: Value,
    ) -> (u16, Value) {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let seal = Seal::new(pairing, &self.address.to_string());
        let sealed = seal.request(method, path, Some("application/json"), body.as_bytes());
        seal.open(self.post_sealed(pairing, origin, sealed).await).await
    }

    pub async fn post_sealed(
        &self,
        pairing: &NewPairing,
        origin: Option<&str>,
        sealed: Vec<u8>,
    ) -> reqwest::Response {
        let method = reqwest::Method::from_bytes(tabtape::sealed::METHOD.as_bytes()).unwrap();
        let url = format!("{}{}", self.url, tabtape::sealed::PATH);
        let mut request = self.http.request(method, url);
        request = request.header(tabtape::sealed::PAIRING_HEADER, &pairing.pairing);
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        request.body(sealed).send().await.unwrap()
    }

    pub async fn get(&self, path: &str) -> reqwest::Response {
        self.http
            .get(format!("{}{path}", self.url))
            .bearer_auth(&self.read)
            .send()
            .await
            .unwrap()
    }

    pub async fn json(&self, path: &str) -> Value {
        let response = self.get(path).await;
        assert_eq!(response.status(), 200, "{path}");
        response.json().await.unwrap()
    }

    /// Every stored line of a session.
    pub async fn lines(&self, session: &str) -> Vec<String> {
        let text = self
            .get(&format!("/v1/events?session={session}"))
            .await
            .text()
            .await
            .unwrap();
        text.lines().map(ToOwned::to_owned).collect()
    }
}

/// One sealed request and its answer, as a recorder makes and reads them.
pub struct Seal {
    secret: Vec<u8>,
    pub nonce: [u8; NONCE_BYTES],
    host_port: String,
    pub time_ms: u64,
}

impl Seal {
    pub fn new(pairing: &NewPairing, host_port: &str) -> Self {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).unwrap();
        let since = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap();
        Self {
            secret: hex::decode(&pairing.secret).unwrap(),
            nonce,
            host_port: host_port.to_owned(),
            time_ms: since.as_millis() as u64,
        }
    }

    pub fn request(&self, method: &str, path: &str, content_type: Option<&str>, body: &[u8]) -> Vec<u8> {
        let head = RequestHead {
            time_ms: self.time_ms,
            method: method.to_owned(),
            path: path.to_owned(),
            content_type: content_type.map(ToOwned::to_owned),
        };
        let mut text = sealed::join(&head, body);
        let nonce = Nonce::assume_unique_for_key(sealed::REQUEST_IV);
        let key = aes(&sealed::request_key(&self.secret, &self.nonce));
        key.seal_in_place_append_tag(nonce, Aad::from(self.host_port.as_bytes()), &mut text)
            .unwrap();
        [&self.nonce[..], &text].concat()
    }

    pub async fn open(&self, response: reqwest::Response) -> (u16, Value) {
        let status = response.status().as_u16();
        let bytes = response.bytes().await.unwrap();
        if status != 200 {
            return (status, serde_json::from_slice(&bytes).unwrap());
        }
        self.open_bytes(&bytes)
    }

    pub fn open_bytes(&self, bytes: &[u8]) -> (u16, Value) {
        let (iv, cipher) = bytes.split_first_chunk::<{ sealed::IV_BYTES }>().unwrap();
        let mut text = cipher.to_vec();
        let key = aes(&sealed::response_key(&self.secret, &self.nonce));
        let nonce = Nonce::assume_unique_for_key(*iv);
        let text = key
            .open_in_place(nonce, Aad::from(self.host_port.as_bytes()), &mut text)
            .unwrap();
        let (head, start): (ResponseHead, _) = sealed::split(text).unwrap();
        (
            head.status,
            serde_json::from_slice(&text[start..]).unwrap_or_default(),
        )
    }
}

fn aes(key: &[u8; 32]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).unwrap())
}

pub fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

pub fn event(session: &str, seq: u64, text: &str) -> String {
    json!({
        "capture_session_id": session,
        "seq": seq,
        "event": {
            "ts": 1_764_000_000_000_000 + seq,
            "type": "console.log",
            "category": "console",
            "detail_level": "standard",
            "source": {"kind": "extension", "event": "console.log", "metadata": {"tab_id": "7"}},
            "url": "https://shop.example/cart",
            "data": {"text": text},
        },
    })
    .to_string()
}

pub fn events(session: &str, first: u64, last: u64) -> Vec<String> {
    (first..=last)
        .map(|seq| event(session, seq, &format!("number {seq}")))
        .collect()
}

/// Text that cannot be packed much, another for each seed. At most a million bytes.
pub fn noise(bytes: usize, seed: u64) -> &'static str {
    static POOL: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
        const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let mut state = 1_u64;
        let mut next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            char::from(LETTERS[(state >> 58) as usize])
        };
        (0..1_000_000).map(|_| next()).collect()
    });
    let start = (seed as usize * 7919) % (POOL.len() - bytes);
    &POOL[start..start + bytes]
}

/// The one hostile string that goes through every sink, here and in the viewer's tests.
pub fn hostile() -> String {
    serde_json::from_str(include_str!("../../../tests/fixtures/hostile.json")).unwrap()
}

/// Whether `text` holds nothing that a terminal would obey, or that hides text.
pub fn is_harmless(text: &str) -> bool {
    !text
        .chars()
        .any(|c| (c.is_control() && c != '\n') || matches!(c, '\u{202e}' | '\u{200b}' | '\u{2028}'))
}

pub fn gap(session: &str, first: u64, last: u64, reason: &str) -> String {
    format!(
        r#"{{"capture_session_id":"{session}","gap":{{"first_seq":{first},"last_seq":{last},"category":"console","reason":"{reason}"}}}}"#
    )
}

pub fn seq_of(line: &str) -> u64 {
    let value: Value = serde_json::from_str(line).unwrap();
    value["seq"].as_u64().unwrap_or(0)
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
