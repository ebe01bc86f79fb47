//! Files as an attacker, or a partner's faulty program, would make them: each with the outcome that is documented for it.

mod changes;
mod compressed_changes;
pub mod enveloped_changes;
mod layers;
mod other_keys;
mod signed_changes;

use pointsman_cms::{CmsError, Layer, Opening, Suite};

use super::{Services, open, suite, text, wrap_definite, wrapping};

use layers::{changed, excessive, nested_otherwise, trailing, truncated, undecryptable};
use other_keys::{by_others, substituted};

/// All of them.
pub fn all() -> Vec<ForgedFile> {
    let mut files = Vec::new();
    for number in [4, 6] {
        files.extend(changed(number));
    }
    files.extend(truncated());
    files.extend(nested_otherwise());
    files.extend(by_others());
    files.extend(substituted());
    files.extend(trailing());
    files.extend(excessive());
    files.extend(undecryptable());
    files
}

/// What must become of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is opened.
    Taken,
    /// That layer is refused, for a problem whose name begins so.
    Refused(Layer, &'static str),
    /// The uniform failure of decryption.
    NotDecrypted,
    /// It is larger than allowed.
    TooLarge,
    /// Any refusal, in that layer or one inside it: which octet is missed first depends on the cut.
    RefusedSomehow,
}

/// A file, how it is opened, and what must become of it.
pub struct ForgedFile {
    pub name: String,
    pub file: Vec<u8>,
    pub opening: Opening,
    pub outcome: Outcome,
}

impl ForgedFile {
    /// Opens it; an error says how the outcome differs.
    pub fn check(&self) -> Result<(), String> {
        let found = open(&self.opening, &self.file).map(|(content, _)| content.len());
        let is_good = match (&found, &self.outcome) {
            (Ok(_), Outcome::Taken) => true,
            (Err(CmsError::Decryption), Outcome::NotDecrypted) => true,
            (Err(_), Outcome::RefusedSomehow) => true,
            (Err(error), Outcome::TooLarge) => is_too_large(error),
            (Err(error), Outcome::Refused(layer, problem)) => {
                let is_placed =
                    self.opening.announced.security.is_encrypted() && *layer != Layer::Enveloped;
                matches!(error, CmsError::AfterDecryption(_)) == is_placed
                    && error.layer() == Some(*layer)
                    && error
                        .problem()
                        .is_some_and(|found| format!("{found:?}").starts_with(problem))
            }
            _ => false,
        };
        match is_good {
            true => Ok(()),
            false => Err(format!(
                "{}: expected {:?}, found {found:?}",
                self.name, self.outcome
            )),
        }
    }
}

fn is_too_large(error: &CmsError) -> bool {
    match error {
        CmsError::TooLarge { .. } => true,
        CmsError::AfterDecryption(inner) => is_too_large(inner),
        _ => false,
    }
}

fn signed(problem: &'static str) -> Outcome {
    Outcome::Refused(Layer::Signed, problem)
}

fn compressed(problem: &'static str) -> Outcome {
    Outcome::Refused(Layer::Compressed, problem)
}

fn enveloped(problem: &'static str) -> Outcome {
    Outcome::Refused(Layer::Enveloped, problem)
}

/// A layer that is made by itself.
fn layer(letters: &str, suite: Suite, content: &[u8]) -> Vec<u8> {
    wrap_definite(&wrapping(suite, Services::of(letters)), content).0
}

fn layer_of(letters: &str) -> Vec<u8> {
    layer(letters, suite(4), &text(2000))
}
