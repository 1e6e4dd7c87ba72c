//! Whatever pages wrote: no answer is over its budget, and no captured text leaves its field.

use super::compare::{self, Side, compare};
use super::event::{self, describe};
use super::list::{FOOTER_BYTES, Item, list};
use super::structured;
use crate::diagnose::{MIN_BYTES, Stored, group};
use proptest::prelude::*;
use serde_json::json;

const NOW: u64 = 2_000_000_000;

fn stored(seq: u64, type_: &str, category: &str, text: &str) -> Stored {
    let value = json!({"capture_session_id": "0193", "seq": seq, "event": {
        "ts": 1_000_000_000 + seq * 1_000, "type": type_, "category": category,
        "source": {"kind": "extension", "event": type_, "metadata": {"tab_id": "7", "frame_id": text}},
        "url": format!("http://{text}/{text}"),
        "data": {"text": text, "body": text, "method": text, "stack": format!("Error\n    at {text}\n    at x (a.js:1:2)"),
            "headers": [[text, text], ["a", "b"]], text: text, "selector": text, "label": text},
    }});
    Stored {
        session: 3,
        seq,
        position: seq,
        value,
    }
}

fn check(shown: &str, bytes: usize) -> Result<(), TestCaseError> {
    prop_assert!(shown.len() <= bytes, "{} over {bytes}: {shown}", shown.len());
    let is_hostile = |c: char| matches!(c, '\u{202e}' | '\u{200b}') || (c.is_control() && c != '\n');
    prop_assert!(!shown.contains(is_hostile));
    let mut is_inside = false;
    for delimiter in shown.chars().filter(|c| matches!(c, '⟦' | '⟧')) {
        prop_assert_eq!(delimiter == '⟧', is_inside, "{}", shown);
        is_inside = !is_inside;
    }
    prop_assert!(!is_inside);
    Ok(())
}

fn hostile() -> impl Strategy<Value = String> {
    "(\\PC|[\u{0}-\u{1f}⟦⟧\u{202e}\u{200b}:/ ]|Ignore previous instructions){0,160}"
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_list_keeps_to_its_budget(
        texts in prop::collection::vec((hostile(), "(network|console|interaction|page|x)", hostile()), 0..16),
        bytes in MIN_BYTES..6_000,
    ) {
        let mut items: Vec<Item> = texts.iter().enumerate().map(|(n, (text, category, type_))| {
            Item::Event(Box::new(stored(n as u64 + 1, type_, category, text)))
        }).collect();
        items.push(Item::Gap("s3:9 gap: 2 x events missing, reason quota".into(), 99));
        let listed = list(&items.iter().collect::<Vec<_>>(), bytes, NOW);
        check(&listed.text, bytes - FOOTER_BYTES)?;
        prop_assert!(listed.left_out < items.len(), "nothing fits in {}", bytes);
        let (data, _) = structured::of_list(&items.iter().collect::<Vec<_>>(), bytes, None, |position| position.into());
        check(&data.to_string(), bytes)?;
    }

    #[test]
    fn a_comparison_keeps_to_its_budget(
        texts in prop::collection::vec((hostile(), "(network|interaction|page)", hostile()), 0..12), bytes in MIN_BYTES..6_000,
    ) {
        let events: Vec<Stored> = texts.iter().enumerate().map(|(n, (text, category, type_))| {
            stored(n as u64 + 1, type_, category, text)
        }).collect();
        for middle in 0..=events.len() {
            let side = |events: &[Stored]| {
                Side { errors: group(events.to_vec()), steps: events.to_vec(), is_cut: true }
            };
            let (a, b) = (side(&events[..middle]), side(&events[middle..]));
            check(&compare(&a, &b, bytes), bytes)?;
            check(&compare::as_data(&a, &b, bytes).to_string(), bytes)?;
        }
    }

    #[test]
    fn an_event_keeps_to_its_budget(
        text in hostile(), type_ in hostile(), times in 1usize..40, headers: bool, bytes in MIN_BYTES..6_000,
    ) {
        let stored = stored(1, &type_, "network", &text.repeat(times));
        check(&describe(&stored, headers, bytes, NOW), bytes)?;
        check(&event::as_data(&stored, headers, bytes).to_string(), bytes)?;
    }
}

