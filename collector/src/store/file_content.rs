//! Detects that another program wrote over the store's files while they are open.
//!
//! A copy over `events.db`, or its truncation, leaves device and inode as they were, and SQLite's caches hide
//! it. This module therefore reads some bytes of the files by handles of its own, and compares:
//!
//! - `events.db`: SQLite's magic, the page size, and the life: a random number in the header's
//!   `application_id` that each open of the store writes. Length and change counter never become smaller.
//! - `events.db-wal`: its salts are those of the wal-index, and the last committed frame is in the file. The
//!   last frame of the check before is still there too. A frame's checksum covers all frames before it.
//!
//! Formats: <https://sqlite.org/fileformat2.html>, <https://sqlite.org/walformat.html>.
//!
//! A copy of this same life that has the same change counter as the file is not detected in `events.db`, only
//! in the write-ahead log. Nothing is compared on Windows.

#[cfg(unix)]
pub(in crate::store) use compared::FileContent;
#[cfg(not(unix))]
pub(in crate::store) use not_compared::FileContent;

#[cfg(unix)]
mod compared {
    use std::fs::File;
    use std::os::unix::fs::FileExt as _;
    use std::path::Path;
    use std::sync::{Mutex, PoisonError};
    use std::time::Duration;

    const MAGIC: &[u8] = b"SQLite format 3\0";
    /// A comparison during a checkpoint or a commit may read half of it, and is repeated: for half a second, because
    /// on a busy machine the thread that writes may wait for its turn in between.
    const ATTEMPTS: u32 = 100;
    const ATTEMPT_STEP: Duration = Duration::from_millis(5);
    const WAL_HEADER: u64 = 32;
    const FRAME_HEADER: u64 = 24;

    /// The files, and the state in which they were last seen.
    #[derive(Debug)]
    pub(in crate::store) struct FileContent {
        open: Mutex<Option<Open>>,
    }

    /// Handles stay open as long as a connection: closing any handle of a file releases the locks that SQLite
    /// holds on it for this process.
    #[derive(Debug)]
    struct Open {
        database: File,
        wal: File,
        wal_index: File,
        /// The life that the open of the store wrote. It is in the file after the next checkpoint.
        life: [u8; 4],
        seen: Seen,
    }

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    struct Seen {
        life: [u8; 4],
        page_bytes: u64,
        length: u64,
        change_counter: u32,
        wal: Wal,
    }

