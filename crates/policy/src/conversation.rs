//! One session's conversation with the policies of its generation.

use std::sync::Arc;
use std::time::SystemTime;

use pointsman_log::tell;
use sha2::{Digest, Sha256};

use crate::bindings::types::{
    ConnectionDecision, ConnectionInfo, FileDecision, FileInfo, ResponseDecision, ResponseInfo,
    TransferResult, TurnDecision,
};
use crate::context::HostServices;
use crate::decision::Decision;
use crate::error::Failure;
use crate::events::{self, Asked};
use crate::generation::Generation;
use crate::instance::{Failed, Instance};
use crate::load::Loaded;
use crate::memory::Resting;
use crate::question::{
    AcceptConnection, AcceptFile, EndResponse, EndTransfer, Question, ReadyToSend,
};
use crate::session_values::SessionValues;

/// A decision, and how it came about.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer<T> {
    /// What is to be done. It has been checked, and failures have been accounted for.
    pub decision: T,
    /// Whose it is: the policy that ended the chain, or the first that said anything. None if all
    /// passed.
    pub decided_by: Option<DecidedBy>,
    /// Policies that failed on the way. They have been logged.
    pub failures: Vec<Failure>,
}

/// A policy that made a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecidedBy {
    /// Its name.
    pub policy: String,
    /// SHA-256 of its component, hexadecimal.
    pub digest: String,
    /// The generation it belongs to.
    pub generation: u64,
}

/// One session's instances, made when they are first needed. Pinned to one [`Generation`]: a swap
/// in the middle of a session does not touch it.
///
/// An instance that has trapped is made anew for the next question, and every instance after 200 to
/// 400 questions, so that no policy comes to rely on its memory; one that rests may be let go where the instances of
/// all sessions need more memory than there is ([`crate::EngineConfig::memory`]). What it has kept with
/// `session-set` stays.
pub struct Conversation {
    generation: Arc<Generation>,
    session: Arc<str>,
    services: Arc<dyn HostServices>,
    seats: Vec<Seat>,
    events: u64,
}

/// A policy's place in the conversation.
struct Seat {
    values: SessionValues,
    instance: Option<Resting>,
    questions_left: u32,
}

impl Conversation {
    pub(crate) fn new(
        generation: Arc<Generation>,
        session: Arc<str>,
        services: Arc<dyn HostServices>,
    ) -> Self {
        let seats = generation.chain.iter().map(|one| Seat::new(one)).collect();
        Conversation {
            generation,
            session,
            services,
            seats,
            events: 0,
        }
    }

    /// The partner's SSID has come. `at`: the time of the event, here and below.
    pub async fn accept_connection(
        &mut self,
        connection: &ConnectionInfo,
        at: SystemTime,
    ) -> Answer<ConnectionDecision> {
        self.ask(&AcceptConnection(connection), at).await
    }

    /// The SSID of a caller has come that has shown no right password or certificate: only those are asked that are
    /// deployed for that ([`crate::PolicySpec::asked_about_strangers`]).
    pub async fn accept_stranger(
        &mut self,
        connection: &ConnectionInfo,
        at: SystemTime,
    ) -> Answer<ConnectionDecision> {
        let asked = Asked::of_stranger(Arc::clone(&self.session), connection);
        let question = AcceptConnection(connection);
        self.ask_those(Loaded::knows_strangers, &question, &asked, at)
            .await
    }

    /// Whether one of the policies is asked about such callers.
    pub fn knows_strangers(&self) -> bool {
        self.generation
            .chain
            .iter()
            .any(|one| one.knows_strangers())
    }

    /// The partner offers a file.
    pub async fn accept_file(
        &mut self,
        connection: &ConnectionInfo,
        file: &FileInfo,
        at: SystemTime,
    ) -> Answer<FileDecision> {
        self.ask(&AcceptFile(connection, file), at).await
    }

    /// A transfer has ended. The decision counts for received, completed files only.
    pub async fn end_transfer(
        &mut self,
        connection: &ConnectionInfo,
        transfer: &TransferResult,
        at: SystemTime,
    ) -> Answer<ResponseDecision> {
        self.ask(&EndTransfer(connection, transfer), at).await
    }

    /// The turn is ours.
    pub async fn ready_to_send(
        &mut self,
        connection: &ConnectionInfo,
        at: SystemTime,
    ) -> Answer<TurnDecision> {
        self.ask(&ReadyToSend(connection), at).await
    }

    /// A response has come.
    pub async fn end_response(
        &mut self,
        connection: &ConnectionInfo,
        response: &ResponseInfo,
        at: SystemTime,
    ) -> Answer<()> {
        self.ask(&EndResponse(connection, response), at).await
    }

