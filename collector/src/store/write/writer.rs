//! The one writer: a thread that owns the writing connection.
//!
//! Group commit: all batches that arrived during the last commit go into the next transaction, so that many
//! small batches cost one fsync. A receipt is sent only after the commit has returned with
//! `synchronous = FULL`. A group that fails is rolled back as a whole, and its batches are tried
//! one by one, so that one that cannot be stored does not affect the others.

use super::batch::{Batch, Receipt};
use super::ingest::Ingest;
use super::reserve::{Reserve, shorten_log};
use crate::clock::now_micros;
use crate::store::StoreError;
use crate::store::format::names::{Interner, Names};
use crate::store::format::packed::CompressedLines;
use crate::store::read::recent::{Commit, Recent};
use crate::store::store_file::StoreFile;
use rusqlite::{Connection, TransactionBehavior};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread::JoinHandle;
use tokio::sync::{mpsc, oneshot};

/// Most batches that wait for the writer; more are answered "busy".
const MAX_QUEUED: usize = 512;
/// Most bytes waiting for the writer: what a slow disk may cost in memory.
const MAX_QUEUED_BYTES: usize = 128 << 20;
/// A group is closed when it holds this much, so that an early batch does not wait for all later ones.
const MAX_GROUP_BYTES: usize = 4 << 20;
const MAX_GROUP_BATCHES: usize = 256;
/// Up to here, packing takes less than it costs to hand it to another thread.
const PACKED_AT_ONCE_BYTES: usize = 64 << 10;
/// Interval in which the clock table records the latest position; see `retention`.
const CLOCK_STEP_MICROS: u64 = 60_000_000;

/// A rare operation that uses [`WriterState`].
type Job = Box<dyn FnOnce(&mut WriterState) + Send>;

enum Op {
    Ingest(Box<Waiting>),
    Run(Job),
    Close,
}

/// Sends work to the writer thread.
#[derive(Debug)]
pub(in crate::store) struct Writer {
    ops: mpsc::Sender<Op>,
    queued_bytes: AtomicUsize,
    thread: std::sync::Mutex<Option<JoinHandle<()>>>,
}

struct Queued<'a> {
    bytes: usize,
    of: &'a AtomicUsize,
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.of.fetch_sub(self.bytes, Relaxed);
    }
}

/// State that only the writer thread uses.
#[derive(Debug)]
pub(in crate::store) struct WriterState {
    pub(in crate::store) connection: Connection,
    pub(in crate::store) ingest: Ingest,
    pub(in crate::store) names: Arc<Names>,
    pub(in crate::store) recent: Arc<Recent>,
    pub(in crate::store) reserve: Reserve,
    file: Arc<StoreFile>,
    last_clock: u64,
}

impl Writer {
    pub(in crate::store) fn start(
        connection: Connection,
        names: Arc<Names>,
        recent: Arc<Recent>,
        file: Arc<StoreFile>,
        reserve: Reserve,
    ) -> Result<Self, StoreError> {
        let (ops, queue) = mpsc::channel(MAX_QUEUED);
        let ingest = Ingest::new(Interner::of(&names), recent.latest_position());
        let mut state = WriterState {
            connection,
            ingest,
            names,
            recent,
            reserve,
            file,
            last_clock: 0,
        };
        state.fill_reserve()?;
        let thread = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || {
                let run = std::panic::AssertUnwindSafe(|| state.run(queue));
                if std::panic::catch_unwind(run).is_err() {
                    // Without its writer the collector cannot store anything. The file is intact: start the collector again.
                    tracing::error!("the store's writer failed; the collector ends");
                    std::process::abort();
                }
            })
            .map_err(StoreError::Thread)?;
        Ok(Self {
            ops,
            queued_bytes: AtomicUsize::new(0),
            thread: std::sync::Mutex::new(Some(thread)),
        })
    }

    /// Stores a batch; resolves once it is on disk.
    pub(in crate::store) async fn ingest(&self, batch: Batch) -> Result<Receipt, StoreError> {
        let bytes: usize = batch.records.iter().map(|record| record.line.len()).sum();
        // Counted until it is answered, also when the client goes away before.
        let queued = Queued {
            bytes,
            of: &self.queued_bytes,
        };
        if self.queued_bytes.fetch_add(bytes, Relaxed) > MAX_QUEUED_BYTES {
            return Err(StoreError::Busy);
        }
        // Not on the writer's thread, for which every batch waits.
        let (batch, packed) = pack(batch, bytes).await?;
        let (reply, receipt) = oneshot::channel();
        self.ops
            .try_send(Op::Ingest(Box::new(Waiting { batch, packed, reply })))
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => StoreError::Busy,
                mpsc::error::TrySendError::Closed(_) => StoreError::Closed,
            })?;
        let receipt = receipt.await.map_err(|_| StoreError::Closed)?;
        drop(queued);
        receipt
    }

    /// Runs `job` on the writer thread, between groups.
    pub(in crate::store) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut WriterState) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, result) = oneshot::channel();
        let checked = move |state: &mut WriterState| {
            state.file.check()?;
            let done = job(state);
            state.file.check()?;
            done
        };
        let job: Job = Box::new(move |state| drop(reply.send(checked(state))));
        self.ops
            .send(Op::Run(job))
            .await
            .map_err(|_| StoreError::Closed)?;
        result.await.map_err(|_| StoreError::Closed)?
    }

    /// Finishes what is queued, checkpoints and ends the thread.
    pub(in crate::store) async fn close(&self) {
        if self.ops.send(Op::Close).await.is_err() {
            return;
        }
        self.ops.closed().await;
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            let joined = tokio::task::spawn_blocking(move || thread.join().is_ok()).await;
            if !matches!(joined, Ok(true)) {
                tracing::error!("the store's writer ended badly");
            }
        }
    }
}

