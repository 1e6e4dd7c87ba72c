use super::*;
use proptest::prelude::*;
use serde_json::json;

fn event(seq: u64, type_: &str, data: Value) -> Value {
    let category = type_.split('.').next().unwrap();
    json!({"capture_session_id": "0193", "seq": seq, "event": {
        "ts": 1_000_000_000 + seq * 1_000, "type": type_, "category": category,
        "source": {"kind": "extension", "event": type_, "metadata": {"tab_id": "7"}},
        "url": "http://localhost/api/cart?n=1", "data": data,
    }})
}

fn stored(value: Value) -> Stored {
    Stored { position: value["seq"].as_u64().unwrap(), value }
}

fn exception(seq: u64, text: &str) -> Value {
    event(
        seq,
        "console.exception",
        json!({"text": text, "stack": "TypeError: x\n    at pay (checkout.ts:17:3)"}),
    )
}

#[test]
fn a_click_a_failed_request_and_its_exception_are_one_problem() {
    let click = event(1, "interaction.click", json!({"selector": "button#pay", "label": "Pay now"}));
    let failure = event(2, "network.response", json!({"method": "POST", "status": 500}));
    let thrown = exception(3, "TypeError: total of undefined");
    let mut problems = group(vec![stored(failure.clone()), stored(thrown.clone())]);
    assert_eq!(problems.len(), 2);
    for problem in &mut problems {
        link(problem, vec![click.clone(), failure.clone(), thrown.clone()]);
    }
    merge(&mut problems);
    assert_eq!(problems.len(), 1);
    let shown = render(&problems, 1_600);
    let order =
        ["button#pay", "POST", "500", "TypeError", "checkout.ts:17"].map(|part| shown.find(part).unwrap());
    assert!(order.is_sorted(), "{shown}");
}

#[test]
fn a_request_that_failed_more_often_than_one_chain_shows_stays_a_problem() {
    let failure = |seq| event(seq, "network.response", json!({"method": "POST", "status": 500}));
    let thrown = exception(4, "TypeError: total of undefined");
    let mut problems = group(vec![stored(failure(2)), stored(failure(3)), stored(thrown.clone())]);
    for problem in &mut problems {
        link(problem, vec![failure(2), failure(3), thrown.clone()]);
    }
    merge(&mut problems);
    let counts: Vec<_> = problems.iter().map(|problem| problem.count).collect();
    assert_eq!(counts, [1, 2]);
}

#[test]
fn messages_that_differ_in_numbers_are_one_problem_and_noise_is_last() {
    let noise = exception(9, "ResizeObserver loop completed");
    let problems = group(vec![
        stored(exception(1, "cart 17 failed after 3ms")),
        stored(exception(2, "cart 18 failed after 40ms")),
        stored(exception(3, "user failed")),
        stored(noise),
    ]);
    assert_eq!(problems.iter().map(|problem| problem.count).collect::<Vec<_>>(), [1, 2, 1]);
    assert!(problems[2].is_noise && !problems[0].is_noise);
}

proptest! {
    #[test]
    fn an_answer_is_never_over_its_budget_and_hostile_text_stays_in_its_field(
        texts in prop::collection::vec("(\\PC|[\u{0}-\u{1f}⟦⟧\u{202e}]){0,400}", 0..20), bytes in 300usize..4_000,
    ) {
        let errors = texts.iter().enumerate().map(|(n, text)| stored(exception(n as u64, text))).collect();
        let shown = render(&group(errors), bytes);
        prop_assert!(shown.len() <= bytes);
        let is_hostile = |c: char| c == '\u{202e}' || (c.is_control() && c != '\n');
        prop_assert!(!shown.contains(is_hostile));
        prop_assert_eq!(shown.matches('⟦').count(), shown.matches('⟧').count());
    }
}
