//! What waits for partners that the configuration has no more.

use std::collections::BTreeMap;

use pointsman_store::Backlog;

use super::check_remark::CheckRemark;
use super::overview::without_profile;
use crate::config::Plan;
use crate::events::Event;
use crate::station::Station;

/// What waits for the partners of `before` that the plan in force has no more: as events, and as remarks for the operator
/// who had it put in force.
pub(crate) async fn left_by(station: &Station, before: &Plan) -> Vec<CheckRemark> {
    let plan = station.plan();
    let removed: Vec<&String> = before
        .partners
        .keys()
        .filter(|name| !plan.partners.contains_key(*name))
        .collect();
    if removed.is_empty() {
        return Vec::new();
    }
    let backlog = match station.ledger.backlog(BTreeMap::new()).await {
        Ok(backlog) => backlog,
        Err(error) => {
            let text = format!("nobody knows what waits for the removed ones: {error}");
            return vec![CheckRemark::warning("partners", text)];
        }
    };
    let waiting = removed
        .into_iter()
        .filter_map(|name| Some((name, backlog.get(name)?)))
        .filter(|(_, waiting)| waiting.files + waiting.owed > 0);
    waiting
        .map(|(name, waiting)| report(station, name, waiting))
        .collect()
}

fn report(station: &Station, name: &str, waiting: &Backlog) -> CheckRemark {
    let (files, receipts) = (waiting.files, waiting.owed);
    station.events.emit(Event::PartnerRemoved {
        partner: name.to_owned(),
        files,
        receipts,
    });
    let what = without_profile(name);
    let text = format!("{files} files and {receipts} receipts wait for it, and {what}");
    CheckRemark::warning(format!("partners.{name}"), text)
}
