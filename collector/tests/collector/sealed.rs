//! Sealed requests: the rights of a pairing, and the limits of a process that intercepts its requests.

use crate::common::*;
use crate::security::{REFUSALS, endpoints};
use serde_json::Value;
use tabtape_collector::auth::NewPairing;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pairing_delivers_and_its_recorder_also_forgets_and_opens_the_viewer_from_its_extension() {
    let collector = Collector::start().await;
    let own = collector.url.clone();
    let pair = |recorder| {
        collector
            .app
            .auth
            .create_pairing(Some(EXTENSION), "grid", recorder)
            .unwrap()
    };
    let (paired, recorder) = (pair(false), pair(true));
    let origins: [(Option<&str>, &str); 5] = [
        (None, "none"),
        (Some(own.as_str()), "own"),
        (Some(EXTENSION), "paired"),
        (Some(OTHER_EXTENSION), "extension"),
        (Some("https://evil.test"), "foreign"),
    ];
    let mut allowed = 0;
    for (method, path, access) in endpoints(&collector) {
        if UNREACHABLE.contains(&path.as_str()) {
            continue;
        }
        for (origin, from) in origins {
            for (pairing, is_recorder) in [(&paired, false), (&recorder, true)] {
                let path = path.replace("{session}", "x").replace("{id}", "x");
                let (status, answer) = collector
                    .sealed(pairing, origin, &method, &path, Value::Null)
                    .await;
                let code = answer["code"].as_str().unwrap_or_default();
                let got = REFUSALS.iter().find(|refusal| **refusal == code).copied();
                let expected = match (access.as_str(), from) {
                    // Not even the seal is looked at.
                    (_, "foreign") => Some("wrong_origin"),
                    ("public" | "open", _) => None,
                    (_, "own" | "extension") => Some("wrong_origin"),
                    ("ingest", _) => None,
                    ("owner", "paired") if is_recorder => None,
                    _ => Some("wrong_scope"),
                };
                // Only an extension can be paired, says the handler itself.
                let is_pairing = path == "/v1/pair";
                assert!(
                    got == expected || is_pairing,
                    "{method} {path} ({access}) origin {from} recorder {is_recorder}: {status} {answer}"
                );
                allowed += u32::from(got.is_none() && !matches!(access.as_str(), "public" | "open"));
            }
        }
    }
    // Three doors for deliveries, by two pairings without an Origin or with their own; two rights of the recorder.
    assert_eq!(allowed, 3 * 2 * 2 + 2);
}

/// Routes that no sealed request reaches.
const UNREACHABLE: [&str; 5] = ["/mcp", "/v1/openapi.json", "/", "/pair", tabtape::sealed::PATH];

pub fn recorder(collector: &Collector) -> NewPairing {
    collector
        .app
        .auth
        .create_pairing(Some(EXTENSION), "one", true)
        .unwrap()
}

pub fn batch(seq: u64) -> (String, Vec<u8>) {
    let path = format!("/v1/batches?session={SESSION}&first_seq={seq}&last_seq={seq}");
    (path, format!("{}\n", event(SESSION, seq, "sealed")).into_bytes())
}

#[tokio::test]
async fn a_sealed_batch_is_stored_once_and_its_receipt_is_sealed() {
    let collector = Collector::start().await;
    let pairing = recorder(&collector);
    let seal = Seal::new(&pairing, &collector.address.to_string());
    let (path, body) = batch(1);
    let sealed = seal.request("POST", &path, Some("application/x-ndjson"), &body);
    let shown = String::from_utf8_lossy(&sealed);
    assert!(!shown.contains(SESSION) && !shown.contains("sealed"), "{shown}");
    let answer = collector
        .post_sealed(&pairing, Some(EXTENSION), sealed.clone())
        .await;
    let (status, receipt) = seal.open(answer).await;
    assert_eq!(
        (status, &receipt["accepted"], &receipt["acked_seq"]),
        (200, &1.into(), &1.into())
    );
    assert_eq!(
        collector.json(&format!("/v1/sessions/{SESSION}")).await["pairing"],
        pairing.pairing.as_str()
    );

    // An observer that repeats the request gains nothing.
    let again = collector.post_sealed(&pairing, Some(EXTENSION), sealed).await;
    assert_eq!(again.status(), 409);
    assert_eq!(again.json::<Value>().await.unwrap()["code"], "repeated");
}

