//! What can be wrong with a policy: while it is loaded, and while it is asked.

use std::fmt;
use std::path::PathBuf;

use crate::hook::Hook;

/// Why a policy was not loaded or swapped. The policies that were in force before still are.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The component's file cannot be read.
    #[error("policy `{policy}`: cannot read {}: {source}; check the path and its permissions", file.display())]
    Read {
        /// Name of the policy.
        policy: String,
        /// The component's file.
        file: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The component is larger than its limit.
    #[error("policy `{policy}`: {} has more than {limit} octets; build it for size, or raise `limits.component`", file.display())]
    TooBig {
        /// Name of the policy.
        policy: String,
        /// The component's file.
        file: PathBuf,
        /// The limit in octets.
        limit: u64,
    },
    /// Two policies have one name.
    #[error("two policies are called `{policy}`; give each a name of its own")]
    Duplicate {
        /// The policy's name in the configuration.
        policy: String,
    },
    /// There is no policy of that name.
    #[error("there is no policy `{policy}`; there are: {known}")]
    Unknown {
        /// The name asked for.
        policy: String,
        /// The names there are, with commas between.
        known: String,
    },
    /// A later change is in force already.
    #[error(
        "policy `{policy}`: another component was put in its place meanwhile, by a later swap or as its file; that one stays, and this one was given up: swap again if you still want it"
    )]
    Overtaken {
        /// Name of the policy.
        policy: String,
    },
    /// The component is not one that can be asked.
    #[error("policy `{policy}`: {} (sha256 {digest}): {fault}", file.display())]
    Component {
        /// Name of the policy.
        policy: String,
        /// The file it came from.
        file: PathBuf,
        /// SHA-256 of the component, hexadecimal.
        digest: String,
        /// What is wrong with it.
        fault: ComponentFault,
    },
    /// What is wrong with several policies, a line each.
    #[error("{}", lines(.0))]
    Several(Vec<LoadError>),
}

impl LoadError {
    /// One error for all of them; success where there are none.
    pub(crate) fn all(mut errors: Vec<Self>) -> Result<(), Self> {
        match errors.pop() {
            None => Ok(()),
            Some(only) if errors.is_empty() => Err(only),
            Some(last) => {
                errors.push(last);
                Err(Self::Several(errors))
            }
        }
    }
}

fn lines(errors: &[LoadError]) -> String {
    let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

fn interfaces() -> String {
    Hook::ALL
        .map(|hook| format!("`oftp:policy/{}`", hook.interface()))
        .join(", ")
}

/// What is wrong with a component.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ComponentFault {
    /// The file is something else.
    #[error("this is not WebAssembly; deploy the .wasm file that the build made")]
    NotWasm,
    /// A core module, the usual result of building for the wrong target.
    #[error(
        "this is a core module, not a component; build for wasm32-wasip2, or make a component of it with `wasm-tools component new`"
    )]
    CoreModule,
    /// WebAssembly, but damaged.
    #[error("the file is damaged: {0}; copy or build it again")]
    Malformed(String),
    /// It wants what policies do not get.
    #[error("it imports `{0}`; a policy may import `oftp:policy/host` and `wasi:*` only")]
    ForbiddenImport(String),
    /// The compiler refused it.
    #[error("it does not compile: {0}")]
    Compile(String),
    /// The compiler could not be run, or came to its end.
    #[error("the compiler failed: {0}")]
    Compiler(String),
    /// An import exists, but not as the component wants it.
    #[error("an import does not fit: {0}; build it against the `oftp:policy` of this server")]
    Imports(String),
    /// A hook is not as this server calls it.
    #[error("an export does not fit: {0}; build it against the `oftp:policy` of this server")]
    Exports(String),
    /// It exports no hook at all.
    #[error(
        "it exports no hook, so it would never be asked; a policy exports one or more of {}, with the version of `oftp:policy` that it is built against",
        interfaces()
    )]
    NoHooks,
    /// It exports a hook of another server.
    #[error(
        "it exports `{0}`, which this server does not know and would never ask: it is made for another version; build it against the `oftp:policy` of this server, or install the server that it is made for"
    )]
    UnknownHook(String),
    /// It is deployed for a hook that it does not export.
    #[error(
        "`hooks` names {missing}, and it exports {exported} alone; take {missing} out of `hooks`, or build it with `oftp:policy/{}`",
        .missing.interface()
    )]
    NotExported {
        /// The hook that it should answer.
        missing: Hook,
        /// What it exports, with commas between.
        exported: String,
    },
    /// It failed before the first question.
    #[error("it does not start: {kind}: {detail}")]
    Start {
        /// Whether it trapped, met a limit, and which, or answered what cannot be carried out.
        kind: FailureKind,
        /// What happened.
        detail: String,
    },
}

/// A policy that did not answer. The question was answered by its `on-failure` mode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFailure {
    /// Name of the policy.
    pub policy: String,
    /// SHA-256 of its component, hexadecimal.
    pub digest: String,
    /// What it was asked.
    pub hook: Hook,
    /// How it failed.
    pub kind: FailureKind,
    /// What happened, in words; may hold text written by the policy.
    pub detail: String,
}

impl fmt::Display for PolicyFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PolicyFailure {
            policy,
            hook,
            kind,
            detail,
            ..
        } = self;
        write!(f, "policy `{policy}` failed at {hook}: {kind}: {detail}")
    }
}

/// Why a call into a policy gave no decision.
#[derive(Debug)]
pub(crate) struct GuestFault {
    pub(crate) kind: FailureKind,
    pub(crate) detail: String,
}

/// How a policy failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// It trapped: a panic, an exception, a fault.
    Trap,
    /// It ran longer than `limits.time`, or the call took longer than `limits.call`.
    Deadline,
    /// It trapped after it was denied memory beyond `limits.memory`.
    Memory,
    /// It recursed beyond its stack.
    Stack,
    /// It answered with an error text.
    ErrorText,
    /// Its answer cannot be carried out.
    BadDecision,
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FailureKind::Trap => "trap",
            FailureKind::Deadline => "deadline",
            FailureKind::Memory => "memory",
            FailureKind::Stack => "stack",
            FailureKind::ErrorText => "error-text",
            FailureKind::BadDecision => "bad-decision",
        })
    }
}
