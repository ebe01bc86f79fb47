//! Decryption of parts of stores, by the name that OpenSSL has for a cipher. Those of old stores (RC2, RC4, DES) come from
//! its legacy provider, in a context of its own: nothing else of the program gets them.

use std::sync::LazyLock;

use openssl::cipher::Cipher;
use openssl::cipher_ctx::{CipherCtx, CipherCtxFlags};
use openssl::lib_ctx::LibCtx;
use openssl::provider::Provider;
use zeroize::Zeroizing;

/// A context with the ciphers of today and the old ones.
static CIPHERS: LazyLock<Option<(LibCtx, [Provider; 2])>> = LazyLock::new(|| {
    let context = LibCtx::new().ok()?;
    let today = Provider::load(Some(&context), "default").ok()?;
    let old = Provider::load(Some(&context), "legacy").ok()?;
    Some((context, [today, old]))
});

/// What a part is decrypted with.
pub(crate) struct Symmetric<'a> {
    /// OpenSSL's name of the cipher.
    pub(crate) name: &'a str,
    pub(crate) key: &'a [u8],
    pub(crate) iv: &'a [u8],
    /// The tag of an authenticated mode.
    pub(crate) tag: Option<&'a [u8]>,
    /// Whether blocks are padded as PKCS#7 says.
    pub(crate) padded: bool,
}

impl<'a> Symmetric<'a> {
    /// A cipher without a tag, whose blocks are padded.
    pub(crate) fn padded(name: &'a str, key: &'a [u8], iv: &'a [u8]) -> Self {
        Self {
            name,
            key,
            iv,
            tag: None,
            padded: true,
        }
    }

    /// The plain octets; none if key, padding or tag are wrong.
    pub(crate) fn decrypt(&self, octets: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (context, _) = CIPHERS.as_ref()?;
        let cipher = Cipher::fetch(Some(context), self.name, None).ok()?;
        let counts = self.name.ends_with("CCM");
        let known_iv =
            self.tag.is_some() || self.iv.len() == cipher.iv_length() || self.iv.is_empty();
        if octets.is_empty() || self.key.len() != cipher.key_length() || !known_iv {
            return None;
        }
        let mut running = CipherCtx::new().ok()?;
        running.set_flags(CipherCtxFlags::FLAG_WRAP_ALLOW);
        running.decrypt_init(Some(&cipher), None, None).ok()?;
        if let Some(tag) = self.tag {
            running.set_iv_length(self.iv.len()).ok()?;
            running.set_tag(tag).ok()?;
        }
        let iv = (!self.iv.is_empty()).then_some(self.iv);
        running.decrypt_init(None, Some(self.key), iv).ok()?;
        running.set_padding(self.padded);
        if counts {
            running.set_data_len(octets.len()).ok()?;
        }
        let mut plain = Zeroizing::new(Vec::with_capacity(octets.len() + 64));
        running.cipher_update_vec(octets, &mut plain).ok()?;
        if !counts {
            running.cipher_final_vec(&mut plain).ok()?;
        }
        Some(plain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::octets::from_hexadecimal;

    #[test]
    fn every_cipher_of_the_readers_is_there() {
        let (context, _) = CIPHERS.as_ref().unwrap();
        for name in [
            "RC2-40-CBC",
            "RC2-64-CBC",
            "RC2-CBC",
            "RC4",
            "RC4-40",
            "DES-CBC",
            "DES-EDE3-CBC",
            "AES-128-CBC",
            "AES-192-CBC",
            "AES-256-CBC",
            "AES-128-CTR",
            "AES-192-CTR",
            "AES-256-CTR",
            "AES-128-GCM",
            "AES-192-GCM",
            "AES-256-GCM",
            "AES-128-CCM",
            "AES-192-CCM",
            "AES-256-CCM",
            "AES-256-WRAP-PAD",
        ] {
            assert!(Cipher::fetch(Some(context), name, None).is_ok(), "{name}");
        }
    }

    #[test]
    fn keys_and_vectors_of_a_wrong_length_decrypt_nothing() {
        for (key, iv, octets) in [
            (15, 16, 16),
            (16, 15, 16),
            (16, 16, 0),
            (0, 0, 16),
            (16, 16, 15),
        ] {
            let (key, iv) = (vec![0; key], vec![0; iv]);
            let cipher = Symmetric::padded("AES-128-CBC", &key, &iv);
            assert!(cipher.decrypt(&vec![0; octets]).is_none());
        }
        let (key, iv) = ([0; 32], [0; 99]);
        for tag in [&[][..], &[0; 99]] {
            let cipher = Symmetric {
                tag: Some(tag),
                ..Symmetric::padded("AES-256-CCM", &key, &iv)
            };
            assert!(cipher.decrypt(&[1; 20]).is_none());
        }
    }

    #[test]
    fn aes_key_wrap_with_padding_is_that_of_rfc_5649() {
        // RFC 5649, 6, has a key of 192 bits; this is its 256-bit sibling, made by Python's cryptography 48.
        let wrapped = from_hexadecimal(WRAPPED).unwrap();
        let key: Vec<u8> = (0..32).collect();
        let cipher = Symmetric {
            padded: false,
            ..Symmetric::padded("AES-256-WRAP-PAD", &key, &[])
        };
        assert_eq!(
            &cipher.decrypt(&wrapped).unwrap()[..],
            b"twenty octets of key"
        );
        assert!(cipher.decrypt(&wrapped[..24]).is_none());
    }

    const WRAPPED: &str = "53644b8fbcdee932de085aec09f85941868251ea3807414507eab6a29ae2bda0";
}
