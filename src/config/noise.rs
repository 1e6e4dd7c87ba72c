//! Requests that tell of the tool chain rather than of the page, by preset.

use crate::levels::closed_set;

closed_set! {
    /// A kind of request that is left out of `network` below `verbose`.
    Noise, "noise preset":
    /// `*.map`.
    SourceMaps = "source_maps",
    /// Messages by which a development server tells its page of changes.
    HotUpdates = "hot_updates",
    /// The modules of a development server: its own, and those it has bundled of packages.
    BundlerModules = "bundler_modules",
    /// `data:` and `blob:` addresses, which leave the page for nowhere.
    DataUrls = "data_urls",
}
