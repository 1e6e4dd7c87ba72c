//! The life of a recording: opening, committing, losing the log and recovering it.
//!
//! ```text
//!                    open                      commits fail for 5 s, or 16 MiB pending
//!   resume record ─────────▶ logged ──────────────────────────────────────────▶ degraded
//!        │                      ▲                                                  │  ▲
//!        │ the log cannot       │ the log works again and has what memory held     │  │ backoff, 1 s to 60 s
//!        │ be opened            └──────────────────────────────────────────────────┤  │
//!        │                                                                         └──┘
//!        └──────────────▶ degraded, from its first event
//! ```
//!
//! [`open`](open()) decides which session a recorder continues. A [`Committer`] makes its records durable and notices
//! that the log fails. A [`LossJournal`] keeps, outside of this memory, what would be lost with this memory or with
//! the log: the next recorder makes gaps of it. A database that still cannot be opened after about a minute is
//! [set aside](RecorderLog::set_aside).
//!
//! A [`HealthMeter`] measures costs and lags, and [`Overload`] lowers the detail of what is recorded while the recorder
//! cannot keep up.
//!
//! Nothing here names a browser: the log, the clock, timers, and what outlives a worker come in by [`RecorderLog`],
//! [`Runtime`] and [`Host`].

mod committer;
mod degraded;
mod health;
mod host;
mod open;
mod overload;

pub use committer::{CommitObserver, Committer};
pub use degraded::{LossJournal, Shared};
pub use health::{Cost, HealthMeter, Totals};
pub use host::{Host, RecorderLog, ResumeRecord, Runtime};
pub use open::{Opened, new_session_id, open};
pub use overload::{Change, Load, Lowered, Overload};

#[cfg(test)]
mod tests;
