//! Virtual files and their responses, as commands describe them.

use std::fmt;

use crate::{FileKey, NerpReason, OdetteId, UserData};

/// A virtual file's record format (SFIDFMT and SFIDLRECL, RFC 5024, 5.3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// `U`: a stream of octets.
    Unstructured,
    /// `T`: a stream of octets whose lines end in CR-LF.
    Text,
    /// `F`: records of exactly that many octets, 0 to 99,999.
    Fixed(u32),
    /// `V`: records of at most that many octets, 0 to 99,999.
    Variable(u32),
}

/// How a file was secured before it was sent (SFIDSEC, RFC 5024, 5.3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Security {
    /// 00.
    None,
    /// 01.
    Encrypted,
    /// 02.
    Signed,
    /// 03.
    EncryptedAndSigned,
}

impl Security {
    /// The level of a file that is signed, encrypted, both or neither.
    pub fn of(signed: bool, encrypted: bool) -> Self {
        match (signed, encrypted) {
            (false, false) => Self::None,
            (false, true) => Self::Encrypted,
            (true, false) => Self::Signed,
            (true, true) => Self::EncryptedAndSigned,
        }
    }

    /// Whether the file is encrypted.
    pub fn is_encrypted(self) -> bool {
        matches!(self, Self::Encrypted | Self::EncryptedAndSigned)
    }

    /// Whether the file is signed.
    pub fn is_signed(self) -> bool {
        matches!(self, Self::Signed | Self::EncryptedAndSigned)
    }
}

/// A cipher suite by its number (SFIDCIPH, RFC 5024, 10.2; 03 and up are Odette's own list).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CipherSuite(u8);

impl CipherSuite {
    /// 00: no security services.
    pub const NONE: Self = Self(0);

    /// 04: AES-256, RSA PKCS#1 v1.5, SHA-256.
    pub const USUAL: Self = Self(4);

    /// The suite of that number, 0 to 99, known or not; none above.
    pub fn new(number: u8) -> Option<Self> {
        (number <= 99).then_some(Self(number))
    }

    /// The number on the wire.
    pub fn number(self) -> u8 {
        self.0
    }

    /// The algorithms: symmetric, asymmetric, hash. None for a number no list defines.
    pub fn description(self) -> Option<&'static str> {
        Some(match self.0 {
            0 => "none",
            1 => "3DES-EDE-CBC, RSA PKCS#1 v1.5, SHA-1",
            2 => "AES-256-CBC, RSA PKCS#1 v1.5, SHA-1",
            3 => "3DES-EDE-CBC, RSA PKCS#1 v1.5, SHA-256",
            4 => "AES-256-CBC, RSA PKCS#1 v1.5, SHA-256",
            5 => "3DES-EDE-CBC, RSA PKCS#1 v1.5, SHA-512",
            6 => "AES-256-CBC, RSA PKCS#1 v1.5, SHA-512",
            7 => "AES-256-CBC, RSA PKCS#1 v1.5, SHA3-512",
            8 => "AES-256-CBC, RSA-PSS and RSA-OAEP, SHA-256",
            9 => "AES-256-CBC, RSA-PSS and RSA-OAEP, SHA-512",
            10 => "AES-256-CBC, RSA-PSS and RSA-OAEP, SHA3-512",
            _ => return None,
        })
    }
}

impl fmt::Display for CipherSuite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:02} ({})",
            self.0,
            self.description().unwrap_or("unknown")
        )
    }
}

/// Octets of a block: SFIDFSIZ and SFIDOSIZ count in them, and SFIDREST of a file without records (RFC 5024, 5.3.3).
pub const BLOCK: u64 = 1024;

/// What a Start File command says about a file (SFID, RFC 5024, 5.3.3).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FileHeader {
    /// Its identity.
    pub key: FileKey,
    /// SFIDUSER.
    pub user: UserData,
    /// The format of the original file, even when it travels secured.
    pub format: Format,
    /// SFIDFSIZ: an estimate of what is transmitted, in blocks of 1024 octets, rounded up.
    pub size_blocks: u64,
    /// SFIDOSIZ: the same of the original; 0 if unknown. Below level 2.0 taken from `size_blocks`.
    pub original_size_blocks: u64,
    /// SFIDREST: where the sender proposes to continue. In blocks of 1024 octets, or in records if
    /// the file [goes in records](Self::goes_in_records).
    pub restart: u64,
    /// SFIDSEC.
    pub security: Security,
    /// SFIDCIPH; also rules the signature of the response.
    pub cipher: CipherSuite,
    /// SFIDCOMP: ZLIB.
    pub compressed: bool,
    /// SFIDENV: CMS.
    pub enveloped: bool,
    /// SFIDSIGN: the response is to be signed.
    pub signed_receipt: bool,
    /// SFIDDESC: at most 999 octets travel, level 2.0 only.
    pub description: String,
}

