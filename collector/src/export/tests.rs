use super::{markdown, playwright};
use crate::diagnose::{Diagnosis, Stored, group};
use serde_json::{Value, json};

const HOSTILE: &str = "</script><!-- `` ``` ${evil()} \" '\n# Heading\u{2028}\u{202e}\u{1b}[2J */";

fn event(seq: u64, type_: &str, url: &str, data: Value) -> Stored {
    let category = match type_.split_once('.').unwrap() {
        ("input", _) => "interaction",
        (category, _) => category,
    };
    let value = json!({"capture_session_id": "0193", "seq": seq, "event": {
        "ts": 1_764_000_000_000_000_u64 + seq * 100_000, "type": type_, "category": category,
        "source": {"kind": "extension", "event": type_, "metadata": {"tab_id": "7", "frame_id": "0"}},
        "url": url, "data": data,
    }});
    Stored {
        session: 3,
        seq,
        position: seq,
        value,
    }
}

fn exception(seq: u64, text: &str) -> Stored {
    let stack = "TypeError: x\n    at pay (http://shop.test/src/checkout.ts:17:3)\n``` out of the fence";
    event(
        seq,
        "console.exception",
        "http://shop.test/cart",
        json!({"text": text, "error": {"stack": stack}}),
    )
}

fn script(failure: Stored, events: &[Stored]) -> String {
    let problem = group(vec![failure]).remove(0);
    playwright::write(&problem, events, 0)
}

/// Returns the lines of the test itself.
fn body(script: &str) -> Vec<&str> {
    let lines = script.lines().skip_while(|line| !line.starts_with("test("));
    lines
        .skip(2)
        .take_while(|line| !line.contains("The recorded failure"))
        .map(str::trim)
        .collect()
}

#[test]
fn captured_text_stays_in_its_spans_and_fences() {
    let mut problems = group(vec![exception(9, HOSTILE)]);
    problems[0].chain = vec![event(
        1,
        "input.click",
        "http://shop.test/",
        json!({"selector": HOSTILE, "label": HOSTILE}),
    )];
    let diagnosis = Diagnosis {
        problems,
        errors: 1,
        is_cut: true,
        watched: vec!["s3: watched".into()],
        now: 1_764_000_100_000_000,
    };
    let report = markdown::markdown(&diagnosis, &[]);
    assert!(report.starts_with("# Bug report: ```` </script>"), "{report}");
    assert!(
        report.contains("errors that are older than the newest 2,000"),
        "{report}"
    );
    assert!(report.contains("checkout.ts:17:3"), "{report}");
    let is_hidden = |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{2028}' | '\u{202e}');
    assert!(!report.contains(is_hidden), "{report:?}");
    // The hostile heading begins no line, and each line with the hostile text is inside of four backticks.
    assert!(
        !report
            .lines()
            .any(|line| line == "# Heading" || line.starts_with("</script>")),
        "{report}"
    );
    for line in report.lines().filter(|line| line.contains("</script>")) {
        let spans: Vec<&str> = line.split("````").collect();
        assert!(
            spans
                .iter()
                .step_by(2)
                .all(|outside| !outside.contains("</script>")),
            "{line}"
        );
    }
}

#[test]
fn captured_text_stays_in_string_literals() {
    let events = [
        event(
            1,
            "page.navigation_committed",
            &format!("http://shop.test/{HOSTILE}"),
            json!({"transition": "typed"}),
        ),
        event(
            2,
            "input.click",
            "http://shop.test/",
            json!({"selector": format!("button#{HOSTILE}"), "label": HOSTILE, "button": 0}),
        ),
        event(
            3,
            "network.response",
            &format!("http://shop.test/{HOSTILE}"),
            json!({"method": HOSTILE, "resource_type": "fetch", "status": 500}),
        ),
    ];
    let script = script(exception(9, HOSTILE), &events);
    let is_hidden = |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{2028}' | '\u{202e}');
    assert!(!script.contains(is_hidden), "{script:?}");
    for (at, _) in script.match_indices("evil()") {
        let start = script[..at].rfind('\n').unwrap();
        let line = &script[start..at];
        let quotes = line.replace("\\\"", "").matches('"').count();
        assert_eq!(quotes % 2, 1, "outside of a literal: {line}");
    }
}

#[test]
fn a_form_is_repeated_from_its_page_to_its_failure() {
    let at = "http://shop.test/form?token=[redacted:7f3a91c2]";
    let field =
        json!({"selector": "input#email", "label": "Your e-mail", "field": "email", "field_type": "email"});
    let key = |seq, key: &str| {
        event(
            seq,
            "input.key",
            at,
            json!({"selector": "input#email", "label": "Your e-mail", "key": key, "count": 5}),
        )
    };
    let pay = json!({"selector": "button#pay", "label": "Pay now", "button": 0});
    let events = [
        event(
            1,
            "page.navigation_committed",
            "http://shop.test/old",
            json!({"transition": "typed"}),
        ),
        event(2, "input.click", "http://shop.test/old", pay.clone()),
        event(
            3,
            "page.navigation_committed",
            at,
            json!({"transition": "reload"}),
        ),
        event(
            4,
            "input.click",
            at,
            json!({"selector": "input#email", "label": "Your e-mail", "button": 0}),
        ),
        key(5, "char"),
        key(6, "backspace"),
        event(7, "input.change", at, field),
        event(
            8,
            "input.click",
            at,
            json!({"selector": "input#agree", "label": "I agree", "button": 0}),
        ),
        event(
            8,
            "input.change",
            at,
            json!({"selector": "input#agree", "label": "I agree", "field": "agree", "field_type": "checkbox", "checked": true}),
        ),
        key(9, "arrow"),
        event(10, "input.click", at, pay),
        event(11, "input.submit", at, json!({"selector": "form"})),
        event(
            12,
            "network.response",
            "http://shop.test/api/pay?n=1",
            json!({"method": "POST", "resource_type": "xmlhttprequest", "status": 500}),
        ),
        event(
            13,
            "page.navigation_committed",
            "http://shop.test/thanks/7",
            json!({"transition": "form_submit"}),
        ),
    ];
    let script = script(exception(20, "Uncaught TypeError: total of undefined"), &events);
    assert_eq!(
        body(&script),
        [
            "await page.goto(at(\"/form?token=\" + value(\"SECRET_7F3A91C2\") + \"\"));",
            "await find(page.getByLabel(\"Your e-mail\", { exact: true }).or(page.getByPlaceholder(\"Your e-mail\", { exact: true })), page.locator(\"input#email\")).then((element) => element.fill(value(\"TYPED_YOUR_E_MAIL\")));",
            "await find(page.getByRole(\"checkbox\", { name: \"I agree\", exact: true }), page.locator(\"input#agree\")).then((element) => element.setChecked(true));",
            "await Promise.all([",
            "answered(page, \"POST\", at(\"/api/pay\")),",
            "find(page.getByRole(\"button\", { name: \"Pay now\", exact: true }), page.locator(\"button#pay\")).then((element) => element.click()),",
            "]);",
            "await page.waitForURL((to) => address(to.href) === address(at(\"/thanks/7\")));",
        ]
    );
    assert!(
        script.contains("// Left out: what was done in the tab before the first page below."),
        "{script}"
    );
    assert!(
        script.contains("// Left out: 1 keys whose effect is not recorded"),
        "{script}"
    );
    assert!(
        script.contains("process.env.BASE_URL ?? \"http://shop.test\""),
        "{script}"
    );
}
