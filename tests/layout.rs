//! The layout of the tree: only `src/web/` names the browser, so that everything else runs and is tested natively, and
//! the pages for contributors name files that exist.
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
    let (web, core): (Vec<_>, Vec<_>) = files
        .into_iter()
        .partition(|file| file.starts_with(src.join("web")));
    assert!(
        !web.is_empty() && !core.is_empty(),
        "src/ and src/web/ both contain Rust files"
    );
    let offences: Vec<String> = core.iter().flat_map(|file| offences_in(file)).collect();
    assert!(
        offences.is_empty(),
        "these lines belong below src/web/:\n{}",
        offences.join("\n")
    );
}

#[test]
fn an_import_of_the_browser_is_an_offence() {
    assert!(names_the_browser("use wasm_bindgen::JsValue;"));
    assert!(names_the_browser(
        "let timer = gloo_timers::callback::Timeout::new(1, || {});"
    ));
    assert!(!names_the_browser(
        "    use wasm_bindgen_test::wasm_bindgen_test as test;"
    ));
    assert!(!names_the_browser("use std::rc::Rc;"));
}

#[test]
fn the_architecture_page_names_files_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/architecture.md")).unwrap();
    let is_file = |name: &&str| name.contains('/') && name.ends_with(".rs") | name.ends_with(".ts");
    let named: Vec<&str> = page.split('`').skip(1).step_by(2).filter(is_file).collect();
    assert!(named.len() > 20, "the page names files: {named:?}");
    let missing: Vec<_> = named
        .iter()
        .filter(|name| !name.contains('{') && !root.join(name).is_file())
        .collect();
    assert!(
        missing.is_empty(),
        "docs/architecture.md names files that do not exist: {missing:?}"
    );
}

#[test]
fn each_example_of_the_contributing_page_is_in_the_files_of_its_list() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/contributing.md")).unwrap();
    let mut checked = 0;
    for section in page.split("\nExample: `").skip(1) {
        let (example, rest) = section.split_once('`').unwrap();
        let list = rest.split("\n\n").nth(1).unwrap();
        // The files are in front of the colon, their explanation behind it.
        let files = list
            .lines()
            .filter(|line| line.starts_with("- "))
            .filter_map(|line| line.split_once(": "));
        for file in files.flat_map(|(files, _)| files.split('`').skip(1).step_by(2)) {
            let text = fs::read_to_string(root.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
            assert!(text.contains(example), "{file} does not contain {example}");
            checked += 1;
        }
    }
    assert!(checked > 20, "{checked} files");
}

fn offences_in(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap();
    let lines = text
        .lines()
        .enumerate()
        .filter(|(_, line)| names_the_browser(line));
    lines
        .map(|(index, line)| format!("{}:{}: {}", file.display(), index + 1, line.trim()))
        .collect()
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