    /// The committed part of the write-ahead log.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    struct Wal {
        /// The first one counts the restarts of the log, the second one is random.
        salts: [u8; 8],
        /// Number of the last committed frame; 0 before the first commit.
        frame: u32,
        frame_header: [u8; FRAME_HEADER as usize],
    }

    impl FileContent {
        /// Remembers the content of the files, which are open in WAL mode.
        pub(in crate::store) fn of(
            path: &Path,
            wal: &Path,
            wal_index: &Path,
            life: i32,
        ) -> std::io::Result<Self> {
            let (database, wal, wal_index) = (File::open(path)?, File::open(wal)?, File::open(wal_index)?);
            let mut attempt = 1;
            let seen = loop {
                let found = read_database(&database).and_then(|found| {
                    let wal = read_wal(&wal, &wal_index, found.page_bytes)?;
                    Ok(Seen { wal, ..found })
                });
                match found {
                    Ok(seen) => break seen,
                    Err(difference) if attempt == ATTEMPTS => return Err(std::io::Error::other(difference)),
                    Err(_) => std::thread::sleep(ATTEMPT_STEP),
                }
                attempt += 1;
            };
            let open = Open {
                database,
                wal,
                wal_index,
                life: life.to_be_bytes(),
                seen,
            };
            Ok(Self {
                open: Mutex::new(Some(open)),
            })
        }

        /// Compares the content with the last seen one; the error says how it differs.
        pub(in crate::store) fn check(&self) -> Result<(), String> {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(open) = open.as_mut() else { return Ok(()) };
            let mut attempt = 1;
            loop {
                match open.compare() {
                    Ok(seen) => {
                        open.seen = seen;
                        return Ok(());
                    }
                    Err(difference) if attempt == ATTEMPTS => return Err(difference),
                    Err(_) => std::thread::sleep(ATTEMPT_STEP),
                }
                attempt += 1;
            }
        }

        /// Closes the handles, and returns whether the write-ahead log is still this store's; the connections must
        /// be closed.
        pub(in crate::store) fn close(&self) -> bool {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            open.take().is_some_and(|open| open.has_own_wal())
        }
    }

    impl Open {
        fn compare(&self) -> Result<Seen, String> {
            let before = &self.seen;
            let now = read_database(&self.database)?;
            let is_known = [before.life, self.life].contains(&now.life);
            if !is_known || now.page_bytes != before.page_bytes {
                return Err("events.db is from another run of the collector".to_owned());
            }
            if now.length < before.length {
                return Err(format!(
                    "events.db has {} bytes, it had {}",
                    now.length, before.length
                ));
            }
            if now.change_counter < before.change_counter {
                return Err("events.db is older than it was".to_owned());
            }
            let wal = read_wal(&self.wal, &self.wal_index, now.page_bytes)?;
            let restarts = restarts(wal.salts).wrapping_sub(restarts(before.wal.salts));
            if wal.salts == before.wal.salts {
                if wal.frame < before.wal.frame {
                    return Err("events.db-wal is older than it was".to_owned());
                }
                if !self.has_last_frame() {
                    return Err("events.db-wal lost a commit".to_owned());
                }
            } else if before.wal.frame > 0 && (restarts == 0 || restarts > u32::MAX / 2) {
                return Err("events.db-wal is another one".to_owned());
            }
            Ok(Seen { wal, ..now })
        }

        /// Whether the last frame of the check before is in the file.
        fn has_last_frame(&self) -> bool {
            let Wal {
                frame, frame_header, ..
            } = self.seen.wal;
            frame == 0
                || read_frame_header(&self.wal, frame, self.seen.page_bytes)
                    .is_ok_and(|found| found == frame_header)
        }

        fn has_own_wal(&self) -> bool {
            let salts = read::<{ WAL_HEADER as usize }>(&self.wal, 0).map(|header| slice::<8>(&header, 16));
            salts.is_ok_and(|salts| salts == self.seen.wal.salts) && self.has_last_frame()
        }
    }

    fn read_database(file: &File) -> Result<Seen, String> {
        let header: [u8; 100] =
            read(file, 0).map_err(|error| format!("events.db has no whole header: {error}"))?;
        if &header[..MAGIC.len()] != MAGIC {
            return Err("events.db is not a database".to_owned());
        }
        let page_bytes = match u16::from_be_bytes(slice(&header, 16)) {
            1 => 65_536,
            bytes => u64::from(bytes),
        };
        Ok(Seen {
            life: slice(&header, 68),
            page_bytes,
            length: file.metadata().map_err(|error| error.to_string())?.len(),
            change_counter: u32::from_be_bytes(slice(&header, 24)),
            wal: Wal {
                salts: [0; 8],
                frame: 0,
                frame_header: [0; FRAME_HEADER as usize],
            },
        })
    }

    fn read_wal(wal: &File, wal_index: &File, page_bytes: u64) -> Result<Wal, String> {
        // Two copies of the same header; they differ while it is written.
        let index: [u8; 96] =
            read(wal_index, 0).map_err(|error| format!("events.db-shm has no whole header: {error}"))?;
        if index[..48] != index[48..] {
            return Err("events.db-shm is not whole".to_owned());
        }
        let frame = u32::from_ne_bytes(slice(&index, 16));
        let salts: [u8; 8] = slice(&index, 32);
        if frame == 0 {
            return Ok(Wal {
                salts,
                frame,
                frame_header: [0; FRAME_HEADER as usize],
            });
        }
        let lost = |error: std::io::Error| format!("events.db-wal lost a commit: {error}");
        let header: [u8; WAL_HEADER as usize] = read(wal, 0).map_err(lost)?;
        let frame_header = read_frame_header(wal, frame, page_bytes).map_err(lost)?;
        let checksum = |at: usize| {
            let in_index = u32::from_ne_bytes(slice(&index, 24 + at));
            in_index == u32::from_be_bytes(slice(&frame_header, 16 + at))
        };
        if header[16..24] != salts || frame_header[8..16] != salts || !checksum(0) || !checksum(4) {
            return Err("events.db-wal does not have the last commit".to_owned());
        }
        Ok(Wal {
            salts,
            frame,
            frame_header,
        })
    }

    fn read_frame_header(
        wal: &File,
        frame: u32,
        page_bytes: u64,
    ) -> std::io::Result<[u8; FRAME_HEADER as usize]> {
        read(
            wal,
            WAL_HEADER + u64::from(frame - 1) * (FRAME_HEADER + page_bytes),
        )
    }

    fn restarts(salts: [u8; 8]) -> u32 {
        u32::from_be_bytes(slice(&salts, 0))
    }

    fn read<const N: usize>(file: &File, at: u64) -> std::io::Result<[u8; N]> {
        let mut bytes = [0; N];
        file.read_exact_at(&mut bytes, at)?;
        Ok(bytes)
    }

    fn slice<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
        std::array::from_fn(|index| bytes[at + index])
    }
}

#[cfg(not(unix))]
mod not_compared {
    use std::path::Path;

    #[derive(Debug)]
    pub(in crate::store) struct FileContent;

    impl FileContent {
        pub(in crate::store) fn of(
            _path: &Path,
            _wal: &Path,
            _wal_index: &Path,
            _life: i32,
        ) -> std::io::Result<Self> {
            Ok(Self)
        }

        pub(in crate::store) fn check(&self) -> Result<(), String> {
            Ok(())
        }

        pub(in crate::store) fn close(&self) -> bool {
            false
        }
    }
}
