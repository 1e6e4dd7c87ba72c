//! Every decision, with a clock and a collector that are numbers.

use super::super::*;
use super::session;
use crate::log::Limits;
use crate::protocol::Receipt;
use crate::record::SessionId;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const STORE: &str = "store-1";

/// A flusher in a state where the collector has proved itself and every cursor is known.
struct Rig {
    flusher: Flusher,
    now_ms: f64,
    /// Cursors that were stored, and when.
    stored: Vec<(f64, u64)>,
}

impl Rig {
    /// The live session is 9; the older ones are given with what they hold and what is acked.
    fn new(live_seq: u64, older: &[(u64, u64, u64)]) -> Self {
        let mut rig = Self {
            flusher: Flusher::default(),
            now_ms: 1_000.0,
            stored: Vec::new(),
        };
        rig.flusher.on_live(session(9), live_seq);
        assert_eq!(rig.next(), Action::ListSessions);
        rig.flusher.on_sessions(
            older
                .iter()
                .map(|(number, latest_seq, _)| (session(*number), *latest_seq)),
        );
        rig.greet(STORE);
        while let Action::LoadAcked { session_id, store_id } = rig.next() {
            let acked = older
                .iter()
                .find(|(number, ..)| session(*number) == session_id)
                .map_or(0, |o| o.2);
            rig.flusher.on_acked_loaded(session_id, &store_id, acked);
        }
        rig
    }

    /// Everything of the live session is acked and no one waits.
    fn idle() -> Self {
        let mut rig = Self::new(1, &[]);
        rig.deliver(1);
        rig.after(5_000.0);
        rig.settle();
        rig
    }

    fn next(&mut self) -> Action {
        self.flusher.next(self.now_ms)
    }

    fn after(&mut self, ms: f64) -> &mut Self {
        self.now_ms += ms;
        self
    }

    fn greet(&mut self, store_id: &str) {
        assert_eq!(self.next(), Action::Hello);
        self.flusher.on_hello(
            HelloOutcome::Proven {
                store_id: store_id.into(),
            },
            self.now_ms,
            0.5,
        );
    }

    /// Does everything that is neither a wait nor a batch.
    fn settle(&mut self) -> Action {
        loop {
            match self.next() {
                Action::Hello => self.greet(STORE),
                Action::LoadAcked { session_id, store_id } => {
                    self.flusher.on_acked_loaded(session_id, &store_id, 0);
                }
                Action::StoreAcked { acked_seq, .. } => self.stored.push((self.now_ms, acked_seq)),
                action => return action,
            }
        }
    }

    fn plan(&mut self) -> BatchPlan {
        match self.settle() {
            Action::Send(plan) => plan,
            other => panic!("expected a batch, got {other:?}"),
        }
    }

    /// Sends what is asked for, one record per seq, up to `last_seq`.
    fn send(&mut self, last_seq: u64) -> BatchPlan {
        let plan = self.plan();
        let batch = Batch {
            session_id: plan.session_id,
            first_seq: plan.after_seq + 1,
            last_seq,
            body: vec![b'x'; 100],
            records: (plan.after_seq + 1..=last_seq).map(|seq| (seq, seq)).collect(),
        };
        self.flusher.on_sent(&batch, self.now_ms);
        assert_eq!(self.next(), Action::Idle, "one batch is in flight at a time");
        plan
    }

    fn answer(&mut self, reply: Reply) {
        self.flusher.on_reply(reply, self.now_ms, 0.5);
    }

    fn ack(&mut self, session_id: SessionId, acked_seq: u64) {
        self.answer(Reply::Acked(receipt(session_id, acked_seq)));
    }

    fn deliver(&mut self, last_seq: u64) -> BatchPlan {
        self.deliver_to(last_seq, None)
    }

    /// The receipt says how many follow the collector's stream.
    fn deliver_to(&mut self, last_seq: u64, subscribers: Option<u64>) -> BatchPlan {
        let plan = self.send(last_seq);
        self.answer(Reply::Acked(Receipt {
            subscribers,
            ..receipt(plan.session_id, last_seq)
        }));
        plan
    }

    fn commit(&mut self, latest_seq: u64) {
        self.flusher.on_committed(session(9), latest_seq);
    }

    fn cursor(&self, number: u64) -> Option<u64> {
        self.flusher.cursor(session(number))
    }

