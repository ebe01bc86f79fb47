//! Reason codes, as tables: of ESID (RFC 5024, 5.3.11), of SFNA and EFNA (5.3.5, 5.3.10), of NERP
//! (5.3.14), and the ways from one table to another.

use std::fmt;

use crate::Level;

macro_rules! reasons {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $code:literal $meaning:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $(#[doc = concat!(stringify!($code), ": ", $meaning, ".")] $variant,)*
            /// A code the table does not have, kept as it came (0 to 99).
            Other(u8),
        }

        impl $name {
            /// Every reason of the table, in the order of the codes.
            pub const TABLE: &'static [Self] = &[$(Self::$variant,)*];

            /// The code of a number from the wire; one that is unknown is kept.
            pub fn from_code(code: u8) -> Self {
                match code {
                    $($code => Self::$variant,)*
                    other => Self::Other(other),
                }
            }

            /// The number on the wire.
            pub fn code(self) -> u8 {
                match self {
                    $(Self::$variant => $code,)*
                    Self::Other(code) => code,
                }
            }

            /// What the code means, for people.
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$variant => $meaning,)*
                    Self::Other(_) => "a code the protocol does not define",
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:02} {}", self.code(), self.meaning())
            }
        }
    };
}

reasons! {
    /// Why a session ends (ESIDREAS, RFC 5024, 5.3.11).
    SessionReason {
        Normal = 0 "normal session termination",
        UnknownCommand = 1 "command not recognised",
        ProtocolViolation = 2 "protocol violation",
        UnknownUser = 3 "user code not known",
        InvalidPassword = 4 "invalid password",
        LocalEmergency = 5 "local site emergency close down",
        InvalidData = 6 "command contained invalid data",
        BufferSize = 7 "exchange buffer size error",
        Resources = 8 "resources not available",
        TimeOut = 9 "time out",
        Incompatible = 10 "mode or capabilities incompatible",
        InvalidChallengeResponse = 11 "invalid challenge response",
        AuthenticationIncompatible = 12 "secure authentication requirements incompatible",
        Unspecified = 99 "unspecified abort code",
    }
}

reasons! {
    /// Why a file is refused at its start or its end (SFNAREAS, EFNAREAS; RFC 5024, 5.3.5, 5.3.10).
    FileReason {
        InvalidFilename = 1 "invalid filename",
        InvalidDestination = 2 "invalid destination",
        InvalidOrigin = 3 "invalid origin",
        RecordFormat = 4 "storage record format not supported",
        RecordLength = 5 "maximum record length not supported",
        TooBig = 6 "file size is too big",
        RecordCount = 10 "invalid record count",
        ByteCount = 11 "invalid byte count",
        AccessMethod = 12 "access method failure",
        Duplicate = 13 "duplicate file",
        DirectionRefused = 14 "file direction refused",
        CipherSuite = 15 "cipher suite not supported",
        EncryptedNotAllowed = 16 "encrypted file not allowed",
        UnencryptedNotAllowed = 17 "unencrypted file not allowed",
        CompressionNotAllowed = 18 "compression not allowed",
        SignedNotAllowed = 19 "signed file not allowed",
        UnsignedNotAllowed = 20 "unsigned file not allowed",
        InvalidSignature = 21 "invalid file signature",
        DecryptionFailure = 22 "file decryption failure",
        DecompressionFailure = 23 "file decompression failure",
        Unspecified = 99 "unspecified reason",
    }
}

reasons! {
    /// Why a file did not reach its end, as a negative response says it (NERPREAS, RFC 5024, 5.3.14).
    NerpReason {
        UnknownUser = 3 "session ended: user code not known",
        InvalidPassword = 4 "session ended: invalid password",
        SessionUnspecified = 9 "session ended: unspecified reason",
        InvalidFilename = 11 "invalid filename",
        InvalidDestination = 12 "invalid destination",
        InvalidOrigin = 13 "invalid origin",
        RecordFormat = 14 "storage record format not supported",
        RecordLength = 15 "maximum record length not supported",
        TooBig = 16 "file size is too big",
        RecordCount = 20 "invalid record count",
        ByteCount = 21 "invalid byte count",
        AccessMethod = 22 "access method failure",
        Duplicate = 23 "duplicate file",
        DirectionRefused = 24 "file direction refused",
        CipherSuite = 25 "cipher suite not supported",
        EncryptedNotAllowed = 26 "encrypted file not allowed",
        UnencryptedNotAllowed = 27 "unencrypted file not allowed",
        CompressionNotAllowed = 28 "compression not allowed",
        SignedNotAllowed = 29 "signed file not allowed",
        UnsignedNotAllowed = 30 "unsigned file not allowed",
        InvalidSignature = 31 "file signature not valid",
        DecompressionFailure = 32 "file decompression failed",
        DecryptionFailure = 33 "file decryption failed",
        ProcessingFailed = 34 "file processing failed",
        NotDelivered = 35 "not delivered to recipient",
        NotAcknowledged = 36 "not acknowledged by recipient",
        StoppedByOperator = 50 "transmission stopped by the operator",
        SizeIncompatible = 90 "file size incompatible with recipient's protocol version",
        Unspecified = 99 "unspecified reason",
    }
}

impl SessionReason {
    /// The reason a partner of that level knows: 11 and 12 came with level 2.0 (RFC 5024, 5.3.11).
    #[must_use]
    pub fn at_level(self, level: Level) -> Self {
        match self {
            Self::InvalidChallengeResponse if level < Level::V20 => Self::Unspecified,
            Self::AuthenticationIncompatible if level < Level::V20 => Self::Incompatible,
            known => known,
        }
    }
}

impl FileReason {
    /// The reason a partner of that level knows: 15 to 23 came with level 2.0, 14 is not in
    /// RFC 2204.
    #[must_use]
    pub fn at_level(self, level: Level) -> Self {
        match self.code() {
            15..=23 if level < Level::V20 => Self::Unspecified,
            14 if level < Level::V14 => Self::Unspecified,
            _ => self,
        }
    }
}

impl NerpReason {
    /// The reason a partner of that level knows: 25 to 33 speak of what came with level 2.0.
    #[must_use]
    pub fn at_level(self, level: Level) -> Self {
        match self.code() {
            25..=33 if level < Level::V20 => Self::Unspecified,
            _ => self,
        }
    }

    /// The file reason this one reports, if it reports one. Decryption and decompression stand the
    /// other way round here: 33 and 32 for 22 and 23.
    pub fn file_reason(self) -> Option<FileReason> {
        match self {
            Self::InvalidSignature => Some(FileReason::InvalidSignature),
            Self::DecompressionFailure => Some(FileReason::DecompressionFailure),
            Self::DecryptionFailure => Some(FileReason::DecryptionFailure),
            Self::Unspecified => Some(FileReason::Unspecified),
            _ if (11..=30).contains(&self.code()) => Some(FileReason::from_code(self.code() - 10)),
            _ => None,
        }
    }
}

impl From<FileReason> for NerpReason {
    /// What a relay tells the originator about a refusal further on (RFC 5024, 5.3.14).
    fn from(reason: FileReason) -> Self {
        match reason {
            FileReason::InvalidSignature => Self::InvalidSignature,
            FileReason::DecryptionFailure => Self::DecryptionFailure,
            FileReason::DecompressionFailure => Self::DecompressionFailure,
            FileReason::Unspecified | FileReason::Other(_) => Self::Unspecified,
            defined => Self::from_code(defined.code() + 10),
        }
    }
}
