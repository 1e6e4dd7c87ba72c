//! A model of the collector: its rules and everything that can go wrong on the way.

use super::super::Platform as _;
use super::super::link::{date_ms, retry_after_ms};
use super::super::transport::{Request, Response, Transport, TransportError};
use super::super::{Parts, Target};
use super::world::{TestLog, World};
use crate::protocol::hello_hmac;
use crate::record::{Line, SessionId, parse_line};
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

pub(super) const SECRET: &str = "000102030405060708090a0b0c0d0e0f";
pub(super) const URL: &str = "http://127.0.0.1:28273";

/// The fault of the next request.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Fault {
    /// The connection breaks before it arrives.
    LostRequest,
    /// It is carried out, and the answer is lost.
    LostAnswer,
    /// It is carried out or not, and no answer comes.
    Hangs { carried_out: bool },
    /// It is refused with a status, and perhaps a time to come back.
    Status(u16, Option<&'static str>),
    /// It is carried out, and the receipt is cut off.
    CutReceipt,
    /// It is carried out, and the receipt says so much more than the truth.
    AckAhead(u64),
    /// It is carried out, and the receipt says so much less than the truth.
    AckBehind(u64),
    /// It is carried out, and the receipt is of another session.
    OtherSession,
    /// It arrives cut off, as if a broken middlebox had mended its length.
    CutRequest,
    /// Another process has taken the port.
    Impostor,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Stored {
    Event(Vec<u8>),
    Gap(String),
}

/// A store of the fake collector.
#[derive(Debug, Clone, Default)]
pub(super) struct Store {
    pub(super) id: String,
    pub(super) sessions: BTreeMap<SessionId, BTreeMap<u64, Stored>>,
}

impl Store {
    pub(super) fn new(id: &str) -> Self {
        Self {
            id: id.into(),
            ..Self::default()
        }
    }

    pub(super) fn acked_seq(&self, id: SessionId) -> u64 {
        let Some(records) = self.sessions.get(&id) else {
            return 0;
        };
        (1..)
            .take_while(|seq| records.contains_key(seq))
            .last()
            .unwrap_or(0)
    }

    pub(super) fn gaps(&self, id: SessionId, reason: &str) -> Vec<u64> {
        let records = self.sessions.get(&id).into_iter().flatten();
        records
            .filter(|(_, stored)| **stored == Stored::Gap(reason.into()))
            .map(|(seq, _)| *seq)
            .collect()
    }
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) store: Store,
    pub(super) faults: VecDeque<Fault>,
    pub(super) down: bool,
    /// Most bytes of a body; 413 above.
    pub(super) max_body: usize,
    /// A line that holds this is refused.
    pub(super) poison: &'static str,
    /// Replies to every batch with this, as a wrong token gets it.
    pub(super) deny: Option<u16>,
    pub(super) requests: Vec<(f64, String, usize)>,
    pub(super) conflicts: usize,
    pub(super) duplicates: u64,
    /// Requests that an impostor received.
    pub(super) leaked: Vec<String>,
}

/// Cloning it gives another handle.
#[derive(Clone)]
pub(super) struct Collector {
    pub(super) state: Rc<RefCell<State>>,
    world: World,
}

impl Collector {
    pub(super) fn new(world: &World) -> Self {
        let state = State {
            store: Store::new("store-1"),
            faults: VecDeque::new(),
            down: false,
            max_body: 4 << 20,
            poison: "POISON",
            deny: None,
            requests: Vec::new(),
            conflicts: 0,
            duplicates: 0,
            leaked: Vec::new(),
        };
        Self {
            state: Rc::new(RefCell::new(state)),
            world: world.clone(),
        }
    }

    pub(super) fn parts(&self, log: &TestLog) -> Parts<TestLog, Self, World> {
        Parts {
            log: Some(log.clone()),
            transport: self.clone(),
            platform: self.world.clone(),
            target: Target::new(URL, SECRET, None).unwrap(),
            on_change: Box::new(|_, _| {}),
        }
    }

