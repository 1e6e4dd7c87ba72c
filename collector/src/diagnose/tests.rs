use super::problems::{group, link, merge};
use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

fn event(seq: u64, type_: &str, data: Value) -> Stored {
    let category = match type_.split_once('.').unwrap() {
        ("input", _) => "interaction",
        (category, _) => category,
    };
    let value = json!({"capture_session_id": "0193", "seq": seq, "event": {
        "ts": 1_000_000_000 + seq * 1_000, "type": type_, "category": category,
        "source": {"kind": "extension", "event": type_, "metadata": {"tab_id": "7"}},
        "url": "http://localhost/api/cart?n=1", "data": data,
    }});
    Stored {
        session: 3,
        seq,
        position: seq,
        value,
    }
}

fn exception(seq: u64, text: &str) -> Stored {
    let stack = "TypeError: x\n    at lib (http://localhost/node_modules/lib.js:1:1)\n    at pay (http://localhost/src/checkout.ts:17:3)";
    event(
        seq,
        "console.exception",
        json!({"text": text, "error": {"$": "TypeError", "stack": stack}}),
    )
}

fn failure(seq: u64) -> Stored {
    let data = json!({"method": "POST", "status": 500, "body": "{\"error\":\"cart service timeout\"}"});
    event(seq, "network.response", data)
}

fn diagnosis(problems: Vec<Problem>) -> Diagnosis {
    let errors = problems.iter().map(|problem| problem.count).sum();
    Diagnosis {
        problems,
        errors,
        is_cut: false,
        watched: vec!["s3: watched".into()],
        now: 2_000_000_000,
    }
}

#[test]
fn a_click_a_failed_request_its_console_error_and_its_exception_are_one_problem() {
    let click = event(
        1,
        "input.click",
        json!({"selector": "button#pay", "label": "Pay now"}),
    );
    let printed = event(
        3,
        "console.error",
        json!({"text": "POST http://localhost/api/cart failed"}),
    );
    let thrown = exception(4, "Uncaught TypeError: total of undefined");
    let reprinted = event(
        5,
        "console.error",
        json!({"text": "[vue] TypeError: total of undefined"}),
    );
    let all = vec![click, failure(2), printed, thrown, reprinted];
    let mut problems = group(all[1..].to_vec());
    assert_eq!(problems.len(), 4);
    for problem in &mut problems {
        link(problem, &all);
    }
    merge(&mut problems);
    assert_eq!(problems.len(), 1);
    let shown = render(&diagnosis(problems), 1_600);
    let order = [
        "s3:1 click ⟦button#pay \"Pay now\"⟧",
        "s3:2 response ⟦POST /api/cart?n=1 500 {\"error\":\"cart service timeout\"}⟧",
        "s3:4 exception ⟦Uncaught TypeError: total of undefined at checkout.ts:17:3⟧",
    ]
    .map(|part| shown.find(part).unwrap_or_else(|| panic!("{part} in {shown}")));
    assert!(order.is_sorted(), "{shown}");
}

#[test]
fn a_request_that_failed_more_often_than_one_chain_shows_stays_a_problem() {
    let thrown = exception(4, "TypeError: total of undefined");
    let all = vec![failure(2), failure(3), thrown];
    let mut problems = group(all.clone());
    for problem in &mut problems {
        link(problem, &all);
    }
    merge(&mut problems);
    let counts: Vec<_> = problems.iter().map(|problem| problem.count).collect();
    assert_eq!(counts, [1, 2]);
}

#[test]
fn a_request_that_always_fails_is_not_taken_for_the_cause() {
    let poll = |seq| {
        let mut event = event(seq, "network.response", json!({"method": "GET", "status": 404}));
        event.value["event"]["url"] = "http://localhost/poll".into();
        event
    };
    let all = vec![
        poll(1),
        poll(2),
        failure(3),
        poll(4),
        exception(5, "TypeError: total of undefined"),
    ];
    let mut problems = group(vec![all[4].clone()]);
    link(&mut problems[0], &all);
    assert_eq!(
        problems[0]
            .chain
            .iter()
            .map(|event| event.seq)
            .collect::<Vec<_>>(),
        [3]
    );
}

fn with_metadata(mut event: Stored, fields: &[(&str, &str)]) -> Stored {
    for (key, value) in fields {
        event.value["event"]["source"]["metadata"][*key] = json!(value);
    }
    event
}

