//! Object identifiers, each as a whole DER element.

/// id-data (RFC 5652, 4).
pub(crate) const DATA: &[u8] = &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1];
/// id-signedData (RFC 5652, 5.1).
pub(crate) const SIGNED_DATA: &[u8] = &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2];
/// id-envelopedData (RFC 5652, 6.1).
pub(crate) const ENVELOPED_DATA: &[u8] = &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 3];
/// id-ct-compressedData (RFC 3274, 1.1).
pub(crate) const COMPRESSED_DATA: &[u8] =
    &[6, 11, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16, 1, 9];
/// id-alg-zlibCompress (RFC 3274, 1.2).
pub(crate) const ZLIB: &[u8] = &[6, 11, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16, 3, 8];
/// id-contentType (RFC 5652, 11.1).
pub(crate) const CONTENT_TYPE: &[u8] = &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 3];
/// id-messageDigest (RFC 5652, 11.2).
pub(crate) const MESSAGE_DIGEST: &[u8] = &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 4];

/// rsaEncryption: key transport, and signatures whose hash is named beside it (RFC 3370, 3.2, 4.2.1).
pub(crate) const RSA: &[u8] = &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
/// sha1WithRSAEncryption (RFC 8017, A.2.4).
pub(crate) const RSA_SHA1: &[u8] = &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 5];
/// sha256WithRSAEncryption (RFC 8017, A.2.4).
pub(crate) const RSA_SHA256: &[u8] = &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11];
/// sha512WithRSAEncryption (RFC 8017, A.2.4).
pub(crate) const RSA_SHA512: &[u8] = &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 13];
/// id-rsassa-pkcs1-v1-5-with-sha3-512 (RFC 9688, 3.2).
pub(crate) const RSA_SHA3_512: &[u8] = &[6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 3, 16];
/// id-RSAES-OAEP (RFC 8017, A.2.1).
pub(crate) const OAEP: &[u8] = &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 7];
/// id-mgf1 (RFC 8017, A.2.1).
pub(crate) const MGF1: &[u8] = &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 8];
/// id-RSASSA-PSS (RFC 8017, A.2.3).
pub(crate) const PSS: &[u8] = &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10];

/// id-sha1 (RFC 3370, 2.1).
pub(crate) const SHA1: &[u8] = &[6, 5, 0x2b, 14, 3, 2, 26];
/// id-sha256 (RFC 5754, 2.2).
pub(crate) const SHA256: &[u8] = &[6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1];
/// id-sha512 (RFC 5754, 2.4).
pub(crate) const SHA512: &[u8] = &[6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 3];
/// id-sha3-512 (RFC 9688, 2).
pub(crate) const SHA3_512: &[u8] = &[6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 10];

/// des-ede3-cbc (RFC 3370, 5.1).
pub(crate) const DES_EDE3_CBC: &[u8] = &[6, 8, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 3, 7];
/// aes256-CBC (RFC 3565, 4.1).
pub(crate) const AES_256_CBC: &[u8] = &[6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 42];

/// subjectKeyIdentifier, an extension of certificates (RFC 5280, 4.2.1.2).
pub(crate) const SUBJECT_KEY_ID: &[u8] = &[6, 3, 0x55, 0x1d, 0x0e];

/// NULL, as parameters that say nothing.
pub(crate) const NULL: &[u8] = &[5, 0];
