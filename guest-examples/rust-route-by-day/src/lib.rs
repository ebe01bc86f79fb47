//! The smallest policy there is: every received file into a folder of its day, under its own name.

use pointsman_policy_sdk::{
    Answer, ConnectionInfo, FileDecision, FileInfo, FileTerms, Policy, policy,
};

struct RouteByDay;

policy!(RouteByDay);

impl Policy for RouteByDay {
    fn accept_file(_: &ConnectionInfo, file: &FileInfo) -> Answer<FileDecision> {
        Ok(FileDecision::Accept(FileTerms {
            directory: Some(format!("by-day/{}", file.date)),
            ..FileTerms::default()
        }))
    }
}
