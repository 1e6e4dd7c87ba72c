//! Lives of documents: which records begin, continue and end one.

use super::{Ended, Session, What};
use crate::otlp::life::{End, Events, Ids, Life};
use crate::otlp::metrics::Measure;
use crate::otlp::span;
use crate::otlp::walk::{Finished, Record};
use std::collections::{BTreeMap, BTreeSet};

impl Session {
    pub(super) fn navigation_started(&mut self, record: &Record<'_>) {
        if let Some(navigation) = record.metadata("navigation_id")
            && !self.navigations.contains_key(navigation)
        {
            self.begin(navigation.to_owned(), record, true);
            self.navigations
                .insert(navigation.to_owned(), navigation.to_owned());
        }
    }

    /// A document is shown in a frame: what was there has ended.
    pub(super) fn navigation_committed(&mut self, record: &Record<'_>) {
        let navigation = record.metadata("navigation_id");
        let document = record.metadata("document_id");
        let started = navigation.and_then(|navigation| self.navigations.get(navigation));
        // The same document again comes out of the back/forward cache, and its life before has ended.
        let observed = document
            .and_then(|document| self.documents.get(document))
            .filter(|key| {
                self.lives
                    .get(*key)
                    .is_some_and(|life| !life.has_ended && !life.has_start)
            });
        let key = started.or(observed).cloned().unwrap_or_else(|| {
            let key = navigation.map_or_else(|| key_of(record), ToOwned::to_owned);
            self.begin(key.clone(), record, true);
            key
        });
        if let Some(navigation) = navigation {
            self.navigations.insert(navigation.to_owned(), key.clone());
        }
        if let Some(document) = document {
            self.finished.remove(document);
            self.documents.insert(document.to_owned(), key.clone());
        }
        let Some(life) = self.lives.get_mut(&key) else {
            return;
        };
        life.document = document.map(ToOwned::to_owned);
        life.url = record.url.to_owned();
        life.transition = record.field("transition").map(ToOwned::to_owned);
        life.has_start = true;
        life.last_ts = life.last_ts.max(record.ts);
        life.events.add(span::phase(record));
        let (tab, frame) = (life.tab.clone(), life.frame.clone());
        let is_left = |other: &Life| {
            other.tab == tab && other.document.is_some() && (frame == "0" || other.frame == frame)
        };
        let left: Vec<String> = self
            .lives
            .iter()
            .filter(|(other, life)| **other != key && is_left(life))
            .map(|(other, _)| other.clone())
            .collect();
        self.end(&left, record.end("navigated"));
    }

    /// A navigation that led to no document ends; one that fails later is an event of its document.
    pub(super) fn navigation_failed(&mut self, record: &Record<'_>) {
        let navigation = record.metadata("navigation_id");
        let key = navigation
            .and_then(|navigation| self.navigations.get(navigation))
            .cloned();
        let key = key.or_else(|| Some(self.documents.get(record.metadata("document_id")?)?.clone()));
        let Some((key, life)) = key.and_then(|key| Some((key.clone(), self.lives.get_mut(&key)?))) else {
            return;
        };
        life.events.add(span::phase(record));
        if life.document.is_none() {
            life.error = record.field("error").map(ToOwned::to_owned);
            self.end(&[key], record.end("navigation_failed"));
        }
    }

    pub(super) fn vital(&mut self, record: &Record<'_>) {
        let value = record.data["value_ms"].as_f64().map(|value| value / 1000.0);
        if let Some(value) = value.or_else(|| record.data["value"].as_f64())
            && let Some(life) = self.life_of(record)
        {
            life.vitals.insert(record.type_.to_owned(), value);
        }
    }

    pub(super) fn crashed(&mut self, record: &Record<'_>) {
        if record.data["outermost"] != false {
            return self.end_tab(record.metadata("tab_id").unwrap_or_default(), record, "crashed");
        }
        if let Some(key) = record
            .metadata("document_id")
            .and_then(|id| self.documents.get(id))
            .cloned()
        {
            self.end(&[key], record.end("crashed"));
        }
    }