    pub(super) fn fault(&self, fault: Fault) {
        self.state.borrow_mut().faults.push_back(fault);
    }

    pub(super) fn acked_seq(&self, id: SessionId) -> u64 {
        self.state.borrow().store.acked_seq(id)
    }

    /// How many batches came.
    pub(super) fn batches(&self) -> usize {
        self.state
            .borrow()
            .requests
            .iter()
            .filter(|(_, path, _)| path.starts_with("/v1/batches"))
            .count()
    }
}

impl Transport for Collector {
    async fn post(&self, request: Request) -> Result<Response, TransportError> {
        self.world.sleep_ms(1.0).await;
        let fault = self.state.borrow_mut().faults.pop_front();
        if self.state.borrow().down || fault == Some(Fault::LostRequest) {
            return Err(TransportError::Failed("connection refused".into()));
        }
        if fault == Some(Fault::Impostor) {
            if request.is_sealed {
                return Err(TransportError::NotProven(200));
            }
            if request.path != "/v1/hello" {
                self.state.borrow_mut().leaked.push(request.path.clone());
            }
            return Ok(response(
                200,
                r#"{"hmac":"00","store_id":"store-1","version":"9"}"#.into(),
                None,
            ));
        }
        let arrived = if fault == Some(Fault::CutRequest) {
            Request {
                body: request.body.slice(..request.body.len() / 2),
                ..request.clone()
            }
        } else {
            request.clone()
        };
        match fault {
            Some(Fault::Status(status, retry_after)) => {
                let wait_ms = |header| retry_after_ms(header, self.world.unix_ms(), date_ms);
                Ok(response(status, String::new(), retry_after.and_then(wait_ms)))
            }
            Some(Fault::Hangs { carried_out }) => {
                if carried_out {
                    self.state.borrow_mut().answer(&arrived, self.world.now());
                }
                self.world.sleep_ms(request.timeout_ms).await;
                Err(TransportError::TimedOut(request.timeout_ms))
            }
            fault => {
                let mut response = self.state.borrow_mut().answer(&arrived, self.world.now());
                self.world.sleep_ms(1.0).await;
                match fault {
                    Some(Fault::LostAnswer) => return Err(TransportError::Failed("reset".into())),
                    Some(Fault::CutReceipt) => response.body.truncate(response.body.len() / 2),
                    Some(Fault::AckAhead(by)) => lie(&mut response, |acked_seq| acked_seq + by),
                    Some(Fault::AckBehind(by)) => {
                        lie(&mut response, |acked_seq| acked_seq.saturating_sub(by))
                    }
                    Some(Fault::OtherSession) => {
                        let text = String::from_utf8(response.body).unwrap();
                        response.body = text.replace("\"session\":\"", "\"session\":\"x").into_bytes();
                    }
                    _ => {}
                }
                Ok(response)
            }
        }
    }
}

fn lie(response: &mut Response, change: impl Fn(u64) -> u64) {
    let Ok(mut receipt) = serde_json::from_slice::<serde_json::Value>(&response.body) else {
        return;
    };
    if let Some(acked_seq) = receipt["acked_seq"].as_u64() {
        receipt["acked_seq"] = change(acked_seq).into();
        response.body = receipt.to_string().into_bytes();
    }
}

fn response(status: u16, body: String, retry_after_ms: Option<f64>) -> Response {
    Response {
        status,
        retry_after_ms,
        body: body.into_bytes(),
    }
}

