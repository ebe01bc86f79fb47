//! What waits for partners that the configuration has no more.

use std::collections::BTreeMap;

use super::certificates::RemarkLevel;
use super::check_remark::CheckRemark;
use super::overview::without_profile;
use crate::config::Plan;
use crate::events::Event;
use crate::station::Station;

/// What waits for the partners of `before` that the plan in force has no more: as events, and for whoever had it put in
/// force.
pub(crate) async fn left_by(station: &Station, before: &Plan) -> Vec<CheckRemark> {
    let plan = station.plan();
    let mut removed = before.partners.keys();
    if removed.all(|name| plan.partners.contains_key(name)) {
        return Vec::new();
    }
    let backlog = match station.ledger.backlog(BTreeMap::new()).await {
        Ok(backlog) => backlog,
        Err(error) => return vec![unknown(&error.to_string())],
    };
    let removed = before.partners.keys();
    let removed = removed.filter(|name| !plan.partners.contains_key(*name));
    let waiting = removed.filter_map(|name| {
        let backlog = backlog.get(name)?;
        Some((name, backlog.files, backlog.owed))
    });
    let waiting = waiting.filter(|(_, files, receipts)| files + receipts > 0);
    let reported = waiting.map(|(name, files, receipts)| {
        station.events.emit(Event::PartnerRemoved {
            partner: name.clone(),
            files,
            receipts,
        });
        let waits = format!("{files} files and {receipts} receipts wait for it, and");
        warning(
            &format!("partners.{name}"),
            format!("{waits} {}", without_profile(name)),
        )
    });
    reported.collect()
}

fn unknown(reason: &str) -> CheckRemark {
    let text = format!("nobody knows what waits for the removed ones: {reason}");
    warning("partners", text)
}

fn warning(place: &str, text: String) -> CheckRemark {
    CheckRemark {
        severity: RemarkLevel::Warning,
        place: place.to_owned(),
        text,
        keeps_out: false,
    }
}
