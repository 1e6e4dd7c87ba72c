//! The fuzzer's corpus, replayed without a fuzzer.
#![cfg(not(target_arch = "wasm32"))]

mod intake;

#[test]
fn every_input_the_fuzzer_kept_is_published_or_refused_whole() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/corpus");
    let mut inputs = 0;
    for file in std::fs::read_dir(corpus).unwrap() {
        intake::check(&std::fs::read(file.unwrap().path()).unwrap());
        inputs += 1;
    }
    assert!(inputs >= 20, "the corpus is missing: {inputs} inputs");
}

#[test]
fn inputs_too_large_for_a_corpus_are_published_or_refused_whole() {
    let event = |data: &str| {
        format!(
            r#"{{"type":"a.b","category":"c","source":{{"kind":"cdp"}},"url":"https://a.b/?token=x","data":{data}}}"#
        )
    };
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    for data in [
        format!("\"{}\"", "a".repeat(50_000_000)),
        format!("\"{}\"", "password=hunter2&".repeat(100_000)),
        format!("[{}1]", "\"é\\ud83d\\ude00\",".repeat(100_000)),
        deep(10_000),
        deep(128),
        "9".repeat(2_000_000),
    ] {
        intake::check(event(&data).as_bytes());
    }
}
