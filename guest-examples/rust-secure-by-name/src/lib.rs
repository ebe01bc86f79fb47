//! What a file to a partner is secured with is said by its name: drawings signed and encrypted, say.

mod rules;

use pointsman_policy_sdk::{
    Answer, FileToQueue, Policy, QueueDecision, QueueTerms, policy, required_setting,
};
use rules::Services;

struct SecureByName;

policy!(SecureByName);

impl Policy for SecureByName {
    fn queue_file(file: &FileToQueue) -> Answer<QueueDecision> {
        let rules = rules::parse(&required_setting("rules")?)
            .map_err(|e| format!("the setting `rules`: {e}"))?;
        let rule = rules
            .iter()
            .find(|rule| rule.matches(&file.partner, &file.dataset_name));
        Ok(match rule.map(|rule| &rule.services) {
            None => QueueDecision::Pass,
            Some(Services::Never) => QueueDecision::Refuse(format!(
                "{} is no file for {}",
                file.dataset_name, file.partner
            )),
            Some(Services::These {
                security,
                compressed,
                signed_receipt,
                suite,
            }) => QueueDecision::Queue(QueueTerms {
                security: Some(*security),
                cipher_suite: *suite,
                compressed: Some(*compressed),
                signed_response: Some(*signed_receipt),
                labels: Vec::new(),
            }),
        })
    }
}
