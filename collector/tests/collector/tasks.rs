//! The background tasks of a collector: each is aborted in turn while records arrive.

use crate::common::*;
use crate::otlp::{Endpoint, wait_until};
use serde_json::Value;
use tabtape_collector::cli::{OtlpTarget, start_tasks};
use tabtape_collector::store::Retention;

const BATCH: u64 = 60;
const BATCHES: u64 = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_task_that_is_aborted_under_load_starts_again_and_the_ledger_adds_up() {
    let endpoint = Endpoint::default();
    let (url, _serving) = endpoint.start().await;
    let collector = Collector::start().await;
    let app = collector.app.clone();
    let folder = app.store.folder();
    let otlp = OtlpTarget {
        endpoint: &url,
        traces: true,
        metrics: true,
    };
    start_tasks(folder, &app, Some(otlp), Retention::default()).unwrap();
    let tasks = app.store.tasks();
    let names: Vec<&str> = tasks.states().into_keys().collect();
    let expected = [
        "collector.json", "forwarding", "forwarding of metrics", "forwarding of traces", "retention",
        "text index",
    ];
    assert_eq!(names, expected);

    let mut last = 0;
    for name in names {
        for batch in 0..BATCHES {
            if batch == BATCHES / 2 {
                tasks.abort(name);
            }
            let (first, end) = (last + 1, last + BATCH);
            let (status, receipt) = collector
                .deliver(SESSION, first, end, &events(SESSION, first, end))
                .await;
            assert_eq!((status, &receipt["acked_seq"]), (200, &end.into()), "{receipt}");
            last = end;
        }
        wait_until("health reports the end, and the task runs again", async || {
            let health: Value = collector.get("/healthz").await.json().await.unwrap();
            let task = &health["tasks"][name];
            task["last_end"] == "it was aborted" && task["restarts"] == 1 && task["running"] == true
        })
        .await;
        let metrics = collector.get("/metrics").await.text().await.unwrap();
        let restarts = format!("tabtape_task_restarts_total{{task=\"{name}\"}} 1\n");
        assert!(metrics.contains(&restarts), "{metrics}");
    }
    let health: Value = collector.get("/healthz").await.json().await.unwrap();
    assert_eq!(health["status"], "ok", "{health}");

    assert_eq!(collector.lines(SESSION).await, events(SESSION, 1, last));
    let summary = collector.json(&format!("/v1/sessions/{SESSION}")).await;
    assert_eq!(
        (&summary["acked_seq"], &summary["events"], &summary["gaps"]),
        (&last.into(), &last.into(), &serde_json::json!({}))
    );
    // Each task does its work after its restart.
    wait_until("every record is forwarded", async || {
        endpoint.seqs().into_keys().eq(1..=last as i64)
    })
    .await;
    wait_until("the text is indexed", async || {
        app.store.indexed_to() >= last / 256 * 256
    })
    .await;
    let found = collector.get("/v1/events?q=%22number%207%22").await;
    let expected = (1..=last).filter(|seq| seq.to_string().starts_with('7')).count();
    assert_eq!(found.text().await.unwrap().lines().count(), expected);
    app.auth.rotate_local_token().unwrap();
    wait_until("collector.json has the new token", async || {
        let file = std::fs::read_to_string(folder.join("collector.json"));
        file.is_ok_and(|text| text.contains(&app.auth.local_token()))
    })
    .await;
}
