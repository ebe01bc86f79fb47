//! Policies: what they decide, and what becomes of their components.

macro_rules! policies {
    ($next:ident $($rest:ident)*; $($above:tt)*) => {
        $next! {
            $($rest)*;
            $($above)*

            /// which policy decided what; with `hand-over`, what the command of `delivery.command` said. `data` is all that led
            /// to it, as JSON, where no history of a file keeps that
            "POL-101" "policy-decided" Info Counted
            Decided { session: Option<String>, partner: Option<String>, claims: Option<String>, remote: Option<SocketAddr>, policy: Option<String>, transfer: Option<TransferId>, file: Option<String>, hook: &'static str, by: String, decision: String, data: Option<String> }
            says("{}{hook}: {by}: {decision}", subject(session.as_deref(), *transfer))
            remedy("–")

            /// another component decides from the next session on
            "POL-102" "policy-swapped" Info Every
            PolicySwapped { policy: String, generation: u64, digest: String }
            says("policy {policy} is now sha256:{digest}, generation {generation}")
            remedy("–")

            /// a swap is in force, its file could not be replaced, or not so that it lasts
            "POL-103" "policy-not-installed" Error Counted
            PolicyNotInstalled { policy: String, reason: String }
            says("policy {policy} decides now, but {reason}")
            remedy("make the component's folder writable for the server, and swap again, before the next start")

            /// a component was not taken; the old one stays in force
            "POL-104" "policy-refused" Error Counted
            PolicyRefused { policy: String, reason: String }
            says("{reason}; the policies stay as they are")
            remedy("the text says what is wrong with it; deploy another. `limits.compile_time`, `limits.compile_memory`: raise them for a component with a big engine inside. \"Another component was put in its place meanwhile\": a later change was quicker, and holds")

            /// `end-transfer` named a place that cannot be one; the place of `accept-file` was used
            "POL-105" "policy-bad-name" Warn Counted
            PolicyBadName { session: Talk, reason: String }
            says("{session}: a policy named a place that cannot be one: {reason}")
            remedy("the policy's author")

            /// a policy named an SSID code that cannot be one; the caller was told to call again
            "POL-106" "policy-bad-code" Error Counted
            PolicyBadCode { session: Talk, reason: String }
            says("{session}: a policy named an SSID code that cannot be one: {reason}")
            remedy("the policy's author")

            /// the ledger could not be read for a policy's `list-outbound`
            "POL-107" "list-outbound-failed" Error Counted
            ListOutboundFailed { partner: String, reason: String }
            says("a policy asked what waits for {partner}, and the ledger cannot be read: {reason}")
            remedy("disk space, permissions")

            /// the ledger could not be read for a policy's `kv-get`
            "POL-108" "kv-get-failed" Error Counted
            KvGetFailed { policy: String, key: String, reason: String }
            says("policy {policy} asked for what it keeps as {key}, and the ledger cannot be read: {reason}")
            remedy("disk space, permissions")
        }
    };
}
pub(super) use policies;
