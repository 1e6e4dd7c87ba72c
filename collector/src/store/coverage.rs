//! What was being watched, so that an empty answer means something.
//!
//! Recorders say it themselves: a session's start, each worker's start and each change of config carry the
//! config, and a worker's start the stretch nobody watched. Those lines are kept as milestones, apart from
//! retention. From them comes, for each session, a row of stretches with the categories and levels that
//! were on; holes in the stream and seqs still on their way stand beside it.

use super::StoreError;
use rusqlite::{Connection, params};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use tabtape::selector::{Filter as Condition, Selector};
use utoipa::ToSchema;

/// Sessions and gaps named at most; what is left out is counted.
const MAX_SESSIONS: usize = 50;
const MAX_GAPS: usize = 100;

const STARTED: &str = "system.session_started";
const WORKER: &str = "system.worker_started";
const CONFIG: &str = "system.config_changed";
const ENDED: &str = "system.session_ended";

/// Whether events of this type say what is watched.
pub(super) fn is_milestone(type_: &str) -> bool {
    matches!(type_, STARTED | WORKER | CONFIG | ENDED)
}

/// A stretch of time, Unix microseconds; no end: it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Window {
    /// First moment.
    pub from_ts: u64,
    /// Last moment.
    pub to_ts: Option<u64>,
}

/// What was recorded during a stretch.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Watched {
    /// When.
    #[serde(flatten)]
    pub window: Window,
    /// Categories that were on, each with its detail level.
    pub categories: BTreeMap<String, String>,
    /// Sites it was for, as the config says.
    pub sites: Value,
}

/// A tab that was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct TabCoverage {
    /// The browser's id.
    pub tab: i64,
    /// Its first event.
    pub first_ts: u64,
    /// Its last event.
    pub last_ts: u64,
    /// How many were received.
    pub events: u64,
}

/// A counted hole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Hole {
    /// First seq.
    pub first_seq: u64,
    /// Last seq.
    pub last_seq: u64,
    /// What was lost.
    pub category: String,
    /// Why.
    pub reason: String,
}

/// What was being watched in one session.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SessionCoverage {
    /// Its id.
    pub session: String,
    /// The local process that writes it, if one does; what it does not tell is not known.
    pub producer: Option<String>,
    /// First and last event.
    pub first_ts: Option<u64>,
    /// See `first_ts`.
    pub last_ts: Option<u64>,
    /// What was on, and when.
    pub watched: Vec<Watched>,
    /// When nobody watched.
    pub unwatched: Vec<Window>,
    /// Tabs that were seen.
    pub tabs: Vec<TabCoverage>,
    /// Holes, the latest 100.
    pub gaps: Vec<Hole>,
    /// All seqs lost to holes.
    pub gap_seqs: u64,
    /// Seqs not accounted for yet, as `[first, last]`.
    pub missing: Vec<(u64, u64)>,
    /// Seqs whose record retention took away.
    pub pruned: u64,
}

/// The coverage of what `selector` and `only` ask for, newest session first.
pub(super) fn read(
    connection: &Connection,
    selector: Option<&Selector>,
    only: Option<&str>,
) -> Result<Vec<SessionCoverage>, StoreError> {
    let (from, to) = selector.map_or((0, u64::MAX), Selector::time_range);
    let mut statement = connection.prepare_cached(
        "SELECT id, session, producer, first_ts, last_ts, acked_seq, pruned FROM sessions
         WHERE (?1 IS NULL OR session = ?1) AND coalesce(last_ts, ?2) >= ?2 AND coalesce(first_ts, ?3) <= ?3
         ORDER BY id DESC",
    )?;
    let clamp = |ts: u64| i64::try_from(ts).unwrap_or(i64::MAX);
    let mut rows = statement.query(params![only, clamp(from), clamp(to)])?;
    let mut sessions = Vec::new();
    while let Some(row) = rows.next()? {
        let session: String = row.get(1)?;
        if selector.is_some_and(|selector| !wants_session(selector, &session)) {
            continue;
        }
        let id: i64 = row.get(0)?;
        let (watched, unwatched) = stretches(connection, id, selector)?;
        let (gaps, gap_seqs) = holes(connection, id, selector)?;
        sessions.push(SessionCoverage {
            producer: row.get(2)?,
            first_ts: row.get::<_, Option<i64>>(3)?.map(|ts| ts as u64),
            last_ts: row.get::<_, Option<i64>>(4)?.map(|ts| ts as u64),
            watched,
            unwatched,
            tabs: tabs(connection, id, selector)?,
            gaps,
            gap_seqs,
            missing: super::sessions::missing(connection, id, row.get::<_, i64>(5)? as u64)?,
            pruned: row.get::<_, i64>(6)? as u64,
            session,
        });
        if sessions.len() >= MAX_SESSIONS {
            break;
        }
    }
    Ok(sessions)
}

