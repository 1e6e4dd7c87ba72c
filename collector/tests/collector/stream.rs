use crate::common::*;
use futures_util::StreamExt as _;
use std::time::Duration;

/// One frame of a stream.
#[derive(Debug, Clone, PartialEq)]
struct Frame {
    id: String,
    event: String,
    data: String,
}

struct Subscriber {
    body: std::pin::Pin<Box<dyn futures_util::Stream<Item = reqwest::Result<bytes::Bytes>> + Send>>,
    pending: String,
}

impl Subscriber {
    async fn open(collector: &Collector, path: &str, last_event_id: Option<&str>) -> Self {
        let mut request = collector
            .http
            .get(format!("{}{path}", collector.url))
            .bearer_auth(&collector.read);
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self {
            body: Box::pin(response.bytes_stream()),
            pending: String::new(),
        }
    }

    /// The next frame with data; `None` when the stream ends.
    async fn next(&mut self) -> Option<Frame> {
        // Heartbeats do not count.
        tokio::time::timeout(Duration::from_secs(30), self.frame())
            .await
            .expect("a frame in time")
    }

    async fn frame(&mut self) -> Option<Frame> {
        loop {
            while let Some(end) = self.pending.find("\n\n") {
                let text: String = self.pending.drain(..end + 2).collect();
                let field = |name: &str| {
                    text.lines()
                        .find_map(|line| line.strip_prefix(name))
                        .unwrap_or_default()
                        .to_owned()
                };
                if text.contains("data: ") {
                    return Some(Frame {
                        id: field("id: "),
                        event: field("event: "),
                        data: field("data: "),
                    });
                }
            }
            let chunk = self.body.next().await;
            self.pending.push_str(std::str::from_utf8(&chunk?.ok()?).unwrap());
        }
    }

    async fn take(&mut self, count: usize) -> Vec<Frame> {
        let mut frames = Vec::new();
        for _ in 0..count {
            frames.push(self.next().await.unwrap());
        }
        frames
    }
}

fn data(frames: &[Frame]) -> Vec<&str> {
    frames.iter().map(|frame| frame.data.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replay_meets_live_without_a_seam_or_a_repeat() {
    let collector = std::sync::Arc::new(Collector::start().await);
    let writer = {
        let collector = std::sync::Arc::clone(&collector);
        tokio::spawn(async move {
            for batch in 0..100u64 {
                let (first, last) = (batch * 30 + 1, batch * 30 + 30);
                collector
                    .deliver(SESSION, first, last, &events(SESSION, first, last))
                    .await;
            }
        })
    };
    let mut readers = Vec::new();
    for n in 0..12u64 {
        let collector = std::sync::Arc::clone(&collector);
        readers.push(tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(20 * n)).await;
            let path = if n % 2 == 0 {
                "/v1/stream".into()
            } else {
                format!("/v1/stream?session={SESSION}")
            };
            let mut subscriber = Subscriber::open(&collector, &path, None).await;
            let mut seqs = Vec::new();
            for count in 0..3000 {
                if n == 0 && count % 100 == 0 {
                    tokio::time::sleep(Duration::from_millis(10)).await; // the slow one
                }
                seqs.push(seq_of(&subscriber.next().await.unwrap().data));
            }
            assert_eq!(seqs, (1..=3000).collect::<Vec<_>>(), "reader {n}");
        }));
    }
    writer.await.unwrap();
    for reader in readers {
        reader.await.unwrap();
    }
}

#[tokio::test]
async fn a_resume_token_continues_after_its_frame() {
    let collector = Collector::start().await;
    let mut lines = events(SESSION, 1, 5);
    lines.push(gap(SESSION, 6, 8, "quota"));
    lines.extend(events(SESSION, 9, 12));
    collector.deliver(SESSION, 1, 12, &lines).await;
    for path in ["/v1/stream".to_owned(), format!("/v1/stream?session={SESSION}")] {
        let all = Subscriber::open(&collector, &path, None).await.take(10).await;
        assert_eq!(data(&all), lines);
        assert_eq!(all[5].event, "gap");
        assert!(
            all.iter()
                .enumerate()
                .all(|(index, frame)| (frame.event == "gap") == (index == 5))
        );
        for (index, frame) in all.iter().enumerate().take(9) {
            let rest = Subscriber::open(&collector, &path, Some(&frame.id))
                .await
                .take(9 - index)
                .await;
            assert_eq!(rest, all[index + 1..], "after {}", frame.id);
        }
    }
    let session = Subscriber::open(&collector, &format!("/v1/stream?session={SESSION}"), None)
        .await
        .take(6)
        .await;
    assert_eq!(
        session.iter().map(|frame| frame.id.as_str()).collect::<Vec<_>>(),
        ["1", "2", "3", "4", "5", "8"]
    );
}

