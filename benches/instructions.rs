//! Runs one hot path so many times, for a tool that counts instructions: `npm run bench -- --instructions`.
//!
//! Arguments: the path's name and the number of calls; without any, the names are printed. The counting script
//! subtracts a run of fewer calls, so that what happens before the first call does not count.

use std::error::Error;
use std::fmt::Write as _;
use std::hint::black_box;
use tabtape::event::{Provenance, Trust};
use tabtape::record::{Line, Record, SessionId, parse_line};
use tabtape::redaction::{Redactor, RuleTable};
use tabtape::relay::RelayLedger;
use tabtape::ring::RingBuffer;
use tabtape::selector::Selector;
use tabtape::session::CaptureSession;

const NOW: u64 = 1_764_000_000_000_000;
/// Small, so that every counted call evicts as in a session that has lasted.
const RING_CAPACITY: usize = 128;
const RELAYED_LINES: u64 = 50;
const SELECTOR: &str = "category:console,network -type:network.* severity:info url:*/settings/* preference";

/// A path's name, and what makes a call of it.
type Path = (&'static str, fn() -> Result<Call, Box<dyn Error>>);
type Call = Box<dyn FnMut() -> Result<(), Box<dyn Error>>>;

const PATHS: [Path; 7] = [
    ("publish", || publish(false, Trust::Untrusted)),
    ("publish_redacted", || publish(true, Trust::Untrusted)),
    ("publish_own", || publish(false, Trust::OwnDataLast)),
    ("publish_own_redacted", || publish(true, Trust::OwnDataLast)),
    ("relayed_console_50", relayed_console),
    ("selector_match", selector_match),
    ("parse_line", stored_line),
];

fn session(redacts: bool) -> Result<CaptureSession, Box<dyn Error>> {
    let ring = RingBuffer::new(RING_CAPACITY, 64 << 20)?;
    let mut session = CaptureSession::new(SessionId::from_time(NOW / 1_000, [7; 10]), ring);
    session.set_redactor(redacts.then(|| Redactor::new([7; 32], &RuleTable::default())));
    Ok(session)
}

/// An event of about 1 KB.
fn event() -> String {
    let args = r#"{"step":7,"text":"user opened the settings page and changed a preference; "},"#.repeat(12);
    format!(
        r#"{{"ts":{NOW},"type":"console.log","category":"console","source":{{"kind":"extension","event":"console.log","metadata":{{"tab_id":"7","frame_id":"0"}}}},"url":"https://app.example.com/settings/profile","data":{{"args":[{}]}}}}"#,
        args.trim_end_matches(',')
    )
}

fn publish(redacts: bool, trust: Trust) -> Result<Call, Box<dyn Error>> {
    let (mut session, text) = (session(redacts)?, event());
    Ok(Box::new(move || {
        black_box(session.publish(black_box(text.as_bytes()), trust, NOW)?);
        Ok(())
    }))
}

/// A post of a page that logs, as the worker accepts it.
fn relayed_console() -> Result<Call, Box<dyn Error>> {
    let mut session = session(true)?;
    let mut ledger = RelayLedger::default();
    let mut lines = String::new();
    for at in 0..RELAYED_LINES {
        writeln!(
            lines,
            r#"{{"ts":{},"type":"console.log","category":"console","source_event":"console.log","url":"https://app.example.com/settings/profile","data":{{"text":[0," ",1],"args":["user changed a preference",{{"a":{at}}}]}}}}"#,
            NOW + at
        )?;
    }
    let mut first_message = 1;
    Ok(Box::new(move || {
        let provenance = Provenance {
            metadata: br#"{"document_id":"5B3E9A0C","frame_id":"0","tab_id":"7","window_id":"1"}"#,
            tab_id: 7,
            url: b"https://app.example.com/settings/profile",
        };
        let lines = black_box(lines.as_bytes());
        let receipt = ledger.take(&mut session, "relay", provenance, first_message, lines, NOW)?;
        first_message += RELAYED_LINES;
        if receipt.accepted != RELAYED_LINES {
            return Err(format!("accepted {} of {RELAYED_LINES}", receipt.accepted).into());
        }
        Ok(())
    }))
}

/// The line of [`event`], as it is stored.
fn line() -> Result<Vec<u8>, Box<dyn Error>> {
    let mut session = session(false)?;
    session.publish(event().as_bytes(), Trust::Untrusted, NOW)?;
    let mut reader = session.reader(0, Selector::default())?;
    match reader.try_read() {
        Some(tabtape::ReadResult::Record(entry)) => Ok(entry.line().to_vec()),
        read => Err(format!("expected an event, got {read:?}").into()),
    }
}

fn selector_match() -> Result<Call, Box<dyn Error>> {
    let (selector, line) = (Selector::parse(SELECTOR, NOW)?, line()?);
    let Line::Event { header, .. } = parse_line(&line)? else {
        return Err("expected an event".into());
    };
    Ok(Box::new(move || {
        let record = Record {
            header: &header,
            line: &line,
        };
        if !selector.matches(black_box(&record)) {
            return Err("the selector does not match".into());
        }
        Ok(())
    }))
}

/// The collector's first step with each line: it is parsed.
fn stored_line() -> Result<Call, Box<dyn Error>> {
    let line = line()?;
    Ok(Box::new(move || {
        black_box(parse_line(black_box(&line))?);
        Ok(())
    }))
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, calls] = &arguments[..] else {
        for (name, _) in PATHS {
            println!("{name}");
        }
        return Ok(());
    };
    let (_, make) = PATHS
        .iter()
        .find(|(path, _)| path == name)
        .ok_or_else(|| format!("expected the name of a path, got {name:?}"))?;
    let mut call = make()?;
    for _ in 0..calls.parse()? {
        call()?;
    }
    Ok(())
}
