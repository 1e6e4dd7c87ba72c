use crate::common::*;
use serde_json::Value;
use std::collections::BTreeSet;
use std::process::Command;
use tabtape_collector::auth::{NewPairing, Scope};
use tabtape_collector::http::router;

/// Codes that mean "you may not": anything else means that the request got through.
pub(crate) const REFUSALS: &[&str] = &[
    "wrong_host", "wrong_origin", "no_token", "unknown_token", "wrong_scope",
];

/// Routes that the document leaves out: one that its own protocol describes, and what is there for anyone.
const UNDESCRIBED: [(&str, &str, &str); 6] = [
    ("POST", "/mcp", "read"),
    ("GET", "/mcp", "read"),
    ("DELETE", "/mcp", "read"),
    ("GET", "/v1/openapi.json", "public"),
    ("GET", "/", "public"),
    ("GET", "/pair", "public"),
];

/// A route is in the grid because it is in the document; whatever else is routed must be named above.
#[test]
fn no_route_is_left_out_of_the_grid() {
    let mut routed = BTreeSet::new();
    let mut folders = vec![std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            if path.extension().is_none_or(|extension| extension != "rs") {
                continue;
            }
            let source = std::fs::read_to_string(&path).unwrap();
            for call in [".route(", ".route_service(", ".nest(", ".nest_service("] {
                for (_, after) in source
                    .match_indices(call)
                    .map(|(at, _)| source.split_at(at + call.len()))
                {
                    let path = after
                        .trim_start()
                        .trim_start_matches('"')
                        .split('"')
                        .next()
                        .unwrap();
                    routed.insert(path.to_owned());
                }
            }
        }
    }
    let named = UNDESCRIBED.iter().map(|(_, path, _)| (*path).to_owned());
    let by_the_fallback = ["/", "/pair"];
    assert_eq!(
        routed,
        named
            .filter(|path| !by_the_fallback.contains(&path.as_str()))
            .collect()
    );
}

/// Every endpoint with its access, from the router's own document.
pub(crate) fn endpoints(collector: &Collector) -> Vec<(String, String, String)> {
    let (_, document) = router(collector.app.clone());
    let document: Value = serde_json::from_str(&document.to_json().unwrap()).unwrap();
    let described = |(method, path, access): (&str, &str, &str)| (method.into(), path.into(), access.into());
    let mut endpoints: Vec<(String, String, String)> = UNDESCRIBED.map(described).to_vec();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let access = operation["x-tabtape-access"]
                .as_str()
                .unwrap_or_else(|| panic!("{method} {path} has no access"));
            endpoints.push((method.to_uppercase(), path.clone(), access.to_owned()));
        }
    }
    endpoints
}

