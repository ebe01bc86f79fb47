//! Why a secured file is not opened, for its partner and for the log.

use oftp::{FileReason, NerpReason};
use pointsman_cms::{CmsError, RecordHeaderError, SecurityStage};
use pointsman_store::{LedgerError, SpoolError, TransferId};

use super::error::KeyringError;

/// Why a secured file is not opened. The text is for the log and the history: its partner gets a reason alone.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A layer is not what was announced, cannot be decrypted or inflated, or no signature of it counts.
    #[error("{0}")]
    File(CmsError),
    /// The lengths of its records cannot be read (RFC 5024, 6.5).
    #[error("its content has no records as format V has them: {0}")]
    Headers(RecordHeaderError),
    /// A record has another length than SFID allows.
    #[error("its content is not as its SFID says: {0}")]
    Records(String),
    /// What is signed is a receipt: whoever has one could send it as a file of the station that signed it.
    #[error("its content is the text of a signed receipt, and no file")]
    ReceiptText,
    /// Its key came in another file before: it was made of that.
    #[error(
        "its content is encrypted by the key of transfer {0}, which was another file: it was made of that one, or its sender uses a key twice"
    )]
    KeyOfAnother(TransferId),
    /// It lacks what is demanded of this partner's files.
    #[error("{1}")]
    Demand(SecurityStage, String),
    /// The spool failed, and the file has nothing to do with it.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// Its plain content does not fit on the disk.
    #[error(
        "{full}; {made} octets of its plain content were made by then, and what was made is removed"
    )]
    NoRoom {
        /// What the spool says.
        full: SpoolError,
        /// Octets of its plain content that did fit.
        made: u64,
    },
    /// A disk, a thread or the cryptographic library failed, and the file has nothing to do with it.
    #[error("{0}")]
    Ours(CmsError),
    /// Its content cannot be read.
    #[error("its content cannot be read: {0}")]
    Read(std::io::Error),
    /// Its content as on the wire rotted on the disk.
    #[error("its content in the spool is not what was received: blake3 {found}, not {expected}")]
    Rotten {
        /// The digest of what is there.
        found: String,
        /// That of what was received.
        expected: String,
    },
    /// Its content as on the wire is not there any more.
    #[error("its content is not in the spool, and it was not opened; look for it in a backup")]
    Missing,
    /// The keys that are in force cannot be used.
    #[error(transparent)]
    Keys(#[from] KeyringError),
    /// No key of ours is among those that it is encrypted to, and it was received under other ones.
    #[error(
        "it is encrypted to the certificate with {0}, and none of our keys is of that; when the file was received there were other keys: put the key back (`station.keys`, `partners.*.keys`)"
    )]
    KeyGone(String),
    /// The configuration does not name its partner.
    #[error(
        "the configuration does not name the partner {0} any more: give the profile its old name back"
    )]
    PartnerGone(String),
    /// The ledger cannot be read or written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// It was opened before a crash, and what it was cannot be found out again by the keys in force.
    #[error("it was opened before, and by the keys that are in force now it cannot be: {0}")]
    NotAgain(String),
    /// Its cipher suite is not known here.
    #[error("its cipher suite is not known here")]
    Suite,
    /// The thread that opened it is lost.
    #[error("the thread that opened it was cut off")]
    Thread,
    /// The server is about to stop.
    #[error("the server is about to stop")]
    Stopped,
}

impl From<CmsError> for OpenError {
    fn from(error: CmsError) -> Self {
        match error {
            CmsError::Read(_)
            | CmsError::Write(_)
            | CmsError::Library(_)
            | CmsError::Device(_)
            | CmsError::Thread
            | CmsError::NotReadToEnd
            | CmsError::NotAsMeasured(_)
            | CmsError::NoKey(_) => Self::Ours(error),
            CmsError::Layer { .. }
            | CmsError::Decryption
            | CmsError::AfterDecryption(_)
            | CmsError::TooLarge { .. } => Self::File(error),
        }
    }
}

/// What a partner is told of a file that is not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToldReason {
    /// Before EFPA.
    pub efna: FileReason,
    /// After it.
    pub nerp: NerpReason,
}

impl From<SecurityStage> for ToldReason {
    fn from(stage: SecurityStage) -> Self {
        Self {
            efna: stage.file_reason(),
            nerp: stage.nerp_reason(),
        }
    }
}

impl OpenError {
    /// The same with how much of the plain content was made, where that did not fit on the disk.
    #[must_use]
    pub fn having_made(self, made: u64) -> Self {
        match self {
            Self::Spool(full) if full.is_full() => Self::NoRoom { full, made },
            other => other,
        }
    }

    /// What the partner is told; none where the file has nothing to do with it. `alike`: all that fails after the
    /// decryption of an encrypted file is told as if that had failed.
    #[must_use]
    pub fn told(&self, is_encrypted: bool, alike: bool) -> Option<ToldReason> {
        let stage = match self {
            Self::File(error) if alike => error.uniform_stage(),
            Self::File(error) => error.stage(),
            Self::Demand(stage, _) => *stage,
            Self::KeyOfAnother(_) => SecurityStage::Decryption,
            Self::Headers(_) | Self::Records(_) | Self::ReceiptText if is_encrypted && alike => {
                SecurityStage::Decryption
            }
            Self::Headers(_) => SecurityStage::Processing,
            Self::Records(_) => {
                return Some(ToldReason {
                    efna: FileReason::RecordLength,
                    nerp: NerpReason::RecordLength,
                });
            }
            Self::ReceiptText => SecurityStage::Signature,
            _ => return None,
        };
        Some(stage.into())
    }
}

#[cfg(test)]
mod tests {
    use pointsman_cms::{Layer, Problem};

    use super::*;

    fn inside(layer: Layer, problem: Problem) -> OpenError {
        let error = CmsError::Layer { layer, problem };
        OpenError::File(CmsError::AfterDecryption(Box::new(error)))
    }

    /// An encrypted file without a signature can be changed unseen: nothing must show what became of it.
    #[test]
    fn what_fails_after_a_decryption_is_told_alike_where_it_is_to_be() {
        let failures = [
            OpenError::File(CmsError::Decryption),
            inside(Layer::Compressed, Problem::Zlib),
            inside(Layer::Signed, Problem::SignatureInvalid("CN=x".to_owned())),
            OpenError::Headers(RecordHeaderError::TooLong),
            OpenError::Records("record 1 has 3 octets".to_owned()),
            OpenError::ReceiptText,
        ];
        for failure in &failures {
            let told = failure.told(true, true).unwrap();
            assert_eq!(told, SecurityStage::Decryption.into(), "{failure}");
        }
        let apart: Vec<u8> = failures
            .iter()
            .map(|failure| failure.told(true, false).unwrap().nerp.code())
            .collect();
        assert_eq!(apart, [33, 33, 31, 34, 15, 31]);
    }

    #[test]
    fn what_failed_here_is_told_to_nobody() {
        let lost = std::io::Error::other("a disk");
        for ours in [
            OpenError::Ours(CmsError::Read(lost)),
            OpenError::Spool(SpoolError::Busy("incoming/x".into())),
            OpenError::Thread,
            OpenError::Stopped,
        ] {
            assert_eq!(ours.told(true, true), None, "{ours}");
        }
    }
}