#[tokio::test]
async fn a_token_of_another_store_is_gone_and_one_beyond_the_end_is_refused() {
    let collector = Collector::start().await;
    collector.deliver(SESSION, 1, 1, &events(SESSION, 1, 1)).await;
    for (id, status) in [
        ("0193b3a0-7c1e-7000-8000-000000000000:1".to_owned(), 410),
        (format!("{}:2", collector.app.store.store_id()), 400),
    ] {
        let request = collector
            .http
            .get(format!("{}/v1/stream", collector.url))
            .bearer_auth(&collector.read);
        assert_eq!(
            request.header("last-event-id", id).send().await.unwrap().status(),
            status
        );
    }
}

#[tokio::test]
async fn records_that_retention_removed_after_a_token_are_reported() {
    let collector = Collector::start().await;
    for batch in 0..20 {
        let (first, last) = (batch * 1000 + 1, batch * 1000 + 1000);
        collector
            .deliver(SESSION, first, last, &events(SESSION, first, last))
            .await;
    }
    let retention = tabtape_collector::store::Retention {
        max_bytes: 3 << 20,
        ..Default::default()
    };
    let taken = collector.app.store.retain(retention).await.unwrap();
    for (path, id) in [
        (
            "/v1/stream".to_owned(),
            format!("{}:5", collector.app.store.store_id()),
        ),
        (format!("/v1/stream?session={SESSION}"), "5".to_owned()),
    ] {
        let frames = Subscriber::open(&collector, &path, Some(&id)).await.take(2).await;
        assert_eq!(frames[0].event, "dropped", "{path}");
        let dropped: serde_json::Value = serde_json::from_str(&frames[0].data).unwrap();
        assert_eq!(
            (&dropped["count"], &dropped["next"]),
            (&(taken - 5).into(), &frames[0].id.as_str().into())
        );
        assert_eq!(seq_of(&frames[1].data), taken + 1);
    }
    // From the start means from the oldest retained: nothing was promised, nothing is missing.
    let frame = Subscriber::open(&collector, "/v1/stream", None)
        .await
        .next()
        .await
        .unwrap();
    assert_eq!(seq_of(&frame.data), taken + 1);
}

