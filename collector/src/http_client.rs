//! HTTP clients of the requests that this program sends.

/// A client to configure further: TLS with the platform's roots, no redirects followed.
pub(crate) fn client() -> reqwest::ClientBuilder {
    // Fails only when a provider is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("tabtape/", env!("CARGO_PKG_VERSION")))
}
