//! Tabtape core.