/// The code of the answer, "" when it is no problem.
async fn ask(collector: &Collector, method: &str, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
    let path = path.replace("{session}", "x").replace("{id}", "x");
    let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
    let mut request = collector.http.request(method, format!("{}{path}", collector.url));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    if response
        .headers()
        .get("content-type")
        .is_none_or(|value| value != "application/problem+json")
    {
        return (status, String::new());
    }
    let problem: Value = response.json().await.unwrap();
    (status, problem["code"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_endpoint_by_host_origin_and_token() {
    let collector = Collector::start().await;
    let own = collector.url.clone();
    let host = collector.address.to_string();
    let named = format!("localhost:{}", collector.address.port());
    let paired = collector
        .app
        .auth
        .create_pairing(Some(EXTENSION), "grid", false)
        .unwrap()
        .token;
    let recorder = collector
        .app
        .auth
        .create_pairing(Some(EXTENSION), "grid", true)
        .unwrap()
        .token;
    let plain = collector
        .app
        .auth
        .create_token(Scope::Ingest, "grid", None, None)
        .unwrap()
        .token;
    let hosts = [
        (host.as_str(), true),
        ("evil.test", false),
        ("127.0.0.1", false),
        ("127.0.0.1:1", false),
        ("localhost.evil.test:80", false),
        (named.as_str(), false),
    ];
    let origins: [(Option<&str>, &str); 8] = [
        (None, "none"),
        (Some(own.as_str()), "own"),
        (Some(EXTENSION), "paired"),
        (Some(OTHER_EXTENSION), "extension"),
        (Some("null"), "foreign"),
        (Some("https://evil.test"), "foreign"),
        (Some("http://127.0.0.1:9"), "foreign"),
        (Some("chrome-extension://short"), "foreign"),
    ];
    let tokens: [(Option<&str>, &str); 7] = [
        (None, "none"),
        (
            Some("tt_read_0000000000000000000000000000000000000000000"),
            "unknown",
        ),
        (Some(&plain), "ingest"),
        (Some(&collector.read), "read"),
        (Some(&collector.admin), "admin"),
        (Some(&paired), "paired"),
        (Some(&recorder), "recorder"),
    ];
    let (mut checked, mut let_through) = (0, BTreeSet::new());
    for (method, path, access) in endpoints(&collector) {
        for (host, host_is_right) in hosts {
            for (origin, from) in origins {
                for (token, holder) in tokens {
                    let bearer = token.map(|token| format!("Bearer {token}"));
                    let mut headers = vec![("host", host)];
                    headers.extend(origin.map(|origin| ("origin", origin)));
                    headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
                    let (status, code) = ask(&collector, &method, &path, &headers).await;
                    let expected = expected(&access, host_is_right, from, holder);
                    let got = REFUSALS.iter().find(|refusal| **refusal == code).copied();
                    assert_eq!(
                        got, expected,
                        "{method} {path} ({access}) host {host} origin {from} token {holder}: {status} {code}"
                    );
                    assert!(status < 500, "{method} {path}: {status}");
                    checked += 1;
                    if got.is_none() {
                        let_through.insert((method.clone(), path.clone()));
                    }
                }
            }
        }
    }
    // The grid is not vacuous: every endpoint lets somebody through.
    assert_eq!(let_through.len(), endpoints(&collector).len());
    assert!(checked > 280 * 15, "{checked}");
}

/// The refusal that is due, if one is.
fn expected(access: &str, host_is_right: bool, from: &str, holder: &str) -> Option<&'static str> {
    if !host_is_right {
        return Some("wrong_host");
    }
    if access == "public" {
        return None;
    }
    if from == "foreign" {
        return Some("wrong_origin");
    }
    if access == "open" {
        // Only an extension can be paired; the handler itself says so.
        return None;
    }
    match holder {
        "none" => return Some("no_token"),
        "unknown" => return Some("unknown_token"),
        _ => {}
    }
    let is_paired = matches!(holder, "paired" | "recorder");
    let origin_fits = match from {
        "none" => true,
        "own" => !is_paired,
        "paired" => is_paired,
        _ => false,
    };
    if !origin_fits {
        return Some("wrong_origin");
    }
    let allowed = match access {
        "ingest" => !matches!(holder, "read"),
        "read" => matches!(holder, "read" | "admin"),
        "admin" => holder == "admin",
        // A recorder's right to it is in its seal: see `sealed.rs`.
        "owner" => holder == "admin",
        other => panic!("unknown access {other}"),
    };
    (!allowed).then_some("wrong_scope")
}

#[tokio::test]
async fn a_fetch_that_a_browser_calls_foreign_is_refused() {
    let collector = Collector::start().await;
    let bearer = format!("Bearer {}", collector.read);
    for (site, passes) in [
        ("same-origin", true),
        ("none", true),
        ("cross-site", false),
        ("same-site", false),
        ("", false),
    ] {
        let headers = [("authorization", bearer.as_str()), ("sec-fetch-site", site)];
        let (_, code) = ask(&collector, "GET", "/v1/sessions", &headers).await;
        assert_eq!(code.is_empty(), passes, "{site}: {code}");
    }
    assert_eq!(
        ask(&collector, "GET", "/healthz", &[("sec-fetch-site", "cross-site")])
            .await
            .0,
        200
    );
}

#[tokio::test]
async fn no_answer_invites_other_origins_or_frames() {
    let collector = Collector::start().await;
    for path in ["/", "/healthz", "/v1/sessions", "/nothing", "/v1/openapi.json"] {
        let response = collector
            .http
            .get(format!("{}{path}", collector.url))
            .send()
            .await
            .unwrap();
        let headers = response.headers();
        assert!(!headers.contains_key("access-control-allow-origin"), "{path}");
        assert!(!headers.contains_key("set-cookie"), "{path}");
        assert!(
            headers["content-security-policy"]
                .to_str()
                .unwrap()
                .contains("frame-ancestors 'none'"),
            "{path}"
        );
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(headers["referrer-policy"], "no-referrer", "{path}");
    }
}

#[tokio::test]
async fn the_document_is_served_and_names_every_problem() {
    let collector = Collector::start().await;
    let response = collector
        .http
        .get(format!("{}/v1/openapi.json", collector.url))
        .send()
        .await
        .unwrap();
    let document: Value = response.json().await.unwrap();
    assert_eq!(document["openapi"].as_str().unwrap().split('.').next(), Some("3"));
    for path in [
        "/v1/batches", "/v1/events", "/v1/stream", "/v1/sessions", "/v1/hello", "/v1/coverage", "/metrics",
        "/healthz",
    ] {
        assert!(document["paths"][path].is_object(), "{path}");
    }
    assert_eq!(
        document["paths"]["/v1/events"]["get"]["security"][0]["token"][0],
        "read"
    );
    assert!(document["components"]["schemas"]["Problem"]["properties"]["code"].is_object());
}

#[tokio::test]
async fn a_viewer_link_works_once_and_its_token_only_reads() {
    let collector = Collector::start().await;
    let link = collector.app.viewer_link(None);
    let (page, code) = link.split_once("#code=").unwrap();
    assert_eq!(page, format!("{}/", collector.url));
    let exchange = async || {
        let request = collector
            .http
            .post(format!("{}/v1/viewer/session", collector.url))
            .header("origin", &collector.url);
        request
            .json(&serde_json::json!({"code": code}))
            .send()
            .await
            .unwrap()
    };
    let session: Value = exchange().await.json().await.unwrap();
    let token = session["token"].as_str().unwrap();
    assert!(token.starts_with("tt_read_"));
    let with = async |path: &str| {
        let request = collector
            .http
            .get(format!("{}{path}", collector.url))
            .bearer_auth(token);
        request
            .header("origin", &collector.url)
            .header("sec-fetch-site", "same-origin")
            .send()
            .await
            .unwrap()
            .status()
    };
    assert_eq!(
        (with("/v1/sessions").await, with("/v1/tokens").await),
        (200.try_into().unwrap(), 403.try_into().unwrap())
    );
    assert_eq!(exchange().await.status(), 403);
}

#[tokio::test]
async fn an_extension_is_paired_by_an_invitation_and_bound_to_its_origin() {
    let collector = Collector::start().await;
    let post = async |path: &str, origin: Option<&str>, token: Option<&str>, body: Value| {
        let mut request = collector
            .http
            .post(format!("{}{path}", collector.url))
            .json(&body);
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await.unwrap();
        (
            response.status().as_u16(),
            response.json::<Value>().await.unwrap(),
        )
    };
    let (_, invitation) = post(
        "/v1/pairings/codes",
        None,
        Some(&collector.admin),
        serde_json::json!({}),
    )
    .await;
    let code = invitation["url"]
        .as_str()
        .unwrap()
        .split_once("#code=")
        .unwrap()
        .1
        .to_owned();
    let short = invitation["short_code"].as_str().unwrap();
    assert_eq!(
        short,
        tabtape_collector::auth::short_code(&code, &collector.address.to_string())
    );
    let request = serde_json::json!({"code": code, "profile": "work"});
    assert_eq!(
        post("/v1/pair", None, None, request.clone()).await.1["code"],
        "wrong_origin"
    );
    let (status, pairing) = post("/v1/pair", Some(EXTENSION), None, request.clone()).await;
    assert_eq!(status, 200, "{pairing}");
    assert_eq!(
        post("/v1/pair", Some(EXTENSION), None, request).await.0,
        403,
        "the invitation is used up"
    );

    let hello = serde_json::json!({"nonce": "00112233445566778899", "pairing": pairing["pairing"]});
    let (_, proof) = post("/v1/hello", Some(EXTENSION), None, hello).await;
    let nonce = hex::decode("00112233445566778899").unwrap();
    let secret = pairing["secret"].as_str().unwrap();
    let expected =
        tabtape_collector::auth::hello_hmac(secret, &nonce, &collector.address.to_string()).unwrap();
    assert_eq!(proof["hmac"], expected);
    let (status, _) = post(
        "/v1/hello",
        None,
        None,
        serde_json::json!({"nonce": "00112233445566778899", "pairing": "p_x"}),
    )
    .await;
    assert_eq!(status, 404);

    let token = pairing["token"].as_str().unwrap().to_owned();
    let deliver = async |origin: &str| {
        let url = format!(
            "{}/v1/batches?session={SESSION}&first_seq=1&last_seq=1",
            collector.url
        );
        let request = collector
            .http
            .post(url)
            .bearer_auth(&token)
            .header("origin", origin);
        let request = request
            .header("content-type", "application/x-ndjson")
            .body(event(SESSION, 1, "x"));
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(
        (deliver(EXTENSION).await, deliver(OTHER_EXTENSION).await),
        (200, 403)
    );
    assert_eq!(
        collector.json(&format!("/v1/sessions/{SESSION}")).await["pairing"],
        pairing["pairing"]
    );
    collector
        .app
        .auth
        .revoke_pairing(pairing["pairing"].as_str().unwrap())
        .unwrap();
    assert_eq!(deliver(EXTENSION).await, 401);
}

/// A deliverer cannot choose the owner of a session.
#[tokio::test]
async fn only_the_owner_says_whose_a_session_is() {
    let collector = Collector::start().await;
    for (token, status) in [(&collector.ingest, 403), (&collector.admin, 200)] {
        let path = format!("/v1/batches?session={SESSION}&first_seq=1&last_seq=1&pairing=p_other");
        let request = collector
            .http
            .post(format!("{}{path}", collector.url))
            .bearer_auth(token);
        let request = request
            .header("content-type", "application/x-ndjson")
            .body(event(SESSION, 1, "x"));
        assert_eq!(request.send().await.unwrap().status(), status);
    }
    assert_eq!(
        collector.json(&format!("/v1/sessions/{SESSION}")).await["pairing"],
        "p_other"
    );
}

/// A recorder may open the viewer; what it opened is shut with it.
#[tokio::test]
async fn a_viewer_that_a_recorder_opened_ends_with_its_pairing() {
    use futures_util::StreamExt as _;
    let collector = Collector::start().await;
    let auth = collector.app.auth.clone();
    let pairing = auth.create_pairing(Some(EXTENSION), "work", true).unwrap();
    let other = auth.create_pairing(Some(OTHER_EXTENSION), "home", true).unwrap();
    let code = async |pairing: &NewPairing, origin: &str| {
        let (_, link) = collector
            .sealed(pairing, Some(origin), "POST", "/v1/viewer/codes", Value::Null)
            .await;
        link["url"]
            .as_str()
            .unwrap()
            .split_once("#code=")
            .unwrap()
            .1
            .to_owned()
    };
    let open = async |pairing: &NewPairing, origin: &str| {
        let post = |path: &str| collector.http.post(format!("{}{path}", collector.url));
        let code = code(pairing, origin).await;
        let session = post("/v1/viewer/session")
            .json(&serde_json::json!({"code": code}))
            .send()
            .await
            .unwrap();
        session.json::<Value>().await.unwrap()["token"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let status = async |token: &str| {
        let request = collector
            .http
            .get(format!("{}/v1/sessions", collector.url))
            .bearer_auth(token);
        request.send().await.unwrap().status().as_u16()
    };
    let others = open(&other, OTHER_EXTENSION).await;
    let mut pairing = pairing;
    for end in ["rotate", "revoke"] {
        let viewer = open(&pairing, EXTENSION).await;
        assert_eq!(status(&viewer).await, 200);
        let stream = collector
            .http
            .get(format!("{}/v1/stream", collector.url))
            .bearer_auth(&viewer);
        let mut stream = stream.send().await.unwrap().bytes_stream();
        stream.next().await.unwrap().unwrap();
        let unused = code(&pairing, EXTENSION).await;
        let path = format!("{}/v1/pairings/{}", collector.url, pairing.pairing);
        let request = match end {
            "rotate" => collector.http.post(format!("{path}/rotate")),
            _ => collector.http.delete(path),
        };
        let response = request.bearer_auth(&collector.admin).send().await.unwrap();
        assert!(response.status().is_success(), "{end}");
        tokio::time::timeout(std::time::Duration::from_secs(5), async {
            while stream.next().await.is_some() {}
        })
        .await
        .expect("its stream ends");
        assert_eq!(status(&viewer).await, 401, "{end}");
        let late = collector
            .http
            .post(format!("{}/v1/viewer/session", collector.url));
        let late = late
            .json(&serde_json::json!({"code": unused}))
            .send()
            .await
            .unwrap();
        assert_eq!(
            late.status(),
            403,
            "{end}: a link that was asked for before opens nothing"
        );
        assert!(auth.check(&pairing.token).is_err(), "{end}");
        if end == "rotate" {
            let renewed: NewPairing = response.json().await.unwrap();
            assert_eq!(renewed.pairing, pairing.pairing);
            assert_ne!(renewed.secret, pairing.secret);
            pairing = renewed;
        }
    }
    assert_eq!(status(&others).await, 200, "another's viewer continues");
}

/// A name that resolves to loopback, as a rebinding attacker has it, in a real browser.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebound_name_reaches_nothing_in_a_real_browser() {
    let collector = Collector::start().await;
    let browser = std::env::var("TABTAPE_BROWSER").unwrap_or_else(|_| "/usr/bin/chromium".into());
    let profile = tempfile::tempdir().unwrap();
    let port = collector.address.port();
    let show = |url: String| {
        let (browser, profile) = (browser.clone(), profile.path().to_owned());
        tokio::task::spawn_blocking(move || {
            let output = Command::new(&browser)
                .args([
                    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                ])
                .args([
                    "--disable-background-networking",
                    "--disable-component-update",
                    "--disable-sync",
                ])
                .arg(format!("--user-data-dir={}", profile.display()))
                .args([
                    "--host-resolver-rules=MAP evil.test 127.0.0.1",
                    "--dump-dom",
                    &url,
                ])
                .output()
                .unwrap_or_else(|error| panic!("{browser}: {error}; set TABTAPE_BROWSER to a Chromium"));
            String::from_utf8_lossy(&output.stdout).into_owned()
        })
    };
    let rebound = show(format!("http://evil.test:{port}/healthz")).await.unwrap();
    assert!(
        rebound.contains("wrong_host") && !rebound.contains("store_id"),
        "{rebound}"
    );
    let direct = show(format!("http://127.0.0.1:{port}/healthz")).await.unwrap();
    assert!(direct.contains(collector.app.store.store_id()), "{direct}");
}
