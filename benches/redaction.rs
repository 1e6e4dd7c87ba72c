//! Cost of redaction by kind of event, native: `cargo bench --bench redaction`.
//!
//! Medians of many short runs, in nanoseconds an event and a KiB, and the candidates that the rules had
//! to look at.

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Instant;

use tabtape::redaction::{Redacted, Redactor, RuleTable};

fn main() {
    let started = Instant::now();
    let mut redactor = Redactor::new([7; 32], &RuleTable::default());
    println!("new: {:.0} µs", started.elapsed().as_secs_f64() * 1e6);
    println!(
        "{:<26}{:>8}{:>12}{:>12}{:>10}",
        "event", "bytes", "ns", "ns/KiB", "secrets"
    );
    for (name, json) in events() {
        let mut out = Vec::with_capacity(json.len() * 2);
        let mut secrets = 0;
        let mut runs: Vec<f64> = (0..301)
            .map(|_| {
                let rounds = 1 + 200_000 / json.len();
                let started = Instant::now();
                for _ in 0..rounds {
                    out.clear();
                    if let Redacted::Changed { secrets: n } =
                        redactor.redact(black_box(json.as_bytes()), &mut out)
                    {
                        secrets = n;
                    }
                }
                started.elapsed().as_secs_f64() * 1e9 / rounds as f64
            })
            .collect();
        runs.sort_by(f64::total_cmp);
        let median = runs[runs.len() / 2];
        let per_kib = median * 1024.0 / json.len() as f64;
        println!(
            "{name:<26}{:>8}{median:>12.0}{per_kib:>12.0}{secrets:>10}",
            json.len()
        );
    }
}

fn events() -> Vec<(&'static str, String)> {
    let console = |bytes: usize| {
        let mut items = String::new();
        let mut i = 0;
        while items.len() + 240 < bytes {
            let comma = if i > 0 { "," } else { "" };
            let _ = write!(
                items,
                r#"{comma}{{"id":{},"title":"Widget {i}","price":{}.5,"inStock":{},"updatedAt":"2026-11-24T07:{:02}:00.000Z","description":"A fine widget for the kitchen, number {i} of its series."}}"#,
                1000 + i * 37,
                10 + i,
                i % 2 == 0,
                i % 60
            );
            i += 1;
        }
        format!(
            r#"{{"args":["loaded products",[{items}]],"stack":"Error\n    at render (https://app.test/assets/index-4f2a.js:1:20341)\n    at https://app.test/assets/index-4f2a.js:1:9921"}}"#
        )
    };
    let request = |auth: &str, query: &str| {
        format!(
            r#"{{"request_id":"1234.56","method":"GET","url":"https://api.shop.test/v2/products/search?q=kitchen+lamp&page=2&sort=price_asc{query}","resource_type":"xmlhttprequest","initiator":"https://shop.test","request_headers":[{{"name":"sec-ch-ua","value":"\"Chromium\";v=\"156\", \"Not.A/Brand\";v=\"24\""}},{{"name":"User-Agent","value":"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"}},{{"name":"Accept","value":"application/json, text/plain, */*"}},{{"name":"Accept-Language","value":"en-GB,en;q=0.9"}}{auth}],"time_stamp":1764000000123.456,"status":200,"from_cache":false,"timing":{{"dns":1.2,"connect":3.4,"send":0.2,"wait":88.1,"receive":12.7}}}}"#
        )
    };
    let urls: Vec<String> = (0..12)
        .map(|i| format!(r#"{{"name":"https://cdn{i}.shop.test/assets/img/products/{i}/lamp-large@2x.webp?w=640&h=480&v=1764{i:06}","duration":{i}.25}}"#))
        .collect();
    let auth = r#",{"name":"Authorization","value":"Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c"},{"name":"Cookie","value":"sid=abc123def456; theme=dark; _ga=GA1.2.1234567890.1764000000"}"#;
    vec![
        ("console, tiny", r#"{"args":["hello",{"a":1}]}"#.to_owned()),
        ("console, 1 KB", console(1024)),
        ("console, 8 KB", console(8192)),
        ("request, clean", request("", "")),
        (
            "request, five secrets",
            request(auth, "&access_token=abcdef123456"),
        ),
        ("urls", format!(r#"{{"entries":[{}]}}"#, urls.join(","))),
        (
            "prose",
            format!(
                r#"{{"args":["{}"]}}"#,
                "The quick brown fox jumps over the lazy dog on its way home. ".repeat(17)
            ),
        ),
        (
            "base64 image",
            format!(
                r#"{{"src":"data:image/png;base64,{}"}}"#,
                "iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4".repeat(32)
            ),
        ),
    ]
}
