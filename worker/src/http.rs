//! HTTP clients: where TLS comes from, which proxies are used, and how long to wait.

use reqwest::{ClientBuilder, Url};
use std::time::Duration;

/// A client builder for `address` with our timeouts of connecting and of silence.
///
/// TLS is rustls with ring and the certificates that the system trusts. Those are read only for HTTPS: a machine without them
/// (`ca-certificates` not installed) must still reach a server over plain HTTP. Proxies come from the environment
/// (`HTTPS_PROXY`, `NO_PROXY`), but never stand between a worker and a server on the same machine.
pub fn builder_for(address: &Url) -> ClientBuilder {
    // Fails only if a provider is installed already, which is as good.
    rustls::crypto::ring::default_provider().install_default().ok();
    let builder = reqwest::Client::builder()
        .user_agent(concat!("engram/", env!("CARGO_PKG_VERSION")))
        .tcp_nodelay(true)
        .tcp_keepalive(Duration::from_secs(15))
        .connect_timeout(Duration::from_secs(10));
    let builder = if address.scheme() == "https" { builder } else { builder.tls_certs_only([]) };
    if is_loopback(address) { builder.no_proxy() } else { builder }
}

fn is_loopback(address: &Url) -> bool {
    address.host_str().is_some_and(|host| {
        let host = host.trim_matches(['[', ']']);
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
    })
}

/// An error with all its causes in one line, for reqwest tells only the outermost by itself. Without the address, whose query may
/// hold the proof of a lease.
pub fn whole_text(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        let inner = error.to_string();
        if !text.contains(&inner) {
            text = format!("{text}: {inner}");
        }
        cause = error.source();
    }
    text
}