    pub(super) fn end_tab(&mut self, tab: &str, record: &Record<'_>, reason: &'static str) {
        let of_tab = self.lives.iter().filter(|(_, life)| life.tab == tab);
        let keys: Vec<String> = of_tab.map(|(key, _)| key.clone()).collect();
        let end = record.end(reason);
        self.end(&keys, end);
        self.end_loose_requests(|request| request.tab.as_deref() == Some(tab), end);
    }

    pub(super) fn end(&mut self, keys: &[String], end: End) {
        for key in keys {
            let Some(life) = self.lives.get_mut(key).filter(|life| !life.has_ended) else {
                continue;
            };
            life.has_ended = true;
            let first = life.first;
            self.ended.push(Ended {
                position: end.position,
                first,
                what: What::Life(key.clone(), end),
            });
        }
    }

    pub(super) fn finished_life(&mut self, name: &str, key: &str, end: End) -> Finished {
        let Some(life) = self.lives.remove(key) else {
            return Finished::default();
        };
        self.documents.retain(|document, of| {
            let is_kept = of != key;
            if !is_kept {
                self.finished_order.push_back(document.clone());
                self.finished.insert(document.clone());
            }
            is_kept
        });
        self.navigations.retain(|_, of| of != key);
        self.callers.retain(|_, (of, _)| of != key);
        self.forget_oldest();
        let parent = life
            .parent_document
            .as_ref()
            .and_then(|parent| self.documents.get(parent));
        let parent = parent.and_then(|key| self.lives.get(key)).map(|life| life.ids);
        Finished {
            measures: Measure::vitals(name, &life),
            span: Some(span::life(name, &life, end, parent)),
        }
    }

    pub(super) fn life_of(&mut self, record: &Record<'_>) -> Option<&mut Life> {
        let key = self.key_of_life(record)?;
        self.lives.get_mut(&key)
    }

    /// Returns the key of the life that a record belongs to. A document that was open before recording begins here.
    pub(super) fn key_of_life(&mut self, record: &Record<'_>) -> Option<String> {
        let document = record.metadata("document_id");
        if document.is_some_and(|document| self.finished.contains(document)) {
            self.is_late = true;
            return None;
        }
        let of_document = document.and_then(|document| self.documents.get(document));
        let of_navigation = || {
            let key = self.navigations.get(record.metadata("navigation_id")?)?;
            let life = self.lives.get(key)?;
            (document.is_none() || life.document.is_none() || life.document.as_deref() == document)
                .then_some(key)
        };
        let key = of_document.or_else(of_navigation).cloned();
        let key = match (key, document) {
            (Some(key), _) => key,
            (None, Some(_)) => {
                let key = key_of(record);
                self.begin(key.clone(), record, false);
                key
            }
            (None, None) => return None,
        };
        if let Some(document) = document {
            self.documents.insert(document.to_owned(), key.clone());
        }
        if let Some(life) = self.lives.get_mut(&key) {
            life.last_ts = life.last_ts.max(record.ts);
        }
        Some(key)
    }

    pub(super) fn begin(&mut self, key: String, record: &Record<'_>, has_start: bool) {
        let of = |name| record.metadata(name).unwrap_or_default().to_owned();
        let life = Life {
            ids: Ids::derived(&[record.session, &key]),
            first: record.position,
            start_ts: record.ts,
            last_ts: record.ts,
            has_start,
            tab: of("tab_id"),
            frame: of("frame_id"),
            document: if has_start {
                None
            } else {
                record.metadata("document_id").map(ToOwned::to_owned)
            },
            parent_document: record.metadata("parent_document_id").map(ToOwned::to_owned),
            url: record.url.to_owned(),
            transition: None,
            error: None,
            events: Events::default(),
            interactions: BTreeMap::new(),
            sent_spans: BTreeSet::new(),
            vitals: BTreeMap::new(),
            has_ended: false,
        };
        self.lives.insert(key, life);
    }
}

/// Returns the key of a life whose navigation has no id.
fn key_of(record: &Record<'_>) -> String {
    format!(
        "{}@{}",
        record.metadata("document_id").unwrap_or_default(),
        record.seq
    )
}