#[test]
fn a_link_names_the_interaction_and_not_the_last_one() {
    let click = |seq, id| {
        let click = event(seq, "input.click", json!({"selector": "button"}));
        with_metadata(click, &[("interaction_id", id)])
    };
    let call = event(2, "network.call", json!({"call": 1}));
    let all = vec![
        click(1, "i1"),
        with_metadata(call, &[("request_id", "9"), ("cause_id", "i1")]),
        click(3, "i2"),
        with_metadata(failure(4), &[("request_id", "9"), ("cause_id", "9")]),
        exception(5, "TypeError: total of undefined"),
        with_metadata(
            exception(6, "RangeError: thrown by the first click"),
            &[("cause_id", "i1")],
        ),
        failure(7),
        with_metadata(
            exception(8, "SyntaxError: in the listener of the response"),
            &[("cause_id", "9")],
        ),
    ];
    let chain = |error: usize, before: &[Stored]| -> Vec<u64> {
        let mut problems = group(vec![all[error].clone()]);
        link(&mut problems[0], before);
        problems[0].chain.iter().map(|event| event.seq).collect()
    };
    assert_eq!(chain(4, &all), [1, 4], "the call of the failed request");
    assert_eq!(chain(3, &all), [1], "the failed request itself");
    assert_eq!(chain(5, &all[..3]), [1], "the error's own link");
    assert_eq!(chain(7, &all), [1, 4], "the request that the error came from");
    let mut later = all.clone();
    later.push(click(9, "i3"));
    let own = exception(10, "Error: thrown by the last click");
    later.push(with_metadata(own, &[("cause_id", "i3")]));
    let mut problems = group(vec![later[9].clone()]);
    link(&mut problems[0], &later);
    let seqs: Vec<u64> = problems[0].chain.iter().map(|event| event.seq).collect();
    assert_eq!(seqs, [9], "no request of an earlier click");
    let without_failure: Vec<Stored> = all.iter().filter(|event| event.seq < 4).cloned().collect();
    assert_eq!(
        chain(7, &without_failure),
        [1],
        "the call of a request that succeeded"
    );
    let without_call: Vec<Stored> = all.iter().filter(|event| event.seq != 2).cloned().collect();
    assert_eq!(chain(4, &without_call), [3, 4], "by time, where no link is known");
}

#[test]
fn an_error_of_the_json_parser_comes_from_the_response_that_was_something_else() {
    let response = |seq, status: u16, content_type: &str, kind: &str| {
        let data =
            json!({"method": "GET", "status": status, "content_type": content_type, "resource_type": kind});
        event(seq, "network.response", data)
    };
    let text = r#"SyntaxError: Unexpected token '<', "<!doctype "... is not valid JSON"#;
    let all = vec![
        failure(1),
        response(2, 200, "text/html; charset=utf-8", "xmlhttprequest"),
        response(3, 200, "application/json", "xmlhttprequest"),
        response(4, 200, "text/html", "sub_frame"),
        with_metadata(
            response(5, 200, "text/html", "xmlhttprequest"),
            &[("document_id", "another")],
        ),
        exception(6, &format!("Uncaught (in promise) {text}")),
        exception(7, "TypeError: total of undefined"),
    ];
    let chain = |error: usize| -> Vec<u64> {
        let mut problems = group(vec![all[error].clone()]);
        link(&mut problems[0], &all);
        problems[0].chain.iter().map(|event| event.seq).collect()
    };
    assert_eq!(chain(5), [2]);
    assert_eq!(chain(6), [1], "another error");
}

#[test]
fn a_missing_icon_is_not_taken_for_the_cause_although_it_is_missing_only_once() {
    let mut icon = failure(3);
    icon.value["event"]["url"] = "http://localhost/favicon.ico".into();
    let all = vec![
        failure(1),
        failure(2),
        icon,
        exception(4, "TypeError: total of undefined"),
    ];
    let mut problems = group(vec![all[3].clone()]);
    link(&mut problems[0], &all);
    assert_eq!(
        problems[0]
            .chain
            .iter()
            .map(|event| event.seq)
            .collect::<Vec<_>>(),
        [2]
    );
}

#[test]
fn an_interaction_after_the_request_began_did_not_start_it() {
    let mut slow = failure(5_000);
    slow.value["event"]["data"]["duration_ms"] = json!(3_000);
    let click = |seq| event(seq, "input.click", json!({"selector": "button"}));
    let all = vec![
        click(1_000),
        click(4_000),
        slow,
        exception(5_001, "TypeError: total of undefined"),
    ];
    let mut problems = group(vec![all[3].clone()]);
    link(&mut problems[0], &all);
    assert_eq!(
        problems[0]
            .chain
            .iter()
            .map(|event| event.seq)
            .collect::<Vec<_>>(),
        [1_000, 5_000]
    );
}

