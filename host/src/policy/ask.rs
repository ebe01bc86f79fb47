//! The one place that asks policies, in a session and outside of one: it has the facts, takes the time, and asks. What
//! comes back is one value, which is what the caller goes by, what the log says, and what the ledger keeps.

use std::sync::Arc;
use std::time::SystemTime;

use oftp::{Agreement, FileHeader, Response};
use pointsman_policy::{Conversation, Decided, Generation, HostServices, types};
use pointsman_store::{Note, TransferId};
use serde::Serialize;
use serde_json::json;

use crate::policy::facts::{self, Finished};

/// Asks the policies of one generation about one connection.
pub struct Asker {
    conversation: Conversation,
    /// What is known of the connection; none before the partner's SSID.
    connection: Option<types::ConnectionInfo>,
}

/// Nothing is known of the connection yet that a question would be about.
#[derive(Debug, thiserror::Error)]
#[error("a question came before the connection was agreed")]
pub struct NoConnection;

impl Asker {
    /// Asks the policies of this generation, whatever is swapped in later.
    #[must_use]
    pub fn open(
        generation: Arc<Generation>,
        session: &str,
        services: Arc<dyn HostServices>,
    ) -> Self {
        Self {
            conversation: Conversation::open(generation, session.to_owned(), services),
            connection: None,
        }
    }

    /// What all questions from now on are about.
    pub fn about(&mut self, connection: types::ConnectionInfo) {
        self.connection = Some(connection);
    }

    /// Both ends have agreed: that counts from now on, and no more what the partner offered.
    pub fn agreed(&mut self, agreement: &Agreement) {
        if let Some(connection) = &mut self.connection {
            facts::agreed(connection, agreement);
        }
    }

    /// The generation of the policies.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.conversation.generation()
    }

    /// Whether a policy is asked about callers that have shown no right password or certificate.
    #[must_use]
    pub fn knows_strangers(&self) -> bool {
        self.conversation.knows_strangers()
    }

    /// Whether a connection is accepted, as long as it is not: it is part of the question.
    pub async fn accept_connection(
        &mut self,
        connection: &types::ConnectionInfo,
    ) -> Decided<types::ConnectionDecision> {
        let now = SystemTime::now();
        self.conversation.accept_connection(connection, now).await
    }

    /// The same for a caller that has shown no right password or certificate.
    pub async fn accept_stranger(
        &mut self,
        connection: &types::ConnectionInfo,
    ) -> Decided<types::ConnectionDecision> {
        let now = SystemTime::now();
        self.conversation.accept_stranger(connection, now).await
    }

    /// Whether a file is taken that the partner offers, and where it goes.
    ///
    /// # Errors
    /// There is no connection.
    pub async fn accept_file(
        &mut self,
        header: &FileHeader,
    ) -> Result<Decided<types::FileDecision>, NoConnection> {
        let connection = self.connection.as_ref().ok_or(NoConnection)?;
        let (file, now) = (facts::file(header), SystemTime::now());
        Ok(self.conversation.accept_file(connection, &file, now).await)
    }

    /// What a transfer that has ended means for its receipt.
    ///
    /// # Errors
    /// There is no connection.
    pub async fn end_transfer(
        &mut self,
        done: &Finished<'_>,
    ) -> Result<Decided<types::ResponseDecision>, NoConnection> {
        let connection = self.connection.as_ref().ok_or(NoConnection)?;
        let (transfer, now) = (facts::transfer(done), SystemTime::now());
        let asking = self.conversation.end_transfer(connection, &transfer, now);
        Ok(asking.await)
    }

    /// What is sent in this turn.
    ///
    /// # Errors
    /// There is no connection.
    pub async fn ready_to_send(&mut self) -> Result<Decided<types::TurnDecision>, NoConnection> {
        let connection = self.connection.as_ref().ok_or(NoConnection)?;
        let now = SystemTime::now();
        Ok(self.conversation.ready_to_send(connection, now).await)
    }

    /// Notifies the policies of a receipt for a file of ours.
    ///
    /// # Errors
    /// There is no connection.
    pub async fn end_response(
        &mut self,
        response: &Response,
        matched: Option<TransferId>,
        problem: &str,
    ) -> Result<Decided<()>, NoConnection> {
        let connection = self.connection.as_ref().ok_or(NoConnection)?;
        let response = facts::response(response, matched, problem);
        let now = SystemTime::now();
        let asking = self.conversation.end_response(connection, &response, now);
        Ok(asking.await)
    }
}

