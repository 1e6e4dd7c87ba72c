//! One HTTP request by `fetch`, with a bound on its time and on its answer.

use crate::delivery::{MAX_REPLY_BYTES, Response, Target, TransportError, retry_after_ms};
use crate::sealed;
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

    /// The result of `reader.read()`.
    type Chunk;
    #[wasm_bindgen(method, getter)]
    fn done(this: &Chunk) -> bool;
    #[wasm_bindgen(method, getter)]
    fn value(this: &Chunk) -> Option<Uint8Array>;
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

/// Makes a response from its parts; `retry_after` is the header of this name.
pub(super) fn response(status: u16, retry_after: Option<String>, body: Vec<u8>) -> Response {
    Response {
        status,
        retry_after_ms: retry_after.and_then(|header| retry_after_ms(&header, js_sys::Date::now(), date_ms)),
        body,
    }
}

/// Sends a request and reads its answer, whatever its status.
pub(super) async fn exchange(
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
