//! Generates the JavaScript glue of a wasm that cargo has built: `tabtape-glue INPUT.wasm OUT_DIR`.
//!
//! It writes what `wasm-bindgen --target no-modules --omit-default-module-path` writes. That command line takes three
//! times as long to compile, because it contains the test runner with its HTTP server and its WebDriver client.

use std::{env, error::Error, path::Path};

use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [input, out_dir] = arguments.as_slice() else {
        return Err("expected two arguments: INPUT.wasm OUT_DIR".into());
    };
    generate(Path::new(input), Path::new(out_dir))
}

fn generate(input: &Path, out_dir: &Path) -> Result<(), Box<dyn Error>> {
    Bindgen::new()
        .input_path(input)
        .no_modules(true)?
        .omit_default_module_path(true)
        .typescript(true)
        .out_name("tabtape")
        .generate(out_dir)?;
    Ok(())
}
