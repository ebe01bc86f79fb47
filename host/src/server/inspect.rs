//! What can be known of certificates and keys before anybody calls: told by `check`, by `partners`, and by the server
//! when it starts and each day.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::config::{Config, ExistingFile, Value};
use crate::events::{self, Event};
use crate::net::tls::{self, CertificateTime, PeerCertificate};
use crate::station::Station;

/// How many days before a certificate's end it is told, each once.
pub const TOLD_BEFORE: [u64; 5] = [60, 30, 14, 7, 1];

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// As it should be.
    Good,
    /// Sessions come about, for now or with most partners.
    Warning,
    /// Sessions that need this fail.
    Error,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// How bad it is.
    pub weight: Weight,
    /// The key of the configuration.
    pub place: String,
    /// What there is to say.
    pub text: String,
    /// When the certificate ends, in seconds since 1970, where one is told of.
    pub ends: Option<u64>,
    /// How many of the marks of [`TOLD_BEFORE`] it has passed.
    stage: usize,
}

impl Remark {
    /// The key of the partner's profile that it is about, where it is about one.
    #[must_use]
    pub fn key_of_partner(&self, name: &str) -> Option<&str> {
        let key = self.place.strip_prefix("partners.")?.strip_prefix(name)?;
        // Of a partner whose name goes on behind a point it is not.
        key.strip_prefix('.').filter(|key| !key.contains('.'))
    }

    /// Whether it is about what every partner sees: the certificates of our listeners.
    #[must_use]
    pub fn is_of_station(&self) -> bool {
        !self.place.starts_with("partners.")
    }

    fn new(weight: Weight, place: &str, text: String) -> Self {
        Self {
            weight,
            place: place.to_owned(),
            text,
            ends: None,
            stage: 0,
        }
    }
}

/// Whose a certificate is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    Us,
    Partner,
    Ca,
}

/// Looks at every certificate and key of the configuration, as it would be used.
#[must_use]
pub fn certificates(config: &Config) -> Vec<Remark> {
    let mut told = Vec::new();
    for (at, listener) in config.listeners.iter().enumerate() {
        let Some(tls) = &listener.tls else { continue };
        let place = format!("listeners[{at}].tls");
        look(
            &mut told,
            &format!("{place}.certificate"),
            &tls.certificate,
            Owner::Us,
        );
        if let Some(ca) = &tls.client_ca {
            look(&mut told, &format!("{place}.client_ca"), ca, Owner::Ca);
        }
        fits(
            &mut told,
            &format!("{place}.key"),
            &tls.certificate,
            &tls.key,
        );
    }
    for (name, partner) in &config.partners {
        let place = |key: &str| format!("partners.{name}.{key}");
        if let Some(own) = &partner.certificate {
            look(&mut told, &place("certificate"), own, Owner::Partner);
        }
        if let Some(ca) = &partner.ca {
            look(&mut told, &place("ca"), ca, Owner::Ca);
        }
        if let Some(ours) = &partner.our_certificate {
            look(&mut told, &place("our_certificate"), ours, Owner::Us);
        }
        if let (Some(ours), Some(key)) = (&partner.our_certificate, &partner.our_key) {
            fits(&mut told, &place("our_key"), ours, key);
        }
    }
    told
}

fn fits(
    told: &mut Vec<Remark>,
    place: &str,
    ours: &Value<ExistingFile>,
    key: &Value<ExistingFile>,
) {
    // A certificate that does not read was told of already.
    if tls::certificates(ours).is_ok()
        && let Err(error) = tls::check_identity(ours, key)
    {
        told.push(Remark::new(Weight::Error, place, error.to_string()));
    }
}

fn look(told: &mut Vec<Remark>, place: &str, file: &Value<ExistingFile>, owner: Owner) {
    let chain = match tls::certificates(file) {
        Ok(chain) => chain,
        Err(error) => return told.push(Remark::new(Weight::Error, place, error.to_string())),
    };
    // Of a partner its own alone counts; of ours and of CAs every one is sent or used.
    let many = if owner == Owner::Partner {
        1
    } else {
        chain.len()
    };
    if chain.len() > many {
        let text = format!(
            "there are {} certificates in {}, and the first alone is taken for the partner's own: one that it shows must stand first",
            chain.len(),
            file.0.0.display()
        );
        told.push(Remark::new(Weight::Warning, place, text));
    }
    for (at, der) in chain.iter().take(many).enumerate() {
        let Ok(shown) = tls::describe(der) else {
            continue;
        };
        let place = match at {
            0 => place.to_owned(),
            _ => format!("{place} (certificate {})", at + 1),
        };
        told.push(in_time(&place, &shown, file));
        // What may issue is judged when it does; what is shown must have a key that TLS can use.
        if owner != Owner::Ca
            && at == 0
            && let Some(why) = tls::unusable(der)
        {
            let text = format!("no TLS session can come about with this certificate: {why}");
            told.push(Remark::new(Weight::Error, &place, text));
        }
        if owner == Owner::Ca && tls::issues_nothing(der) {
            let text = "this is no CA's certificate (basicConstraints CA:FALSE), so it issues none; it is taken as a certificate that is shown itself, which belongs under `certificate`";
            told.push(Remark::new(Weight::Warning, &place, text.to_owned()));
        }
        if owner == Owner::Us && at == 0 {
            let odd = tls::oddities(der).into_iter();
            told.extend(odd.map(|why| Remark::new(Weight::Warning, &place, why)));
        }
    }
}

