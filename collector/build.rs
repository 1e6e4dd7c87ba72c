//! Rebuilds when the viewer's files change; they are embedded if they are there. A debug build reads those of bundles
//! when it runs, so it need not wait for the wasm.
fn main() -> std::io::Result<()> {
    println!("cargo:rerun-if-changed=../dist/www");
    // A path that does not exist yet as the collector is compiled is not found later either.
    std::fs::create_dir_all("../dist/bundle")?;
    if std::env::var("PROFILE").is_ok_and(|profile| profile == "release") {
        println!("cargo:rerun-if-changed=../dist/bundle");
    }
    Ok(())
}