#[test]
fn messages_that_differ_in_numbers_are_one_problem_and_noise_is_last_and_folded() {
    let warning = |seq| event(seq, "console.warn", json!({"text": format!("slow {seq}")}));
    let problems = group(vec![
        warning(1),
        exception(2, "cart 17 failed after 3ms"),
        exception(3, "cart 18 failed after 40ms"),
        exception(4, "user failed"),
        exception(9, "ResizeObserver loop completed"),
        warning(10),
        warning(11),
    ]);
    assert_eq!(
        problems.iter().map(|problem| problem.count).collect::<Vec<_>>(),
        [1, 2, 1, 3]
    );
    assert_eq!(
        problems
            .iter()
            .map(|problem| problem.is_noise)
            .collect::<Vec<_>>(),
        [false, false, true, true]
    );
    let shown = render(&diagnosis(problems), 1_600);
    assert!(shown.contains("noise ×4 in 2 groups"), "{shown}");
}

#[test]
fn a_body_in_base64_is_shown_as_its_text() {
    let body = |body: &str| {
        let data = json!({"method": "GET", "status": 404, "body": body, "body_encoding": "base64"});
        event(1, "network.response", data)
            .body(6)
            .map(std::borrow::Cow::into_owned)
    };
    assert_eq!(body("bm8gc3VjaCBqb2I=").as_deref(), Some("no such job"));
    // "ééééééé": as much as is asked for, and no half character.
    assert_eq!(body("w6nDqcOpw6nDqcOpw6k=").as_deref(), Some("éééééé"));
    assert_eq!(body("//79").as_deref(), Some("(binary, 3 bytes)"));
    assert_eq!(body("not base64").as_deref(), Some("not base64"));
}

#[test]
fn a_chain_that_was_shown_is_only_named_again() {
    let all = vec![
        failure(2),
        exception(4, "TypeError: first"),
        exception(5, "RangeError: second"),
    ];
    let mut problems = group(all[1..].to_vec());
    for problem in &mut problems {
        link(problem, &all);
    }
    let shown = render(&diagnosis(problems), 1_600);
    assert_eq!(shown.matches("cart service timeout").count(), 1, "{shown}");
    assert!(shown.contains("s3:2 →2ms s3:4 exception"), "{shown}");
}

#[test]
fn an_error_after_an_interaction_ranks_above_one_that_occurs_all_the_time() {
    let loud: Vec<Stored> = (10..40).map(|seq| exception(seq, "poll failed")).collect();
    let click = event(1, "input.click", json!({"selector": "button"}));
    let all = [vec![click, failure(2)], loud].concat();
    let mut problems = group(all[1..].to_vec());
    for problem in &mut problems {
        link(problem, &all);
    }
    problems::rank(&mut problems);
    assert_eq!(problems[0].newest.seq, 2);
}

proptest! {
    #[test]
    fn an_answer_is_never_over_its_budget_and_hostile_text_stays_in_its_field(
        texts in prop::collection::vec("(\\PC|[\u{0}-\u{1f}⟦⟧\u{202e}]){0,400}", 0..20),
        types in prop::collection::vec("(\\PC|[ ⟦⟧]){0,90}", 0..4),
        bytes in render::MIN_BYTES..6_000,
    ) {
        let mut errors: Vec<Stored> = texts.iter().enumerate().map(|(n, text)| {
            let mut event = exception(n as u64, text);
            event.value["event"]["url"] = format!("http://{text}/").into();
            event
        }).collect();
        errors.extend(types.iter().map(|type_| {
            let mut event = failure(99);
            event.value["event"]["type"] = type_.as_str().into();
            event
        }));
        let all = errors.clone();
        let mut problems = group(errors);
        for problem in &mut problems {
            link(problem, &all);
        }
        let shown = render(&diagnosis(problems), bytes);
        prop_assert!(shown.len() <= bytes, "{} over {bytes}: {shown}", shown.len());
        let is_hostile = |c: char| c == '\u{202e}' || (c.is_control() && c != '\n');
        prop_assert!(!shown.contains(is_hostile));
        prop_assert_eq!(shown.matches('⟦').count(), shown.matches('⟧').count());
    }
}

