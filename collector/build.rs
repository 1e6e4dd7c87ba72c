//! Rebuilds when the viewer's files change; they are embedded if they are there. A debug build reads those of bundles
//! when it runs, so it need not wait for the wasm.
fn main() {
    println!("cargo:rerun-if-changed=../dist/www");
    if std::env::var("PROFILE").is_ok_and(|profile| profile == "release") {
        println!("cargo:rerun-if-changed=../dist/bundle");
    }
}