    fn codes(&mut self) -> Vec<&'static str> {
        self.flusher.drain_changes().0.iter().map(Notice::code).collect()
    }

    fn waits_until(&mut self) -> f64 {
        match self.settle() {
            Action::WaitUntil(at_ms) => at_ms,
            other => panic!("expected a wait, got {other:?}"),
        }
    }
}

fn receipt(session_id: SessionId, acked_seq: u64) -> Receipt {
    Receipt {
        store_id: STORE.into(),
        session: session_id.to_string(),
        acked_seq,
        accepted: 0,
        duplicates: 0,
        subscribers: None,
    }
}

fn busy(status: u16, retry_after_ms: Option<f64>) -> Reply {
    Reply::Busy {
        status,
        retry_after_ms,
        detail: "later".into(),
    }
}

fn blames(line: u64, acked_seq: u64) -> Reply {
    let receipt = Some(receipt(session(9), acked_seq));
    Reply::LineRefused {
        line,
        status: 400,
        detail: "no".into(),
        receipt,
    }
}

#[test]
fn when_idle_what_is_committed_goes_at_once() {
    let mut rig = Rig::idle();
    rig.commit(2);
    let plan = rig.plan();
    assert_eq!(
        (plan.after_seq, plan.latest_seq, plan.reason),
        (1, 2, FlushReason::Interval)
    );
}

#[test]
fn batches_begin_at_most_every_20_ms() {
    let mut rig = Rig::idle();
    rig.commit(2);
    rig.deliver(2);
    rig.after(5.0).commit(3);
    assert_eq!(rig.waits_until(), rig.now_ms + 15.0);
    assert_eq!(rig.after(15.0).deliver(3).reason, FlushReason::Interval);
}

#[test]
fn without_a_subscriber_batches_begin_less_often_except_after_silence() {
    let mut rig = Rig::idle();
    let receipts = [(Some(0), 245.0), (Some(1), 15.0), (Some(0), 245.0), (None, 15.0)];
    for (seq, (subscribers, wait_ms)) in (2..).step_by(2).zip(receipts) {
        rig.after(1_000.0).commit(seq);
        rig.deliver_to(seq, subscribers);
        rig.after(5.0).commit(seq + 1);
        assert_eq!(rig.waits_until(), rig.now_ms + wait_ms, "{subscribers:?}");
        rig.after(wait_ms).deliver(seq + 1);
    }
}

#[test]
fn what_may_be_the_last_before_the_browser_ends_does_not_wait_for_a_subscriber() {
    let mut rig = Rig::idle();
    rig.commit(2);
    rig.deliver_to(2, Some(0));
    rig.after(5.0).commit(3);
    assert_eq!(rig.waits_until(), rig.now_ms + 245.0);
    rig.flusher.on_urgent(4);
    assert_eq!(rig.waits_until(), rig.now_ms + 15.0);
    rig.after(15.0).deliver_to(3, Some(0));
    rig.after(1.0).commit(4);
    assert_eq!(rig.waits_until(), rig.now_ms + 19.0, "4 was not committed before");
    rig.after(19.0).deliver_to(4, Some(0));
    rig.after(1.0).commit(5);
    assert_eq!(rig.waits_until(), rig.now_ms + 249.0);
}

#[test]
fn while_one_is_in_flight_the_next_grows() {
    let mut rig = Rig::idle();
    rig.commit(2);
    rig.send(2);
    for seq in 3..50 {
        rig.after(10.0).commit(seq);
        assert_eq!(rig.next(), Action::Idle);
    }
    rig.ack(session(9), 2);
    assert_eq!(rig.plan().latest_seq, 49);
}

#[test]
fn a_full_batch_and_what_it_left_behind_do_not_wait() {
    let mut rig = Rig::idle();
    rig.commit(2);
    rig.deliver(2);
    rig.commit(2 + MAX_BATCH_EVENTS as u64 + 5);
    assert_eq!(rig.deliver(2 + MAX_BATCH_EVENTS as u64).reason, FlushReason::Size);
    let rest = rig.plan();
    assert_eq!(
        (rest.after_seq, rest.reason),
        (2 + MAX_BATCH_EVENTS as u64, FlushReason::Size)
    );
}

