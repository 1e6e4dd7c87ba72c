//! The whole delivery over a log, a transport and a clock.

use super::super::{Delivery, DeliveryStatus, LinkState, MAX_BATCH_EVENTS, NotFlushed, Notice};
use super::collector::{Collector, Fault, Store};
use super::session;
use super::world::{Owner, TestLog, World};
use crate::record::SessionId;
use crate::record::reason::VOLATILE;
use crate::session::LossRecord;
use std::cell::RefCell;
use std::rc::Rc;

type Said = Rc<RefCell<Vec<(LinkState, Vec<&'static str>)>>>;

/// A recorder and its collector.
struct Site {
    world: World,
    log: TestLog,
    collector: Collector,
    owner: Owner,
    delivery: Option<Delivery>,
    said: Said,
}

impl Site {
    fn new() -> Self {
        let world = World::seeded(7);
        let log = TestLog::default();
        let (collector, owner) = (Collector::new(&world), Owner::open(&log, 9));
        Self {
            world,
            log,
            collector,
            owner,
            delivery: None,
            said: Said::default(),
        }
    }

    /// Starts a delivery, as a worker does.
    fn start(&mut self) -> &mut Self {
        let mut parts = self.collector.parts(&self.log);
        let said = self.said.clone();
        parts.on_change = Box::new(move |status: &DeliveryStatus, notices: &[Notice]| {
            said.borrow_mut()
                .push((status.state, notices.iter().map(Notice::code).collect()));
        });
        let (delivery, work) = Delivery::start(parts, self.owner.id(), self.owner.ring.clone());
        self.world.spawn(work);
        self.delivery = Some(delivery);
        self
    }

    fn delivery(&self) -> &Delivery {
        self.delivery.as_ref().unwrap()
    }

    fn publish(&mut self, count: u64) -> &mut Self {
        self.owner.publish(count);
        self.delivery().on_committed();
        self
    }

    /// Flushes; what came of it within `ms`.
    fn flush(&self, ms: f64) -> Option<Result<(), NotFlushed>> {
        let result = Rc::new(RefCell::new(None));
        let (flush, to) = (self.delivery().flush(), result.clone());
        self.world
            .spawn(async move { *to.borrow_mut() = Some(flush.await) });
        self.world.run_until(ms, || result.borrow().is_some());
        result.take()
    }

    fn acked(&self) -> u64 {
        self.collector.acked_seq(self.owner.id())
    }

    fn codes(&self) -> Vec<&'static str> {
        self.said
            .borrow()
            .iter()
            .flat_map(|(_, codes)| codes.clone())
            .collect()
    }
}

/// A session of the past, with `count` events.
fn past(log: &TestLog, number: u64, count: u64) -> SessionId {
    let mut owner = Owner::open(log, number);
    owner.publish(count);
    owner.id()
}

#[test]
fn what_is_committed_arrives_and_flush_waits_for_it() {
    let mut site = Site::new();
    site.start().publish(3);
    assert_eq!(site.flush(1_000.0), Some(Ok(())));
    assert_eq!(site.acked(), 3);
    let status = site.delivery().status();
    assert_eq!(
        (
            status.state, status.acked_seq, status.backlog_events, status.draining
        ),
        (LinkState::Ok, 3, 0, false)
    );
    assert!(status.last_ack_ts.is_some());
}

#[test]
fn in_the_steady_state_the_log_is_not_read() {
    let mut site = Site::new();
    site.start();
    for _ in 0..50 {
        site.publish(2).world.run(25.0);
    }
    assert_eq!((site.acked(), site.log.reads.get()), (100, 0));
}

#[test]
fn what_the_ring_lost_comes_from_the_log() {
    let mut site = Site::new();
    site.owner.publish(1_000);
    site.start();
    assert_eq!(site.flush(60_000.0), Some(Ok(())));
    assert_eq!(site.acked(), 1_000);
    assert!(site.log.reads.get() > 0);
}

