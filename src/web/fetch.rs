//! How a delivery sends its requests: by `fetch`, sealed or not.

use super::platform::BrowserPlatform;
use super::socket::Socket;
use crate::delivery::{
    MAX_REPLY_BYTES, Platform, Request, Response, Target, Transport, TransportError, retry_after_ms,
};
use crate::sealed::{self, NONCE_BYTES};
use gloo_timers::callback::Timeout;
use js_sys::{Promise, Uint8Array};
use std::cell::Cell;
use std::rc::Rc;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AbortController, ReadableStreamDefaultReader, ReferrerPolicy, RequestCache, RequestCredentials,
    RequestInit, RequestRedirect,
};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = fetch)]
    fn fetch_from(url: &str, init: &RequestInit) -> Promise;

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

    /// The result of `reader.read()`.
    type Chunk;
    #[wasm_bindgen(method, getter)]
    fn done(this: &Chunk) -> bool;
    #[wasm_bindgen(method, getter)]
    fn value(this: &Chunk) -> Option<Uint8Array>;
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

/// Ends a request when its time is over, or when its caller has dropped it.
struct Patience {
    controller: AbortController,
    timed_out: Rc<Cell<bool>>,
    _timer: Timeout,
}

impl Patience {
    fn new(timeout_ms: f64) -> Result<Self, JsValue> {
        let controller = AbortController::new()?;
        let timed_out = Rc::new(Cell::new(false));
        let timer = Timeout::new(timeout_ms as u32, {
            let controller = controller.clone();
            let timed_out = timed_out.clone();
            move || {
                timed_out.set(true);
                controller.abort();
            }
        });
        Ok(Self {
            controller,
            timed_out,
            _timer: timer,
        })
    }
}

impl Drop for Patience {
    fn drop(&mut self) {
        // Nothing happens when the reply has been read to its end.
        self.controller.abort();
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

/// Makes a response from its parts; `retry_after` is the header of this name.
fn response(status: u16, retry_after: Option<String>, body: Vec<u8>) -> Response {
    Response {
        status,
        retry_after_ms: retry_after.and_then(|header| retry_after_ms(&header, js_sys::Date::now(), date_ms)),
        body,
    }
}

async fn exchange(
    target: &Target,
    method: &str,
    path: &str,
    content_type: &str,
    body: &[u8],
    timeout_ms: f64,
) -> Result<Response, TransportError> {
    let patience = Patience::new(timeout_ms)?;
    let answer = async {
        let init = init(target, content_type, body, &patience)?;
        init.set_method(method);
        let answer = JsFuture::from(fetch_from(&format!("{}{path}", target.url()), &init)).await?;
        let answer: web_sys::Response = answer.unchecked_into();
        let retry_after = answer.headers().get("retry-after")?;
        let body = match answer.body() {
            Some(stream) => read(stream.get_reader().unchecked_into()).await?,
            None => Vec::new(),
        };
        Ok(response(answer.status(), retry_after, body))
    };
    answer.await.map_err(|error| match error {
        TransportError::Failed(_) if patience.timed_out.get() => TransportError::TimedOut(timeout_ms),
        error => error,
    })
}

fn init(
    target: &Target,
    content_type: &str,
    body: &[u8],
    patience: &Patience,
) -> Result<RequestInit, JsValue> {
    let headers = web_sys::Headers::new()?;
    headers.set("content-type", content_type)?;
    if let (sealed::CONTENT_TYPE, Some(pairing)) = (content_type, target.pairing()) {
        headers.set(sealed::PAIRING_HEADER, pairing)?;
    }
    let init = RequestInit::new();
    init.set_body(&Uint8Array::from(body));
    init.set_headers(&headers);
    init.set_signal(Some(&patience.controller.signal()));
    init.set_credentials(RequestCredentials::Omit);
    init.set_cache(RequestCache::NoStore);
    init.set_redirect(RequestRedirect::Error);
    init.set_referrer_policy(ReferrerPolicy::NoReferrer);
    Ok(init)
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

    let (status, answer) = match socket.connected() {
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
    opened.ok_or(TransportError::NotProven(status))
}

/// The body of a sealed request.
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

/// The answer to the request with this nonce; `None` if it is not the collector's.
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

/// Reads a reply, and no more of it than a collector would say.
async fn read(reader: ReadableStreamDefaultReader) -> Result<Vec<u8>, TransportError> {
    let mut body = Vec::new();
    loop {
        let chunk: Chunk = JsFuture::from(reader.read()).await?.unchecked_into();
        if chunk.done() {
            return Ok(body);
        }
        let bytes = chunk.value().unwrap_or_default();
        if body.len() + bytes.length() as usize > MAX_REPLY_BYTES {
            return Err(TransportError::ReplyTooLong);
        }
        body.extend_from_slice(&bytes.to_vec());
    }
}

/// Unix milliseconds of an HTTP date.
fn date_ms(text: &str) -> Option<f64> {
    Some(js_sys::Date::parse(text)).filter(|ms| ms.is_finite())
}

impl From<JsValue> for TransportError {
    fn from(error: JsValue) -> Self {
        let message = error
            .dyn_ref::<js_sys::Error>()
            .map(|error| String::from(error.message()));
        Self::Failed(message.unwrap_or_else(|| format!("{error:?}")))
    }
}