#[test]
fn a_flush_and_a_closing_session_do_not_wait() {
    let mut rig = Rig::idle();
    rig.commit(2);
    rig.deliver(2);
    rig.commit(3);
    rig.flusher.on_flush_requested();
    assert_eq!(rig.deliver(3).reason, FlushReason::Requested);
    rig.settle();
    rig.commit(4);
    rig.waits_until();
    rig.flusher.on_closing(session(9));
    assert_eq!(rig.plan().reason, FlushReason::Closing);
}

#[test]
fn older_sessions_drain_oldest_first_and_take_turns_with_the_live_one() {
    let mut rig = Rig::new(3, &[(1, 40, 0), (2, 40, 0)]);
    let mut turns = Vec::new();
    for round in 1..=6 {
        let plan = rig.plan();
        let last_seq = (plan.after_seq + 20).min(plan.latest_seq);
        turns.push((plan.session_id, plan.reason));
        rig.deliver(last_seq);
        rig.commit(3 + round);
        rig.after(20.0);
    }
    let sessions: Vec<_> = turns.iter().map(|turn| turn.0).collect();
    assert_eq!(
        sessions,
        [
            session(9),
            session(1),
            session(9),
            session(1),
            session(9),
            session(2)
        ],
        "live first, then the oldest, in turns"
    );
    assert!(turns.iter().all(|turn| turn.1 == FlushReason::Recovered));
}

#[test]
fn one_session_in_backoff_does_not_hold_up_the_others() {
    let mut rig = Rig::new(3, &[(1, 5, 0)]);
    rig.send(3);
    rig.answer(Reply::Refused {
        status: 400,
        detail: "no".into(),
    });
    assert_eq!(rig.deliver(5).session_id, session(1));
    assert_eq!(rig.codes(), ["collector_connected", "batch_refused"]);
    rig.waits_until();
}

#[test]
fn no_batch_is_sent_before_the_proof_which_is_asked_for_again_after_silence() {
    let mut rig = Rig::idle();
    rig.commit(2);
    rig.after(PROOF_MS + 1.0);
    assert_eq!(rig.next(), Action::Hello);
    rig.greet(STORE);
    rig.send(2);
    rig.answer(Reply::Broken("reset".into()));
    rig.after(60_000.0);
    assert_eq!(rig.next(), Action::Hello);
}

#[test]
fn an_impostor_is_shown_and_tried_again() {
    let mut rig = Rig::idle();
    rig.codes();
    rig.commit(2);
    rig.after(PROOF_MS + 1.0);
    for _ in 0..3 {
        assert_eq!(rig.next(), Action::Hello);
        rig.flusher
            .on_hello(HelloOutcome::Impostor("not ours".into()), rig.now_ms, 0.5);
        let at_ms = rig.waits_until();
        rig.now_ms = at_ms;
    }
    assert_eq!(rig.codes(), ["impostor"]);
    assert_eq!(rig.flusher.status(None).state, LinkState::Impostor);
    rig.greet(STORE);
    rig.deliver(2);
    assert_eq!(rig.flusher.status(None).state, LinkState::Ok);
}

#[test]
fn an_answer_without_proof_acknowledges_nothing_and_asks_for_the_proof() {
    let mut rig = Rig::idle();
    rig.codes();
    rig.commit(5);
    rig.send(5);
    rig.answer(Reply::from(TransportError::NotProven(200)));
    assert_eq!(
        (rig.flusher.acked_seq(session(9)), rig.codes()),
        (1, vec!["impostor"])
    );
    let at_ms = rig.waits_until();
    rig.now_ms = at_ms;
    rig.greet(STORE);
    rig.deliver(5);
    assert_eq!(rig.flusher.status(None).state, LinkState::Ok);
    for (seq, status, why) in [
        (6, 503, "too busy to open it"),
        (7, 409, "the browser repeated it"),
    ] {
        rig.commit(seq);
        rig.send(seq);
        rig.answer(Reply::from(TransportError::NotProven(status)));
        assert_eq!(rig.flusher.status(None).state, LinkState::Retrying, "{why}");
        rig.now_ms = rig.waits_until();
        rig.greet(STORE);
        rig.deliver(seq);
    }
}