impl State {
    fn answer(&mut self, request: &Request, now_ms: f64) -> Response {
        self.requests
            .push((now_ms, request.path.clone(), request.body.len()));
        if request.path == "/v1/hello" {
            let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap_or_default();
            let nonce = hex::decode(body["nonce"].as_str().unwrap_or_default()).unwrap();
            let hmac = hello_hmac(&hex::decode(SECRET).unwrap(), &nonce, &URL["http://".len()..]);
            let answer = serde_json::json!({ "hmac": hmac, "store_id": self.store.id, "version": "1" });
            return response(200, answer.to_string(), None);
        }
        if let Some(status) = self.deny {
            return response(
                status,
                r#"{"code":"unknown_token","detail":"unknown"}"#.into(),
                None,
            );
        }
        assert!(request.is_sealed, "{} can be read", request.path);
        if request.body.len() > self.max_body {
            return response(
                413,
                r#"{"code":"body_too_large","detail":"too large"}"#.into(),
                None,
            );
        }
        self.batch(request)
    }

    /// The rules of `POST /v1/batches`, as collector/src/http/batches.rs has them.
    fn batch(&mut self, request: &Request) -> Response {
        let query = |name: &str| {
            let value = request
                .path
                .split(['?', '&'])
                .find_map(|pair| pair.strip_prefix(name))
                .unwrap();
            value.strip_prefix('=').unwrap().to_owned()
        };
        let id: SessionId = query("session").parse().unwrap();
        let first_seq: u64 = query("first_seq").parse().unwrap();
        let last_seq: u64 = query("last_seq").parse().unwrap();
        let (mut next_seq, mut problem) = (first_seq, None);
        let (mut accepted, mut duplicates) = (0, 0);
        let lines: Vec<&[u8]> = request.body.split(|byte| *byte == b'\n').collect();
        let lines = lines.strip_suffix(&[&b""[..]]).unwrap_or(&lines);
        for (index, line) in lines.iter().enumerate() {
            let poisoned = memchr::memmem::find(line, self.poison.as_bytes()).is_some();
            let Some(parsed) = parse_line(line).ok().filter(|_| !poisoned) else {
                problem = Some((400, "invalid_record", index + 1, next_seq));
                break;
            };
            assert_eq!(
                (parsed.session_id(), parsed.first_seq()),
                (id, next_seq),
                "the batch misses a seq"
            );
            next_seq = parsed.last_seq() + 1;
            match self.store_line(id, &parsed, line) {
                Some(true) => accepted += 1,
                Some(false) => duplicates += 1,
                None => {
                    self.conflicts += 1;
                    problem = Some((409, "seq_conflict", index + 1, parsed.first_seq()));
                    break;
                }
            }
        }
        if problem.is_none() && next_seq != last_seq + 1 {
            problem = Some((400, "incomplete_batch", lines.len() + 1, next_seq));
        }
        self.duplicates += duplicates;
        let mut receipt = serde_json::json!({
            "store_id": self.store.id, "session": id.as_str(), "acked_seq": self.store.acked_seq(id),
            "accepted": accepted, "duplicates": duplicates,
        });
        let Some((status, code, line, seq)) = problem else {
            return response(200, receipt.to_string(), None);
        };
        for (name, value) in [("line", line as u64), ("seq", seq), ("status", status)] {
            receipt[name] = value.into();
        }
        receipt["code"] = code.into();
        response(status as u16, receipt.to_string(), None)
    }

    /// Whether it is new; `None` on a conflict.
    fn store_line(&mut self, id: SessionId, parsed: &Line, line: &[u8]) -> Option<bool> {
        let records = self.store.sessions.entry(id).or_default();
        match parsed {
            Line::Event { header, .. } => match records.get(&header.seq) {
                Some(Stored::Event(bytes)) if bytes == line => Some(false),
                Some(Stored::Event(_)) => None,
                // An event always beats a gap.
                Some(Stored::Gap(_)) | None => {
                    records.insert(header.seq, Stored::Event(line.to_vec()));
                    Some(true)
                }
            },
            Line::Gap { gap, .. } => {
                let before = records.len();
                for seq in gap.first_seq..=gap.last_seq {
                    records
                        .entry(seq)
                        .or_insert_with(|| Stored::Gap(gap.reason.clone()));
                }
                Some(records.len() > before)
            }
        }
    }
}