fn wants_session(selector: &Selector, session: &str) -> bool {
    selector.terms().iter().all(|term| match &term.filter {
        Condition::Session(globs) => globs.iter().any(|glob| glob.matches(session)) != term.negated,
        _ => true,
    })
}

fn stretches(
    connection: &Connection,
    id: i64,
    selector: Option<&Selector>,
) -> Result<(Vec<Watched>, Vec<Window>), StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT ts, type, line FROM milestones WHERE session = ?1 ORDER BY seq")?;
    let mut rows = statement.query([id])?;
    let (mut watched, mut unwatched): (Vec<Watched>, Vec<Window>) = (Vec::new(), Vec::new());
    while let Some(row) = rows.next()? {
        let ts = row.get::<_, i64>(0)? as u64;
        let type_ = row.get_ref(1)?.as_str().unwrap_or_default();
        let record: Value =
            serde_json::from_slice(row.get_ref(2)?.as_blob().unwrap_or_default()).unwrap_or_default();
        let data = &record["event"]["data"];
        if let (Some(from_ts), Some(to_ts)) =
            (data["unwatched"]["from_ts"].as_u64(), data["unwatched"]["to_ts"].as_u64())
        {
            unwatched.push(Window { from_ts, to_ts: Some(to_ts) });
        }
        let on = (type_ != ENDED).then(|| categories(&data["config"], selector));
        let sites = data["config"]["sites"].clone();
        let same = watched.last().is_some_and(|last| {
            last.window.to_ts.is_none() && on.as_ref() == Some(&last.categories) && last.sites == sites
        });
        if same {
            continue;
        }
        if let Some(last) = watched.last_mut().filter(|last| last.window.to_ts.is_none()) {
            last.window.to_ts = Some(ts);
        }
        if let Some(categories) = on {
            watched.push(Watched { window: Window { from_ts: ts, to_ts: None }, categories, sites });
        }
    }
    Ok((watched, unwatched))
}

/// The categories a config turns on, as far as they are asked for.
fn categories(config: &Value, selector: Option<&Selector>) -> BTreeMap<String, String> {
    let all = config["categories"].as_object().into_iter().flatten();
    all.filter(|(name, category)| {
        category["enabled"] != Value::Bool(false)
            && selector.is_none_or(|selector| selector.wants_category(name))
    })
    .map(|(name, category)| {
        (name.clone(), category["detail_level"].as_str().unwrap_or("standard").to_owned())
    })
    .collect()
}

fn tabs(connection: &Connection, id: i64, selector: Option<&Selector>) -> rusqlite::Result<Vec<TabCoverage>> {
    let wanted = |tab: i64| {
        selector.is_none_or(|selector| {
            selector.terms().iter().all(|term| match &term.filter {
                Condition::Tab(tabs) => tabs.contains(&tab) != term.negated,
                _ => true,
            })
        })
    };
    let mut statement = connection.prepare_cached(
        "SELECT tab, first_ts, last_ts, events FROM tabs WHERE session = ?1 ORDER BY first_ts",
    )?;
    let rows = statement.query_map([id], |row| {
        Ok(TabCoverage {
            tab: row.get(0)?,
            first_ts: row.get::<_, i64>(1)? as u64,
            last_ts: row.get::<_, i64>(2)? as u64,
            events: row.get::<_, i64>(3)? as u64,
        })
    })?;
    rows.filter(|tab| tab.as_ref().map_or(true, |tab| wanted(tab.tab))).collect()
}

fn holes(
    connection: &Connection,
    id: i64,
    selector: Option<&Selector>,
) -> rusqlite::Result<(Vec<Hole>, u64)> {
    let mut statement = connection.prepare_cached(
        "SELECT first_seq, last_seq, category, reason FROM gaps WHERE session = ?1 ORDER BY first_seq DESC",
    )?;
    let mut rows = statement.query([id])?;
    let (mut holes, mut seqs) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let hole = Hole {
            first_seq: row.get::<_, i64>(0)? as u64,
            last_seq: row.get::<_, i64>(1)? as u64,
            category: row.get(2)?,
            reason: row.get(3)?,
        };
        if selector.is_some_and(|selector| !selector.wants_category(&hole.category)) {
            continue;
        }
        seqs += hole.last_seq - hole.first_seq + 1;
        if holes.len() < MAX_GAPS {
            holes.push(hole);
        }
    }
    holes.reverse();
    Ok((holes, seqs))
}