#[test]
fn a_volatile_session_continues_from_memory_and_counts_what_is_gone() {
    let mut site = Site::new();
    site.start().publish(10);
    site.flush(1_000.0);
    site.log.unreadable.set(true);
    site.owner.session.degrade_to_memory();
    site.delivery().on_log_lost();
    site.collector.state.borrow_mut().down = true;
    site.owner.publish(100); // the ring holds 64
    site.delivery().on_committed();
    site.world.run(10.0);
    site.collector.state.borrow_mut().down = false;
    site.world.run(5_000.0);
    assert_eq!(site.acked(), 110);
    let gaps = site
        .collector
        .state
        .borrow()
        .store
        .gaps(session(9), "not_retained");
    assert_eq!(gaps, (11..=46).collect::<Vec<_>>());
}

#[test]
fn a_log_that_never_answers_does_not_hold_up_what_is_in_memory() {
    let mut site = Site::new();
    site.start().publish(10);
    site.flush(1_000.0);
    site.log.hangs.set(true);
    site.owner.session.degrade_to_memory();
    site.delivery().on_log_lost();
    for seq in 1..=200 {
        site.publish(1).world.run(100.0);
        assert!(
            site.acked() + 60 >= 10 + seq,
            "at most one wait for the log at a time"
        );
    }
    site.world.run(6_000.0);
    assert_eq!(site.acked(), 210);
    assert_eq!(
        site.collector
            .state
            .borrow()
            .store
            .gaps(session(9), "not_retained"),
        [0; 0]
    );
}

#[test]
fn older_sessions_are_drained_along_with_the_live_one() {
    let mut site = Site::new();
    let (first, second) = (past(&site.log, 1, 5_000), past(&site.log, 2, 7));
    site.start().publish(1);
    assert_eq!(site.flush(60_000.0), Some(Ok(())));
    assert_eq!(
        [
            site.collector.acked_seq(first),
            site.collector.acked_seq(second),
            site.acked()
        ],
        [5_000, 7, 1]
    );
}

#[test]
fn the_live_session_is_not_starved_by_a_backlog() {
    let mut site = Site::new();
    past(&site.log, 1, 20 * MAX_BATCH_EVENTS as u64);
    site.start();
    site.world.run(20.0);
    for seq in 1..=10 {
        site.publish(1).world.run(25.0);
        assert!(site.acked() >= seq, "seq {seq} waits for the backlog");
    }
}

#[test]
fn a_new_worker_continues_where_the_last_one_was_killed() {
    let mut site = Site::new();
    site.start().publish(50);
    site.collector.fault(Fault::LostAnswer);
    site.world.run(3.0);
    for _ in 0..5 {
        site.delivery = None;
        site.owner = Owner::open(&site.log, 9);
        site.start().publish(10);
        site.world.run(2.0);
    }
    assert_eq!(site.flush(10_000.0), Some(Ok(())));
    assert_eq!(site.acked(), 100);
    assert_eq!(site.collector.state.borrow().conflicts, 0);
}

#[test]
fn dropping_the_delivery_ends_it_and_its_flushes() {
    let mut site = Site::new();
    site.collector.state.borrow_mut().down = true;
    site.start().publish(5);
    let flush = site.delivery().flush();
    let result = Rc::new(RefCell::new(None));
    let to = result.clone();
    site.world
        .spawn(async move { *to.borrow_mut() = Some(flush.await) });
    site.delivery = None;
    site.world.run(10.0);
    assert!(result.take().is_some_and(|result| result.is_err()));
    site.collector.state.borrow_mut().down = false;
    site.world.run(600_000.0);
    assert_eq!(site.acked(), 0);
}

#[test]
fn a_flush_says_why_it_did_not_come_to_its_end() {
    let mut site = Site::new();
    site.start().publish(1);
    site.flush(1_000.0);
    site.collector.state.borrow_mut().down = true;
    site.publish(1);
    let Some(Err(error)) = site.flush(60_000.0) else {
        panic!("it is down")
    };
    assert!(error.to_string().contains("connection refused"), "{error}");
}

#[test]
fn a_hung_connection_is_given_up_after_its_time() {
    let mut site = Site::new();
    site.start();
    site.world.run(100.0);
    for carried_out in [false, true] {
        site.collector.fault(Fault::Hangs { carried_out });
        site.publish(5);
        let before = site.acked();
        site.world.run(19_000.0);
        assert_eq!(site.acked(), before + if carried_out { 5 } else { 0 });
        site.world.run(10_000.0);
        assert_eq!(site.acked(), before + 5);
        assert_eq!(site.delivery().status().state, LinkState::Ok);
    }
}