#[test]
fn a_failure_is_retried_with_the_same_batch_later_and_later() {
    let mut rig = Rig::idle();
    rig.codes();
    rig.commit(5);
    for wait_ms in [
        250.0, 500.0, 1_000.0, 2_000.0, 4_000.0, 8_000.0, 16_000.0, 30_000.0, 30_000.0,
    ] {
        let plan = rig.send(5);
        assert_eq!(plan.after_seq, 1);
        rig.answer(busy(503, None));
        assert_eq!(
            rig.waits_until(),
            rig.now_ms + wait_ms,
            "half of the ceiling, the random number being 0.5"
        );
        rig.after(wait_ms);
    }
    rig.deliver(5);
    rig.settle();
    assert_eq!(
        rig.codes(),
        ["collector_lost", "collector_connected"],
        "each said once"
    );
}

#[test]
fn retry_after_is_obeyed_even_when_someone_waits() {
    let mut rig = Rig::idle();
    rig.commit(5);
    rig.send(5);
    rig.answer(busy(429, Some(7_000.0)));
    rig.flusher.on_flush_requested();
    assert_eq!(rig.waits_until(), rig.now_ms + 7_000.0);
}

#[test]
fn someone_who_waits_ends_our_own_backoff() {
    let mut rig = Rig::idle();
    rig.commit(5);
    rig.send(5);
    rig.answer(Reply::Broken("reset".into()));
    rig.waits_until();
    rig.flusher.on_flush_requested();
    assert_eq!(rig.plan().reason, FlushReason::Requested);
}

#[test]
fn a_denied_token_stops_the_delivery() {
    for status in [401, 403] {
        let mut rig = Rig::idle();
        rig.codes();
        rig.commit(5);
        rig.send(5);
        rig.answer(Reply::Denied {
            status,
            detail: "unknown token".into(),
        });
        rig.after(1e9).commit(6);
        assert_eq!(rig.next(), Action::Idle);
        assert_eq!(rig.codes(), ["unauthorized"]);
        let status = rig.flusher.status(None);
        assert_eq!((status.state, status.draining), (LinkState::Unauthorized, false));
    }
}

#[test]
fn too_large_a_batch_is_halved_and_grows_again() {
    let mut rig = Rig::idle();
    rig.commit(101);
    rig.send(101);
    rig.answer(Reply::TooLarge("too large".into()));
    let plan = rig.send(51);
    assert_eq!((plan.after_seq, plan.limits), (1, Limits::new(50, 50)));
    rig.ack(session(9), 51);
    assert_eq!(rig.plan().limits, Limits::new(57, 57));
}

#[test]
fn a_record_too_large_alone_is_replaced_by_a_gap() {
    let mut rig = Rig::idle();
    rig.codes();
    rig.commit(3);
    rig.send(2);
    rig.answer(Reply::TooLarge("too large".into()));
    assert!(rig.plan().refused.contains(&2));
    assert_eq!(rig.codes(), ["record_refused"]);
    rig.deliver(3);
    assert!(!rig.flusher.has_refused(session(9)), "what is acked is forgotten");
}

#[test]
fn a_record_blamed_among_others_is_sent_alone_before_it_is_given_up() {
    let mut rig = Rig::idle();
    rig.codes();
    rig.commit(9);
    rig.send(9);
    rig.answer(blames(3, 3)); // seqs 2 and 3 are stored, 4 is not
    let plan = rig.send(4);
    assert_eq!(
        (plan.after_seq, plan.send_alone.contains(&4), plan.refused.len()),
        (3, true, 0)
    );
    assert_eq!(rig.codes(), [""; 0]);
    rig.answer(blames(1, 3));
    assert_eq!(rig.codes(), ["record_refused"]);
    let plan = rig.plan();
    assert!(plan.refused.contains(&4) && plan.after_seq == 3);
}

#[test]
fn a_suspect_that_is_taken_alone_was_innocent() {
    let mut rig = Rig::idle();
    rig.commit(9);
    rig.send(9);
    rig.answer(blames(3, 3));
    rig.deliver(4);
    let plan = rig.plan();
    assert_eq!(
        (plan.after_seq, plan.send_alone.len(), plan.refused.len()),
        (4, 0, 0)
    );
}

#[test]
fn a_gap_that_is_refused_stops_its_session_and_no_other() {
    let mut rig = Rig::new(3, &[(1, 5, 0)]);
    rig.codes();
    for _ in 0..2 {
        while rig.plan().session_id != session(9) {
            rig.flusher.older_gets_no_turn();
        }
        rig.send(1);
        rig.answer(blames(1, 0));
    }
    assert_eq!(rig.codes(), ["record_refused", "gap_refused"]);
    assert_eq!(rig.deliver(5).session_id, session(1));
    rig.after(1e9);
    assert!(matches!(rig.settle(), Action::Idle));
}

