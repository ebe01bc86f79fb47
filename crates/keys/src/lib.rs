//! Keys and certificates as operators have them: a store of any usual kind is read, what is in it is described and
//! selected, and a pair that partners accept is made.
//!
//! - [`KeyStore::read`] takes the octets of a store: PFX, JKS, JCEKS, BCFKS, PEM, DER, P7B, OpenSSH, PuTTY, XML or JWK.
//!   [`KeyStoreKind::of`] finds out which one it is. [`KeyStore::select`] finds one entry by its subject.
//!   [`KeyStore::of_token`] reads a token by its PKCS#11 library, in builds with the feature `pkcs11`.
//! - [`CertificateDescription`] has what `pointsman cert show` prints. Nothing of it is secret.
//! - [`make`] makes a key, a certificate and a certificate request.
//!
//! **Whose octets these are.** A store is given by the operator of this station, as a file or inside the configuration.
//! Nothing that a partner sends is read here. The framing of every kind is read by our own code, since that is where the
//! bounds are; certificates and decrypted keys reach the parser of OpenSSL.
//!
//! **Bounds.** A store has at most [`MOST_OCTETS`] octets and [`MOST_ENTRIES`] entries; what one key derivation, and all
//! of a store, may cost is in [`ReadingLimits`]. What is beyond is refused, and the error has the number.
//!
//! All of it blocks, for seconds where a store asks for millions of rounds: call it on threads that may wait.

#![forbid(unsafe_code)]

mod certificate;
mod cipher;
mod der;
mod derive;
mod description;
mod detection;
mod entry;
mod error;
mod formats;
mod key;
mod kind;
pub mod make;
mod name;
mod numbers;
mod octets;
mod oid;
mod parts;
mod pbe;
mod pem;
mod reading;
mod store;
mod subject;
mod token;

pub use certificate::StoredCertificate;
pub use description::{CertificateDescription, EntryDescription, PublicKeyDescription};
pub use entry::KeyStoreEntry;
pub use error::{KeyStoreError, StoreFault};
pub use key::StoredKey;
pub use kind::{KeyStoreKind, UnknownStoreKind};
pub use reading::{MOST_ENTRIES, MOST_OCTETS, ReadingLimits, StoreReading};
pub use store::KeyStore;
pub use subject::{KeyWanted, SelectError, WantedSubject};