#[tokio::test]
async fn a_request_that_was_changed_or_is_for_another_address_or_time_is_not_carried_out() {
    let collector = Collector::start().await;
    let pairing = recorder(&collector);
    let host_port = collector.address.to_string();
    let (path, body) = batch(1);
    let make = |seal: &Seal| seal.request("POST", &path, Some("application/x-ndjson"), &body);
    let code = async |pairing: &NewPairing, sealed: Vec<u8>| {
        let answer = collector.post_sealed(pairing, Some(EXTENSION), sealed).await;
        (
            answer.status().as_u16(),
            answer.json::<Value>().await.unwrap()["code"].clone(),
        )
    };
    let whole = make(&Seal::new(&pairing, &host_port));
    for at in [0, 31, 32, 60, whole.len() - 1] {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        assert_eq!(
            code(&pairing, changed).await,
            (403, "wrong_seal".into()),
            "byte {at}"
        );
    }
    for length in [0, 31, 32, 47, 48, whole.len() - 1] {
        assert_eq!(
            code(&pairing, whole[..length].to_vec()).await.0,
            403,
            "{length} bytes"
        );
    }
    let other = recorder(&collector);
    assert_eq!(
        code(&other, whole.clone()).await.0,
        403,
        "another pairing's secret"
    );
    let stranger = NewPairing {
        pairing: "p_none".into(),
        ..pairing.clone()
    };
    assert_eq!(code(&stranger, whole).await.0, 403, "no such pairing");
    for address in ["127.0.0.1:1", "localhost:1", ""] {
        assert_eq!(
            code(&pairing, make(&Seal::new(&pairing, address))).await.0,
            403,
            "dialled {address:?}"
        );
    }
    for by_ms in [-61_000_i64, 75_000] {
        let mut seal = Seal::new(&pairing, &host_port);
        seal.time_ms = seal.time_ms.checked_add_signed(by_ms).unwrap();
        let sealed = make(&seal);
        let (status, problem) = seal
            .open(collector.post_sealed(&pairing, Some(EXTENSION), sealed).await)
            .await;
        assert_eq!(
            (status, &problem["code"]),
            (408, &"stale_request".into()),
            "{by_ms}"
        );
    }
    let mut before = Seal::new(&pairing, &host_port);
    before.time_ms -= 30_000;
    let sealed = make(&before);
    let (status, _) = before
        .open(collector.post_sealed(&pairing, Some(EXTENSION), sealed).await)
        .await;
    assert_eq!(status, 408, "another run may have carried it out");
    assert_eq!(
        collector.get(&format!("/v1/sessions/{SESSION}")).await.status(),
        404,
        "nothing was stored"
    );
}

#[tokio::test]
async fn a_pairing_that_was_ended_seals_nothing() {
    let collector = Collector::start().await;
    let auth = collector.app.auth.clone();
    let pairing = recorder(&collector);
    let ask = async |pairing: &NewPairing| {
        collector
            .sealed(pairing, Some(EXTENSION), "POST", "/v1/viewer/codes", Value::Null)
            .await
            .0
    };
    assert_eq!(ask(&pairing).await, 200);
    let renewed = auth.rotate_pairing(&pairing.pairing).unwrap();
    assert_eq!((ask(&pairing).await, ask(&renewed).await), (403, 200));
    let token = auth.check(&renewed.token).unwrap().token_id;
    auth.revoke_token(&token).unwrap();
    assert_eq!(ask(&renewed).await, 403);
    let other = recorder(&collector);
    auth.revoke_pairing(&other.pairing).unwrap();
    assert_eq!(ask(&other).await, 403);
}
