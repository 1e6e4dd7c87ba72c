//! Rebuilds when the viewer's files change; they are embedded if they are there.
fn main() {
    println!("cargo:rerun-if-changed=../dist/www");
}