#[test]
fn a_blamed_line_that_was_never_sent_is_a_failure() {
    for line in [0, 9, u64::MAX] {
        let mut rig = Rig::idle();
        rig.commit(5);
        rig.send(5);
        rig.answer(blames(line, 1));
        rig.waits_until();
        assert_eq!(rig.flusher.status(None).state, LinkState::Retrying);
    }
}

#[test]
fn a_conflict_stops_its_session_and_no_other() {
    let mut rig = Rig::new(8, &[(1, 5, 0)]);
    rig.codes();
    rig.send(8);
    let receipt = Some(receipt(session(9), 3));
    rig.answer(Reply::Conflict {
        seq: 4,
        detail: "other bytes".into(),
        receipt,
    });
    assert_eq!(rig.codes(), ["seq_conflict"]);
    assert_eq!(rig.cursor(9), Some(3), "what came before it is stored");
    assert_eq!(rig.deliver(5).session_id, session(1));
    rig.after(1e6).commit(20);
    assert!(matches!(rig.settle(), Action::Idle));
    assert!(rig.flusher.status(None).error.is_some());
}

#[test]
fn an_ack_beyond_what_was_sent_is_not_believed() {
    let mut rig = Rig::idle();
    rig.codes();
    rig.commit(5);
    for _ in 0..2 {
        rig.send(5);
        rig.ack(session(9), 6);
        rig.now_ms = rig.waits_until();
    }
    assert_eq!(rig.codes(), ["ack_beyond_sent"]);
    assert_eq!(rig.plan().after_seq, 1);
    rig.deliver(5);
    assert!(rig.flusher.status(None).error.is_none());
}

#[test]
fn an_older_session_that_went_on_in_memory_is_drained_as_far_as_its_log_goes() {
    let mut rig = Rig::new(3, &[(1, 300, 250)]);
    rig.deliver(3);
    rig.send(300);
    rig.ack(session(1), 500);
    rig.now_ms = rig.waits_until();
    rig.send(300);
    rig.ack(session(1), 500);
    assert_eq!(rig.cursor(1), Some(300));
    rig.after(1e4);
    assert!(matches!(rig.settle(), Action::Idle));
}

#[test]
fn an_earlier_owner_may_have_sent_what_it_committed() {
    let mut rig = Rig::new(500, &[]);
    rig.send(20);
    rig.ack(session(9), 500);
    assert_eq!(rig.cursor(9), Some(500));
}

#[test]
fn a_lower_ack_rewinds_and_stores_the_cursor_at_once() {
    let mut rig = Rig::idle();
    rig.commit(100);
    rig.deliver(100);
    rig.settle();
    rig.codes();
    rig.commit(101);
    rig.after(30.0).send(101);
    rig.ack(session(9), 40);
    let store = Action::StoreAcked {
        session_id: session(9),
        store_id: STORE.into(),
        acked_seq: 40,
    };
    assert_eq!(rig.next(), store);
    assert_eq!(rig.codes(), ["store_rewound"]);
    assert_eq!(rig.deliver(101).after_seq, 40);
}

#[test]
fn a_rewind_puts_every_drained_session_to_the_question() {
    let mut rig = Rig::new(10, &[(1, 5, 5), (2, 6, 6), (3, 7, 7)]);
    rig.deliver(10);
    let newest = rig.send(7);
    assert_eq!(
        (newest.session_id, newest.after_seq),
        (session(3), 6),
        "the newest drained one is asked about"
    );
    rig.ack(session(3), 0);
    let mut asked = Vec::new();
    for _ in 0..3 {
        let plan = rig.plan();
        asked.push((plan.session_id, plan.after_seq));
        let latest_seq = plan.latest_seq;
        rig.deliver(latest_seq);
    }
    asked.sort_unstable();
    assert_eq!(asked, [(session(1), 4), (session(2), 5), (session(3), 0)]);
    rig.after(1e4);
    assert!(matches!(rig.settle(), Action::Idle));
}

