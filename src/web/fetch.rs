//! The browser's side of a delivery: fetch, timers, clocks and random bytes.
//!
//! Works in service workers, dedicated workers and pages, and in Node, whose globals have the same names.

use crate::delivery::{
    GZIP_MIN_BYTES, MAX_REPLY_BYTES, Platform, Request, Response, Transport, TransportError, retry_after_ms,
};
use gloo_timers::callback::Timeout;
use js_sys::{Promise, Uint8Array};
use std::cell::Cell;
use std::rc::Rc;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AbortController, Blob, ReadableStreamDefaultReader, ReadableWritablePair, ReferrerPolicy, RequestCache,
    RequestCredentials, RequestInit, RequestRedirect,
};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn monotonic_ms() -> f64;

    #[wasm_bindgen(js_namespace = crypto, js_name = getRandomValues, catch)]
    fn get_random_values(bytes: &Uint8Array) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(js_name = fetch)]
    fn fetch_from(url: &str, init: &RequestInit) -> Promise;

    /// web-sys has it behind a flag that every build would have to set.
    type CompressionStream;
    #[wasm_bindgen(constructor, catch)]
    fn new(format: &str) -> Result<CompressionStream, JsValue>;

    /// What `reader.read()` resolves to.
    type Chunk;
    #[wasm_bindgen(method, getter)]
    fn done(this: &Chunk) -> bool;
    #[wasm_bindgen(method, getter)]
    fn value(this: &Chunk) -> Option<Uint8Array>;
}

/// The globals of the browser.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct BrowserPlatform;

impl Platform for BrowserPlatform {
    fn now_ms(&self) -> f64 {
        monotonic_ms()
    }

    fn unix_ms(&self) -> f64 {
        js_sys::Date::now()
    }

    async fn sleep(&self, ms: f64) {
        // setTimeout takes at most 2^31 - 1; the loop looks again and sleeps on.
        let ms = ms.ceil().clamp(0.0, f64::from(i32::MAX));
        gloo_timers::future::TimeoutFuture::new(ms as u32).await;
    }

    fn fill_random(&self, bytes: &mut [u8]) {
        let random = Uint8Array::new_with_length(bytes.len() as u32);
        // It fails only above 65,536 bytes.
        if get_random_values(&random).is_ok() {
            random.copy_to(bytes);
        }
    }
}

/// POST requests to one origin through `fetch`.
#[derive(Debug)]
pub(super) struct FetchTransport {
    origin: String,
}

impl FetchTransport {
    /// To `origin`, `http://host:port`.
    #[must_use]
    pub(super) const fn new(origin: String) -> Self {
        Self { origin }
    }
}

/// Ends a request when time is up, or when nobody waits for it any more.
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
            let (controller, timed_out) = (controller.clone(), timed_out.clone());
            move || {
                timed_out.set(true);
                controller.abort();
            }
        });
        Ok(Self { controller, timed_out, _timer: timer })
    }
}

impl Drop for Patience {
    fn drop(&mut self) {
        // Nothing happens when the reply has been read to its end.
        self.controller.abort();
    }
}

impl Transport for FetchTransport {
    async fn post(&self, request: Request<'_>) -> Result<Response, TransportError> {
        let timeout_ms = request.timeout_ms;
        let patience = Patience::new(timeout_ms).map_err(failed)?;
        let response = exchange(&self.origin, request, &patience).await;
        response.map_err(|error| match error {
            TransportError::Failed(_) if patience.timed_out.get() => TransportError::TimedOut(timeout_ms),
            error => error,
        })
    }
}

async fn exchange(
    origin: &str,
    request: Request<'_>,
    patience: &Patience,
) -> Result<Response, TransportError> {
    let init = init(&request, patience).await.map_err(failed)?;
    let response =
        JsFuture::from(fetch_from(&format!("{origin}{}", request.path), &init)).await.map_err(failed)?;
    let response: web_sys::Response = response.unchecked_into();
    let retry_after = response.headers().get("retry-after").map_err(failed)?;
    let retry_after_ms = retry_after.and_then(|header| retry_after_ms(&header, js_sys::Date::now(), date_ms));
    let body = match response.body() {
        Some(stream) => read(stream.get_reader().unchecked_into()).await?,
        None => Vec::new(),
    };
    Ok(Response { status: response.status(), retry_after_ms, body })
}

async fn init(request: &Request<'_>, patience: &Patience) -> Result<RequestInit, JsValue> {
    let headers = web_sys::Headers::new()?;
    headers.set("content-type", request.content_type)?;
    if let Some(token) = request.token {
        headers.set("authorization", &format!("Bearer {token}"))?;
    }
    let body = Uint8Array::from(&request.body[..]);
    let init = RequestInit::new();
    if request.body.len() > GZIP_MIN_BYTES {
        headers.set("content-encoding", "gzip")?;
        init.set_body(&gzip(&body).await?);
    } else {
        init.set_body(&body);
    }
    init.set_method("POST");
    init.set_headers(&headers);
    init.set_signal(Some(&patience.controller.signal()));
    init.set_credentials(RequestCredentials::Omit);
    init.set_cache(RequestCache::NoStore);
    init.set_redirect(RequestRedirect::Error);
    init.set_referrer_policy(ReferrerPolicy::NoReferrer);
    Ok(init)
}

/// A request body cannot be a stream over HTTP/1.1, so it is compressed whole.
async fn gzip(body: &Uint8Array) -> Result<JsValue, JsValue> {
    let plain = Blob::new_with_u8_array_sequence(&js_sys::Array::of1(body))?;
    let compression: ReadableWritablePair = CompressionStream::new("gzip")?.unchecked_into();
    let packed = plain.stream().pipe_through(&compression);
    let packed = web_sys::Response::new_with_opt_readable_stream(Some(&packed))?;
    JsFuture::from(packed.array_buffer()?).await
}

/// Reads a reply, and no more of it than a collector would say.
async fn read(reader: ReadableStreamDefaultReader) -> Result<Vec<u8>, TransportError> {
    let mut body = Vec::new();
    loop {
        let chunk: Chunk = JsFuture::from(reader.read()).await.map_err(failed)?.unchecked_into();
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

fn failed(error: JsValue) -> TransportError {
    let message = error.dyn_ref::<js_sys::Error>().map(|error| String::from(error.message()));
    TransportError::Failed(message.unwrap_or_else(|| format!("{error:?}")))
}
