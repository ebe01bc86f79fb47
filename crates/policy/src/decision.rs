//! Decisions: how two of them become one, and what stands in for one that failed.

use crate::bindings::types::{
    ConnectionDecision, FileDecision, FileTerms, QueueDecision, QueueTerms, Refusal,
    ResponseDecision, ResponseTerms, SecurityLevel, SessionTerms, TurnDecision, TurnTerms,
};
use crate::hook::OnFailure;
use crate::rules::Rules;

/// An answer of a chain of policies.
pub(crate) trait Decision: Sized + Send {
    /// No opinion.
    fn pass() -> Self;

    /// Whether this is no opinion.
    fn is_pass(&self) -> bool;

    /// Whether the chain ends here.
    fn ends_chain(&self) -> bool;

    /// This decision together with that of a later policy. Neither ends the chain.
    fn then(self, later: Self) -> Self;

    /// The decision in place of a policy that failed: for now, or for good.
    fn refusal(for_good: bool) -> Self;

    /// Notes everything in the decision that cannot be carried out.
    fn check(&self, rules: &mut Rules);

    /// What a failure means in this mode.
    fn on_failure(mode: OnFailure) -> Self {
        match mode {
            OnFailure::Retry => Self::refusal(false),
            OnFailure::Refuse => Self::refusal(true),
            OnFailure::Accept => Self::pass(),
        }
    }
}

/// The refusal for the partner: it says whether to try again, and not what failed.
fn unable(reason: u8, for_good: bool) -> Refusal {
    Refusal {
        reason,
        text: if for_good {
            "refused: no decision could be made".to_owned()
        } else {
            "temporarily unable to decide, please try again later".to_owned()
        },
        retry: !for_good,
    }
}

impl Decision for ConnectionDecision {
    fn pass() -> Self {
        ConnectionDecision::Pass
    }

    fn is_pass(&self) -> bool {
        matches!(self, ConnectionDecision::Pass)
    }

    fn ends_chain(&self) -> bool {
        matches!(self, ConnectionDecision::Refuse(_))
    }

    fn then(self, later: Self) -> Self {
        match (self, later) {
            (ConnectionDecision::Accept(a), ConnectionDecision::Accept(b)) => {
                ConnectionDecision::Accept(SessionTerms {
                    partner: a.partner.or(b.partner),
                    ssid_code: a.ssid_code.or(b.ssid_code),
                    level: lower(a.level, b.level),
                    buffer_size: lower(a.buffer_size, b.buffer_size),
                    credit: lower(a.credit, b.credit),
                    mode: a.mode.or(b.mode),
                    compression: lower(a.compression, b.compression),
                    restart: lower(a.restart, b.restart),
                    secure_authentication: a.secure_authentication.or(b.secure_authentication),
                    max_file_kib: lower(a.max_file_kib, b.max_file_kib),
                    idle_timeout: lower(a.idle_timeout, b.idle_timeout),
                    directory: a.directory.or(b.directory),
                    labels: [a.labels, b.labels].concat(),
                })
            }
            (a, b) => pick(a, b),
        }
    }

    /// ESID 08, resources not available: most partners' software calls again then.
    fn refusal(for_good: bool) -> Self {
        ConnectionDecision::Refuse(unable(8, for_good))
    }

    fn check(&self, rules: &mut Rules) {
        match self {
            ConnectionDecision::Pass => {}
            ConnectionDecision::Refuse(refusal) => rules.esid(refusal),
            ConnectionDecision::Accept(terms) => rules.session_terms(terms),
        }
    }
}

impl Decision for FileDecision {
    fn pass() -> Self {
        FileDecision::Pass
    }

    fn is_pass(&self) -> bool {
        matches!(self, FileDecision::Pass)
    }

    fn ends_chain(&self) -> bool {
        matches!(self, FileDecision::Refuse(_))
    }

    fn then(self, later: Self) -> Self {
        match (self, later) {
            (FileDecision::Accept(a), FileDecision::Accept(b)) => FileDecision::Accept(FileTerms {
                directory: a.directory.or(b.directory),
                file_name: a.file_name.or(b.file_name),
                overwrite: lower(a.overwrite, b.overwrite),
                restart: lower(a.restart, b.restart),
                record_layout: a.record_layout.or(b.record_layout),
                labels: [a.labels, b.labels].concat(),
            }),
            (a, b) => pick(a, b),
        }
    }

    /// SFNA 99, unspecified: with 12, access method failure, the partner's operator would suspect a fault in our
    /// storage.
    fn refusal(for_good: bool) -> Self {
        FileDecision::Refuse(unable(99, for_good))
    }

    fn check(&self, rules: &mut Rules) {
        match self {
            FileDecision::Pass => {}
            FileDecision::Refuse(refusal) => rules.sfna(refusal),
            FileDecision::Accept(terms) => rules.file_terms(terms),
        }
    }
}

impl Decision for ResponseDecision {
    fn pass() -> Self {
        ResponseDecision::Pass
    }

    fn is_pass(&self) -> bool {
        matches!(self, ResponseDecision::Pass)
    }

