//! What holds while a configuration is read, and what of the files, variables and groups that it names must be there.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

thread_local! {
    /// What holds while a configuration is parsed: serde hands no context down to a value.
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
    /// Scalars that are known to be wrong, by their number in the text.
    passed_over: BTreeSet<usize>,
    /// How many scalars were read.
    count: usize,
    /// The one that was wrong.
    failed: Option<usize>,
    /// The variables of the environment that secrets were read from.
    secret_variables: BTreeSet<String>,
}

/// What of the files, variables and groups that a configuration names must be there for what is to be done with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Needs {
    /// All of them: for a server.
    #[default]
    Everything,
    /// What a call of this partner takes: not what listeners have, nor what other partners have.
    CallOf(String),
    /// What a file that is queued for this partner takes: its values and those that are nobody's alone, but no file, password
    /// or group.
    QueueOf(String),
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
}

impl Needs {
    /// Whether what the values of that owner stand for must be there.
    fn include(&self, owner: &Owner) -> bool {
        !matches!(self, Self::QueueOf(_)) && self.include_values(owner)
    }

    /// Whether the values of that owner must be known: nothing may stand in for them.
    pub(super) fn include_values(&self, owner: &Owner) -> bool {
        match (self, owner) {
            (Self::Everything, _) => true,
            (Self::Nothing, _) | (Self::CallOf(_) | Self::QueueOf(_), Owner::Listeners) => false,
            (Self::CallOf(called) | Self::QueueOf(called), Owner::Partner(name)) => called == name,
            (Self::CallOf(_) | Self::QueueOf(_), Owner::All) => true,
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

/// Whether what the value that is read stands for must be there.
pub(super) fn is_needed() -> bool {
    CONTEXT.with_borrow(|context| context.needs.include(&context.owner))
}

/// Whether the value that is read must be known.
pub(super) fn must_be_known() -> bool {
    CONTEXT.with_borrow(|context| context.needs.include_values(&context.owner))
}

/// What became of a text.
pub(super) struct Reading<T> {
    pub(super) outcome: T,
    /// The number of the scalar that was wrong and ended it.
    pub(super) failed: Option<usize>,
    /// The variables of the environment that secrets were read from.
    pub(super) secret_variables: BTreeSet<String>,
}

/// Runs `parse` with relative paths starting at `base`, and looks for what is needed. The scalars of these numbers are known to be wrong: another value
/// stands in for each, so that what is behind them is read.
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

/// The number of this scalar, and whether it is passed over.
pub(super) fn next_scalar() -> (usize, bool) {
    CONTEXT.with_borrow_mut(|context| {
        let number = context.count;
        context.count += 1;
        (number, context.passed_over.contains(&number))
    })
}

/// That scalar was wrong and ended the reading.
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
