//! Callers and their sessions.

macro_rules! sessions {
    ($next:ident $($rest:ident)*; $($above:tt)*) => {
        $next! {
            $($rest)*;
            $($above)*

            /// a caller was dropped without a word, because so many that do not say who they are came from its address, or to
            /// this listener; the limit is named
            "SES-001" "caller-refused" Warn Counted
            CallerRefused { remote: SocketAddr, limit: Limit }
            says("caller at {remote} turned away: {limit} is reached")
            remedy("look who calls; raise the limit if they are partners")

            /// no connection could be accepted; tried again every 200 ms
            "SES-002" "accept-failed" Error Counted
            AcceptFailed { address: Option<SocketAddr>, reason: String }
            says("no caller can be accepted: {reason}")
            remedy("usually the limit of open files (`ulimit -n`)")

            /// TLS version and suite of a caller
            "SES-003" "tls-established" Debug Counted
            TlsEstablished { remote: SocketAddr, version: String, suite: String }
            says("a caller at {remote} speaks {version} with {suite}")
            remedy("–")

            /// a caller did not get through the TLS handshake: what its alert or ours means, which certificate it showed (subject,
            /// serial, SHA-256, end), and whose that is
            "SES-004" "tls-refused" Warn Counted
            TlsRefused { remote: SocketAddr, reason: String }
            says("a caller at {remote} did not get through the TLS handshake: {reason}")
            remedy("the text says it: send the partner our certificate, put its new one into its profile, or tell it which port is for TLS")

            /// both ends agreed how to talk
            "SES-005" "connected" Info Counted
            Connected { session: Talk, terms: String }
            says("{session}: {terms}")
            remedy("–")

            /// a caller was refused, with which ESID
            "SES-006" "connection-refused" Warn Counted
            ConnectionRefused { session: Talk, ssid: String, reason: String }
            says("{session}, SSID code `{ssid}`, refused: {reason}")
            remedy("03: is its code in a profile? 04: password, or the certificate is not the profile's. 08: more sessions than `limits.sessions`, or a policy failed. Otherwise a policy decided: see `policy-decided`")

            /// a session is over, and was released as it should be
            "SES-007" "session-ended" Info Counted
            SessionEnded { session: Talk, reason: String }
            says("{session}: {reason}")
            remedy("–")

            /// a session is over, and was not released normally
            "SES-008" "session-ended" Warn Counted
            SessionBroken { session: Talk, reason: String }
            says("{session}: {reason}")
            remedy("read the reason: an ESID of the partner's names what it did not like; a lost connection or a time-out is the network's")

            /// a partner deviates from the protocol, harmlessly
            "SES-009" "tolerated" Info Counted
            Tolerated { session: Talk, what: String }
            says("{session}: tolerated: {what}")
            remedy("–")

            /// something of ours failed; the session was given up, nothing was lost
            "SES-010" "trouble" Error Counted
            Trouble { session: Talk, reason: String }
            says("{session}: {reason}")
            remedy("ledger or spool: disk, permissions. A partner that does not match its profile when dialled says so here")

            /// a partner's certificate file could not be read at the start; who shows one is told to call again (ESID 08)
            "SES-011" "certificate-unreadable" Error Counted
            CertificateUnreadable { partner: String, reason: String }
            says("the certificate of {partner} could not be read at the start, so that no caller's can be compared with it: {reason}")
            remedy("restore it, and reload")

            /// somebody gave one wrong password after the other for this partner's SSID code; callers from the address that is
            /// named are refused with ESID 04 for `limits.lock_out`, with the right password, too. The partner can still call
            /// from elsewhere
            "SES-012" "locked-out" Error Counted
            LockedOut { partner: String, remote: String, lasts: Duration }
            says("one wrong password after the other for {partner} from {remote}: its code is locked out from there for {} s; if it is the partner, agree on the password and let it wait", lasts.as_secs())
            remedy("ask the partner whether it was its own program; if not, somebody guesses: block the address")

            /// a caller showed a certificate that is known as another partner's
            "SES-013" "certificate-of-another" Warn Counted
            CertificateOfAnother { session: Talk, known_as: String }
            says("{session}: the caller shows a certificate that belongs to {known_as}")
            remedy("the caller has two profiles mixed up, or a key got lost: ask both partners")

            /// a certificate of ours, a partner's or a CA's ends soon, or partners may not like it; told at the start, after
            /// the reload that brings it, and 60, 30, 14, 7 and 1 days before the end
            "SES-014" "certificate-ends" Warn Every
            CertificateEnds { partner: Option<String>, place: String, reason: String }
            says("{place}: {reason}")
            remedy("agree with the partner on a new one, put it in its place or beside it in time, and reload: until then the old one is shown")

            /// a certificate or key with which no session can come about: ended, not valid yet, of a kind that TLS here does not
            /// use, a key that does not fit
            "SES-015" "certificate-trouble" Error Every
            CertificateTrouble { partner: Option<String>, place: String, reason: String }
            says("{place}: {reason}")
            remedy("the text says what to do; `pointsman check` says the same")

            /// somebody connected, and hung up before it said who it is, or anything else, as probes of load balancers and
            /// monitors do
            "SES-016" "caller-left" Debug Counted
            CallerLeft { session: Option<String>, remote: SocketAddr }
            says("a caller at {remote} hung up before it said anything")
            remedy("–")

            /// both sides of a session have shown that they have the keys of their certificates: which ones
            "SES-017" "authenticated" Info Counted
            Authenticated { session: Talk, ours: String, theirs: String }
            says("{session}: both sides are authenticated: we with {ours}; the partner with the key of {theirs}")
            remedy("–")

            /// the authentication of a session failed, on which side, and with which certificates (subject, serial, SHA-256); the
            /// partner learns nothing but ESID 11
            "SES-018" "authentication-failed" Warn Counted
            AuthenticationFailed { session: Talk, reason: String }
            says("{session}: the session is not authenticated: {reason}")
            remedy("compare the certificates with the partner's, by their SHA-256; add the one that is used now beside the old one (`station.keys`, `certificates`), and reload")
        }
    };
}
pub(super) use sessions;
