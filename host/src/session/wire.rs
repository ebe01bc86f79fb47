//! Where a session runs.

use std::net::SocketAddr;

use crate::security::tls::TlsFacts;

/// Where a session runs.
#[derive(Clone, Debug)]
pub struct Wire {
    /// The address of our end: the listener's, or our own when we dialled.
    pub local: SocketAddr,
    /// The peer's end.
    pub remote: SocketAddr,
    /// Whether we dialled.
    pub dialled: bool,
    /// The facts of TLS about the peer; none where the connection is plain.
    pub tls: Option<TlsFacts>,
}
