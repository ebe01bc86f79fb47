//! The partners of the configuration, found by the code they present.

use std::time::Duration;

use oftp::{
    Format, Leniency, Level, Mode, OdetteId, Params, Password, RecordLayout, Timeouts, Tolerances,
};
use pointsman_store::Longest;

use crate::config::backoff::Backoff;
use crate::config::{Config, Partner, Switches, Terms, Value, Waits};

/// How long a silent peer is waited for where its profile says nothing: what other products for OFTP wait, too.
const IDLE: Duration = Duration::from_secs(60);

/// How long a receipt rests at most. A ledger of an earlier version may have receipts that rest for so long, since the
/// partner's level had no NERP; a wait that is longer was written down while the clock was ahead.
const LONGEST_REST: Duration = Duration::from_secs(24 * 60 * 60);

/// A partner and its name in the configuration.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// What the configuration says of it.
    pub partner: Partner,
}

impl Profile {
    /// The profile whose SSID code this is; where none is, the only one whose code it is in another case, if that
    /// partner may get it wrong.
    #[must_use]
    pub fn by_ssid(config: &Config, ssid: &OdetteId) -> Option<Self> {
        let exact = config
            .partners
            .iter()
            .find(|(_, partner)| *partner.ssid == *ssid);
        if let Some((name, _)) = exact {
            return Self::by_name(config, name);
        }
        let mut nearly = config
            .partners
            .iter()
            .filter(|(_, partner)| is_in_any_case(&partner.ssid, ssid));
        let (name, _) = nearly.next()?;
        let found = Self::by_name(config, name)?;
        (nearly.next().is_none() && found.forgives_case(config)).then_some(found)
    }

    /// Whether this is its SSID code, as far as it has to be exact.
    #[must_use]
    pub fn is_called(&self, config: &Config, ssid: &OdetteId) -> bool {
        let own = &self.partner.ssid;
        **own == *ssid || (self.forgives_case(config) && is_in_any_case(own, ssid))
    }

    /// Whether it may write Odette IDs in another case than was agreed.
    #[must_use]
    pub fn forgives_case(&self, config: &Config) -> bool {
        self.tolerances(config).odette_id_case
    }

    /// The profile of that name.
    #[must_use]
    pub fn by_name(config: &Config, name: &str) -> Option<Self> {
        let partner = config.partners.get(name)?;
        Some(Self {
            name: name.to_owned(),
            partner: partner.clone(),
        })
    }

    /// What we offer this partner in SSID (RFC 5.3.2).
    #[must_use]
    pub fn params(&self, config: &Config) -> Params {
        let ours = &config.station;
        let code = self.partner.our_ssid.as_ref().unwrap_or(&ours.ssid);
        let password = match &self.partner.our_password {
            Some(own) => own.0.to_send(),
            None if self.partner.without_password => Password::none(),
            None => ours.password.0.to_send(),
        };
        let wish = &self.partner.session;
        let mut params = Params::new(code.0.clone(), password);
        params.level = wish.version.map_or(Level::V20, |version| version.0.0);
        params.mode = wish.mode.map_or(Mode::Both, |mode| mode.0.0);
        params.compression = wish.compression;
        params.restart = wish.restart.unwrap_or(true);
        if let Some(size) = wish.buffer_size {
            params.buffer_size = size.0.0;
        }
        if let Some(credit) = wish.credit {
            params.credit = credit.0.0 as u16;
        }
        params.tolerances = self.tolerances(config);
        params.timeouts = Timeouts {
            idle: wish.idle_timeout.map_or(IDLE, |span| span.0.0),
            ..timeouts(config)
        };
        params
    }

    /// What it may get wrong: what the station says, then what its own profile does.
    #[must_use]
    pub fn tolerances(&self, config: &Config) -> Tolerances {
        switched(
            switched(Tolerances::default(), &config.station.tolerances),
            &self.partner.tolerances,
        )
    }

    /// How the records of files of that format stand in local files; none for a format without records.
    #[must_use]
    pub fn record_layout(&self, format: Format) -> Option<RecordLayout> {
        match format {
            Format::Fixed(_) => Some(self.partner.fixed_records.0),
            Format::Variable(_) => Some(self.partner.variable_records.0.0),
            Format::Unstructured | Format::Text => None,
        }
    }

    /// How long to wait before what failed with this partner is tried again.
    #[must_use]
    pub fn retry(&self) -> Retries {
        let of = |set: &Option<Waits>, first, most| Backoff {
            first: set
                .and_then(|set| set.first)
                .map_or(Duration::from_secs(first), |span| span.0.0),
            most: set
                .and_then(|set| set.most)
                .map_or(Duration::from_secs(most), |span| span.0.0),
        };
        let wish = &self.partner.retry;
        Retries {
            unreachable: of(&wish.unreachable, 30, 15 * 60),
            session: of(&wish.session, 60, 30 * 60),
            broken: of(&wish.broken, 10, 10 * 60),
            refused: of(&wish.refused, 60, 60 * 60),
            offers: wish.offers.map_or(50, |offers| offers.0.0),
        }
    }

