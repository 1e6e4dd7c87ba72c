//! Every form of a selector means the same, and what the model says.

use super::generated::{built, line, specs, typed};
use super::{NOW, SESSION, header, matches, model, parse};
use crate::record::Record;
use crate::selector::Selector;
use proptest::prelude::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn a_record_is_matched_as_the_model_says(specs in specs(3), line in line()) {
        let selector = parse(&typed(&specs));
        prop_assert_eq!(matches(&selector, &line), model::matches(&specs, &line), "{} on {}", selector, line);
    }

    #[test]
    fn one_term_is_matched_as_the_model_says(specs in specs(1), line in line()) {
        let selector = parse(&typed(&specs));
        prop_assert_eq!(matches(&selector, &line), model::matches(&specs, &line), "{} on {}", selector, line);
    }

    #[test]
    fn a_selector_survives_being_written(specs in specs(6)) {
        let selector = parse(&typed(&specs));
        // Times are absolute by now, so another now changes nothing.
        let text = selector.to_string();
        prop_assert_eq!(Selector::parse(&text, 0).unwrap(), selector.clone(), "{}", text);
        prop_assert_eq!(&parse(&text).to_string(), &text);
        let json = serde_json::to_string(&selector).unwrap();
        prop_assert_eq!(Selector::from_json(&json, 0).unwrap(), selector.clone(), "{}", json);
        let json_text = serde_json::to_string(&text).unwrap();
        prop_assert_eq!(Selector::from_json(&json_text, 0).unwrap(), selector);
    }

    #[test]
    fn typed_and_built_selectors_are_equal(specs in specs(6)) {
        let object = Selector::from_json(&built(&specs).to_string(), NOW).unwrap();
        prop_assert_eq!(object, parse(&typed(&specs)));
    }

    #[test]
    fn and_wants_what_both_want(a in specs(2), b in specs(2), line in line()) {
        let (a, b) = (parse(&typed(&a)), parse(&typed(&b)));
        prop_assert_eq!(matches(&a.and(&b), &line), matches(&a, &line) && matches(&b, &line));
        prop_assert_eq!(a.and(&a), a);
    }

    #[test]
    fn shortcuts_never_contradict_matching(specs in specs(2), line in line()) {
        let selector = parse(&typed(&specs));
        let header = header(&line);
        let record = Record { header: &header, line: line.as_bytes() };
        if selector.matches(&record) {
            prop_assert!(!selector.never_true());
            prop_assert!(selector.wants_category(record.category()));
            let (first, last) = selector.time_range();
            prop_assert!((first..=last).contains(&header.ts_micros));
        } else {
            prop_assert!(!selector.always_true());
        }
    }

    #[test]
    fn no_text_makes_it_panic_and_every_error_points_into_it(text in "\\PC{0,40}|[a-z:,\"\\\\ -]{0,30}|(-?(type|url|status|since|site|tab):[a-z0-9*.,\" :<>=-]{0,12} ?){0,3}") {
        match Selector::parse(&text, NOW) {
            Ok(selector) => prop_assert_eq!(Selector::parse(&selector.to_string(), 0).unwrap(), selector),
            Err(error) => {
                let offset = error.offset().unwrap();
                prop_assert!(text.is_char_boundary(offset), "{}", error);
            }
        }
    }

    #[test]
    fn no_json_makes_it_panic(text in "\\PC{0,20}|[\\[\\]{}\":,a-z0-9]{0,30}|\\{\"(types|status|text|not|and)\":[\\[\\]{}\"a-z0-9]{0,8}\\}") {
        let _ = Selector::from_json(&text, NOW);
    }
}

fn event(rest: &str) -> String {
    format!(
        "{{\"capture_session_id\":\"{SESSION}\",\"seq\":1,\"event\":{{\"ts\":{NOW},\"type\":\"network.response\",\
         \"category\":\"network\",\"detail_level\":\"standard\",\"source\":{{\"kind\":\"extension\"}}{rest}}}}}"
    )
}

#[test]
fn what_is_not_there_fits_no_wanted_term_and_every_unwanted_one() {
    let bare = event("");
    for term in ["status:100..599", "tab:0", "url:*", "site:a.b"] {
        assert!(!matches(&parse(term), &bare), "{term}");
        assert!(matches(&parse(&format!("-{term}")), &bare), "-{term}");
    }
}

#[test]
fn everything_is_always_true_and_a_contradiction_never() {
    for text in [
        "",
        "  ",
        "severity:debug",
        "detail:minimal",
        "since:0",
        "type:*",
        "kind:cdp,kernel_api,extension,local_process",
    ] {
        assert!(parse(text).always_true() && !parse(text).never_true(), "{text}");
    }
    for text in [
        "since:2 until:1", "-type:*", "-since:0", "-until:18446744073709551615",
        "severity:warn -severity:info", "kind:cdp kind:extension",
    ] {
        assert!(parse(text).never_true() && !parse(text).always_true(), "{text}");
        assert!(!matches(&parse(text), &event("")), "{text}");
    }
}

#[test]
fn a_line_whose_session_does_not_come_first_has_it_all_the_same() {
    let line = event("").replacen(
        &format!("\"capture_session_id\":\"{SESSION}\",\"seq\":1"),
        "\"seq\":1",
        1,
    );
    let line =
        line.strip_suffix('}').unwrap().to_owned() + &format!(",\"capture_session_id\":\"{SESSION}\"}}");
    assert!(matches(&parse("session:0193a5b0*"), &line));
    assert!(!matches(&parse("session:0194*"), &line));
}
