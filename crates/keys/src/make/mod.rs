//! A key and a certificate that partners accept, a request for a CA, and what is sent to the partner.

mod files;
mod pair;
mod station;

pub use files::{Written, write};
pub use pair::{KeyPair, MakeError};
pub use station::{KeyLength, StationName, StationNameError, UnknownKeyLength};
