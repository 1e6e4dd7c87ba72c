//! Sends the requests of a delivery: a hello by `fetch`, and sealed ones by `fetch` or through a WebSocket.

use super::fetch::{exchange, response};
use super::platform::BrowserPlatform;
use super::socket::Socket;
use crate::delivery::{Platform as _, Request, Response, Target, Transport, TransportError};
use crate::sealed::{self, NONCE_BYTES};
use js_sys::{Promise, Uint8Array};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = ["crypto", "subtle"], js_name = importKey, catch)]
    fn import_key(
        format: &str,
        key: &Uint8Array,
        algorithm: &str,
        extractable: bool,
        usages: &js_sys::Array,
    ) -> Result<Promise, JsValue>;

    #[wasm_bindgen(js_namespace = ["crypto", "subtle"], js_name = encrypt, catch)]
    fn encrypt(algorithm: &JsValue, key: &JsValue, data: &Uint8Array) -> Result<Promise, JsValue>;

    #[wasm_bindgen(js_namespace = ["crypto", "subtle"], js_name = decrypt, catch)]
    fn decrypt(algorithm: &JsValue, key: &JsValue, data: &Uint8Array) -> Result<Promise, JsValue>;
}

/// Requests to one collector through `fetch`; a steady stream of sealed ones through a WebSocket.
#[derive(Debug)]
pub(super) struct BrowserTransport {
    target: Target,
    socket: Socket,
}

impl BrowserTransport {
    pub(super) fn new(target: Target) -> Self {
        Self {
            socket: Socket::new(&target),
            target,
        }
    }
}

impl Transport for BrowserTransport {
    async fn post(&self, request: Request) -> Result<Response, TransportError> {
        let Self { target, socket } = self;
        if request.is_sealed {
            return sealed_exchange(target, socket, request).await;
        }
        let Request {
            path,
            content_type,
            body,
            timeout_ms,
            ..
        } = request;
        exchange(target, "POST", &path, content_type, &body, timeout_ms).await
    }
}

/// Sends a request that only the collector can read, and reads an answer that only the collector can give.
async fn sealed_exchange(
    target: &Target,
    socket: &Socket,
    request: Request,
) -> Result<Response, TransportError> {
    let mut nonce = [0; NONCE_BYTES];
    BrowserPlatform.fill_random(&mut nonce);
    let timeout_ms = request.timeout_ms;
    let body = seal(target, &nonce, request).await?;

    let connection = socket.take_connection();
    let (status, answer) = match &connection {
        Some(connection) => (200, connection.exchange(&body, timeout_ms).await?),
        None => {
            let content_type = sealed::CONTENT_TYPE;
            let answer = exchange(
                target,
                sealed::METHOD,
                sealed::PATH,
                content_type,
                &body,
                timeout_ms,
            );
            let Response { status, body, .. } = answer.await?;
            (status, body)
        }
    };
    let opened = open(target, &nonce, &answer).await;
    let response = opened.ok_or(TransportError::NotProven(status))?;
    if let Some(connection) = connection {
        connection.release();
    }
    Ok(response)
}

/// Seals a request and returns its body.
async fn seal(target: &Target, nonce: &[u8; NONCE_BYTES], request: Request) -> Result<Vec<u8>, JsValue> {
    let head = sealed::RequestHead {
        time_ms: js_sys::Date::now() as u64,
        method: "POST".to_owned(),
        path: request.path,
        content_type: Some(request.content_type.to_owned()),
    };
    let plain = sealed::join(&head, &request.body);
    let key = aes_key(&sealed::request_key(target.secret(), nonce), "encrypt").await?;
    let cipher = encrypt(
        &algorithm(&sealed::REQUEST_IV, target),
        &key,
        &Uint8Array::from(&plain[..]),
    );
    let mut body = nonce.to_vec();
    append(&mut body, cipher).await?;
    Ok(body)
}

/// Opens the answer to the request with this nonce. Returns `None` if it is not the collector's.
async fn open(target: &Target, nonce: &[u8; NONCE_BYTES], answer: &[u8]) -> Option<Response> {
    let (iv, cipher) = answer.split_at_checked(sealed::IV_BYTES)?;
    let key = aes_key(&sealed::response_key(target.secret(), nonce), "decrypt")
        .await
        .ok()?;
    let opened = decrypt(&algorithm(iv, target), &key, &Uint8Array::from(cipher));
    let mut plain = Vec::new();
    append(&mut plain, opened).await.ok()?;
    let (head, body) = sealed::split::<sealed::ResponseHead>(&plain)?;
    Some(response(head.status, head.retry_after, plain.split_off(body)))
}

async fn aes_key(key: &[u8; 32], usage: &str) -> Result<JsValue, JsValue> {
    let usages = js_sys::Array::of1(&usage.into());
    let key = Uint8Array::from(&key[..]);
    JsFuture::from(import_key("raw", &key, "AES-GCM", false, &usages)?).await
}

/// `AesGcmParams`.
fn algorithm(iv: &[u8], target: &Target) -> JsValue {
    let params = js_sys::Object::new();
    let address = Uint8Array::from(target.host_port().as_bytes());
    for (name, value) in [
        ("name", JsValue::from("AES-GCM")),
        ("iv", Uint8Array::from(iv).into()),
        ("additionalData", address.into()),
    ] {
        // Fails only on an object that refuses properties.
        let _ = js_sys::Reflect::set(&params, &name.into(), &value);
    }
    params.into()
}

/// Appends the bytes that `promise` resolves to.
async fn append(bytes: &mut Vec<u8>, promise: Result<Promise, JsValue>) -> Result<(), JsValue> {
    let buffer = Uint8Array::new(&JsFuture::from(promise?).await?);
    let start = bytes.len();
    bytes.resize(start + buffer.length() as usize, 0);
    buffer.copy_to(&mut bytes[start..]);
    Ok(())
}

impl From<JsValue> for TransportError {
    fn from(error: JsValue) -> Self {
        let message = error
            .dyn_ref::<js_sys::Error>()
            .map(|error| String::from(error.message()));
        Self::Failed(message.unwrap_or_else(|| format!("{error:?}")))
    }
}
