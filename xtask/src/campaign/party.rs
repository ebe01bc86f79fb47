//! The two stations of a campaign.

/// One of the two stations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Party {
    /// The supplier.
    Mueller,
    /// The car maker.
    Nordwerk,
}

pub const PARTIES: [Party; 2] = [Party::Mueller, Party::Nordwerk];

impl Party {
    pub fn name(self) -> &'static str {
        match self {
            Self::Mueller => "mueller",
            Self::Nordwerk => "nordwerk",
        }
    }

    pub fn other(self) -> Self {
        match self {
            Self::Mueller => Self::Nordwerk,
            Self::Nordwerk => Self::Mueller,
        }
    }

    pub fn ssid(self) -> &'static str {
        match self {
            Self::Mueller => "O0013000007MUELLER",
            Self::Nordwerk => "O0013000001NORDWERK",
        }
    }
}
