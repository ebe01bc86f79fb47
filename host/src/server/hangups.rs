//! SIGHUP: the configuration is read again.

use std::sync::Arc;

use tokio::sync::watch::Receiver;

use super::signals::{EndPatience, Signals};
use super::{Server, patience};
use crate::operator::Operator;
use crate::station::in_force::InForce;

impl Server {
    /// Reloads the configuration at each SIGHUP, and lets the end of the program take as long as the plan in force says.
    pub(crate) fn reload_at(&self, signals: &Signals) {
        let plans = self.running.station.plans();
        let (hangups, patience) = (signals.hangups(), signals.patience());
        tokio::spawn(follow(self.operator(), plans, hangups, patience));
    }
}

async fn follow(
    operator: Operator,
    mut plans: Receiver<Arc<InForce>>,
    mut hangups: Receiver<u32>,
    end: EndPatience,
) {
    loop {
        tokio::select! {
            hung_up = hangups.changed() => match hung_up {
                // What came of it is in the log.
                Ok(()) => drop(operator.reload(|_, _| {}).await),
                Err(_) => return,
            },
            changed = plans.changed() => match changed {
                Ok(()) => end.set(patience(&plans.borrow_and_update())),
                Err(_) => return,
            },
        }
    }
}
