//! The plan in force, and the certificates that were read for it. A reload replaces all of it at once.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;

use pointsman_policy::Generation;
use rustls::ServerConfig;

use crate::config::{ListenerPlan, Plan};
use crate::security::keyring::Keyring;
use crate::security::tls::{self, Clients, KnownCertificates, TlsError};

/// A plan, with the certificates of its partners, and the TLS configurations for calls and listeners.
#[derive(Debug)]
pub struct InForce {
    /// The configuration that it was made of.
    pub plan: Arc<Plan>,
    /// Which partner each certificate of the profiles belongs to.
    pub certificates: KnownCertificates,
    /// What calls of ours with TLS need.
    pub clients: Clients,
    keyring: Keyring,
    listeners: BTreeMap<ListenerKey, (ListenerPlan, ListenerTls)>,
}

/// The TLS configuration of a listener; none where it is plain.
type ListenerTls = Result<Option<Arc<ServerConfig>>, TlsError>;

/// Names a listener of a plan: its address, and a number among those with that address, since several may take any free
/// port.
pub type ListenerKey = (SocketAddr, usize);

impl InForce {
    /// Reads the files that the plan names. A file that cannot be used is an error for those that need it.
    #[must_use]
    pub fn of(plan: Plan) -> Self {
        let keyring = Keyring::of(&plan);
        let certificates = KnownCertificates::of(&plan, &keyring);
        let mut listeners = BTreeMap::new();
        for (at, listener) in plan.listeners.iter().enumerate() {
            let of_address = |key: &&ListenerKey| key.0 == listener.address;
            let nth = listeners.keys().filter(of_address).count();
            let tls = listener.tls.as_ref();
            let tls = tls.map(|tls| tls::server(&keyring, &certificates, (at, tls)));
            let tls = tls.transpose();
            listeners.insert((listener.address, nth), (listener.clone(), tls));
        }
        Self {
            clients: Clients::of(&plan, &keyring, &certificates),
            keyring,
            certificates,
            listeners,
            plan: Arc::new(plan),
        }
    }

    /// Our keys and the partners' certificates.
    #[must_use]
    pub fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// The listeners of the plan.
    pub fn listeners(&self) -> impl Iterator<Item = ListenerKey> {
        self.listeners.keys().copied()
    }

    /// None where a reload has removed it.
    #[must_use]
    pub fn listener(&self, key: &ListenerKey) -> Option<&ListenerPlan> {
        Some(&self.listeners.get(key)?.0)
    }

    /// The TLS configuration of this listener; none where it is plain.
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

/// The plan and the policies that one session uses from its beginning to its end, whatever is put in force in the
/// meantime.
#[derive(Clone, Debug)]
pub struct Pinned {
    /// The plan and what belongs to it.
    pub in_force: Arc<InForce>,
    /// The generation of policies that was in force at the same moment.
    pub policies: Arc<Generation>,
}

impl Deref for Pinned {
    type Target = InForce;
    fn deref(&self) -> &InForce {
        &self.in_force
    }
}
