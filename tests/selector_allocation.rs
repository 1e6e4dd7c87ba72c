//! Matching a record allocates nothing, whatever the selector looks at.
//!
//! A test of its own binary, because the allocator that counts is a whole program's.
#![cfg(not(target_arch = "wasm32"))]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use tabtape::record::{Line, Record, parse_line};
use tabtape::selector::Selector;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system's allocator unchanged; a const thread-local cell allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(run: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.get();
    run();
    ALLOCATIONS.get() - before
}

#[test]
fn matching_a_record_allocates_nothing() {
    let line = r#"{"capture_session_id":"0193a5b0-0000-7000-8000-000000000001","seq":1,"event":{"ts":1764000000000000,"type":"network.failed","category":"network","detail_level":"verbose","source":{"kind":"extension","metadata":{"tab_id":"7"}},"url":"https://www.example.com:8443/api/users?q=1","data":{"status":503,"note":"caf\u00e9 \"closed\" \ud83d\ude00"}}}"#;
    let Ok(Line::Event { header, .. }) = parse_line(line.as_bytes()) else {
        panic!("a line")
    };
    let record = Record {
        header: &header,
        line: line.as_bytes(),
    };
    for (text, expected) in [
        (
            "category:network,console type:network.* kind:extension detail:verbose severity:error",
            true,
        ),
        (
            "status:5xx tab:7 site:example.com site:www.example.com:8443 url:*/api/* session:0193*",
            true,
        ),
        (
            "since:2025-11-24 until:2025-11-24 failed USERS CAFÉ \"\\\"closed\\\" 😀\"",
            true,
        ),
        ("-url:*/api/* -site:a.b", false),
        ("nowhere", false),
        ("-\"CAFÉ \"", false),
    ] {
        let selector = Selector::parse(text, 0).unwrap();
        let mut matched = !expected;
        assert_eq!(allocations(|| matched = selector.matches(&record)), 0, "{text}");
        assert_eq!(matched, expected, "{text}");
    }
    assert_eq!(
        allocations(|| drop(std::hint::black_box(Box::new(7)))),
        1,
        "the counter counts"
    );
}
