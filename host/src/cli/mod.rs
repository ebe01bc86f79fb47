//! The command line. Exit codes: 0 done, 1 a problem was found, 2 the command makes no sense, 3 nobody was reached.

mod attention;
mod cert;
mod check;
mod command;
mod demo;
mod keys;
mod out;
mod partners;
mod policy;
mod queue;
mod reload;
pub(crate) mod scene;
mod send;
mod serve;
mod sessions;
mod show;
mod store;
mod transfers;
mod wrap;

use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use pointsman_kernel as kernel;
use pointsman_log::Log;
use pointsman_policy::compile_worker;

use self::command::{CommandOutcome, Unsuccessful};
use crate::operator::error::{ErrorCode, ErrorKind, OperatorError};

/// An OFTP server (ODETTE File Transfer Protocol) whose every decision is a question put to a sandboxed
/// WebAssembly component.
#[derive(Debug, Parser)]
#[command(name = "pointsman", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: CliCommand,
}

#[derive(Debug, Subcommand)]
enum CliCommand {
    /// Show it all in a minute: two stations on this machine, two files, a policy swapped in between.
    Demo(demo::DemoCommand),
    /// Run the server.
    Serve(serve::ServeCommand),
    /// Send a file to a partner, now, and say whether its receipt came.
    Send(send::SendCommand),
    /// Secure a file as it would be sent to a partner, into another file; send nothing.
    Wrap(wrap::WrapCommand),
    /// Open a secured file of a partner into another file.
    Open(wrap::OpenCommand),
    /// Check the configuration, the certificates and the policies; start nothing.
    Check(check::CheckCommand),
    /// Look at certificates and stores of keys.
    Cert(cert::CertCommand),
    /// Make keys of ours.
    Keys(keys::KeysCommand),
    /// What the running server does.
    Status(sessions::StatusCommand),
    /// The sessions of the running server, and how far their files are.
    Sessions(sessions::SessionsCommand),
    /// Read the configuration of the running server again.
    Reload(reload::ReloadCommand),
    /// What is known of partners: last session, last failure, next call, what waits, and why nothing goes.
    Partners(partners::PartnersCommand),
    /// Look at the history of files.
    Transfers(transfers::TransfersCommand),
    /// What waits to be sent, and what is to become of it.
    Queue(queue::QueueCommand),
    /// Check ledger, spool and inbox against each other; change nothing.
    VerifyStore(store::VerifyStoreCommand),
    /// Rebuild the ledger from the spool, or write sidecars that are missing.
    Store(store::StoreCommand),
    /// Look at policies, and swap them while the server runs.
    Policy(policy::PolicyCommand),
    #[command(name = compile_worker::COMMAND, hide = true)]
    CompilePolicy {
        /// Seconds of processor time, and MiB.
        allowance: Vec<String>,
    },
}

/// What a command that was asked for JSON prints when it fails.
#[derive(serde::Serialize)]
struct ErrorDocument {
    error: OperatorError,
}

impl CliCommand {
    fn run(self) -> CommandOutcome {
        match self {
            Self::Demo(demo) => demo.run(),
            Self::Serve(serve) => serve.run(),
            Self::Send(send) => send.run(),
            Self::Wrap(wrap) => wrap.run(),
            Self::Open(open) => open.run(),
            Self::Check(check) => check.run(),
            Self::Cert(cert) => cert.run(),
            Self::Keys(keys) => keys.run(),
            Self::Status(status) => status.run(),
            Self::Sessions(sessions) => sessions.run(),
            Self::Reload(reload) => reload.run(),
            Self::Partners(partners) => partners.run(),
            Self::Transfers(transfers) => transfers.run(),
            Self::Queue(queue) => queue.run(),
            Self::VerifyStore(verify) => verify.run(),
            Self::Store(store) => store.run(),
            Self::Policy(policy) => policy.run(),
            // It has left before.
            Self::CompilePolicy { .. } => Ok(()),
        }
    }

    /// Whether its output is JSON.
    fn wants_json(&self) -> bool {
        match self {
            Self::Cert(cert) => cert.wants_json(),
            Self::Status(status) => status.json,
            Self::Sessions(sessions) => sessions.json,
            Self::Reload(reload) => reload.json,
            Self::Partners(partners) => partners.json,
            Self::Transfers(transfers) => transfers.wants_json(),
            Self::Queue(queue) => queue.wants_json(),
            Self::VerifyStore(verify) => verify.json,
            Self::Store(store) => store.wants_json(),
            Self::Policy(policy) => policy.wants_json(),
            Self::Demo(_)
            | Self::Serve(_)
            | Self::Send(_)
            | Self::Wrap(_)
            | Self::Open(_)
            | Self::Check(_)
            | Self::Keys(_)
            | Self::CompilePolicy { .. } => false,
        }
    }
}

/// How long the end of the program waits for the log to be written.
const LAST_LINES: Duration = Duration::from_secs(1);

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    kernel::make_all_private();
    kernel::dump_no_core();
    let Cli { command } = Cli::parse();
    if let CliCommand::CompilePolicy { allowance } = command {
        return compile_worker::run(allowance.into_iter());
    }
    let wants_json = command.wants_json();
    let done = command.run().and_then(|()| match out::trouble() {
        None => Ok(()),
        Some(error) => {
            let cause = format!("standard output could not be written: {error}");
            Err(ErrorCode::Internal.because(cause).into())
        }
    });
    Log::finish(LAST_LINES);
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Unsuccessful::Printed) => ExitCode::from(1),
        Err(Unsuccessful::Error(error)) => explain(error, wants_json),
    }
}

/// Says on standard error why the command failed, and as data on standard output where that is to be JSON.
fn explain(error: OperatorError, as_json: bool) -> ExitCode {
    let status = match error.code.kind() {
        ErrorKind::Problem => 1,
        ErrorKind::Nonsense => 2,
        ErrorKind::Unreached => 3,
    };
    let text = error.to_string();
    // A report on the configuration, or on what a start needs, has its own headings.
    let heading = match text.starts_with("error") {
        true => "",
        false => "error: ",
    };
    if as_json {
        // Where it cannot be printed, standard error has it.
        let _ = out::print_json(&ErrorDocument { error });
    }
    out::notice(&format!("{heading}{text}"));
    ExitCode::from(status)
}
