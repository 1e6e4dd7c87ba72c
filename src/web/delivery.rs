//! The delivery of a recorder: started by `connect`, visible in the status and in `system` events.

use super::errors::error;
use super::indexed_db::IndexedDbLog;
use super::platform::BrowserPlatform;
use super::status::CollectorStatus;
use super::transport::BrowserTransport;
use crate::delivery::{BadTarget, Delivery, DeliveryStatus, LinkState, Notice, OnChange, Parts, Target};
use crate::record::SessionId;
use crate::ring::RingBuffer;
use crate::system;
use serde::Deserialize;
use wasm_bindgen::JsValue;

/// `CollectorTarget` in `types.ts`.
#[derive(Deserialize)]
struct TargetOptions {
    url: String,
    secret: String,
    pairing: Option<String>,
}

/// Reads what `connect` takes.
pub(super) fn target(options: JsValue) -> Result<Option<Target>, JsValue> {
    if options.is_null_or_undefined() {
        return Ok(None);
    }
    let TargetOptions { url, secret, pairing } =
        serde_wasm_bindgen::from_value(options).map_err(|wrong| error(BadTarget::CODE, &wrong))?;
    Target::new(&url, &secret, pairing.as_deref())
        .map(Some)
        .map_err(|wrong| error(BadTarget::CODE, &wrong))
}

/// Starts delivering `session_id` and everything older in the log.
pub(super) fn start(
    target: Target,
    log: Option<IndexedDbLog>,
    session_id: SessionId,
    ring: RingBuffer,
    on_change: Box<OnChange>,
) -> Delivery {
    let memory_only = log.is_none();
    let parts = Parts {
        log,
        transport: BrowserTransport::new(target.clone()),
        platform: BrowserPlatform,
        target,
        on_change,
    };
    let (delivery, work) = Delivery::start(parts, session_id, ring);
    if memory_only {
        delivery.on_log_lost();
    }
    wasm_bindgen_futures::spawn_local(work);
    delivery
}

/// How delivery goes, for the status.
pub(super) fn status(delivery: &Delivery) -> (CollectorStatus, u64) {
    let DeliveryStatus {
        state,
        url,
        store_id,
        acked_seq,
        last_ack_ts,
        error,
        backlog_events,
        ..
    } = delivery.status();
    let state = match state {
        LinkState::Connecting => "connecting",
        LinkState::Ok => "ok",
        LinkState::Retrying => "retrying",
        LinkState::Unauthorized => "unauthorized",
        LinkState::Impostor => "impostor",
    };
    (
        CollectorStatus {
            state,
            url: Some(url),
            store_id,
            acked_seq,
            last_ack_ts,
            error,
        },
        backlog_events,
    )
}

/// The event that tells the stream of a notice, if it is about the collector.
pub(super) fn event_of(notice: &Notice) -> Option<String> {
    Some(match notice {
        Notice::Connected { store_id } => system::collector("connected", Some(store_id), None),
        Notice::StoreChanged { to, .. } => {
            system::collector("store_changed", Some(to), Some(&notice.to_string()))
        }
        Notice::Lost { error } => system::collector("unreachable", None, Some(error)),
        Notice::Impostor { error } => system::collector("impostor", None, Some(error)),
        Notice::Unauthorized { error } => system::collector("unauthorized", None, Some(error)),
        Notice::Rewound { .. } => system::collector("rewound", None, Some(&notice.to_string())),
        _ => return None,
    })
}
