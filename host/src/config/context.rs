//! Settings for the reading of a configuration, and which of the files, variables and groups that it names must be
//! there.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

thread_local! {
    /// The settings while a configuration is parsed, since serde passes no context to a value.
    static CONTEXT: RefCell<ReadingContext> = RefCell::new(ReadingContext::default());
}

#[derive(Default)]
struct ReadingContext {
    /// Where relative paths start.
    base: PathBuf,
    /// What is looked for outside of the configuration.
    needs: Needs,
    /// Whose values are read.
    owner: Owner,
    /// Numbers in the text of the scalars that are known to be wrong.
    passed_over: BTreeSet<usize>,
    /// How many scalars were read.
    count: usize,
    /// The one that was wrong.
    failed: Option<usize>,
    /// The variables of the environment that secrets were read from.
    secret_variables: BTreeSet<String>,
}

/// Which of the files, variables and groups that a configuration names must be there for a command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Needs {
    /// All of them: for a server.
    #[default]
    Everything,
    /// Those that a call of this partner needs, and not those of listeners and other partners.
    CallOf(String),
    /// What queueing a file for this partner needs: its values and the common ones, but no file, password or group.
    QueueOf(String),
    /// The same, and all that these policies need, which are asked about the file.
    QueueAsking(String, BTreeSet<String>),
    /// None: for a question about what is kept or runs.
    Nothing,
}

/// Whose a value is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Owner {
    /// Nobody's alone.
    #[default]
    All,
    Listeners,
    Partner(String),
    Policy(String),
}

impl Needs {
    /// Whether the files, variables and groups that values of this owner name must be there.
    fn include(&self, owner: &Owner) -> bool {
        match (self, owner) {
            (Self::QueueOf(_), _) => false,
            (Self::QueueAsking(_, asked), Owner::Policy(name)) => asked.contains(name),
            (Self::QueueAsking(..), _) => false,
            _ => self.include_values(owner),
        }
    }

    /// Whether the values of this owner must be known, so that no placeholder is allowed.
    pub(super) fn include_values(&self, owner: &Owner) -> bool {
        match (self, owner) {
            (Self::Everything, _) => true,
            (Self::Nothing, _) | (_, Owner::Listeners) => false,
            (
                Self::CallOf(called) | Self::QueueOf(called) | Self::QueueAsking(called, _),
                Owner::Partner(name),
            ) => called == name,
            (_, Owner::All | Owner::Policy(_)) => true,
        }
    }
}

/// Reads values of that owner.
pub(super) fn of<T>(owner: Owner, read: impl FnOnce() -> T) -> T {
    let before = CONTEXT.with_borrow_mut(|context| std::mem::replace(&mut context.owner, owner));
    let done = read();
    CONTEXT.with_borrow_mut(|context| context.owner = before);
    done
}

/// Whether the file, variable or group that the present value names must be there.
pub(super) fn is_needed() -> bool {
    CONTEXT.with_borrow(|context| context.needs.include(&context.owner))
}

/// Whether the present value must be known.
pub(super) fn must_be_known() -> bool {
    CONTEXT.with_borrow(|context| context.needs.include_values(&context.owner))
}

/// What became of a text.
pub(super) struct Reading<T> {
    pub(super) outcome: T,
    /// The number of the scalar that was wrong and ended the reading.
    pub(super) failed: Option<usize>,
    /// The variables of the environment that secrets were read from.
    pub(super) secret_variables: BTreeSet<String>,
}

/// Runs `parse` with relative paths starting at `base`, and checks that everything that is needed is there. The scalars
/// of these numbers are known to be wrong: each is replaced by a valid value, so that the text behind it is read.
pub(super) fn read<T>(
    base: &Path,
    needs: &Needs,
    passed_over: &BTreeSet<usize>,
    parse: impl FnOnce() -> T,
) -> Reading<T> {
    let before = CONTEXT.replace(ReadingContext {
        base: base.to_owned(),
        needs: needs.clone(),
        passed_over: passed_over.clone(),
        ..ReadingContext::default()
    });
    let outcome = parse();
    let after = CONTEXT.replace(before);
    Reading {
        outcome,
        failed: after.failed,
        secret_variables: after.secret_variables,
    }
}

/// The number of the present scalar, and whether it is skipped.
pub(super) fn next_scalar() -> (usize, bool) {
    CONTEXT.with_borrow_mut(|context| {
        let number = context.count;
        context.count += 1;
        (number, context.passed_over.contains(&number))
    })
}

/// Notes that this scalar was wrong and ended the reading.
pub(super) fn note_failed(number: usize) {
    CONTEXT.with_borrow_mut(|context| context.failed = Some(number));
}

/// Notes a variable that holds a secret.
pub(super) fn note_secret(name: &str) {
    if std::env::var_os(name).is_some() {
        let name = name.to_owned();
        CONTEXT.with_borrow_mut(|context| context.secret_variables.insert(name));
    }
}

/// A path of the configuration, which is relative to its file.
pub(super) fn absolute(path: &str) -> PathBuf {
    CONTEXT.with_borrow(|context| context.base.join(path))
}