/// A batch with its compressed lines, and the channel of its receipt.
struct Waiting {
    batch: Batch,
    packed: CompressedLines,
    reply: oneshot::Sender<Result<Receipt, StoreError>>,
}

/// Compresses the lines of a batch; off the async threads if the batch is large.
async fn pack(batch: Batch, bytes: usize) -> Result<(Batch, CompressedLines), StoreError> {
    let work = move || {
        let packed = CompressedLines::of(batch.records.iter().map(|record| &record.line[..]));
        (batch, packed)
    };
    if bytes < PACKED_AT_ONCE_BYTES {
        return Ok(work());
    }
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| StoreError::Closed)
}

impl WriterState {
    fn run(mut self, mut queue: mpsc::Receiver<Op>) {
        let mut closing = false;
        while let Some(first) = queue.blocking_recv() {
            let mut next = Some(first);
            let mut group: Vec<Waiting> = Vec::new();
            let mut bytes = 0;
            let mut job = None;
            while let Some(op) = next.take().or_else(|| queue.try_recv().ok()) {
                match op {
                    Op::Ingest(waiting) => {
                        bytes += waiting
                            .batch
                            .records
                            .iter()
                            .map(|record| record.line.len())
                            .sum::<usize>();
                        group.push(*waiting);
                    }
                    Op::Run(run) => job = Some(run),
                    Op::Close => {
                        closing = true;
                        queue.close(); // what was queued before is still served
                    }
                }
                if job.is_some() || bytes >= MAX_GROUP_BYTES || group.len() >= MAX_GROUP_BATCHES {
                    break;
                }
            }
            self.commit_group(group);
            if let Some(job) = job {
                job(&mut self);
            }
        }
        if !self.file.before_close(&self.connection) && closing {
            shorten_log(&self.connection);
            let _ = self.fill_reserve(); // what starting on a full disk has taken
        }
    }

    fn commit_group(&mut self, group: Vec<Waiting>) {
        if group.is_empty() {
            return;
        }
        let mut result = self.try_commit(&group);
        // The write-ahead log may have space that a checkpoint frees.
        if matches!(result, Err(StoreError::DiskFull)) && self.empty_log() {
            result = self.try_commit(&group);
        }
        match result {
            Ok(receipts) => {
                for (waiting, receipt) in group.into_iter().zip(receipts) {
                    let _ = waiting.reply.send(Ok(receipt)); // the client may have gone
                }
            }
            Err(error) if group.len() == 1 => {
                tracing::error!(%error, "a batch could not be stored");
                if let Some(waiting) = group.into_iter().next() {
                    let _ = waiting.reply.send(Err(error));
                }
            }
            Err(_) => group
                .into_iter()
                .for_each(|waiting| self.commit_group(vec![waiting])),
        }
    }

    fn try_commit(&mut self, group: &[Waiting]) -> Result<Vec<Receipt>, StoreError> {
        self.file.check()?;
        let clock = now_micros();
        let clock_due = clock.abs_diff(self.last_clock) >= CLOCK_STEP_MICROS;
        let ingest = &mut self.ingest;
        let committed = (|| -> rusqlite::Result<_> {
            let transaction = self
                .connection
                .transaction_with_behavior(TransactionBehavior::Immediate)?;
            let receipts = group
                .iter()
                .map(|waiting| ingest.store(&transaction, &waiting.batch, &waiting.packed))
                .collect::<rusqlite::Result<Vec<_>>>()?;
            ingest.flush(&transaction)?;
            if clock_due {
                transaction.execute(
                    "INSERT OR REPLACE INTO clock (ts, position) VALUES (?1, ?2)",
                    [clock as i64, ingest.latest_position as i64],
                )?;
            }
            transaction.commit()?;
            Ok(receipts)
        })();
        // The commit counts only if the file that it went to still has the store's name, and this store's content.
        match self
            .file
            .check()
            .and_then(|()| committed.map_err(StoreError::from))
        {
            Ok(receipts) => {
                if clock_due {
                    self.last_clock = clock;
                }
                self.committed();
                Ok(receipts)
            }
            Err(error) => {
                self.ingest.roll_back();
                Err(error)
            }
        }
    }

    /// Shows readers and subscribers what has just been committed.
    pub(in crate::store) fn committed(&mut self) {
        self.ingest.interner.committed(&self.names);
        self.recent.push(Commit::new(self.ingest.take_committed()));
    }
}
