//! Where a session runs.

use std::net::SocketAddr;

use super::tls::TlsFacts;

/// Where a session runs.
#[derive(Clone, Debug)]
pub struct Wire {
    /// Our end: the listener's address, or ours when we dialled.
    pub local: SocketAddr,
    /// The peer's end.
    pub remote: SocketAddr,
    /// Whether we dialled.
    pub dialled: bool,
    /// What TLS says of the peer; without it the wire is plain.
    pub tls: Option<TlsFacts>,
}
