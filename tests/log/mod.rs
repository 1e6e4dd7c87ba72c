//! What the category logs promise, with a real IndexedDB.

mod broken;
mod commits;
mod connections;
mod fixture;
mod reads;
mod retention;