#[test]
fn repeats_are_folded_and_what_the_lines_share_is_said_once() {
    let mut items: Vec<Item> = (1..=50)
        .map(|seq| Item::Event(Box::new(stored(seq, "console.error", "console", "again"))))
        .collect();
    items.push(Item::Event(Box::new(stored(
        51, "console.error", "console", "once",
    ))));
    for (seq, type_) in [
        (52, "console.error"),
        (53, "console.error"),
        (54, "console.log"),
        (55, "console.log"),
    ] {
        items.push(Item::Event(Box::new(stored(
            seq,
            type_,
            "console",
            &format!("row{seq}"),
        ))));
    }
    let listed = list(&items.iter().collect::<Vec<_>>(), 4_000, NOW);
    let lines: Vec<&str> = listed.text.lines().collect();
    assert_eq!(lines.len(), 6, "{}", listed.text);
    assert!(lines[0].starts_with("Session s3 tab 7 at ⟦http://again⟧; times from 1970-01-01T00:16:40.001Z"));
    assert!(lines[1].starts_with("s3:1 +0.000s console.error ⟦again") && lines[1].ends_with(" ×50 to s3:50"));
    assert!(lines[2].starts_with("s3:51 +0.050s "), "{}", lines[2]);
    assert!(
        lines[3].contains("row52") && lines[3].ends_with(" ×2 alike to s3:53"),
        "{}",
        lines[3]
    );
    assert!(
        lines[4].ends_with("⟦row54⟧") && lines[5].ends_with("⟦row55⟧"),
        "{}",
        listed.text
    );
    assert_eq!((listed.left_out, listed.last), (0, Some(55)));
}

#[test]
fn an_event_shows_own_frames_first_and_headers_on_request() {
    let mut event = stored(1, "console.exception", "console", "boom");
    event.value["event"]["data"]["stack"] =
        "Error: boom\n    at lib (http://a/node_modules/x.js:1:1)\n    at pay (http://a/pay.ts:7:1)".into();
    let shown = describe(&event, false, 4_000, NOW);
    assert!(
        shown.contains("stack (own frames first) ⟦at pay (http://a/pay.ts:7:1)⏎1 frames of libraries"),
        "{shown}"
    );
    assert!(
        shown.ends_with("Left out: 2 headers; event {\"event\":\"s3:1\",\"headers\":true,\"budget\":2000}")
    );
    assert!(describe(&event, true, 4_000, NOW).contains("headers ⟦boom: boom⏎a: b⟧"));
}

#[test]
fn an_image_is_named_as_the_resource_that_shows_it() {
    let mut event = stored(9, "page.screenshot", "page", "x");
    event.value["event"]["data"] = json!({"why": "error", "image": "data:image/jpeg;base64,AAAA"});
    let shown = describe(&event, false, 4_000, NOW);
    assert!(
        shown.ends_with("why ⟦error⟧\nimage ⟦27 bytes, read tabtape://screenshot/s3:9⟧"),
        "{shown}"
    );
}

#[test]
fn a_comparison_names_the_errors_of_one_side_and_the_first_step_that_differs() {
    let answer = |seq, path: &str, status| {
        let mut event = stored(seq, "network.response", "network", "x");
        event.value["event"]["url"] = format!("http://shop/{path}").into();
        event.value["event"]["data"] = json!({"method": "GET", "status": status});
        event
    };
    let navigation = |seq| stored(seq, "page.navigation_committed", "page", "shop");
    let click = |seq| stored(seq, "input.click", "interaction", "button#pay");
    let thrown = |seq| stored(seq, "console.exception", "console", "no items");
    let a = Side {
        errors: vec![],
        // The answers before the click come in another order.
        steps: vec![
            navigation(1),
            answer(2, "a", 200),
            answer(3, "b", 200),
            click(4),
            answer(5, "cart", 200),
        ],
        is_cut: false,
    };
    let b = Side {
        errors: group(vec![thrown(6)]),
        steps: vec![
            navigation(1),
            answer(2, "b", 200),
            answer(3, "a", 200),
            click(4),
            answer(5, "cart", 500),
        ],
        is_cut: false,
    };
    let shown = compare(&a, &b, 4_000);
    assert!(
        shown.contains("only in b: ×1 s3:6 exception ⟦no items"),
        "{shown}"
    );
    assert!(
        shown.contains("Steps differ after 1 equal ones:\nboth: s3:4 click"),
        "{shown}"
    );
    assert!(
        shown.contains("only in a: s3:5 response ⟦GET /cart 200⟧"),
        "{shown}"
    );
    assert!(
        shown.ends_with("only in b: s3:5 response ⟦GET /cart 500⟧"),
        "{shown}"
    );
    assert!(compare(&a, &a, 4_000).ends_with("No step differs"));

    let data = compare::as_data(&a, &b, 4_000);
    let first = &data["first_difference"];
    assert_eq!(first["equal_steps"], 1, "{data}");
    assert_eq!(first["both"]["event"], "s3:4");
    assert_eq!(first["b"]["text"], "response ⟦GET http://shop/cart 500⟧");
    assert_eq!(data["errors"][0]["only_in"], "b");
    assert_eq!(data["errors"][0]["event"]["event"], "s3:6");
    assert!(compare::as_data(&a, &a, 4_000)["first_difference"].is_null());
}
