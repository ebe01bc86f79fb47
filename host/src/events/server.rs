//! The server: its start, its end, what runs in it.

macro_rules! server {
    ($next:ident $($rest:ident)*; $($above:tt)*) => {
        $next! {
            $($rest)*;
            $($above)*

            /// a start took up what the last run left, and how much of it
            "SRV-001" "recovered" Info Every
            Recovered { leases: u64, receiving: u64, unopened: u64, undelivered: u64, receipts_owed: u64, ready: u64 }
            says("the start found {receiving} files half received, {unopened} to open, {undelivered} to deliver, {receipts_owed} receipts owed, {ready} files to send, and put {leases} files and receipts of sessions that are gone back into the queue")
            remedy("–")

            /// callers are accepted here
            "SRV-002" "listening" Info Every
            Listening { address: SocketAddr, tls: bool }
            says("listening on {address}{}", if *tls { " with TLS" } else { "" })
            remedy("–")

            /// SIGTERM, SIGINT or SIGQUIT came: no new callers, sessions end at their next turn
            "SRV-003" "draining" Info Every
            Draining { sessions: usize }
            says("the server ends as soon as {sessions} sessions have come to their next turn")
            remedy("–")

            /// the drain took longer than `limits.drain`; sessions were told to end (ESID 05)
            "SRV-004" "drain-cut-off" Warn Every
            DrainCutOff { sessions: usize }
            says("{sessions} sessions have not come to their end and are cut off")
            remedy("nothing, broken files are resumed by the next session; raise it if it happens often")

            /// calls and commands were not done within a second `limits.drain` of the drain, and were cut off
            "SRV-019" "tasks-cut-off" Warn Every
            TasksCutOff {}
            says("calls and commands have not come to their end and are cut off")
            remedy("nothing, a command that was cut off is run again by the next start")

            /// deliveries were not done within a third `limits.drain` of the drain, and were cut off
            "SRV-005" "deliveries-cut-off" Warn Every
            DeliveriesCutOff {}
            says("deliveries have not come to their end and are cut off")
            remedy("nothing, the next start delivers")

            /// the end
            "SRV-006" "stopped" Info Every
            Stopped {}
            says("the server has ended")
            remedy("–")

            /// the configuration was read again, by SIGHUP or `pointsman reload`, and is in force
            "SRV-030" "configuration-reloaded" Info Every
            ConfigurationReloaded { changed: String, generation: u64 }
            says("the configuration is in force as it was read again; changed: {changed}")
            remedy("–")

            /// the configuration was read again and has a mistake: the one before is in force unchanged
            "SRV-031" "configuration-refused" Error Every
            ConfigurationRefused { reason: String }
            says("the configuration was not taken up, and the one before is in force unchanged: {reason}")
            remedy("mend it (`pointsman check`), and reload it")

            /// keys were changed that a server reads at its start alone
            "SRV-032" "configuration-waits" Warn Every
            ConfigurationWaits { waiting: String }
            says("these keys stay what they were until the server is started again: {waiting}")
            remedy("restart the server when it suits")

            /// a reload removed a listener; its sessions continue
            "SRV-033" "listener-closed" Info Every
            ListenerClosed { address: SocketAddr }
            says("no more callers are accepted on {address}; its sessions continue")
            remedy("–")

            /// a reload removed a partner for whom files to send or receipts wait
            "SRV-034" "partner-removed" Warn Every
            PartnerRemoved { partner: String, files: u64, receipts: u64 }
            says("{partner} is no partner any more, and {files} files and {receipts} receipts wait for it")
            remedy("give its profile that name again, or cancel the files (`pointsman queue`)")

            /// a start waits for free space on a disk
            "SRV-008" "disk-full" Error Every
            DiskFull { reason: String }
            says("the start waits until a disk has space: {reason}")
            remedy("free some space; it continues by itself")

            /// the control socket failed, by which commands talk to the server
            "SRV-009" "control-failed" Error Counted
            ControlFailed { reason: String }
            says("a command cannot be answered: {reason}")
            remedy("usually the limit of open files (`ulimit -n`)")

            /// a command went away before its answer
            "SRV-010" "control-broken" Debug Counted
            ControlBroken { reason: String }
            says("a command was not answered to its end: {reason}")
            remedy("–")

            /// an old `control.sock` could not be removed
            "SRV-011" "control-socket-left" Warn Counted
            ControlSocketLeft { path: PathBuf, reason: String }
            says("{} cannot be removed: {reason}", path.display())
            remedy("permissions of the state folder")

            /// the number of files that the process may have open could not be raised to what the system allows it
            "SRV-012" "few-descriptors" Warn Every
            FewDescriptors { reason: String }
            says("the number of files that this process may have open cannot be raised: {reason}")
            remedy("raise `LimitNOFILE` (systemd) or `ulimit -n`: callers and sessions of the limits need one each")

            /// how the last sessions went, for `pointsman partners`, could not be written down; tried again every second
            "SRV-013" "contacts-not-written" Warn Counted
            ContactsNotWritten { reason: String }
            says("how the last sessions went cannot be written down: {reason}")
            remedy("disk space, permissions")

            /// `RUST_LOG` is not understood; it does nothing
            "SRV-014" "rust-log-unknown" Warn Every
            RustLogUnknown { asked: String }
            says("RUST_LOG is `{asked}`, which is not understood and does nothing: give a level (error, warn, info, debug, trace, off), or `PART=LEVEL`, with commas between")
            remedy("see [The log](#the-log)")

            /// something that runs as long as the server does ended unexpectedly, and is started again after a while; where it
            /// ends at once again and again, the server ends
            "SRV-015" "task-ended" Error Every
            TaskEnded { task: String, failures: u32, again: Duration, reason: String }
            says("the task `{task}` ended unexpectedly ({failures} in a row), and is started again in {} s: {reason}", again.as_secs())
            remedy("a mistake in this program: report it, with this line and the one before; `pointsman status` shows whether it runs")

            /// a signal came that means nothing here, such as SIGUSR1
            "SRV-016" "signal-ignored" Warn Counted
            SignalIgnored { signal: String }
            says("{signal} came, which means nothing here")
            remedy("nothing; SIGXFSZ: raise the limit on the size of files (`ulimit -f`)")

            /// the orderly end takes longer than all that it waits for may take; the program ends at once
            "SRV-017" "end-stuck" Error Every
            EndStuck { patience: Duration }
            says("the orderly end has not come in {} s: the program ends at once", patience.as_secs())
            remedy("look for what hangs: a network disk, for one")

            /// the program did not end at once either, and was ended by force
            "SRV-018" "ended-by-force" Error Every
            EndedByForce {}
            says("the program ends by force; the next start resumes what was under way")
            remedy("look for what hangs: a network disk, for one")
        }
    };
}
pub(super) use server;
