//! The log works again: the session is in it, and earlier losses are written to it.

use super::super::host::{Host, RecorderLog, ResumeRecord, Runtime};
use super::super::open::{add_lost_logs, held_and_lost, log_gaps};
use super::Inner;
use crate::session::{LossRecord, State};
use crate::system;
use std::rc::Rc;

impl<H: Host, L: RecorderLog> Inner<H, L> {
    /// The session is in its log again, and the next recorder continues it.
    pub(super) fn on_log_recovered(self: &Rc<Self>) {
        let session = self.shared.session.borrow();
        if session.state() == State::Logged {
            let session_id = Some(session.session_id());
            let epoch = session.epoch();
            self.resumable.replace(ResumeRecord {
                session_id,
                epoch,
                ..ResumeRecord::default()
            });
        }
        drop(session);
        self.logged_seq.set(None);
        if let Some(delivery) = &*self.shared.delivery.borrow() {
            delivery.on_log_recovered();
        }
        self.publish_system(&system::storage_recovered());
        self.host.changed();
        self.save_soon();
        let this = self.clone();
        self.host.runtime().spawn(async move { this.log_losses().await });
    }

    /// Writes to the log the losses that could not be written while it was closed, and finds out which there are.
    async fn log_losses(&self) {
        let Some(log) = &self.log else { return };
        let mut ids: Vec<_> = self.unconfirmed.borrow().iter().map(|it| it.session_id).collect();
        let records = [&self.unconfirmed.borrow()[..], &self.older.borrow()].concat();
        match held_and_lost(log, records).await {
            // Gaps in place of records that may be there would hide these.
            Err(failed) => return self.host.problem(failed.code(), &failed.to_string()),
            Ok((held, lost)) => {
                ids.extend(lost.iter().map(|record| record.session_id));
                self.older.replace(held);
                self.unconfirmed.take();
                add_lost_logs(&mut self.finished.borrow_mut(), lost);
            }
        }
        let mut logged = self.finished.borrow().clone();
        let mut older = self.older.borrow().clone();
        log_gaps(log, &mut logged, &mut older, &self.host).await;
        self.older.replace(older);
        // A collector may have acknowledged some of them meanwhile.
        self.finished.borrow_mut().retain_mut(|record| {
            let now = LossRecord::of(&logged, record.session_id);
            now.map(|now| record.clone_from(now)).is_some()
        });
        // Not before: it is known now what the log has of them.
        if let Some(delivery) = &*self.shared.delivery.borrow() {
            let finished = self.finished.borrow();
            for record in finished.iter().filter(|record| ids.contains(&record.session_id)) {
                delivery.add_finished_session(record.session_id, record.to_gap_ring());
            }
        }
        self.save_or_report().await;
    }
}
