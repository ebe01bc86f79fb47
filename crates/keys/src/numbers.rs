//! Keys from their numbers, as JWK, XML, OpenSSH and PuTTY have them.

use openssl::bn::{BigNum, BigNumContext, BigNumRef};
use openssl::ec::{EcGroup, EcKey, EcPoint};
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Public};
use openssl::rsa::Rsa;
use zeroize::Zeroizing;

use crate::error::StoreFault;
use crate::key::{self, StoredKey};
use crate::reading::within;

/// The most octets of a number of a key: 16,384 bits, and a zero before them.
const MOST_NUMBER: u64 = 2049;

/// The numbers of a private RSA key, each with its high octet first.
pub(crate) struct RsaNumbers<'a> {
    pub(crate) n: &'a [u8],
    pub(crate) e: &'a [u8],
    pub(crate) d: &'a [u8],
    pub(crate) p: &'a [u8],
    pub(crate) q: &'a [u8],
    /// The inverse of `q` modulo `p`.
    pub(crate) qi: &'a [u8],
}

impl RsaNumbers<'_> {
    /// The key, if the numbers belong together.
    pub(crate) fn key(&self) -> Result<StoredKey, StoreFault> {
        let numbers = [self.n, self.e, self.d, self.p, self.q, self.qi];
        numbers.iter().try_for_each(|number| bounded(number))?;
        let key = self.built().map_err(|_| wrong())?;
        match key.check_key() {
            Ok(true) => StoredKey::of(PKey::from_rsa(key).map_err(|_| wrong())?),
            _ => Err(wrong()),
        }
    }

    fn built(&self) -> Result<Rsa<openssl::pkey::Private>, ErrorStack> {
        let number = BigNum::from_slice;
        let secret = |octets| {
            let mut number = BigNum::from_slice(octets)?;
            number.set_const_time();
            Ok::<_, ErrorStack>(number)
        };
        let (d, p, q) = (secret(self.d)?, secret(self.p)?, secret(self.q)?);
        let (dp, dq) = (remainder(&d, &p)?, remainder(&d, &q)?);
        Rsa::from_private_components(
            number(self.n)?,
            number(self.e)?,
            d,
            p,
            q,
            dp,
            dq,
            secret(self.qi)?,
        )
    }
}

/// `d` modulo one less than a prime.
fn remainder(d: &BigNum, prime: &BigNum) -> Result<BigNum, ErrorStack> {
    let mut less = BigNumRef::to_owned(prime)?;
    less.sub_word(1)?;
    let mut remainder = BigNum::new_secure()?;
    remainder.checked_rem(d, &less, &mut *BigNumContext::new_secure()?)?;
    Ok(remainder)
}

/// The public RSA key of modulus and exponent.
pub(crate) fn rsa_public(n: &[u8], e: &[u8]) -> Result<PKey<Public>, StoreFault> {
    bounded(n)?;
    bounded(e)?;
    let built = || {
        let key = Rsa::from_public_components(BigNum::from_slice(n)?, BigNum::from_slice(e)?)?;
        PKey::from_rsa(key)
    };
    checked(built().map_err(|_| wrong())?)
}

/// The curve of a name: of JWK (`P-256`) or of OpenSSH (`nistp256`).
pub(crate) fn curve(name: &str) -> Result<EcGroup, StoreFault> {
    let nid = match name {
        "P-256" | "nistp256" => Nid::X9_62_PRIME256V1,
        "P-384" | "nistp384" => Nid::SECP384R1,
        "P-521" | "nistp521" => Nid::SECP521R1,
        _ => {
            return Err(StoreFault::Algorithm {
                what: "the key",
                name: format!("the curve {}", name.escape_debug()),
            });
        }
    };
    EcGroup::from_curve_name(nid).map_err(|_| wrong())
}

/// The public EC key of a point in its uncompressed form.
pub(crate) fn ec_public(group: &EcGroup, point: &[u8]) -> Result<PKey<Public>, StoreFault> {
    let built = || PKey::from_ec_key(EcKey::from_public_key(group, &*point_of(group, point)?)?);
    checked(built().map_err(|_| wrong())?)
}

/// The EC key of a point and its private number, if they belong together.
pub(crate) fn ec_private(
    group: &EcGroup,
    point: &[u8],
    number: &[u8],
) -> Result<StoredKey, StoreFault> {
    bounded(number)?;
    let built = || {
        let number = BigNum::from_slice(number)?;
        let key = EcKey::from_private_components(group, &number, &*point_of(group, point)?)?;
        key.check_key()?;
        PKey::from_ec_key(key)
    };
    StoredKey::of(built().map_err(|_| wrong())?)
}

fn point_of(group: &EcGroup, point: &[u8]) -> Result<EcPoint, ErrorStack> {
    EcPoint::from_bytes(group, point, &mut *BigNumContext::new()?)
}

/// A point in its uncompressed form, from its coordinates in the octets that the curve has for them.
pub(crate) fn uncompressed(group: &EcGroup, x: &[u8], y: &[u8]) -> Zeroizing<Vec<u8>> {
    let length = group.degree().div_ceil(8) as usize;
    let mut point = Zeroizing::new(vec![4]);
    for coordinate in [x, y] {
        point.extend(std::iter::repeat_n(
            0,
            length.saturating_sub(coordinate.len()),
        ));
        point.extend(coordinate);
    }
    point
}

fn checked(key: PKey<Public>) -> Result<PKey<Public>, StoreFault> {
    key::check(&key)?;
    Ok(key)
}

fn bounded(number: &[u8]) -> Result<(), StoreFault> {
    within(
        "octets of a number of a key",
        number.len() as u64,
        MOST_NUMBER,
    )
}

fn wrong() -> StoreFault {
    StoreFault::Unusable("the numbers of its key do not belong together".to_owned())
}
