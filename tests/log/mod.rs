//! What the category logs promise, with a real IndexedDB.

mod commits;
mod fixture;
mod reads;