impl FileHeader {
    /// An unsecured, unstructured file of that many octets.
    pub fn plain(key: FileKey, octets: u64) -> Self {
        let blocks = octets.div_ceil(BLOCK);
        Self {
            key,
            user: UserData::default(),
            format: Format::Unstructured,
            size_blocks: blocks,
            original_size_blocks: blocks,
            restart: 0,
            security: Security::None,
            cipher: CipherSuite::NONE,
            compressed: false,
            enveloped: false,
            signed_receipt: false,
            description: String::new(),
        }
    }

    /// Octets that SFIDFSIZ announces at most: an estimate.
    pub fn announced_octets(&self) -> u64 {
        self.size_blocks.saturating_mul(BLOCK)
    }

    /// Whether the file was signed, compressed, encrypted or enveloped.
    pub fn is_secured(&self) -> bool {
        self.security != Security::None || self.compressed || self.enveloped
    }

    /// Whether it has any service of file security, which needs level 2.0: it is secured, or asks for a signed receipt.
    pub fn has_services(&self) -> bool {
        self.is_secured() || self.signed_receipt
    }

    /// Whether records are marked, counted and restarted at. Otherwise the whole file is one
    /// record: always so for U and T, and for any secured file whatever its format
    /// (RFC 5024, 5.3.3, SFIDREST).
    pub fn goes_in_records(&self) -> bool {
        matches!(self.format, Format::Fixed(_) | Format::Variable(_)) && !self.is_secured()
    }
}

/// Totals of a whole file, what a restart skipped included (EFID, RFC 5024, 5.3.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Counts {
    /// Records; 0 unless the file goes in records.
    pub records: u64,
    /// Octets, before buffer compression and without subrecord headers.
    pub octets: u64,
}

/// A positive end-to-end response (EERP, RFC 5024, 5.3.13).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Eerp {
    /// The file, with originator and destination as its SFID had them; on the wire they change
    /// places.
    pub key: FileKey,
    /// EERPUSER.
    pub user: UserData,
    /// Hash of the file as transmitted; empty unless signed. At most 65,535 octets.
    pub hash: Vec<u8>,
    /// CMS SignedData; empty if unsigned. At most 65,535 octets.
    pub signature: Vec<u8>,
}

/// A negative end-to-end response (NERP, RFC 5024, 5.3.14); level 1.4 and up.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Nerp {
    /// The file, with originator and destination as its SFID had them.
    pub key: FileKey,
    /// Who made this response: the place where the file came to grief.
    pub creator: OdetteId,
    /// NERPREAS.
    pub reason: NerpReason,
    /// Why, for people; at most 999 octets travel, level 2.0 only.
    pub text: String,
    /// As in [`Eerp`].
    pub hash: Vec<u8>,
    /// As in [`Eerp`].
    pub signature: Vec<u8>,
}

/// An end-to-end response of either kind.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Response {
    /// The file reached its end.
    Positive(Eerp),
    /// It did not.
    Negative(Nerp),
}

impl Response {
    /// The file it is about.
    pub fn key(&self) -> &FileKey {
        match self {
            Self::Positive(eerp) => &eerp.key,
            Self::Negative(nerp) => &nerp.key,
        }
    }

    /// Its hash and its signature; each is empty where there is none.
    pub fn proof(&self) -> (&[u8], &[u8]) {
        match self {
            Self::Positive(eerp) => (&eerp.hash, &eerp.signature),
            Self::Negative(nerp) => (&nerp.hash, &nerp.signature),
        }
    }

    /// The same response for the file whose originator and destination are the other way round.
    #[must_use]
    pub fn swapped(&self) -> Self {
        let mut swapped = self.clone();
        match &mut swapped {
            Self::Positive(eerp) => eerp.key = eerp.key.swapped(),
            Self::Negative(nerp) => nerp.key = nerp.key.swapped(),
        }
        swapped
    }
}
