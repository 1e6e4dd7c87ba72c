//! The platform line: only `src/web/` names the browser, so that everything else runs and is tested natively.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, reason = "helpers of tests, outside of their functions")]

use std::fs;
use std::path::{Path, PathBuf};

/// Names of crates and types that exist only in a browser.
const BROWSER_NAMES: [&str; 5] = ["JsValue", "web_sys", "js_sys", "wasm_bindgen", "gloo"];

/// Unit tests of the core run in a page too, under this runner.
const TEST_RUNNER: &str = "wasm_bindgen_test";

#[test]
fn only_web_names_the_browser() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = rust_files(&src);
    let (web, core): (Vec<_>, Vec<_>) = files.into_iter().partition(|file| file.starts_with(src.join("web")));
    assert!(!web.is_empty() && !core.is_empty(), "src/ and src/web/ both contain Rust files");
    let offences: Vec<String> = core.iter().flat_map(|file| offences_in(file)).collect();
    assert!(offences.is_empty(), "these lines belong below src/web/:\n{}", offences.join("\n"));
}

#[test]
fn an_import_of_the_browser_is_an_offence() {
    assert!(names_the_browser("use wasm_bindgen::JsValue;"));
    assert!(names_the_browser("let timer = gloo_timers::callback::Timeout::new(1, || {});"));
    assert!(!names_the_browser("    use wasm_bindgen_test::wasm_bindgen_test as test;"));
    assert!(!names_the_browser("use std::rc::Rc;"));
}

fn offences_in(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap();
    let lines = text.lines().enumerate().filter(|(_, line)| names_the_browser(line));
    lines.map(|(index, line)| format!("{}:{}: {}", file.display(), index + 1, line.trim())).collect()
}

fn names_the_browser(line: &str) -> bool {
    !line.contains(TEST_RUNNER) && BROWSER_NAMES.iter().any(|name| line.contains(name))
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}
