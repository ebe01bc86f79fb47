//! The command line. Exit codes: 0 done, 1 a problem was found, 2 the command makes no sense, 3 nobody was reached.

mod attention;
mod check;
mod demo;
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

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use pointsman_log::{Filter, Level, Log, Stderr, Style};

use crate::config::{Needs, Plan};
use crate::events::{Event, tell};
use crate::operator::Operator;
use crate::operator::error::{ErrorCode, ErrorKind, OperatorError};
use crate::system::kernel;

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
    /// Check the configuration, the certificates and the policies; start nothing.
    Check(check::CheckCommand),
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
    /// Mend the store.
    Store(store::StoreCommand),
    /// Look at policies, and swap them while the server runs.
    Policy(policy::PolicyCommand),
    #[command(name = crate::COMPILE_POLICY, hide = true)]
    CompilePolicy {
        /// Seconds of processor time, and MiB.
        allowance: Vec<String>,
    },
}

/// Which configuration a command is for.
#[derive(Clone, Debug, Args)]
struct Configured {
    /// The configuration file.
    #[arg(
        short,
        long,
        default_value = "pointsman.yaml",
        env = "POINTSMAN_CONFIG",
        value_name = "FILE"
    )]
    config: PathBuf,
}

/// Why a command ends with another exit code than 0.
enum Unsuccessful {
    Error(OperatorError),
    /// Exit code 1 without another word: what there is to say was printed.
    Printed,
}

type CommandResult = Result<(), Unsuccessful>;

impl<E: Into<OperatorError>> From<E> for Unsuccessful {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

/// What a command that was asked for JSON prints when it fails.
#[derive(serde::Serialize)]
struct ErrorDocument {
    error: OperatorError,
}

impl CliCommand {
    /// Whether its output is JSON.
    fn wants_json(&self) -> bool {
        match self {
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
            | Self::Check(_)
            | Self::CompilePolicy { .. } => false,
        }
    }
}

impl Unsuccessful {
    /// Says why on standard error, and as data on standard output where that is to be JSON.
    fn exit(self, as_json: bool) -> ExitCode {
        let Self::Error(error) = self else {
            return ExitCode::from(1);
        };
        if as_json {
            let error = error.clone();
            // Where it cannot be printed, standard error has it.
            let _ = out::print_json(&ErrorDocument { error });
        }
        let text = error.to_string();
        // A report on the configuration, or on what a start needs, has its own headings.
        let heading = if text.starts_with("error") {
            ""
        } else {
            "error: "
        };
        out::last_word(&format!("{heading}{text}"));
        ExitCode::from(match error.code.kind() {
            ErrorKind::Problem => 1,
            ErrorKind::Nonsense => 2,
            ErrorKind::Unreached => 3,
        })
    }
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    kernel::make_all_private();
    kernel::dump_no_core();
    let cli = Cli::parse();
    let wants_json = cli.command.wants_json();
    let outcome = match cli.command {
        CliCommand::CompilePolicy { allowance } => {
            return pointsman_policy::compile_worker::run(allowance.into_iter());
        }
        CliCommand::Demo(demo) => demo.run(),
        CliCommand::Serve(serve) => serve.run(),
        CliCommand::Send(send) => send.run(),
        CliCommand::Check(check) => check.run(),
        CliCommand::Status(status) => status.run(),
        CliCommand::Sessions(sessions) => sessions.run(),
        CliCommand::Reload(reload) => reload.run(),
        CliCommand::Partners(partners) => partners.run(),
        CliCommand::Transfers(transfers) => transfers.run(),
        CliCommand::Queue(queue) => queue.run(),
        CliCommand::VerifyStore(verify) => verify.run(),
        CliCommand::Store(store) => store.run(),
        CliCommand::Policy(policy) => policy.run(),
    };
    let outcome = outcome.and_then(|()| match out::trouble() {
        None => Ok(()),
        Some(error) => {
            let cause = format!("standard output could not be written: {error}");
            Err(ErrorCode::Internal.because(cause).into())
        }
    });
    Log::finish(LAST_LINES);
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(unsuccessful) => unsuccessful.exit(wants_json),
    }
}

/// How long the end of the program waits for the log to be written.
const LAST_LINES: Duration = Duration::from_secs(1);

/// How long the end of the program waits for what threads still do.
const LAST_WORK: Duration = Duration::from_secs(3);

impl Configured {
    /// Reads it for what needs so much of what it names: no command asks for more than it uses, since it may be what is
    /// wrong that it is asked about.
    fn load(&self, needs: &Needs) -> Result<Plan, OperatorError> {
        Ok(Plan::load_for(&self.config, needs)?)
    }

    /// For a command that needs nothing of what the configuration names.
    fn operator(&self) -> Result<Operator, OperatorError> {
        Ok(Operator::of(self.load(&Needs::Nothing)?))
    }
}

/// How the log is written to standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LogStyle {
    Text,
    Json,
    /// Only what went wrong.
    Quiet,
}

/// `RUST_LOG` says what is logged where it is set.
fn start_log(style: LogStyle) -> Result<(), OperatorError> {
    let usual = match style {
        LogStyle::Quiet => Level::Error,
        LogStyle::Text | LogStyle::Json => Level::Info,
    };
    let asked = std::env::var("RUST_LOG").ok();
    let filter = asked.as_deref().map(Filter::parse);
    let understood = filter.clone().unwrap_or_else(|| Some(Filter::at(usual)));
    let style = match style {
        LogStyle::Json => Style::Json,
        LogStyle::Text | LogStyle::Quiet => Style::Text {
            colours: std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
        },
    };
    Log::start(
        understood.unwrap_or_else(|| Filter::at(usual)),
        style,
        Stderr,
    )?;
    if let Some(None) = filter {
        let asked = asked.unwrap_or_default();
        tell(&Event::RustLogUnknown { asked });
    }
    Ok(())
}

/// Runs `work` on the async runtime.
fn block_on<T, E: From<OperatorError>>(work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .on_thread_park(kernel::empty_cache_of_thread)
        .build()
        .map_err(OperatorError::from)?;
    let done = runtime.block_on(work);
    // Nothing is waited for that a disk keeps for ever.
    runtime.shutdown_timeout(LAST_WORK);
    done
}
