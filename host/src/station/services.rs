//! What policies may reach of the station.

use std::sync::Arc;

use async_trait::async_trait;
use pointsman_policy::{HostServices, types};
use pointsman_store::Quota;

use super::Station;
use super::in_force::InForce;
use crate::events::Event;
use crate::policy::facts;

/// The services of the station that policies may call, for one session or for a question outside of one.
pub struct Services {
    /// The station.
    pub station: Arc<Station>,
    /// The plan that belongs to the policies that are asked, whatever is put in force meanwhile.
    pub plan: Arc<InForce>,
}

#[async_trait]
impl HostServices for Services {
    async fn list_outbound(&self, partner: &str, limit: u32) -> Vec<types::OutboundFile> {
        let files = self
            .station
            .ledger
            .outbound(partner, limit)
            .await
            .unwrap_or_else(|error| {
                self.station.events.emit(Event::ListOutboundFailed {
                    partner: partner.to_owned(),
                    reason: error.to_string(),
                });
                Vec::new()
            });
        files.iter().map(facts::outbound_file).collect()
    }

    async fn kv_get(&self, policy: &str, key: &str) -> Option<Vec<u8>> {
        self.station
            .ledger
            .kv_get(policy, key)
            .await
            .unwrap_or_else(|error| {
                self.station.events.emit(Event::KvGetFailed {
                    policy: policy.to_owned(),
                    key: key.to_owned(),
                    reason: error.to_string(),
                });
                None
            })
    }

    async fn kv_set(&self, policy: &str, key: &str, value: Vec<u8>) -> Result<(), String> {
        let (station, plan) = (&self.station, &self.plan);
        let octets = value.len() as u64;
        if octets > 0 {
            // Beside the reserve, as files are. What removes something needs no room.
            let room = station.reserve.has_room_at(&plan.storage.ledger, octets);
            room.map_err(|error| error.to_string())?;
        }
        let quota = Quota {
            policy: plan.policy(policy).map_or(0, |policy| policy.kept),
            all: plan.limits.policies_kept,
        };
        let kept = station.ledger.kv_set(policy, key, value, quota).await;
        kept.map_err(|error| error.to_string())
    }
}
