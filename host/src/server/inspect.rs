//! The server looks at its certificates and keys when it starts, after each reload and each day, and logs what is wrong with them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch::Receiver;

use crate::config::Plan;
use crate::events::{self, Event};
use crate::operator::certificates::certificates;
use crate::operator::remark::{Remark, RemarkLevel};
use crate::station::Station;

/// How often certificates are looked at while the server runs.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// When it is tried again if they could not be.
const HOUR: Duration = Duration::from_secs(60 * 60);

/// Tells what is wrong with certificates and keys: at once, and from then on after each reload and each day what is new or
/// comes nearer.
pub(crate) async fn keep_inspecting(station: Arc<Station>) {
    let looker = Arc::clone(&station);
    let look = move || {
        let plan = looker.plan();
        certificates(&plan, plan.keyring())
    };
    inspect_every(DAY, station.plans(), look, |remark| {
        emit_remark(&station.plan(), remark)
    })
    .await;
}

async fn inspect_every<T>(
    pause: Duration,
    mut reloads: Receiver<T>,
    look: impl Fn() -> Vec<Remark> + Clone + Send + 'static,
    report: impl Fn(&Remark),
) {
    let mut before: BTreeMap<String, Vec<(RemarkLevel, usize)>> = BTreeMap::new();
    loop {
        let looked = match look_at_all(look.clone()).await {
            Ok(looked) => looked,
            Err(trouble) => {
                report(&trouble);
                wait(HOUR, &mut reloads).await;
                continue;
            }
        };
        // Each place may have several remarks; together they say where it stands.
        let mut now: BTreeMap<String, Vec<(RemarkLevel, usize)>> = BTreeMap::new();
        for remark in &looked {
            let standing = now.entry(remark.place.clone()).or_default();
            standing.push((remark.severity, remark.stage));
        }
        for remark in looked {
            let is_new = before.get(&remark.place) != now.get(&remark.place);
            if remark.severity > RemarkLevel::Good && is_new {
                report(&remark);
            }
        }
        before = now;
        wait(pause, &mut reloads).await;
    }
}

/// So long, or until another plan is in force.
async fn wait<T>(pause: Duration, reloads: &mut Receiver<T>) {
    tokio::select! {
        () = tokio::time::sleep(pause) => {}
        Ok(()) = reloads.changed() => {}
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
        Remark::new(RemarkLevel::Error, "all certificates", text)
    })
}

fn emit_remark(config: &Plan, remark: &Remark) {
    let mut partners = config.partners.keys();
    let partner = partners.find(|name| remark.key_of_partner(name).is_some());
    let partner = partner.cloned();
    let (place, reason) = (remark.place.clone(), remark.text.clone());
    events::emit(&match remark.severity {
        RemarkLevel::Error => Event::CertificateTrouble {
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
    use tokio::sync::watch::channel;

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
            let remark = Remark::new(RemarkLevel::Warning, "partners.them.certificate", text);
            vec![Remark { stage, ..remark }]
        };
        let (told, mut heard) = unbounded_channel();
        let report = move |remark: &Remark| drop(told.send(remark.text.clone()));
        let (_kept, reloads) = channel(());
        let pause = Duration::from_millis(1);
        let inspecting = tokio::spawn(inspect_every(pause, reloads, look, report));
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
        let said = trouble.map(|remark| (remark.severity, remark.text));
        assert!(matches!(said, Some((RemarkLevel::Error, text)) if text.contains("nobody knows")));
        assert_eq!(look_at_all(Vec::new).await, Ok(Vec::new()));
    }
}