/// What a transfer that has ended means for its receipt, asked again outside of a session.
pub async fn end_transfer(
    generation: Arc<Generation>,
    services: Arc<dyn HostServices>,
    connection: &types::ConnectionInfo,
    done: &Finished<'_>,
) -> Decided<types::ResponseDecision> {
    let mut conversation = Conversation::open(generation, connection.session.clone(), services);
    let (transfer, now) = (facts::transfer(done), SystemTime::now());
    let asking = conversation.end_transfer(connection, &transfer, now);
    asking.await
}

/// What becomes of a file of ours that is to be queued, asked outside of a session.
pub async fn queue_file(
    generation: Arc<Generation>,
    services: Arc<dyn HostServices>,
    file: &types::FileToQueue,
) -> Decided<types::QueueDecision> {
    let mut conversation = Conversation::open(generation, file.id.clone(), services);
    conversation.queue_file(file, SystemTime::now()).await
}

/// What the history of a transfer keeps of a decision: the sentence, and all that led to it.
pub fn note<T: Serialize>(decided: &Decided<T>, sentence: &str) -> Note {
    let (hook, who, generation) = (decided.hook, by(decided), decided.generation);
    let text = match &decided.decided_by {
        Some(_) => format!("{hook}: {who}: {sentence}"),
        None => format!("{hook}: {who}, generation {generation}"),
    };
    let data = data(decided);
    Note { text, data }
}

/// Who decided, with generation and digest of the policy where one did.
pub fn by<T>(decided: &Decided<T>) -> String {
    match &decided.decided_by {
        Some(by) => format!("policy {by}"),
        None if decided.asked.is_empty() => "no policy was asked".to_owned(),
        None => "no policy had an opinion".to_owned(),
    }
}

/// What the history of a transfer keeps of something that policies were only notified of; none where there are none.
pub fn notification<T: Serialize>(decided: &Decided<T>) -> Option<Note> {
    let names: Vec<&str> = decided.asked.iter().map(|one| one.name.as_str()).collect();
    Some(Note {
        text: format!(
            "notified {}, generation {}",
            names.join(", "),
            decided.generation
        ),
        data: Some(data(decided)?),
    })
}

/// All that led to a decision, or that none had an opinion, as JSON of some 50 KiB at most; none where no policy was
/// asked.
fn data<T: Serialize>(decided: &Decided<T>) -> Option<String> {
    (!decided.asked.is_empty()).then(|| decided.to_json().to_string())
}

/// The same for a field of the log. Of the server's functions that were called it has the names alone: what a policy keeps
/// for itself is none of the log's. Where it would be cut in a line, the longest parts are left out.
pub fn data_for_log<T: Serialize>(decided: &Decided<T>) -> Option<String> {
    /// Octets that a field of the log has whole.
    const MOST: usize = 8 << 10;
    let mut all = decided.to_json();
    let called: Vec<&str> = decided
        .host_calls
        .iter()
        .map(|call| call.function)
        .collect();
    let parts = all.as_object_mut().filter(|_| !decided.asked.is_empty())?;
    parts.insert("host-calls".to_owned(), json!(called));
    let mut text = json!(parts).to_string();
    for part in ["host-calls", "facts", "failures", "answer", "policies"] {
        if text.len() > MOST {
            parts.insert(part.to_owned(), json!("too long for a line of the log"));
            text = json!(parts).to_string();
        }
    }
    Some(text)
}
