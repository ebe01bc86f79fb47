//! What the history of a transfer keeps of a decision.

/// A decision: as a sentence for people, and as data for programs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Note {
    /// The sentence: who decided what, and why.
    pub text: String,
    /// Question, answer and circumstances as JSON, where policies were asked.
    pub data: Option<String>,
}

impl Note {
    /// The same with other words around its sentence.
    pub(crate) fn with_text(&self, text: String) -> Self {
        Self {
            text,
            data: self.data.clone(),
        }
    }

    /// The same with a text before its sentence, or the text alone where it has none.
    pub(crate) fn after(&self, text: String) -> Self {
        match self.text.is_empty() {
            true => self.with_text(text),
            false => self.with_text(format!("{text}; {}", self.text)),
        }
    }
}

impl From<String> for Note {
    fn from(text: String) -> Self {
        Self { text, data: None }
    }
}

impl From<&str> for Note {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}
