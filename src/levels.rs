//! The closed, ordered sets of the wire: source kind, detail level, severity.
//!
//! Order means something: `minimal < standard < verbose < raw` and
//! `debug < info < warn < error`, so "at least" is `>=`. An unknown name is refused by the parser,
//! with every name that would have been right.

/// The categories of the native producers, which every config names.
pub const BUILT_IN_CATEGORIES: [&str; 6] = ["console", "network", "page", "tab", "interaction", "system"];

macro_rules! closed_set {
    ($(#[$doc:meta])* $name:ident, $what:literal: $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)?) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// Every member, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// The member of this name, or `None`.
            pub fn from_name(name: &[u8]) -> Option<Self> {
                $(if name == $text.as_bytes() { return Some(Self::$variant); })+
                None
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(self.as_str()) }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::levels::UnknownName;
            fn from_str(name: &str) -> Result<Self, $crate::levels::UnknownName> {
                Self::from_name(name.as_bytes()).ok_or_else(|| $crate::levels::UnknownName {
                    what: $what,
                    name: name.chars().take(64).collect(),
                    expected: &[$($text),+],
                })
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let name = std::borrow::Cow::<'de, str>::deserialize(d)?;
                name.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

pub(crate) use closed_set;

/// A name outside a closed set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} {name:?}; expected {}", .expected.join(", "))]
pub struct UnknownName {
    /// The set: "source kind", "detail level", "severity", "noise preset".
    pub what: &'static str,
    /// The name that was given, truncated to 64 characters.
    pub name: String,
    /// The names that would have been right.
    pub expected: &'static [&'static str],
}

closed_set! {
    /// The kind of producer that observed the event.
    SourceKind, "source kind":
    /// The Chrome DevTools Protocol.
    Cdp = "cdp",
    /// An operating system's own interface.
    KernelApi = "kernel_api",
    /// A browser extension: ours or an approved one.
    Extension = "extension",
    /// A process on this machine, through the collector.
    LocalProcess = "local_process",
}

closed_set! {
    /// How much of what happened was recorded.
    DetailLevel, "detail level":
    /// The fact and its place.
    Minimal = "minimal",
    /// The fields that a developer needs to understand it.
    Standard = "standard",
    /// Contents, capped in size.
    Verbose = "verbose",
    /// The producer's own payload.
    Raw = "raw",
}

closed_set! {
    /// How bad it is. Derived by the core, never on the wire.
    Severity, "severity":
    /// Noise unless looked for.
    Debug = "debug",
    /// Ordinary.
    Info = "info",
    /// Worth a look.
    Warn = "warn",
    /// Something failed.
    Error = "error",
}

#[cfg(test)]
mod tests {
    use super::{DetailLevel, Severity, SourceKind};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn order_means_at_least() {
        assert!(DetailLevel::ALL.is_sorted());
        assert!(Severity::ALL.is_sorted());
        assert!(DetailLevel::Minimal < DetailLevel::Raw);
        assert!(Severity::Debug < Severity::Error);
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_right_ones() {
        let error = "kernel".parse::<SourceKind>().map_err(|e| e.to_string());
        assert_eq!(
            error,
            Err("unknown source kind \"kernel\"; expected cdp, kernel_api, extension, local_process".into())
        );
    }

    #[test]
    fn names_round_trip() {
        for level in DetailLevel::ALL {
            assert_eq!(level.as_str().parse(), Ok(*level));
        }
    }
}
