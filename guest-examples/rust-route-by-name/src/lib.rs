//! Puts received files where their names say, by a list of rules, and refuses the others.

mod rules;

use pointsman_policy_sdk::{
    Answer, ConnectionInfo, FileDecision, FileInfo, FileTerms, Policy, info, policy, refuse,
    required_setting, setting,
};
use rules::Values;

struct RouteByName;

policy!(RouteByName);

impl Policy for RouteByName {
    fn accept_file(connection: &ConnectionInfo, file: &FileInfo) -> Answer<FileDecision> {
        let rules = rules::parse(&required_setting("rules")?)
            .map_err(|e| format!("the setting `rules`: {e}"))?;
        let reason = refuse_reason()?;

        let Some(rule) = rules.iter().find(|rule| rule.matches(&file.dataset_name)) else {
            info!(
                "no rule for {:?} of {:?}",
                file.dataset_name, file.originator
            );
            let text =
                setting("refuse-text").unwrap_or_else(|| "no rule for this file name".to_owned());
            return Ok(FileDecision::Refuse(refuse(reason, text)));
        };
        let (directory, file_name) = rule.place(&values(connection, file));
        info!(
            "{:?} goes to {directory:?} as {file_name:?}",
            file.dataset_name
        );
        Ok(FileDecision::Accept(FileTerms {
            directory,
            file_name: Some(file_name),
            overwrite: overwrite()?,
            labels: vec![("rule".to_owned(), rule.pattern().to_owned())],
            ..FileTerms::default()
        }))
    }
}

fn values<'a>(connection: &'a ConnectionInfo, file: &'a FileInfo) -> Values<'a> {
    Values {
        originator: &file.originator,
        destination: &file.destination,
        dataset: &file.dataset_name,
        date: &file.date,
        time: &file.time,
        user: &file.user,
        partner: connection
            .partner
            .as_deref()
            .unwrap_or(&connection.ssid_code),
    }
}

/// The SFNA reason for files without a rule; 01, invalid file name, if nothing is set.
fn refuse_reason() -> Result<u8, String> {
    let Some(text) = setting("refuse-reason") else {
        return Ok(1);
    };
    match text.trim().parse() {
        Ok(reason @ (1..=6 | 10..=20 | 99)) => Ok(reason),
        _ => Err(format!(
            "the setting `refuse-reason`: `{text}` is no reason of an SFNA; there are 1 to 6, 10 to 20 and 99"
        )),
    }
}

fn overwrite() -> Result<Option<bool>, String> {
    match setting("overwrite").as_deref().map(str::trim) {
        None => Ok(None),
        Some("yes" | "true") => Ok(Some(true)),
        Some("no" | "false") => Ok(Some(false)),
        Some(other) => Err(format!(
            "the setting `overwrite`: write yes or no, not `{other}`"
        )),
    }
}