#[test]
fn a_collector_that_takes_everything_and_acks_nothing_is_slowed_down() {
    let mut rig = Rig::idle();
    rig.commit(5);
    rig.send(5);
    rig.ack(session(9), 1);
    rig.send(5);
    rig.ack(session(9), 1);
    assert_eq!(rig.waits_until(), rig.now_ms + 250.0);
}

#[test]
fn another_store_gets_everything_that_is_held() {
    let mut rig = Rig::new(10, &[(1, 5, 5)]);
    rig.deliver(10);
    rig.deliver(5);
    rig.settle();
    rig.codes();
    rig.commit(11);
    rig.after(PROOF_MS + 1.0);
    rig.greet("store-2");
    assert_eq!(rig.codes(), ["store_changed"]);
    let mut loaded = Vec::new();
    while let Action::LoadAcked { session_id, store_id } = rig.next() {
        assert_eq!(store_id, "store-2");
        rig.flusher.on_acked_loaded(session_id, &store_id, 0);
        loaded.push(session_id);
    }
    assert_eq!(loaded, [session(1), session(9)]);
    assert_eq!(rig.plan().after_seq, 0);
}

#[test]
fn a_receipt_of_another_store_or_session_is_not_believed() {
    for (store_id, id) in [("store-2", session(9)), (STORE, session(8))] {
        let mut rig = Rig::idle();
        rig.commit(5);
        rig.send(5);
        rig.answer(Reply::Acked(Receipt {
            store_id: store_id.into(),
            ..receipt(id, 5)
        }));
        assert_eq!(rig.cursor(9), Some(1));
        rig.now_ms = rig.waits_until();
        assert_eq!(rig.next(), Action::Hello);
    }
}

#[test]
fn cursors_are_stored_at_most_once_a_second_while_they_move_on() {
    let mut rig = Rig::idle();
    rig.stored.clear();
    for seq in 2..=101 {
        rig.commit(seq);
        rig.deliver(seq);
        rig.after(30.0);
    }
    assert!(
        (2..=3).contains(&rig.stored.len()),
        "{:?} in three seconds",
        rig.stored
    );
    assert!(
        rig.stored
            .windows(2)
            .all(|pair| pair[1].0 - pair[0].0 >= STORE_CURSOR_MS)
    );
    rig.now_ms = rig.waits_until();
    assert!(matches!(rig.settle(), Action::Idle));
    assert_eq!(
        rig.stored.last().map(|stored| stored.1),
        Some(101),
        "and the last one is stored"
    );
}

#[test]
fn a_cursor_that_could_not_be_stored_is_tried_again_later() {
    let mut rig = Rig::new(5, &[]);
    rig.deliver(5);
    while !matches!(rig.next(), Action::StoreAcked { .. }) {
        rig.after(100.0);
    }
    rig.flusher.on_acked_not_stored(session(9), rig.now_ms);
    assert_eq!(
        rig.waits_until(),
        rig.now_ms + 30_000.0,
        "delivery does not wait for a log that fails"
    );
}

#[test]
fn a_log_that_cannot_be_read_delays_its_session() {
    let mut rig = Rig::idle();
    rig.codes();
    rig.commit(5);
    rig.plan();
    rig.flusher
        .on_log_unreadable(session(9), "corrupt".into(), rig.now_ms, 0.5);
    assert_eq!(rig.codes(), ["log_unreadable"]);
    assert_eq!(rig.waits_until(), rig.now_ms + 250.0);
}

#[test]
fn the_live_session_continues_while_the_list_of_sessions_cannot_be_read() {
    let mut flusher = Flusher::default();
    flusher.on_live(session(9), 3);
    assert_eq!(flusher.next(0.0), Action::ListSessions);
    flusher.on_sessions_unreadable("no".into(), 0.0);
    assert_eq!(flusher.next(0.0), Action::Hello);
    flusher.on_hello(
        HelloOutcome::Proven {
            store_id: STORE.into(),
        },
        0.0,
        0.5,
    );
    flusher.on_acked_loaded(session(9), STORE, 0);
    assert!(matches!(flusher.next(0.0), Action::Send(_)));
    assert_eq!(flusher.next(31_000.0), Action::ListSessions);
}

#[test]
fn a_clock_at_the_far_end_of_time_breaks_nothing() {
    let mut rig = Rig::idle();
    rig.commit(5);
    rig.now_ms = 1e15;
    rig.deliver(5);
    rig.settle();
}
