//! JSON Web Keys (RFC 7517, RFC 7518, 6): one, or a set. `x5c` has the certificates.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openssl::pkey::PKey;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::ssh;
use crate::certificate::StoredCertificate;
use crate::error::StoreFault;
use crate::key::StoredKey;
use crate::numbers::{self, RsaNumbers};
use crate::parts::Parts;
use crate::pem;
use crate::reading::few_entries;

/// Reads a key or a set of keys.
pub(crate) fn read(text: &str) -> Result<Parts, StoreFault> {
    let json: Value = serde_json::from_str(text).map_err(|error| {
        // Not what serde_json says of the content: there are keys in it.
        let (line, column) = (error.line(), error.column());
        StoreFault::Form(format!("it is no JSON at line {line}, column {column}"))
    })?;
    let set = json.get("keys").and_then(Value::as_array);
    let keys = set.map_or(std::slice::from_ref(&json), Vec::as_slice);
    few_entries(keys.len())?;
    let mut parts = Parts::default();
    for key in keys {
        let key = key
            .as_object()
            .ok_or_else(|| StoreFault::Form("a key in it is no object".to_owned()))?;
        Members(key).take(&mut parts)?;
        few_entries(parts.count())?;
    }
    Ok(parts)
}

/// The members of a key.
struct Members<'a>(&'a Map<String, Value>);

impl Members<'_> {
    fn take(&self, parts: &mut Parts) -> Result<(), StoreFault> {
        let alias = self.text("kid").map(str::to_owned);
        let key = match self.text("kty") {
            Some("RSA") => self.rsa(alias.clone(), parts)?,
            Some("EC") => self.ec(alias.clone(), parts)?,
            Some("OKP") => self.octet_pair(alias.clone(), parts)?,
            Some("oct") => {
                parts.passed_over("a secret key".to_owned());
                return Ok(());
            }
            _ => {
                return Err(StoreFault::Form(
                    "a key has none of the kty RSA, EC, OKP".to_owned(),
                ));
            }
        };
        let chain = self.chain()?;
        match key {
            Some(key) => parts.key_with_chain(alias, key, chain),
            None => {
                chain
                    .into_iter()
                    .for_each(|one| parts.certificate(alias.clone(), one));
                Ok(())
            }
        }
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    /// A number, or a coordinate: its octets.
    fn octets(&self, name: &'static str) -> Result<Zeroizing<Vec<u8>>, StoreFault> {
        let text = self.text(name).map(|text| text.trim_end_matches('='));
        text.and_then(|text| URL_SAFE_NO_PAD.decode(text).ok())
            .map(Zeroizing::new)
            .ok_or_else(|| {
                StoreFault::Form(format!("its member {name:?} is missing or no base64url"))
            })
    }

    fn rsa(
        &self,
        alias: Option<String>,
        parts: &mut Parts,
    ) -> Result<Option<StoredKey>, StoreFault> {
        let (n, e) = (self.octets("n")?, self.octets("e")?);
        if !self.0.contains_key("d") {
            parts.public_key(alias, numbers::rsa_public(&n, &e)?);
            return Ok(None);
        }
        let numbers = RsaNumbers {
            n: &n,
            e: &e,
            d: &self.octets("d")?,
            p: &self.octets("p")?,
            q: &self.octets("q")?,
            qi: &self.octets("qi")?,
        };
        numbers.key().map(Some)
    }

    fn ec(
        &self,
        alias: Option<String>,
        parts: &mut Parts,
    ) -> Result<Option<StoredKey>, StoreFault> {
        let group = numbers::curve(self.text("crv").unwrap_or_default())?;
        let point = numbers::uncompressed(&group, &self.octets("x")?, &self.octets("y")?);
        if !self.0.contains_key("d") {
            parts.public_key(alias, numbers::ec_public(&group, &point)?);
            return Ok(None);
        }
        numbers::ec_private(&group, &point, &self.octets("d")?).map(Some)
    }

    fn octet_pair(
        &self,
        alias: Option<String>,
        parts: &mut Parts,
    ) -> Result<Option<StoredKey>, StoreFault> {
        if self.text("crv") != Some("Ed25519") {
            return Err(ssh::unknown_key(self.text("crv").unwrap_or_default()));
        }
        if self.0.contains_key("d") {
            return ssh::ed25519(&self.octets("d")?).map(Some);
        }
        let octets = self.octets("x")?;
        let public = PKey::public_key_from_raw_bytes(&octets, openssl::pkey::Id::ED25519)
            .map_err(|_| StoreFault::Form("its member \"x\" is no public key".to_owned()))?;
        parts.public_key(alias, public);
        Ok(None)
    }

    fn chain(&self) -> Result<Vec<StoredCertificate>, StoreFault> {
        let Some(all) = self.0.get("x5c") else {
            return Ok(Vec::new());
        };
        let wrong = || StoreFault::Form("its member \"x5c\" is no list of certificates".to_owned());
        let all = all.as_array().ok_or_else(wrong)?;
        few_entries(all.len())?;
        all.iter()
            .map(|one| {
                let der = one.as_str().and_then(pem::decode).ok_or_else(wrong)?;
                StoredCertificate::from_der(&der)
            })
            .collect()
    }
}