#[test]
fn retry_after_as_a_date_is_measured_by_the_wall_clock() {
    let mut site = Site::new();
    site.start().publish(1);
    site.world.run(100.0);
    // The world began on Mon, 24 Nov 2025 16:00:00 GMT.
    site.collector
        .fault(Fault::Status(503, Some("Mon, 24 Nov 2025 16:01:00 GMT")));
    site.publish(1);
    site.world.run(59_000.0);
    assert_eq!(site.acked(), 1);
    site.world.run(2_000.0);
    assert_eq!(site.acked(), 2);
}

#[test]
fn a_wall_clock_that_jumps_an_hour_delays_nothing() {
    let mut site = Site::new();
    site.start();
    for jump in [3_600_000.0, -7_200_000.0, 3_600_000.0] {
        site.world.jump(jump);
        site.publish(1).world.run(50.0);
        let acked = site.acked();
        assert_eq!(acked, site.owner.session.latest_seq());
    }
}

#[test]
fn poison_is_replaced_by_a_gap_and_its_neighbours_arrive() {
    let mut site = Site::new();
    site.start();
    for index in 0..50 {
        let data = if index == 20 || index == 21 || index == 49 {
            r#""POISON""#
        } else {
            "1"
        };
        site.owner.publish_data(data);
    }
    site.owner.commit();
    site.delivery().on_committed();
    assert_eq!(site.flush(10_000.0), Some(Ok(())));
    let state = site.collector.state.borrow();
    assert_eq!(state.store.gaps(session(9), "refused"), [21, 22, 50]);
    assert_eq!(state.store.acked_seq(session(9)), 50);
    assert_eq!(
        site.codes()
            .iter()
            .filter(|code| **code == "record_refused")
            .count(),
        3
    );
}

