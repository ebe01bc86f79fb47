//! The command line. Exit codes: 0 done, 1 a problem was found, 2 the command makes no sense, 3 nobody was reached.

mod check;
mod demo;
mod id;
mod out;
mod partners;
mod policy;
mod queue;
pub(crate) mod scene;
mod send;
mod serve;
mod sessions;
mod show;
mod store;
mod transfers;
mod waiting;

use std::fmt::Display;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use clap::{Args, Parser, Subcommand};
use oftp::FileKey;
use pointsman_log::{Filter, Level, Log, Stderr, Style};
use pointsman_store::{Spool, SqliteLedger};

use crate::config::files;
use crate::config::{Config, Needs};
use crate::events::{Event, tell};
use crate::station::storage;
use crate::system::kernel;

/// An OFTP server (ODETTE File Transfer Protocol) whose every decision is a question put to a sandboxed
/// WebAssembly component.
#[derive(Debug, Parser)]
#[command(name = "pointsman", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show it all in a minute: two stations on this machine, two files, a policy swapped in between.
    Demo(demo::Demo),
    /// Run the server.
    Serve(serve::Serve),
    /// Send a file to a partner, now, and say whether its receipt came.
    Send(send::Send),
    /// Check the configuration, the certificates and the policies; start nothing.
    Check(check::Check),
    /// What the running server does.
    Status(sessions::Status),
    /// The sessions of the running server, and how far their files are.
    Sessions(sessions::Sessions),
    /// What is known of partners: last session, last failure, next call, what waits, and why nothing goes.
    Partners(partners::Partners),
    /// Look at the history of files.
    Transfers(transfers::Transfers),
    /// What waits to be sent, and what is to become of it.
    Queue(queue::Queue),
    /// Check ledger, spool and inbox against each other; change nothing.
    VerifyStore(store::VerifyStore),
    /// Mend the store.
    Store(store::Store),
    /// Look at policies, and swap them while the server runs.
    Policy(policy::Policy),
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

/// A command that did not come to its end.
struct Failed {
    code: u8,
    message: String,
}

type Outcome = Result<(), Failed>;

impl Failed {
    /// Exit code 3: nobody was reached.
    fn unreached(message: impl Display) -> Self {
        Self {
            code: 3,
            message: message.to_string(),
        }
    }

    /// Exit code 1 without another word: what there is to say was said.
    fn quietly() -> Self {
        Self {
            code: 1,
            message: String::new(),
        }
    }
}

impl<E: std::error::Error> From<E> for Failed {
    fn from(error: E) -> Self {
        let message = error.to_string();
        // A report on the configuration has its own heading.
        let message = if message.starts_with("error") {
            message
        } else {
            format!("error: {message}")
        };
        Self { code: 1, message }
    }
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    kernel::make_all_private();
    kernel::dump_no_core();
    let cli = Cli::parse();
    let outcome = match cli.command {
        Command::CompilePolicy { allowance } => {
            return pointsman_policy::compile_worker::run(allowance.into_iter());
        }
        Command::Demo(demo) => demo.run(),
        Command::Serve(serve) => serve.run(),
        Command::Send(send) => send.run(),
        Command::Check(check) => check.run(),
        Command::Status(status) => status.run(),
        Command::Sessions(sessions) => sessions.run(),
        Command::Partners(partners) => partners.run(),
        Command::Transfers(transfers) => transfers.run(),
        Command::Queue(queue) => queue.run(),
        Command::VerifyStore(verify) => verify.run(),
        Command::Store(store) => store.run(),
        Command::Policy(policy) => policy.run(),
    };
    let outcome = outcome.and_then(|()| match out::trouble() {
        None => Ok(()),
        Some(error) => Err(Failed {
            code: 1,
            message: format!("error: standard output could not be written: {error}"),
        }),
    });
    Log::finish(LAST_LINES);
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failed { code, message }) => {
            out::last_word(&message);
            ExitCode::from(code)
        }
    }
}

/// How long the end of the program waits for the log to be written.
const LAST_LINES: Duration = Duration::from_secs(1);

/// How long the end of the program waits for what threads still do.
const LAST_WORK: Duration = Duration::from_secs(3);

impl Configured {
    /// Reads it for what needs so much of what it names: no command asks for more than it uses, since it may be what is
    /// wrong that it is asked about.
    fn load(&self, needs: &Needs) -> Result<Config, Failed> {
        Ok(Config::load_for(&self.config, needs)?)
    }
}

/// Who asks for one partner and gets nothing must have asked for one that there is. One that the configuration does not
/// name any more may have something all the same.
fn known_partner(config: &Config, wanted: Option<&str>, has_something: bool) -> Outcome {
    match wanted {
        Some(name) if !has_something && !config.partners.contains_key(name) => {
            Err(send::unknown_partner(name, config.partners.keys()))
        }
        _ => Ok(()),
    }
}

/// Whether a server ever ran on this configuration: there is a ledger, or a spool to make one from.
///
/// # Errors
/// This user may not look.
fn has_store(config: &Config) -> Result<bool, Failed> {
    let there = |path: PathBuf| {
        path.try_exists().map_err(|error| Failed {
            code: 1,
            message: format!(
                "error: {}: {error}; run the command as the user that the server runs as",
                path.display()
            ),
        })
    };
    Ok(there(files::ledger_path(config))? || there(files::spool_path(config))?)
}

/// Looking must not make a ledger where there is none.
fn open_store(config: &Config) -> Result<(SqliteLedger, Spool), Failed> {
    let path = files::ledger_path(config);
    if !has_store(config)? {
        return Err(Failed {
            code: 1,
            message: format!(
                "error: there is no ledger at {} yet: no server ever ran here",
                path.display()
            ),
        });
    }
    let spool = Spool::open(&files::spool_path(config))?;
    Ok((storage::open_ledger(config, &spool)?, spool))
}

/// A moment as people and programs read it.
fn when(at: SystemTime) -> String {
    jiff::Timestamp::try_from(at)
        .map(|at| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
        .unwrap_or_default()
}

fn identity(key: &FileKey) -> serde_json::Value {
    serde_json::json!({
        "dataset": key.dataset.as_str(),
        "date": key.stamp.date(),
        "time": key.stamp.time(),
        "originator": key.originator.as_str(),
        "destination": key.destination.as_str(),
    })
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
fn start_log(style: LogStyle) -> Outcome {
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
fn block_on<T>(work: impl Future<Output = Result<T, Failed>>) -> Result<T, Failed> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .on_thread_park(kernel::empty_cache_of_thread)
        .build()?;
    let done = runtime.block_on(work);
    // Nothing is waited for that a disk keeps for ever.
    runtime.shutdown_timeout(LAST_WORK);
    done
}
