//! Policies are asked outside of a session about the end of a received file.

use std::sync::Arc;

use pointsman_policy::{Decided, types};

use crate::policy::ask;
use crate::policy::facts::{self, Finished};
use crate::station::Station;
use crate::station::in_force::Pinned;
use crate::station::services::Services;

/// Asks `end-transfer` of the policies that belong to that plan, about a file of that partner.
pub async fn end_transfer(
    station: &Arc<Station>,
    pinned: &Pinned,
    session: &str,
    partner: &str,
    done: &Finished<'_>,
) -> Decided<types::ResponseDecision> {
    let plan = &pinned.in_force;
    let profile = plan.partner(partner);
    let code = profile.as_ref().map(|profile| &profile.ssid);
    let params = match &profile {
        Some(profile) => profile.params(),
        None => plan.ours.offer_to_strangers.clone(),
    };
    let connection = facts::without_session(session, partner, code, &params);
    let services = Arc::new(Services {
        station: Arc::clone(station),
        plan: Arc::clone(plan),
    });
    ask::end_transfer(Arc::clone(&pinned.policies), services, &connection, done).await
}
