//! The layout of the core and the collector: their modules do not import each other in circles.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

type Imports = BTreeMap<String, BTreeSet<String>>;

#[test]
fn no_modules_import_each_other_in_a_circle() {
    let collector = Path::new(env!("CARGO_MANIFEST_DIR"));
    let src = collector.join("src");
    for (folder, prefix) in [
        (collector.join("../src"), "crate::"),
        (src.clone(), "crate::"),
        (src.join("store"), "crate::store::"),
    ] {
        let imports = imports(&folder, prefix);
        assert!(
            imports.values().map(BTreeSet::len).sum::<usize>() > 5,
            "{imports:?}"
        );
        assert_eq!(circle(&imports), None, "in {}", folder.display());
    }
}

#[test]
fn a_circle_is_found() {
    let graph = |edges: &[(&str, &str)]| {
        let mut imports = Imports::new();
        for (from, to) in edges {
            imports
                .entry((*from).to_owned())
                .or_default()
                .insert((*to).to_owned());
        }
        imports
    };
    assert_eq!(circle(&graph(&[("a", "b"), ("b", "c"), ("a", "c")])), None);
    let found = circle(&graph(&[("a", "b"), ("b", "c"), ("c", "b")])).unwrap();
    assert_eq!(found, ["b", "c"]);
}

/// The modules directly in `folder`, each with the modules of it that its files name.
fn imports(folder: &Path, prefix: &str) -> Imports {
    let mut imports = Imports::new();
    for (module, files) in modules(folder) {
        let named = imports.entry(module.clone()).or_default();
        for file in files {
            let text = fs::read_to_string(file).unwrap();
            let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
            let code: Vec<&str> = text
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"))
                .collect();
            let code = code.join("\n");
            let names = code.split(prefix).skip(1).map(|rest| {
                rest.chars()
                    .take_while(|letter| letter.is_ascii_lowercase() || *letter == '_')
                    .collect()
            });
            named.extend(names.filter(|name: &String| *name != module));
        }
    }
    let modules: BTreeSet<String> = imports.keys().cloned().collect();
    imports
        .values_mut()
        .for_each(|named| named.retain(|name| modules.contains(name)));
    imports
}

/// The modules directly in `folder`, each with its files. The folder's own `mod.rs` and tests are no modules.
fn modules(folder: &Path) -> BTreeMap<String, Vec<PathBuf>> {
    let mut modules = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            modules.insert(name, rust_files(&path));
        } else if !matches!(name.as_str(), "mod" | "lib" | "main" | "tests") {
            modules.insert(name, vec![path]);
        }
    }
    modules
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let nested = folders.iter().flat_map(|folder| rust_files(folder));
    let is_code =
        |file: &PathBuf| file.extension().is_some_and(|extension| extension == "rs") && !is_test(file);
    nested.chain(files).filter(is_code).collect()
}

fn is_test(file: &Path) -> bool {
    let is_name = |name: &str| ["tests", "schema_tests", "properties"].contains(&name);
    is_name(&file.file_stem().unwrap().to_string_lossy())
        || file.parent().is_some_and(|folder| folder.ends_with("tests"))
}

/// The modules of a circle: each imports the next, the last imports the first.
fn circle(imports: &Imports) -> Option<Vec<String>> {
    fn visit<'a>(
        imports: &'a Imports,
        module: &'a str,
        path: &mut Vec<&'a str>,
        done: &mut BTreeSet<&'a str>,
    ) -> Option<Vec<String>> {
        if let Some(start) = path.iter().position(|visited| *visited == module) {
            return Some(path[start..].iter().map(|name| (*name).to_owned()).collect());
        }
        if !done.insert(module) {
            return None;
        }
        path.push(module);
        let next = imports.get(module).into_iter().flatten();
        let found = next.into_iter().find_map(|next| visit(imports, next, path, done));
        path.pop();
        found
    }
    let mut done = BTreeSet::new();
    imports
        .keys()
        .find_map(|module| visit(imports, module, &mut Vec::new(), &mut done))
}
