//! When a commit counts as done.

/// When a commit counts as done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// When the operating system has it. Survives the death of the worker and of the whole browser; a
    /// loss of power may take the last seconds.
    #[default]
    Relaxed,
    /// When the disk has it: an fsync a commit.
    Strict,
}

impl Durability {
    pub(in crate::web) const fn new(is_strict: bool) -> Self {
        if is_strict { Self::Strict } else { Self::Relaxed }
    }

    /// Its name in every interface.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Relaxed => "relaxed",
            Self::Strict => "strict",
        }
    }
}