#[test]
fn a_stack_of_built_code_names_the_recorded_places_of_its_document() {
    let of_document = |mut event: Stored, id: &str| {
        event.value["event"]["source"]["metadata"]["document_id"] = json!(id);
        event
    };
    let places = json!({"places": [
        {"script": "http://localhost/src/checkout.ts", "line": 17, "column": 3,
         "original": {"source": "src/pay.ts", "line": 4, "column": 9}},
        {"script": "http://localhost/@fs/cart.ts", "line": 1, "column": 2,
         "original": {"source": "src/cart.ts", "line": 3, "column": 4}},
        {"script": "http://localhost/(shop)/a.js", "line": 5, "column": 6,
         "original": {"source": "src/(shop)/a @b.ts", "line": 7, "column": 8}},
        {"script": 5, "line": "17", "original": null},
    ]});
    let recorded = of_document(event(9, "system.original_places", places), "A");
    let places = OriginalPlaces::of(&[recorded]);

    let mut thrown = of_document(exception(4, "Uncaught TypeError: x"), "A");
    places.apply(&mut thrown);
    assert_eq!(thrown.top_frame(), Some("at pay (src/pay.ts:4:9)"));
    assert_eq!(thrown.place().as_deref(), Some("pay.ts:4:9"));
    let stack = json!({"stack": "    at http://localhost/@fs/cart.ts:1:2"});
    let mut printed = of_document(event(6, "console.error", stack), "A");
    places.apply(&mut printed);
    assert_eq!(printed.data()["stack"], "    at src/cart.ts:3:4");
    let stack = json!({"stack": "    at f (http://localhost/(shop)/a.js:5:6)"});
    let mut grouped = of_document(event(7, "console.error", stack), "A");
    places.apply(&mut grouped);
    assert_eq!(grouped.data()["stack"], "    at f (src/(shop)/a @b.ts:7:8)");
    assert_eq!(grouped.place().as_deref(), Some("a @b.ts:7:8"));
    // The same address in another document may be another build.
    let mut elsewhere = of_document(exception(4, "Uncaught TypeError: x"), "B");
    places.apply(&mut elsewhere);
    assert_eq!(elsewhere.place().as_deref(), Some("checkout.ts:17:3"));
    let mut odd = of_document(
        event(
            5,
            "console.error",
            json!({"stack": 7, "args": [null, {"stack": {}}]}),
        ),
        "A",
    );
    places.apply(&mut odd);
    assert_eq!(odd.data()["stack"], 7);
}

#[test]
fn the_address_of_a_frame_is_found_whatever_characters_its_path_has() {
    for (frame, address) in [
        (
            "    at pay (http://l/(shop)/[id]/a.js:4:9)",
            "http://l/(shop)/[id]/a.js:4:9",
        ),
        (
            "at pay (src/(shop)/a @b (1).ts:4:9)",
            "src/(shop)/a @b (1).ts:4:9",
        ),
        ("at async src/a (1).ts:4:9", "src/a (1).ts:4:9"),
        (
            "at async pay (webpack-internal:///(app)/./a.ts:4:9)",
            "webpack-internal:///(app)/./a.ts:4:9",
        ),
        ("at Object.pay [as x] (a.js:4:9)", "a.js:4:9"),
        (
            "at f (eval at g (http://l/a.js:1:1), http://l/b.js:4:9)",
            "http://l/b.js:4:9",
        ),
        ("pay@http://l/@fs/a.js:4:9", "http://l/@fs/a.js:4:9"),
        ("at pay (http://l/a.js:4:9", "http://l/a.js:4:9"),
        ("no frame", "no frame"),
    ] {
        assert_eq!(&frame[super::stored::address_in(frame)], address, "{frame}");
    }
}

#[test]
fn a_hydration_error_shows_what_differs_and_where() {
    let text = "Uncaught Error: Hydration failed because the server rendered text didn't match the client. As a result this tree will be regenerated:\n\n- Invalid HTML tag nesting.\n\nhttps://react.dev/link/hydration-mismatch\n\n  <App>\n    <Shop>\n      <Cart>\n        <p>\n+         4\n-         3\n";
    let shown = render(&diagnosis(group(vec![exception(1, text)])), 1_600);
    let expected = "⟦Uncaught Error: Hydration failed because the server rendered text didn't match the client: + 4 - 3 in <Shop> <Cart> <p> at checkout.ts:17:3⟧";
    assert!(shown.contains(expected), "{shown}");
}

#[test]
fn a_blocked_script_is_one_problem_that_names_the_directive() {
    let blocked = json!({"directive": "script-src-elem", "blocked_url": "http://other/w.js", "status": 200});
    let lacking = json!({"element": "script", "url": "http://other/w.js", "selector": "head > script"});
    let elsewhere = json!({"element": "img", "url": "http://other/a.png", "selector": "img"});
    let mut problems = group(vec![
        event(1, "page.resource_failed", lacking),
        event(2, "page.resource_failed", elsewhere),
        event(3, "page.csp_violation", blocked),
    ]);
    merge(&mut problems);
    assert_eq!(problems.len(), 2);
    let shown = render(&diagnosis(problems), 1_600);
    assert!(
        shown.contains("page.csp_violation ⟦script-src-elem blocks http://other/w.js⟧"),
        "{shown}"
    );
}

#[test]
fn a_refusal_by_cors_is_named_and_so_is_a_closed_tab() {
    let data = json!({"method": "GET", "error": "net::ERR_FAILED", "cors_error": "MissingAllowOriginHeader"});
    let mut problems = group(vec![event(1, "network.failed", data)]);
    problems[0].is_tab_closed = true;
    let shown = render(&diagnosis(problems), 1_600);
    assert!(
        shown.contains(" ago, tab closed: s3:1 ")
            && shown.contains("net::ERR_FAILED CORS MissingAllowOriginHeader⟧"),
        "{shown}"
    );
}
