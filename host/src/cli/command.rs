//! What every command is made from: the configuration it is for, the log, the async runtime, and how it can end.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use pointsman_kernel as kernel;
use pointsman_log::{Log, LogFilter, Severity, Stderr, Style};

use crate::config::{Needs, Plan};
use crate::events::{Event, emit};
use crate::operator::Operator;
use crate::operator::error::OperatorError;

/// Which configuration a command is for.
#[derive(Clone, Debug, Args)]
pub(super) struct Configured {
    /// The configuration file.
    #[arg(
        short,
        long,
        default_value = "pointsman.yaml",
        env = "POINTSMAN_CONFIG",
        value_name = "FILE"
    )]
    pub(super) config: PathBuf,
}

impl Configured {
    /// Reads it for what needs so much of what it names: no command asks for more than it uses, since it may be what is
    /// wrong that it is asked about.
    pub(super) fn load(&self, needs: &Needs) -> Result<Plan, OperatorError> {
        Ok(Plan::load_for(&self.config, needs)?)
    }

    /// For a command that needs nothing of what the configuration names.
    pub(super) fn operator(&self) -> Result<Operator, OperatorError> {
        Ok(Operator::of(self.load(&Needs::Nothing)?))
    }
}

/// Why a command ends with another exit code than 0.
pub(super) enum Unsuccessful {
    Error(OperatorError),
    /// Exit code 1 without another word: what there is to say was printed.
    Printed,
}

pub(super) type CommandOutcome = Result<(), Unsuccessful>;

impl<E: Into<OperatorError>> From<E> for Unsuccessful {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

/// How the log is written to standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LogStyle {
    Text,
    Json,
    /// Only what went wrong.
    Quiet,
}

/// `RUST_LOG` says what is logged where it is set.
pub(super) fn start_log(style: LogStyle) -> Result<(), OperatorError> {
    let usual = match style {
        LogStyle::Quiet => Severity::Error,
        LogStyle::Text | LogStyle::Json => Severity::Info,
    };
    let asked = std::env::var("RUST_LOG").ok();
    let filter = asked.as_deref().map(LogFilter::parse);
    let understood = filter.clone().unwrap_or_else(|| Some(LogFilter::at(usual)));
    let style = match style {
        LogStyle::Json => Style::Json,
        LogStyle::Text | LogStyle::Quiet => Style::Text {
            colours: std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
        },
    };
    Log::start(
        understood.unwrap_or_else(|| LogFilter::at(usual)),
        style,
        Stderr,
    )?;
    if let Some(None) = filter {
        let asked = asked.unwrap_or_default();
        emit(&Event::RustLogUnknown { asked });
    }
    Ok(())
}

/// How long the end of the program waits for what threads still do.
const LAST_WORK: Duration = Duration::from_secs(3);

/// Runs `work` on the async runtime.
pub(super) fn block_on<T, E: From<OperatorError>>(
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
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