    /// How long what is to be said to it can wait.
    #[must_use]
    pub fn longest(&self) -> Longest {
        Longest {
            file: self.retry().refused.longest(),
            receipt: LONGEST_REST,
        }
    }

    /// The code that its files may name as their originator and that `code` is, in any case if that is forgiven.
    #[must_use]
    pub fn may_originate(&self, code: &OdetteId, any_case: bool) -> Option<&OdetteId> {
        among(&self.partner.ssid, &self.partner.sfids, code, any_case)
    }
}

/// How long to wait after each kind of failure.
#[derive(Clone, Copy, Debug)]
pub struct Retries {
    /// Nobody answers.
    pub unreachable: Backoff,
    /// A session ends before its time.
    pub session: Backoff,
    /// The connection is lost within a file.
    pub broken: Backoff,
    /// A file is refused for now (SFNARRTR Y, EFNA).
    pub refused: Backoff,
    /// How often a file is offered before it is parked.
    pub offers: u32,
}

/// What a caller sees of us before its SSID is here: nothing; only timers and tolerances count.
#[must_use]
pub fn to_strangers(config: &Config) -> Params {
    let ours = &config.station;
    let mut params = Params::new(ours.ssid.0.clone(), ours.password.0.to_send());
    params.timeouts = Timeouts {
        setup: config.limits.caller_time.0.0,
        idle: IDLE,
        ..timeouts(config)
    };
    params.tolerances = switched(params.tolerances, &ours.tolerances);
    params
}

fn timeouts(config: &Config) -> Timeouts {
    Timeouts {
        least: config.limits.least_progress.0.0,
        ..Timeouts::default()
    }
}

fn switched(tolerances: Tolerances, switches: &Switches) -> Tolerances {
    let set =
        |set: Tolerances, (leniency, on): (&Value<Leniency>, &bool)| set.with(leniency.0, *on);
    switches.iter().fold(tolerances, set)
}

/// What becomes of the files of the partner of that name.
#[must_use]
pub fn delivery(config: &Config, name: &str) -> Terms {
    match config.partners.get(name) {
        Some(partner) => partner.delivery.or(&config.delivery),
        None => config.delivery.or(&config.delivery),
    }
}

/// The code of ours that `code` is, in any case if that is forgiven; none if files for it are not for us.
#[must_use]
pub fn is_ours<'a>(config: &'a Config, code: &OdetteId, any_case: bool) -> Option<&'a OdetteId> {
    among(&config.station.ssid, &config.station.sfids, code, any_case)
}

/// A station that what we send cannot be for, or from.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{code}` is no station {whose}; there are {}", .known.join(", "))]
pub struct UnknownStation {
    code: OdetteId,
    whose: &'static str,
    known: Vec<String>,
}

/// The destination of what we send a partner: the one that is wanted, or its first.
///
/// # Errors
/// The one that is wanted is neither its `ssid` nor among its `sfids`.
pub fn destination(
    partner: &Partner,
    wanted: Option<&OdetteId>,
) -> Result<OdetteId, UnknownStation> {
    let whose = "of this partner (its `ssid` and `sfids`)";
    chosen(&partner.ssid, &partner.sfids, wanted, whose)
}

/// The originator of what we send: the one that is wanted, or our first.
///
/// # Errors
/// The one that is wanted is neither the station's `ssid` nor among its `sfids`.
pub fn originator(config: &Config, wanted: Option<&OdetteId>) -> Result<OdetteId, UnknownStation> {
    let ours = &config.station;
    let whose = "of ours (`station.ssid` and `station.sfids`)";
    chosen(&ours.ssid, &ours.sfids, wanted, whose)
}

fn chosen(
    ssid: &Code,
    sfids: &[Code],
    wanted: Option<&OdetteId>,
    whose: &'static str,
) -> Result<OdetteId, UnknownStation> {
    let Some(wanted) = wanted else {
        return Ok(sfids.first().unwrap_or(ssid).0.clone());
    };
    let known: Vec<&OdetteId> = sfids.iter().chain([ssid]).map(|known| &known.0).collect();
    if known.contains(&wanted) {
        return Ok(wanted.clone());
    }
    Err(UnknownStation {
        code: wanted.clone(),
        whose,
        known: known.into_iter().map(OdetteId::to_string).collect(),
    })
}

type Code = crate::config::Value<OdetteId>;

fn among<'a>(
    ssid: &'a Code,
    sfids: &'a [Code],
    code: &OdetteId,
    any_case: bool,
) -> Option<&'a OdetteId> {
    let known = if sfids.is_empty() {
        std::slice::from_ref(ssid)
    } else {
        sfids
    };
    let exact = known.iter().find(|known| known.0 == *code);
    let nearly = || {
        known
            .iter()
            .find(|known| any_case && is_in_any_case(known, code))
    };
    exact.or_else(nearly).map(|known| &known.0)
}

fn is_in_any_case(known: &Code, code: &OdetteId) -> bool {
    known.0.as_str().eq_ignore_ascii_case(code.as_str())
}