    /// `later` does not end the chain: a policy after it may still refuse.
    fn ends_chain(&self) -> bool {
        matches!(
            self,
            ResponseDecision::Negative(_) | ResponseDecision::Refuse(_)
        )
    }

    fn then(self, later: Self) -> Self {
        match (self, later) {
            (ResponseDecision::Later(a), ResponseDecision::Later(b)) => {
                ResponseDecision::Later(longer(a, b))
            }
            (ResponseDecision::Later(seconds), _) | (_, ResponseDecision::Later(seconds)) => {
                ResponseDecision::Later(seconds)
            }
            (ResponseDecision::Positive(a), ResponseDecision::Positive(b)) => {
                ResponseDecision::Positive(ResponseTerms {
                    directory: a.directory.or(b.directory),
                    file_name: a.file_name.or(b.file_name),
                    request_turn: a.request_turn.or(b.request_turn),
                    labels: [a.labels, b.labels].concat(),
                })
            }
            (a, b) => pick(a, b),
        }
    }

    /// For now: no response, and the question is asked again in five minutes. For good: NERP 34, file processing
    /// failed.
    fn refusal(for_good: bool) -> Self {
        if for_good {
            ResponseDecision::Negative(unable(34, true))
        } else {
            ResponseDecision::Later(300)
        }
    }

    fn check(&self, rules: &mut Rules) {
        match self {
            ResponseDecision::Pass => {}
            ResponseDecision::Later(seconds) => rules.later(*seconds),
            ResponseDecision::Negative(refusal) => rules.nerp(refusal),
            ResponseDecision::Refuse(refusal) => rules.efna(refusal),
            ResponseDecision::Positive(terms) => rules.response_terms(terms),
        }
    }
}

impl Decision for TurnDecision {
    fn pass() -> Self {
        TurnDecision::Pass
    }

    fn is_pass(&self) -> bool {
        matches!(self, TurnDecision::Pass)
    }

    fn ends_chain(&self) -> bool {
        matches!(self, TurnDecision::Hold(_))
    }

    fn then(self, later: Self) -> Self {
        match (self, later) {
            (TurnDecision::Send(a), TurnDecision::Send(b)) => TurnDecision::Send(TurnTerms {
                files: a.files.or(b.files),
                max_files: lower(a.max_files, b.max_files),
            }),
            (a, b) => pick(a, b),
        }
    }

    /// For now: this policy does not count in this turn. For good: nothing is sent.
    fn refusal(for_good: bool) -> Self {
        if for_good {
            TurnDecision::Hold("a policy failed".to_owned())
        } else {
            TurnDecision::Pass
        }
    }

    fn check(&self, rules: &mut Rules) {
        match self {
            TurnDecision::Pass => {}
            TurnDecision::Hold(why) => rules.log_text("hold", why),
            TurnDecision::Send(terms) => rules.turn_terms(terms),
        }
    }
}

impl Decision for QueueDecision {
    fn pass() -> Self {
        QueueDecision::Pass
    }

    fn is_pass(&self) -> bool {
        matches!(self, QueueDecision::Pass)
    }

    fn ends_chain(&self) -> bool {
        matches!(self, QueueDecision::Refuse(_))
    }

    fn then(self, later: Self) -> Self {
        match (self, later) {
            (why @ QueueDecision::Later(_), _) | (_, why @ QueueDecision::Later(_)) => why,
            (QueueDecision::Queue(a), QueueDecision::Queue(b)) => {
                QueueDecision::Queue(QueueTerms {
                    security: both(a.security, b.security, together),
                    cipher_suite: a.cipher_suite.or(b.cipher_suite),
                    compressed: a.compressed.or(b.compressed),
                    signed_response: both(a.signed_response, b.signed_response, |a, b| a || b),
                    labels: [a.labels, b.labels].concat(),
                })
            }
            (a, b) => pick(a, b),
        }
    }

    /// Nothing is queued that a policy may have wanted to be secured.
    fn refusal(for_good: bool) -> Self {
        let why = "no decision could be made about it".to_owned();
        match for_good {
            true => QueueDecision::Refuse(why),
            false => QueueDecision::Later(why),
        }
    }

    fn check(&self, rules: &mut Rules) {
        match self {
            QueueDecision::Pass => {}
            QueueDecision::Later(why) => rules.operator_text("later", why),
            QueueDecision::Refuse(why) => rules.operator_text("refuse", why),
            QueueDecision::Queue(terms) => rules.queue_terms(terms),
        }
    }
}

/// Policies are only notified of `end-response`.
impl Decision for () {
    fn pass() -> Self {}

    fn is_pass(&self) -> bool {
        true
    }

    fn ends_chain(&self) -> bool {
        false
    }

    fn then(self, (): Self) -> Self {}

    fn refusal(_for_good: bool) -> Self {}

    fn check(&self, _rules: &mut Rules) {}
}

/// Of two decisions that do not merge, the one that has an opinion; the earlier if both have.
fn pick<D: Decision>(earlier: D, later: D) -> D {
    if earlier.is_pass() { later } else { earlier }
}

