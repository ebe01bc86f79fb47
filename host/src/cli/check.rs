//! `pointsman check`.

use clap::Args;

use super::command::{CommandOutcome, Configured, LogStyle, Unsuccessful, block_on, start_log};
use super::out::say;
use crate::config::Needs;
use crate::operator::Operator;
use crate::operator::check_remark::CheckRemark;
use crate::operator::error::OperatorError;
use crate::operator::remark::RemarkLevel;

/// Checks everything that `serve` needs, and starts nothing.
#[derive(Debug, Args)]
pub(super) struct CheckCommand {
    #[command(flatten)]
    configured: Configured,
}

impl CheckCommand {
    pub(super) fn run(self) -> CommandOutcome {
        start_log(LogStyle::Quiet)?;
        let operator = Operator::of(self.configured.load(&Needs::Everything)?);
        let report = block_on(async { Ok::<_, OperatorError>(operator.check().await) })?;
        say!(
            "configuration {}: {} listeners, {} partners",
            self.configured.config.display(),
            report.listeners,
            report.partners
        );
        print_remarks(&report.remarks);
        for policy in &report.policies {
            say!(
                "policy {}: sha256 {}, asked {}",
                policy.policy,
                policy.sha256,
                policy.hooks.join(", ")
            );
        }
        match report.is_clean() {
            true => {
                say!("ok");
                Ok(())
            }
            false => Err(Unsuccessful::Printed),
        }
    }
}

/// What there is to say of a configuration, a line each.
pub(super) fn print_remarks(remarks: &[CheckRemark]) {
    for remark in remarks {
        let heading = match remark.severity {
            RemarkLevel::Good => "",
            RemarkLevel::Warning => "warning: ",
            RemarkLevel::Error => "error: ",
        };
        say!("{heading}{}: {}", remark.place, remark.text);
    }
}
