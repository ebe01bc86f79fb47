//! Terms with nothing set, so that `..Default::default()` leaves the rest to the profile.

#![allow(
    clippy::derivable_impls,
    reason = "the types are generated, nothing can be derived on them"
)]

use crate::records::{FileTerms, QueueTerms, ResponseTerms, SessionTerms, TurnTerms};

impl Default for SessionTerms {
    fn default() -> Self {
        SessionTerms {
            partner: None,
            ssid_code: None,
            level: None,
            buffer_size: None,
            credit: None,
            mode: None,
            compression: None,
            restart: None,
            secure_authentication: None,
            max_file_kib: None,
            idle_timeout: None,
            directory: None,
            labels: Vec::new(),
        }
    }
}

impl Default for FileTerms {
    fn default() -> Self {
        FileTerms {
            directory: None,
            file_name: None,
            overwrite: None,
            restart: None,
            record_layout: None,
            labels: Vec::new(),
        }
    }
}

impl Default for ResponseTerms {
    fn default() -> Self {
        ResponseTerms {
            directory: None,
            file_name: None,
            request_turn: None,
            labels: Vec::new(),
        }
    }
}

impl Default for TurnTerms {
    fn default() -> Self {
        TurnTerms {
            files: None,
            max_files: None,
        }
    }
}

impl Default for QueueTerms {
    fn default() -> Self {
        QueueTerms {
            security: None,
            cipher_suite: None,
            compressed: None,
            signed_response: None,
            labels: Vec::new(),
        }
    }
}