#[test]
fn poison_met_again_by_another_worker_ends_at_the_same_ledger() {
    let mut site = Site::new();
    site.start();
    site.owner.publish_data(r#""POISON""#);
    site.owner.commit();
    site.delivery().on_committed();
    site.world.run(4.5); // refused, and the gap is on its way
    site.collector.fault(Fault::LostAnswer);
    site.world.run(3.0);
    site.delivery = None;
    site.owner = Owner::open(&site.log, 9);
    site.start().publish(1);
    assert_eq!(site.flush(10_000.0), Some(Ok(())));
    let state = site.collector.state.borrow();
    assert_eq!(
        (state.store.gaps(session(9), "refused"), state.conflicts),
        (vec![1], 0)
    );
}

#[test]
fn one_giant_among_many_is_the_only_one_refused() {
    let mut site = Site::new();
    site.collector.state.borrow_mut().max_body = 100_000;
    site.start();
    for index in 0..200 {
        let data = if index == 100 {
            format!("\"{}\"", "x".repeat(200_000))
        } else {
            "1".into()
        };
        site.owner.publish_data(&data);
    }
    site.owner.commit();
    site.delivery().on_committed();
    assert_eq!(site.flush(30_000.0), Some(Ok(())));
    let state = site.collector.state.borrow();
    assert_eq!(state.store.gaps(session(9), "refused"), [101]);
    assert_eq!(state.store.acked_seq(session(9)), 200);
}

#[test]
fn a_request_cut_on_its_way_costs_no_record() {
    let mut site = Site::new();
    site.start().publish(1);
    site.world.run(100.0);
    for _ in 0..4 {
        site.collector.fault(Fault::CutRequest);
        site.publish(7);
        site.world.run(5_000.0);
    }
    assert_eq!(site.acked(), 29);
    assert_eq!(
        site.collector.state.borrow().store.gaps(session(9), "refused"),
        [0; 0]
    );
}

#[test]
fn an_emptied_store_gets_everything_still_held_and_the_rest_as_a_gap() {
    let mut site = Site::new();
    let old = past(&site.log, 1, 30);
    site.start().publish(200);
    site.flush(10_000.0);
    site.log.forget(session(9), 50);
    site.log.forget(old, 30);
    site.collector.state.borrow_mut().store = Store::new("store-2");
    site.collector.state.borrow_mut().down = true;
    site.publish(1).world.run(2_000.0);
    site.collector.state.borrow_mut().down = false;
    site.world.run(60_000.0);
    assert_eq!((site.acked(), site.collector.acked_seq(old)), (201, 30));
    let state = site.collector.state.borrow();
    assert_eq!(state.store.gaps(session(9), "not_retained").len(), 50);
    assert_eq!(state.store.gaps(old, "not_retained").len(), 30);
}

#[test]
fn a_store_restored_while_the_browser_was_closed_is_found_out() {
    let mut site = Site::new();
    let (oldest, older) = (past(&site.log, 1, 30), past(&site.log, 2, 40));
    let copy = site.collector.state.borrow().store.clone();
    site.start().publish(5);
    site.flush(10_000.0);
    site.world.run(2_000.0);
    site.delivery = None;
    site.collector.state.borrow_mut().store = copy;
    site.owner = Owner::open(&site.log, 10);
    site.start().publish(1);
    site.world.run(60_000.0);
    let acked = [oldest, older, session(9), session(10)].map(|id| site.collector.acked_seq(id));
    assert_eq!(acked, [30, 40, 5, 1]);
}

#[test]
fn an_impostor_on_the_port_gets_neither_token_nor_event() {
    let mut site = Site::new();
    site.start().publish(1);
    site.world.run(6_000.0);
    for _ in 0..3 {
        site.collector.fault(Fault::Impostor);
    }
    site.publish(5);
    site.world.run(20_000.0);
    assert_eq!(site.collector.state.borrow().leaked, [""; 0]);
    assert_eq!(site.acked(), 6);
    assert_eq!(
        site.codes(),
        ["collector_connected", "impostor", "collector_connected"]
    );
    // Within the proof's time: the batch itself meets the impostor.
    site.collector.fault(Fault::Impostor);
    site.publish(1).world.run(20_000.0);
    assert_eq!(site.collector.state.borrow().leaked, [""; 0]);
    assert_eq!(site.acked(), 7);
}

#[test]
fn an_idle_delivery_asks_nothing_of_the_collector() {
    let mut site = Site::new();
    site.start().publish(1);
    site.world.run(5_000.0);
    let before = site.collector.state.borrow().requests.len();
    site.world.run(3_600_000.0);
    assert_eq!(site.collector.state.borrow().requests.len(), before);
}

#[test]
fn a_collector_that_comes_back_is_found_although_nothing_is_to_be_sent() {
    let mut site = Site::new();
    site.collector.state.borrow_mut().down = true;
    site.start().world.run(10_000.0);
    assert_eq!(site.delivery().status().state, LinkState::Retrying);
    site.collector.state.borrow_mut().down = false;
    site.world.run(60_000.0);
    assert_eq!(site.delivery().status().state, LinkState::Ok);
}

#[test]
fn a_denied_token_ends_requests_and_is_said_once() {
    let mut site = Site::new();
    site.collector.state.borrow_mut().deny = Some(401);
    site.start().publish(3).world.run(600_000.0);
    assert_eq!(site.collector.batches(), 1);
    assert_eq!(site.codes(), ["collector_connected", "unauthorized"]);
    let Some(Err(error)) = site.flush(10.0) else {
        panic!("it is denied")
    };
    assert!(error.to_string().contains("401"), "{error}");
}

#[test]
fn another_live_session_takes_over_and_the_last_one_is_still_drained() {
    let mut site = Site::new();
    site.start().publish(3);
    let mut next = Owner::open(&site.log, 10);
    next.publish(4);
    site.delivery().set_live(next.id(), next.ring.clone());
    assert_eq!(site.flush(1_000.0), Some(Ok(())));
    assert_eq!((site.acked(), site.collector.acked_seq(session(10))), (3, 4));
}

#[test]
fn a_log_that_is_lost_is_replaced_by_the_gaps_that_were_counted() {
    let mut site = Site::new();
    let kept = past(&site.log, 1, 3);
    let lost = session(2);
    site.start();
    for id in [kept, lost] {
        // The reason distinguishes them from gaps that delivery makes by itself.
        let gaps = LossRecord::uncounted(id, 0, 3).to_gap_ring();
        site.delivery().add_logged_session(id, gaps);
    }
    site.publish(1);
    assert_eq!(site.flush(5_000.0), Some(Ok(())));
    let state = site.collector.state.borrow();
    assert_eq!(
        (site.collector.acked_seq(kept), state.store.gaps(kept, VOLATILE)),
        (3, vec![])
    );
    assert_eq!(state.store.gaps(lost, VOLATILE), [1, 2, 3]);
}