#[tokio::test]
async fn a_session_is_streamed_in_order_however_it_arrives() {
    let collector = Collector::start().await;
    let mut subscriber = Subscriber::open(&collector, &format!("/v1/stream?session={SESSION}"), None).await;
    for (first, last) in [(11, 20), (1, 5), (21, 30), (6, 10)] {
        collector
            .deliver(SESSION, first, last, &events(SESSION, first, last))
            .await;
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    assert_eq!(data(&subscriber.take(30).await), events(SESSION, 1, 30));
    // By position they come as they were committed.
    let all = Subscriber::open(&collector, "/v1/stream", None)
        .await
        .take(30)
        .await;
    assert_eq!(seq_of(&all[0].data), 11);
}

#[tokio::test]
async fn a_selector_filters_replay_and_live_alike() {
    let collector = Collector::start().await;
    let error = |seq| event(SESSION, seq, "boom").replace("console.log", "console.error");
    collector
        .deliver(
            SESSION,
            1,
            3,
            &[event(SESSION, 1, "a"), error(2), event(SESSION, 3, "b")],
        )
        .await;
    let mut subscriber = Subscriber::open(&collector, "/v1/stream?q=severity:error", None).await;
    assert_eq!(subscriber.next().await.unwrap().data, error(2));
    collector
        .deliver(
            SESSION,
            4,
            6,
            &[event(SESSION, 4, "c"), error(5), gap(SESSION, 6, 6, "quota")],
        )
        .await;
    assert_eq!(subscriber.next().await.unwrap().data, error(5));
    assert_eq!(subscriber.next().await.unwrap().event, "gap");
    let mut new = Subscriber::open(&collector, "/v1/stream?after=latest", None).await;
    collector.deliver(SESSION, 7, 7, &[error(7)]).await;
    assert_eq!(new.next().await.unwrap().data, error(7));
}

#[tokio::test]
async fn revoking_a_token_ends_its_streams_and_no_others() {
    let collector = Collector::start().await;
    let new = collector
        .app
        .auth
        .create_token(tabtape_collector::auth::Scope::Read, "x", None, None)
        .unwrap();
    let url = format!("{}/v1/stream", collector.url);
    let mut revoked = collector
        .http
        .get(&url)
        .bearer_auth(&new.token)
        .send()
        .await
        .unwrap()
        .bytes_stream();
    revoked.next().await.unwrap().unwrap();
    let mut other = Subscriber::open(&collector, "/v1/stream", None).await;
    let rotated = collector.app.auth.rotate_token(&new.id).unwrap();
    tokio::time::timeout(Duration::from_secs(5), async {
        while revoked.next().await.is_some() {}
    })
    .await
    .expect("the stream of the old secret ends");
    assert_eq!(
        collector
            .http
            .get(&url)
            .bearer_auth(&new.token)
            .send()
            .await
            .unwrap()
            .status(),
        401
    );
    let mut revoked = collector
        .http
        .get(&url)
        .bearer_auth(&rotated.token)
        .send()
        .await
        .unwrap()
        .bytes_stream();
    revoked.next().await.unwrap().unwrap();
    collector.app.auth.revoke_token(&new.id).unwrap();
    tokio::time::timeout(Duration::from_secs(5), async {
        while revoked.next().await.is_some() {}
    })
    .await
    .expect("the stream ends");
    collector.deliver(SESSION, 1, 1, &events(SESSION, 1, 1)).await;
    assert_eq!(
        other.next().await.unwrap().id,
        format!("{}:1", collector.app.store.store_id())
    );
}

/// Two thousand get what they asked for while one that reads nothing falls behind by more than memory holds; it
/// costs them nothing, and when it reads, it has missed nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_subscribers_and_one_that_does_not_read() {
    const SUBSCRIBERS: usize = 2000;
    const LARGE: u64 = 60;
    let collector = Collector::start().await;
    let mut slow = Subscriber::open(&collector, "/v1/stream", None).await;
    let mut subscribers = Vec::new();
    for _ in 0..SUBSCRIBERS {
        subscribers.push(Subscriber::open(&collector, "/v1/stream?q=severity:error", None).await);
    }
    let mut sent = Vec::new();
    for seq in 1..=LARGE {
        let text = if seq % 20 == 0 {
            "an error".to_owned()
        } else {
            "x".repeat(800_000)
        };
        let line = event(SESSION, seq, &text);
        sent.push(if seq % 20 == 0 {
            line.replace("console.log", "console.error")
        } else {
            line
        });
        let last = sent.last().unwrap().clone();
        assert_eq!(collector.deliver(SESSION, seq, seq, &[last]).await.0, 200);
    }
    let bytes: usize = sent.iter().map(String::len).sum();
    assert!(bytes > 40 << 20, "more than memory holds of the last commits");
    for subscriber in &mut subscribers {
        let seqs: Vec<u64> = subscriber
            .take(3)
            .await
            .iter()
            .map(|frame| seq_of(&frame.data))
            .collect();
        assert_eq!(seqs, [20, 40, 60]);
    }
    assert_eq!(
        data(&slow.take(LARGE as usize).await),
        sent.iter().map(String::as_str).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn a_silent_stream_shows_that_it_lives() {
    use tabtape_collector::app::Limits;
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits {
        heartbeat: Duration::from_millis(50),
        ..Limits::default()
    };
    let collector = Collector::open_with(folder.path(), limits).await;
    let mut subscriber = Subscriber::open(&collector, "/v1/stream", None).await;
    let beats = async {
        while subscriber.pending.matches(": alive\n\n").count() < 3 {
            let chunk = subscriber.body.next().await.unwrap().unwrap();
            subscriber.pending.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    };
    tokio::time::timeout(Duration::from_secs(10), beats)
        .await
        .expect("three beats");
    collector.deliver(SESSION, 1, 1, &events(SESSION, 1, 1)).await;
    assert_eq!(seq_of(&subscriber.next().await.unwrap().data), 1, "and continues");
}

#[tokio::test]
async fn receipts_say_how_many_follow_the_stream() {
    let collector = Collector::start().await;
    let followed = async |seq: u64| {
        let (_, receipt) = collector
            .deliver(SESSION, seq, seq, &events(SESSION, seq, seq))
            .await;
        receipt["subscribers"].clone()
    };
    assert_eq!(followed(1).await, 0);
    let mut subscriber = Subscriber::open(&collector, "/v1/stream", None).await;
    subscriber.next().await.unwrap();
    assert_eq!(followed(2).await, 1);
    drop(subscriber);
    let ended = async {
        for seq in 3.. {
            if followed(seq).await == 0 {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), ended)
        .await
        .unwrap();
}

/// Several browsers at once, each with its pairing: one order for all, and each continues with its token.
#[tokio::test]
async fn sessions_of_several_recorders_are_one_stream_in_order_of_commit() {
    let collector = Collector::start().await;
    let recorders = [(SESSION, EXTENSION), (OTHER, OTHER_EXTENSION)].map(|(session, origin)| {
        (
            session,
            origin,
            collector
                .app
                .auth
                .create_pairing(Some(origin), origin, true)
                .unwrap()
                .token,
        )
    });
    let mut live = Subscriber::open(&collector, "/v1/stream", None).await;
    let mut sent = Vec::new();
    for step in 0..10 {
        for (session, origin, token) in &recorders {
            let (first, last) = (step * 3 + 1, step * 3 + 3);
            let lines = events(session, first, last);
            let path = format!("/v1/batches?session={session}&first_seq={first}&last_seq={last}");
            let request = collector
                .http
                .post(format!("{}{path}", collector.url))
                .bearer_auth(token);
            let request = request
                .header("origin", *origin)
                .header("content-type", "application/x-ndjson");
            let response = request.body(lines.join("\n") + "\n").send().await.unwrap();
            assert_eq!(response.status(), 200);
            sent.extend(lines);
        }
    }
    let frames = live.take(sent.len()).await;
    assert_eq!(data(&frames), sent);
    for at in [0, 1, 4, 29, 58] {
        let mut again = Subscriber::open(&collector, "/v1/stream", Some(&frames[at].id)).await;
        assert_eq!(
            again.take(sent.len() - at - 1).await,
            frames[at + 1..],
            "after {at}"
        );
    }
    for (session, origin, _) in &recorders {
        let summary = collector.json(&format!("/v1/sessions/{session}")).await;
        let pairing = summary["pairing"].as_str().unwrap().to_owned();
        let known = collector.app.auth.pairings();
        let known = known.iter().find(|known| known.id == pairing).unwrap();
        assert_eq!(known.origin.as_deref(), Some(*origin));
    }
}

#[tokio::test]
async fn a_token_that_expires_ends_its_streams() {
    let collector = Collector::start().await;
    let expires_ts = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    let expires_ts = (expires_ts + Duration::from_secs(1)).as_micros() as u64;
    let scope = tabtape_collector::auth::Scope::Read;
    let new = collector
        .app
        .auth
        .create_token(scope, "short", None, Some(expires_ts))
        .unwrap();
    let url = format!("{}/v1/stream", collector.url);
    let open = || collector.http.get(&url).bearer_auth(&new.token).send();
    let mut stream = open().await.unwrap().bytes_stream();
    stream.next().await.unwrap().unwrap();
    tokio::time::timeout(Duration::from_secs(30), async {
        while stream.next().await.is_some() {}
    })
    .await
    .expect("the stream ends");
    assert_eq!(open().await.unwrap().status(), 401);
}
