//! The document against the running thing: whatever is sent to any endpoint, there is no 5xx, an error is a
//! problem with a code, and its status is one that the document names.

use crate::common::*;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use tabtape_collector::http::router;

/// Requests to each endpoint.
const TRIES: u32 = 150;
/// The answers before an endpoint is found: no such path or method, a head that is too long.
const BEFORE: &[u16] = &[404, 405, 414, 431];

/// Values that break things: numbers at their edges, text of other languages and other formats, and good ones.
const VALUES: &[&str] = &[
    "",
    " ",
    "0",
    "1",
    "-1",
    "1.5",
    "1e9",
    "9007199254740991",
    "9007199254740992",
    "18446744073709551615",
    "18446744073709551616",
    "NaN",
    "true",
    "false",
    "null",
    "latest",
    "ndjson",
    "json",
    SESSION,
    OTHER,
    "0193b3a0-7c1e-7000-8000-000000000000:5",
    "{store}:0",
    "{store}:1",
    "{store}:-1",
    "{store}:99999999999999999999",
    "severity:warn",
    "severity:loud",
    "status:500..400",
    "since:10m until:5m",
    "since:99999999999999999d",
    "url:[*",
    "-",
    "\"unclosed",
    "a AND b OR NOT c*",
    "' OR 1=1 --",
    "{",
    "{}",
    "[]",
    "{\"terms\":[{\"category\":7}]}",
    "../../auth.json",
    "%00\u{0}",
    "\r\nX: y",
    "\u{202e}gnp.exe",
    "💥é\u{301}ﬀ",
    "p_AAAAAAAAAAAA",
    "t_AAAAAAAAAAAA",
];

const TYPES: &[&str] = &[
    "application/json", "application/x-ndjson", "application/x-protobuf", "text/plain", "",
    "a/b; charset=\"x",
];

struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }

    fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    /// A value that `schema` may allow, or now and then one that it does not.
    fn of_schema(&mut self, document: &Value, schema: &Value, depth: u32) -> Value {
        if self.one_in(6) || depth > 5 {
            return self.any(2);
        }
        if let Some(name) = schema["$ref"].as_str() {
            let schema = document
                .pointer(name.trim_start_matches('#'))
                .expect("what is referred to is there");
            return self.of_schema(document, schema, depth + 1);
        }
        for several in ["oneOf", "anyOf", "allOf", "enum"] {
            if let Some(of) = schema[several].as_array().filter(|of| !of.is_empty()) {
                let one = &of[self.below(of.len())];
                return if several == "enum" {
                    one.clone()
                } else {
                    self.of_schema(document, one, depth + 1)
                };
            }
        }
        match schema["type"].as_str().or_else(|| schema["type"][0].as_str()) {
            Some("object") => {
                let properties = schema["properties"].as_object().into_iter().flatten();
                let mut object = serde_json::Map::new();
                for (name, schema) in properties {
                    if !self.one_in(5) {
                        object.insert(name.clone(), self.of_schema(document, schema, depth + 1));
                    }
                }
                if self.one_in(5) {
                    object.insert(self.pick(VALUES).to_owned(), self.any(1));
                }
                object.into()
            }
            Some("array") => (0..self.below(4))
                .map(|_| self.of_schema(document, &schema["items"], depth + 1))
                .collect(),
            Some("integer" | "number") => self
                .pick(
                    &[
                        json!(0),
                        json!(1),
                        json!(-1),
                        json!(1.5),
                        json!(1_u64 << 53),
                        json!(u64::MAX),
                    ]
                    .each_ref(),
                )
                .clone(),
            Some("boolean") => self.one_in(2).into(),
            Some("string") if self.one_in(3) => "0011223344556677".into(),
            Some("string") => self.pick(VALUES).into(),
            _ => self.any(3),
        }
    }

    fn any(&mut self, depth: u32) -> Value {
        match self.below(if depth == 0 { 5 } else { 7 }) {
            0 => Value::Null,
            1 => self.one_in(2).into(),
            2 => (self.below(1000) as i64 - 500).into(),
            3 | 4 => self.pick(VALUES).into(),
            5 => (0..self.below(3)).map(|_| self.any(depth - 1)).collect(),
            _ => json!({self.pick(VALUES): self.any(depth - 1), "type": self.any(0)}),
        }
    }

    /// A body that the content may be, or noise.
    fn body(&mut self, document: &Value, schema: &Value) -> Vec<u8> {
        match self.below(8) {
            0 => Vec::new(),
            1 => vec![0xff, 0xfe, 0, b'\n', b'{'],
            2 => gzip(b"{}"),
            3 => events(SESSION, 1, 2).join("\n").into_bytes(),
            4 => event(SESSION, 1, "x").into_bytes(),
            5 => {
                let event = json!({"type": "x.y", "category": self.any(1), "source": {"kind": "local_process"}, "data": self.any(3)});
                event.to_string().into_bytes()
            }
            _ => self.of_schema(document, schema, 0).to_string().into_bytes(),
        }
    }
}