/// The lower of two terms, of which either may be unset. `false` is lower than `true`.
fn lower<T: Ord>(a: Option<T>, b: Option<T>) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// Two terms together, of which either may be unset.
fn both<T>(a: Option<T>, b: Option<T>, together: fn(T, T) -> T) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(together(a, b)),
        (a, b) => a.or(b),
    }
}

/// A file that has what either wants.
fn together(a: SecurityLevel, b: SecurityLevel) -> SecurityLevel {
    use SecurityLevel::{Encrypted, EncryptedAndSigned, None, Signed};
    match (a, b) {
        (None, one) | (one, None) => one,
        (Encrypted, Encrypted) => Encrypted,
        (Signed, Signed) => Signed,
        _ => EncryptedAndSigned,
    }
}

/// The longer of two delays; 0 waits for the operator, which is longest.
fn longer(a: u32, b: u32) -> u32 {
    if a == 0 || b == 0 { 0 } else { a.max(b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn positive(directory: Option<&str>) -> ResponseDecision {
        ResponseDecision::Positive(ResponseTerms {
            directory: directory.map(str::to_owned),
            file_name: None,
            request_turn: None,
            labels: vec![],
        })
    }

    #[test]
    fn what_is_set_stays_and_numbers_only_fall() {
        let terms = |directory: Option<&str>, restart, overwrite| {
            FileDecision::Accept(FileTerms {
                directory: directory.map(str::to_owned),
                file_name: None,
                overwrite,
                restart,
                record_layout: None,
                labels: vec![],
            })
        };
        assert_eq!(
            terms(Some("a"), Some(9), None).then(terms(Some("b"), Some(4), Some(true))),
            terms(Some("a"), Some(4), Some(true))
        );
        assert_eq!(
            terms(None, Some(4), Some(true)).then(terms(Some("b"), Some(9), Some(false))),
            terms(Some("b"), Some(4), Some(false))
        );
    }

    #[test]
    fn a_pass_changes_nothing() {
        assert_eq!(
            ResponseDecision::Pass.then(positive(Some("a"))),
            positive(Some("a"))
        );
        assert_eq!(
            positive(Some("a")).then(ResponseDecision::Pass),
            positive(Some("a"))
        );
    }

    #[test]
    fn later_wins_over_positive_and_the_operator_over_any_delay() {
        use ResponseDecision::Later;
        assert_eq!(positive(None).then(Later(60)), Later(60));
        assert_eq!(Later(60).then(positive(None)), Later(60));
        assert_eq!(Later(60).then(Later(5)), Later(60));
        assert_eq!(Later(60).then(Later(0)), Later(0));
    }

    #[test]
    fn what_policies_want_of_protection_adds_up_and_of_the_rest_the_first_counts() {
        use SecurityLevel::{Encrypted, EncryptedAndSigned, None as Plain, Signed};
        let queue = |security, signed_response, cipher_suite, compressed| {
            QueueDecision::Queue(QueueTerms {
                security,
                cipher_suite,
                compressed,
                signed_response,
                labels: vec![],
            })
        };
        let levels = [Plain, Encrypted, Signed, EncryptedAndSigned];
        for a in levels {
            for b in levels {
                let (signed, encrypted) = (
                    [a, b]
                        .iter()
                        .any(|l| matches!(l, Signed | EncryptedAndSigned)),
                    [a, b]
                        .iter()
                        .any(|l| matches!(l, Encrypted | EncryptedAndSigned)),
                );
                let expected = match (signed, encrypted) {
                    (false, false) => Plain,
                    (true, false) => Signed,
                    (false, true) => Encrypted,
                    (true, true) => EncryptedAndSigned,
                };
                assert_eq!(together(a, b), expected, "{a:?} {b:?}");
            }
        }
        assert_eq!(
            queue(Some(Signed), Some(true), Some(4), None).then(queue(
                Some(Plain),
                Some(false),
                Some(6),
                Some(false)
            )),
            queue(Some(Signed), Some(true), Some(4), Some(false))
        );
        assert_eq!(
            queue(None, None, None, None).then(queue(Some(Encrypted), None, None, Some(true))),
            queue(Some(Encrypted), None, None, Some(true))
        );
    }

    #[test]
    fn a_file_that_one_wants_to_wait_waits() {
        let (queue, later) = (
            QueueDecision::Queue(QueueTerms::default()),
            QueueDecision::Later("tonight".to_owned()),
        );
        assert_eq!(queue.clone().then(later.clone()), later);
        assert_eq!(later.clone().then(queue), later);
        assert_eq!(
            later.clone().then(QueueDecision::Later("b".to_owned())),
            later
        );
    }

    #[test]
    fn stand_ins_for_failures_can_be_carried_out() {
        fn check<D: Decision>() {
            for mode in OnFailure::ALL {
                let mut rules = Rules::new(64 << 10);
                D::on_failure(mode).check(&mut rules);
                assert_eq!(rules.verdict(), Ok(()));
            }
        }
        check::<ConnectionDecision>();
        check::<FileDecision>();
        check::<ResponseDecision>();
        check::<TurnDecision>();
        check::<QueueDecision>();
    }
}