/// The certificate itself, and how far it is from its end.
fn in_time(place: &str, shown: &PeerCertificate, file: &Value<ExistingFile>) -> Remark {
    let file = file.0.0.display();
    let days = match shown.time() {
        CertificateTime::Days(days) => days,
        _ => 0,
    };
    let stage = TOLD_BEFORE.iter().filter(|mark| days <= **mark).count();
    let (weight, more) = match shown.time() {
        CertificateTime::NotYet => (
            Weight::Error,
            format!(
                ": it is not valid yet; is the clock right? Else use the one before, in {file}"
            ),
        ),
        CertificateTime::Over => (
            Weight::Error,
            format!(": it has ended; put a new one into {file}, and restart"),
        ),
        CertificateTime::Days(0) => (
            Weight::Warning,
            format!(": it ends today; agree on a new one, put it into {file}, and restart now"),
        ),
        CertificateTime::Days(_) if stage > 0 => (
            Weight::Warning,
            format!(
                ": it ends in {days} days; agree on a new one, put it into {file} in time, and restart"
            ),
        ),
        CertificateTime::Days(_) => (Weight::Good, String::new()),
    };
    Remark {
        stage,
        ends: Some(shown.not_after),
        ..Remark::new(weight, place, format!("{shown}{more}"))
    }
}

/// How often certificates are looked at while the server runs.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// When it is tried again if they could not be.
const HOUR: Duration = Duration::from_secs(60 * 60);

/// Tells what is wrong with certificates and keys: at once, and from then on each day what is new or comes nearer.
pub async fn keep_inspecting(station: Arc<Station>) {
    let looker = Arc::clone(&station);
    let look = move || certificates(&looker.config);
    inspect_every(DAY, look, |remark| tell(&station.config, remark)).await;
}

async fn inspect_every(
    pause: Duration,
    look: impl Fn() -> Vec<Remark> + Clone + Send + 'static,
    tell: impl Fn(&Remark),
) {
    let mut before: BTreeMap<String, Vec<(Weight, usize)>> = BTreeMap::new();
    loop {
        let looked = match look_at_all(look.clone()).await {
            Ok(looked) => looked,
            Err(trouble) => {
                tell(&trouble);
                tokio::time::sleep(HOUR).await;
                continue;
            }
        };
        // Each place may have several remarks; together they say where it stands.
        let mut now: BTreeMap<String, Vec<(Weight, usize)>> = BTreeMap::new();
        for remark in &looked {
            let standing = now.entry(remark.place.clone()).or_default();
            standing.push((remark.weight, remark.stage));
        }
        for remark in looked {
            let is_new = before.get(&remark.place) != now.get(&remark.place);
            if remark.weight > Weight::Good && is_new {
                tell(&remark);
            }
        }
        before = now;
        tokio::time::sleep(pause).await;
    }
}

/// What a look at all of them finds; or that nobody knows how they stand, since a mistake of this program ended it. The
/// log has that mistake, too.
async fn look_at_all<F>(work: F) -> Result<Vec<Remark>, Remark>
where
    F: FnOnce() -> Vec<Remark> + Send + 'static,
{
    let looked = tokio::task::spawn_blocking(work).await;
    looked.map_err(|lost| {
        let text = format!(
            "nobody knows how they stand, since the look at them failed ({lost}); it is tried again in an hour"
        );
        Remark::new(Weight::Error, "all certificates", text)
    })
}

fn tell(config: &Config, remark: &Remark) {
    let mut partners = config.partners.keys();
    let partner = partners.find(|name| remark.key_of_partner(name).is_some());
    let partner = partner.cloned();
    let (place, reason) = (remark.place.clone(), remark.text.clone());
    events::tell(&match remark.weight {
        Weight::Error => Event::CertificateTrouble {
            partner,
            place,
            reason,
        },
        _ => Event::CertificateEnds {
            partner,
            place,
            reason,
        },
    });
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::mpsc::unbounded_channel;

    use super::*;

    #[tokio::test]
    async fn what_comes_nearer_is_told_at_a_later_look_and_what_stays_is_not() {
        let looks = Arc::new(AtomicUsize::new(0));
        let look = move || {
            let stage = match looks.fetch_add(1, Ordering::Relaxed) {
                0..3 => 1,
                _ => 2,
            };
            let text = format!("{stage} marks passed");
            let remark = Remark::new(Weight::Warning, "partners.them.certificate", text);
            vec![Remark { stage, ..remark }]
        };
        let (told, mut heard) = unbounded_channel();
        let tell = move |remark: &Remark| drop(told.send(remark.text.clone()));
        let inspecting = tokio::spawn(inspect_every(Duration::from_millis(1), look, tell));
        for expected in ["1 marks passed", "2 marks passed"] {
            let told = tokio::time::timeout(Duration::from_secs(60), heard.recv()).await;
            assert_eq!(told.unwrap().unwrap(), expected);
        }
        inspecting.abort();
    }

    #[tokio::test]
    #[allow(clippy::panic, reason = "it is what is looked at")]
    async fn a_look_that_fails_says_so_and_is_not_one_that_found_nothing() {
        let looked = look_at_all(|| panic!("a certificate like no other")).await;
        let trouble = looked.err();
        let said = trouble.map(|remark| (remark.weight, remark.text));
        assert!(matches!(said, Some((Weight::Error, text)) if text.contains("nobody knows")));
        assert_eq!(look_at_all(Vec::new).await, Ok(Vec::new()));
    }
}