fn encode(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_sent_no_endpoint_fails_and_every_refusal_is_documented() {
    let collector = Collector::start().await;
    collector.deliver(SESSION, 1, 20, &events(SESSION, 1, 20)).await;
    let (_, document) = router(collector.app.clone());
    let document: Value = serde_json::from_str(&document.to_json().unwrap()).unwrap();
    let mut random = Random(1);
    let (mut asked, mut undocumented) = (0, BTreeMap::<_, BTreeSet<_>>::new());
    let mut well = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let token = match operation["x-tabtape-access"].as_str().unwrap() {
                "ingest" => &collector.ingest,
                "read" => &collector.read,
                _ => &collector.admin,
            };
            for _ in 0..TRIES {
                let (mut url, mut query, mut headers) = (path.clone(), Vec::new(), Vec::new());
                for parameter in operation["parameters"].as_array().into_iter().flatten() {
                    let name = parameter["name"].as_str().unwrap();
                    let value = random
                        .pick(VALUES)
                        .replace("{store}", collector.app.store.store_id());
                    match parameter["in"].as_str().unwrap() {
                        "path" => {
                            url = url.replace(&format!("{{{name}}}"), &encode(&value).replace('+', "%20"))
                        }
                        "query" if !random.one_in(3) => query.push(format!("{name}={}", encode(&value))),
                        "header" => headers.push((name.to_owned(), value)),
                        _ => {}
                    }
                }
                if random.one_in(8) {
                    query.push(
                        random
                            .pick(&["unknown=1", "%zz", "=", "session=1&session=2", "&&&"])
                            .to_owned(),
                    );
                }
                let url = format!("{}{url}?{}", collector.url, query.join("&"));
                let method = reqwest::Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
                let mut request = collector.http.request(method.clone(), &url).bearer_auth(token);
                for (name, value) in headers {
                    // A value that no header may contain cannot be sent.
                    if let Ok(value) = reqwest::header::HeaderValue::from_bytes(value.as_bytes()) {
                        request = request.header(name, value);
                    }
                }
                let content = operation["requestBody"]["content"].as_object();
                if let Some((declared, content)) =
                    content.and_then(|content| content.iter().nth(random.below(content.len())))
                {
                    let given = if random.one_in(5) {
                        random.pick(TYPES)
                    } else {
                        declared.as_str()
                    };
                    request = request.header("content-type", given);
                    if random.one_in(8) {
                        request =
                            request.header("content-encoding", random.pick(&["gzip", "br", "identity"]));
                    }
                    request = request.body(random.body(&document, &content["schema"]));
                }
                let response = request.send().await.unwrap();
                let status = response.status().as_u16();
                asked += 1;
                assert!(
                    status < 500,
                    "{method} {url}: {status} {}",
                    response.text().await.unwrap()
                );
                let at = format!("{method} {path}");
                if status < 400 {
                    well.insert(at.clone());
                } else {
                    let problem: Value = response.json().await.unwrap();
                    assert_eq!(problem["status"], status, "{method} {url}: {problem}");
                    let code = problem["code"].as_str().unwrap_or_default();
                    assert!(
                        !code.is_empty() && problem["detail"].is_string(),
                        "{method} {url}: {problem}"
                    );
                }
                if operation["responses"][status.to_string()].is_null() && !BEFORE.contains(&status) {
                    undocumented.entry(at).or_default().insert(status);
                }
            }
        }
    }
    assert!(undocumented.is_empty(), "{undocumented:?}");
    assert!(asked >= 20 * TRIES, "{asked}");
    println!("{asked} requests; these were carried out at least once: {well:#?}");
    assert_eq!(collector.get("/healthz").await.status(), 200);
}

/// OpenAPI requires a description of each response and a unique id of each operation, and a client needs the id.
#[tokio::test]
async fn each_operation_has_an_id_and_each_response_a_description() {
    let collector = Collector::start().await;
    let document = collector.json("/v1/openapi.json").await;
    let mut ids = BTreeSet::new();
    let mut count = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            count += 1;
            ids.insert(operation["operationId"].as_str().unwrap().to_owned());
            for (status, response) in operation["responses"].as_object().unwrap() {
                let text = response["description"].as_str().unwrap_or_default();
                assert!(!text.is_empty(), "{method} {path} {status}");
            }
        }
    }
    assert!(count > 20 && ids.len() == count, "{count} operations, {ids:?}");
    assert!(
        ids.contains("post_batches") && ids.contains("post_tokens_id_rotate"),
        "{ids:?}"
    );
}
