//! Why records are missing: the reasons of the gaps that Tabtape makes itself.
//!
//! A caller of `record_drop` may use others; [`is_reason`](super::is_reason) defines their form.

/// The bytes are there and are no records.
pub const CORRUPT: &str = "corrupt";
/// A relay's message was not a valid event.
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
