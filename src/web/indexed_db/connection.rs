//! The one connection of a log, opened when it is needed and again after it was closed.
//!
//! It gives way at once when another page or worker wants to upgrade or delete the database, and
//! reopens with the next call: that either works, on what is there by then, or says
//! [`LogError::VersionChange`].

use super::Durability;
use super::error::from_thrown;
use super::schema;
use super::transaction::Transaction;
use crate::log::LogError;
use js_sys::Array;
use std::cell::RefCell;
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{DomException, IdbDatabase};

#[derive(Debug)]
pub(super) struct Connection {
    base_name: String,
    /// The database in use, once it has been looked for.
    name: RefCell<Option<String>>,
    durability: Durability,
    open: RefCell<Option<Open>>,
}

#[derive(Debug)]
struct Open {
    database: IdbDatabase,
    _on_gone: Closure<dyn FnMut()>,
}

impl Connection {
    pub(super) fn new(name: &str, durability: Durability) -> Self {
        Self {
            base_name: name.to_owned(),
            name: RefCell::default(),
            durability,
            open: RefCell::new(None),
        }
    }

    /// Opens it now, to report why it cannot be opened.
    pub(super) async fn open(&self) -> Result<(), LogError> {
        self.database().await.map(drop)
    }

    /// Begins a transaction that reads.
    pub(super) async fn read(&self, stores: &[&str]) -> Result<Transaction, LogError> {
        self.begin(stores, Transaction::read_only).await
    }

    /// Begins a transaction that writes.
    pub(super) async fn write(&self, stores: &[&str]) -> Result<Transaction, LogError> {
        let durability = self.durability;
        self.begin(stores, |database, names| {
            Transaction::read_write(database, names, durability)
        })
        .await
    }

    async fn begin(
        &self,
        stores: &[&str],
        begin: impl Fn(&IdbDatabase, &JsValue) -> Result<Transaction, JsValue>,
    ) -> Result<Transaction, LogError> {
        let names: JsValue = stores
            .iter()
            .map(|name| JsValue::from_str(name))
            .collect::<Array>()
            .into();
        match begin(&self.database().await?, &names) {
            Err(thrown) if is_closing(&thrown) => {
                self.close();
                begin(&self.database().await?, &names).map_err(from_thrown)
            }
            result => result.map_err(from_thrown),
        }
    }

    async fn database(&self) -> Result<IdbDatabase, LogError> {
        if let Some(open) = &*self.open.borrow() {
            return Ok(open.database.clone());
        }
        let found = self.name.borrow().clone();
        let name = match found {
            Some(name) => name,
            None => schema::newest(&self.base_name).await,
        };
        let opened = Open::watch(schema::open(&name).await?);
        self.name.replace(Some(name));
        let mut open = self.open.borrow_mut();
        // Two calls that found it closed have both opened it: the first stays, the other one closes.
        Ok(open.get_or_insert(opened).database.clone())
    }

    pub(super) fn is_open(&self) -> bool {
        self.open.borrow().is_some()
    }

    pub(super) fn name(&self) -> String {
        self.name
            .borrow()
            .clone()
            .unwrap_or_else(|| self.base_name.clone())
    }

    /// Begins the next database in the place of one that cannot be opened. That one stays, until a next one is set
    /// aside too.
    pub(super) async fn set_aside(&self) -> Result<(), LogError> {
        let damaged = schema::newest(&self.base_name).await;
        let number = schema::number_of(&self.base_name, &damaged).unwrap_or(1);
        let next = schema::numbered(&self.base_name, number + 1);
        let opened = Open::watch(schema::open(&next).await?);
        self.name.replace(Some(next));
        drop(self.open.replace(Some(opened)));
        if number > 1 {
            let older = schema::numbered(&self.base_name, number - 1);
            // Nothing waits for it: a damaged database may never answer.
            wasm_bindgen_futures::spawn_local(async move {
                let _ = schema::delete(&older).await;
            });
        }
        Ok(())
    }

    /// Closes it. The next call opens it again.
    pub(super) fn close(&self) {
        // Taken out first: dropping it calls into the browser.
        let open = self.open.borrow_mut().take();
        drop(open);
    }
}

impl Open {
    fn watch(database: IdbDatabase) -> Self {
        // The next transaction finds it closed and reopens.
        let on_gone = Closure::<dyn FnMut()>::new({
            let database = database.clone();
            move || database.close()
        });
        let handler = Some(on_gone.as_ref().unchecked_ref());
        // `close`: the browser closed it (site data cleared, disk failed). `versionchange`: somebody
        // else wants to upgrade or delete it, and waits until everybody has closed it.
        database.set_onclose(handler);
        database.set_onversionchange(handler);
        Self {
            database,
            _on_gone: on_gone,
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.database.set_onclose(None);
        self.database.set_onversionchange(None);
        self.database.close();
    }
}

/// Whether a transaction could not begin because its connection is closed.
fn is_closing(thrown: &JsValue) -> bool {
    thrown
        .dyn_ref::<DomException>()
        .is_some_and(|exception| exception.name() == "InvalidStateError")
}
