//! What is in force: a plan, and what was read of the certificates that it names. A reload replaces it as one whole.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;

use pointsman_policy::Generation;
use rustls::ServerConfig;

use crate::config::{ListenerPlan, Plan};
use crate::net::tls::{self, Clients, KnownCertificates, TlsError};

/// A plan, with the certificates of its partners, and what calls and listeners need of TLS.
#[derive(Debug)]
pub struct InForce {
    /// The plan.
    pub plan: Arc<Plan>,
    /// Which partners the certificates of the profiles are known as.
    pub certificates: KnownCertificates,
    /// What calls of ours with TLS need.
    pub clients: Clients,
    listeners: BTreeMap<ListenerKey, (ListenerPlan, ListenerTls)>,
}

/// What a listener needs of TLS; nothing where it is plain.
type ListenerTls = Result<Option<Arc<ServerConfig>>, TlsError>;

/// Which listener of a plan: its address, and which of those with that address, since several may take any free port.
pub type ListenerKey = (SocketAddr, usize);

impl InForce {
    /// Reads what the plan names. What of it cannot be used is noticed by those who want it.
    #[must_use]
    pub fn of(plan: Plan) -> Self {
        let certificates = KnownCertificates::of(&plan);
        let mut listeners = BTreeMap::new();
        for listener in &plan.listeners {
            let of_address = |key: &&ListenerKey| key.0 == listener.address;
            let nth = listeners.keys().filter(of_address).count();
            let tls = listener.tls.as_ref();
            let tls = tls.map(|tls| tls::server(&certificates, tls)).transpose();
            listeners.insert((listener.address, nth), (listener.clone(), tls));
        }
        Self {
            clients: Clients::of(&plan),
            certificates,
            listeners,
            plan: Arc::new(plan),
        }
    }

    /// The listeners that there are to be.
    pub fn listeners(&self) -> impl Iterator<Item = ListenerKey> {
        self.listeners.keys().copied()
    }

    /// A listener of the plan.
    #[must_use]
    pub fn listener(&self, key: &ListenerKey) -> Option<&ListenerPlan> {
        Some(&self.listeners.get(key)?.0)
    }

    /// What that listener needs to speak TLS, if it is to.
    ///
    /// # Errors
    /// Its certificate or key cannot be used.
    pub fn listener_tls(&self, key: &ListenerKey) -> Result<Option<Arc<ServerConfig>>, TlsError> {
        let known = self.listeners.get(key);
        known.map_or(Ok(None), |(_, tls)| tls.clone())
    }
}

impl Deref for InForce {
    type Target = Plan;
    fn deref(&self) -> &Plan {
        &self.plan
    }
}

/// What one session sees from its beginning to its end, whatever is put in force meanwhile.
#[derive(Clone, Debug)]
pub struct Pinned {
    /// The plan and what belongs to it.
    pub in_force: Arc<InForce>,
    /// The policies.
    pub policies: Arc<Generation>,
}

impl Deref for Pinned {
    type Target = InForce;
    fn deref(&self) -> &InForce {
        &self.in_force
    }
}