    /// Number of the generation this session is pinned to.
    pub fn generation(&self) -> u64 {
        self.generation.number()
    }

    async fn ask<Q: Question>(&mut self, question: &Q, at: SystemTime) -> Answer<Q::Decision> {
        let asked = Asked::of_partner(Arc::clone(&self.session), question.connection());
        self.ask_those(|_| true, question, &asked, at).await
    }

    /// The chain: in order, until one of them ends it.
    async fn ask_those<Q: Question>(
        &mut self,
        those: fn(&Loaded) -> bool,
        question: &Q,
        asked: &Asked,
        at: SystemTime,
    ) -> Answer<Q::Decision> {
        let mut decision = Q::Decision::pass();
        let mut decided_by = None;
        let mut failures = Vec::new();
        for (loaded, seat) in self.generation.chain.iter().zip(&mut self.seats) {
            if !loaded.answers(Q::HOOK) || !those(loaded) {
                continue;
            }
            self.events += 1;
            let event = Event {
                asked,
                services: &self.services,
                number: self.events,
                at,
            };
            let said = match seat.ask(question, loaded, &event).await {
                Ok(said) => said,
                Err(failed) => {
                    failures.push(self.generation.failure::<Q>(loaded, asked, failed));
                    Q::Decision::on_failure(loaded.on_failure(Q::HOOK))
                }
            };
            if said.is_pass() {
                continue;
            }
            if said.ends_chain() {
                decision = said;
                decided_by = Some(loaded);
                break;
            }
            decision = decision.then(said);
            decided_by = decided_by.or(Some(loaded));
        }
        Answer {
            decision,
            decided_by: decided_by.map(|loaded| self.generation.signature(loaded)),
            failures,
        }
    }
}

/// What a seat needs to know of the event.
struct Event<'a> {
    asked: &'a Asked,
    services: &'a Arc<dyn HostServices>,
    number: u64,
    at: SystemTime,
}

impl Seat {
    fn new(loaded: &Loaded) -> Self {
        Seat {
            values: SessionValues::new(loaded.engine.memory()),
            instance: None,
            questions_left: 0,
        }
    }

    /// The instance is taken out while it is asked: if the question is abandoned half-way, so is it.
    async fn ask<Q: Question>(
        &mut self,
        question: &Q,
        loaded: &Loaded,
        event: &Event<'_>,
    ) -> Result<Q::Decision, Failed> {
        let mut instance = match self.instance.take().and_then(Resting::wake) {
            Some(instance) => instance,
            None => self.start(loaded, event).await?,
        };
        let said = instance
            .ask(question, loaded, event.asked, event.number, event.at)
            .await;
        self.questions_left = self.questions_left.saturating_sub(1);
        if instance.alive() && self.questions_left > 0 {
            self.instance = Some(loaded.engine.memory().rest(instance));
        }
        said
    }

    async fn start(&mut self, loaded: &Loaded, event: &Event<'_>) -> Result<Instance, Failed> {
        self.questions_left = 200 + spread(event) % 201;
        Instance::start(
            loaded,
            event.asked,
            event.services.clone(),
            self.values.clone(),
            event.number,
            event.at,
        )
        .await
    }
}

/// A number that differs from session to session and instance to instance, and is the same again
/// when the session is replayed.
fn spread(event: &Event<'_>) -> u32 {
    let digest = Sha256::new()
        .chain_update(event.asked.session().as_bytes())
        .chain_update(event.number.to_be_bytes())
        .finalize();
    digest
        .iter()
        .take(4)
        .fold(0, |n, octet| n << 8 | u32::from(*octet))
}

impl Generation {
    fn signature(&self, loaded: &Loaded) -> DecidedBy {
        DecidedBy {
            policy: loaded.name.to_string(),
            digest: loaded.digest.clone(),
            generation: self.number(),
        }
    }

    fn failure<Q: Question>(&self, loaded: &Loaded, asked: &Asked, failed: Failed) -> Failure {
        let Failed { kind, detail } = failed;
        let on_failure = loaded.on_failure(Q::HOOK);
        tell(&events::Event::Failed {
            policy: loaded.name.to_string(),
            digest: loaded.digest.clone(),
            generation: self.number(),
            session: asked.clone(),
            hook: Q::HOOK.to_string(),
            kind: kind.to_string(),
            on_failure: on_failure.to_string(),
            reason: detail.clone(),
        });
        Failure {
            policy: loaded.name.to_string(),
            digest: loaded.digest.clone(),
            hook: Q::HOOK,
            kind,
            detail,
        }
    }
}
