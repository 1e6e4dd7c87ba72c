//! The floor of ingest: one loop that inserts ready lines into the store's own tables, with nothing around it.
//!
//! `insert_loop DIR LINES BATCH bare|fts5`: LINES is a file of NDJSON, BATCH the rows of a transaction; `fts5`
//! writes each line to a full-text index in the same transaction, as one would who wants to search. Prints
//! events a second. The lines are parsed before the clock runs.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a measurement")]

use rusqlite::{Connection, params};
use std::path::Path;
use std::time::Instant;
use tabtape::record::{Line, parse_line};
use tabtape_collector::store::Store;

fn main() {
    let [folder, lines, batch, kind] = <[String; 4]>::try_from(std::env::args().skip(1).collect::<Vec<_>>())
        .unwrap_or_else(|_| panic!("usage: insert_loop DIR LINES BATCH bare|fts5"));
    let with_text = match kind.as_str() {
        "bare" => false,
        "fts5" => true,
        other => panic!("{other:?}: expected bare or fts5"),
    };
    make_tables(Path::new(&folder));
    let text = std::fs::read(&lines).unwrap();
    let rows: Vec<_> = text
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| match parse_line(line).unwrap() {
            Line::Event { header, .. } => (header, line),
            Line::Gap { .. } => panic!("a gap is no event"),
        })
        .collect();

    let mut connection = Connection::open(Path::new(&folder).join("events.db")).unwrap();
    // As the store sets it.
    connection.pragma_update(None, "journal_mode", "WAL").unwrap();
    connection.pragma_update(None, "synchronous", "FULL").unwrap();
    connection
        .pragma_update(None, "wal_autocheckpoint", 4096)
        .unwrap();
    connection.pragma_update(None, "cache_size", -64 * 1024).unwrap();
    connection
        .execute_batch("CREATE VIRTUAL TABLE text USING fts5(line, content='')")
        .unwrap();
    let started = Instant::now();
    let mut position = 0_i64;
    for batch in rows.chunks(batch.parse().unwrap()) {
        let transaction = connection.transaction().unwrap();
        {
            let mut insert = transaction
                .prepare_cached("INSERT INTO events VALUES (?1, 1, ?2, ?3, 1, 2, ?4, ?5, ?6, ?7, ?8, ?9)")
                .unwrap();
            let mut index = transaction
                .prepare_cached("INSERT INTO text (rowid, line) VALUES (?1, ?2)")
                .unwrap();
            for (header, line) in batch {
                position += 1;
                let row = params![
                    position, position, header.ts_micros as i64, header.source_kind as u8,
                    header.detail_level as u8, header.severity as u8, header.status, header.tab_id, line
                ];
                insert.execute(row).unwrap();
                if with_text {
                    index
                        .execute(params![position, std::str::from_utf8(line).unwrap()])
                        .unwrap();
                }
            }
        }
        transaction.commit().unwrap();
    }
    println!("{}", (position as f64 / started.elapsed().as_secs_f64()).round());
}

fn make_tables(folder: &Path) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async { Store::open(folder).unwrap().close().await });
}
