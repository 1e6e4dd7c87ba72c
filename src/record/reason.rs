//! Why records are missing: the reasons of the gaps that Tabtape makes itself.
//!
//! Whoever records a drop may bring others; [`is_reason`](super::is_reason) says which are names.

/// The bytes are there and are no records.
pub const CORRUPT: &str = "corrupt";
/// What a page's relay said was no event.
pub const INVALID: &str = "invalid";
/// Somebody deleted them: nothing may fill the gap again.
pub const DELETED: &str = "deleted";
/// They were removed for their age or the log's size, or are gone.
pub const NOT_RETAINED: &str = "not_retained";
/// The browser's quota left no room, and no collector had them yet.
pub const QUOTA: &str = "quota";
/// The collector does not take them.
pub const REFUSED: &str = "refused";
/// Memory alone held them: the log could not be written, no collector had them yet, and the owner ended.
pub const VOLATILE: &str = "volatile";
