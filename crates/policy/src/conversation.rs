//! One session's conversation with the policies of its generation.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use pointsman_log::emit;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::bindings::types::{
    ConnectionDecision, ConnectionInfo, FileDecision, FileInfo, FileToQueue, QueueDecision,
    ResponseDecision, ResponseInfo, TransferResult, TurnDecision,
};
use crate::decided::Decided;
use crate::decision::Decision;
use crate::error::{GuestFault, PolicyFailure};
use crate::events::{PolicyEvent, Subject};
use crate::generation::Generation;
use crate::guest_event::EventStamp;
use crate::hook_call::{
    AcceptConnection, AcceptFile, EndResponse, EndTransfer, HookCall, QueueFile, ReadyToSend,
};
use crate::host_calls::HostCalls;
use crate::instance::{Deadline, Instance};
use crate::loaded::Loaded;
use crate::memory::Resting;
use crate::services::HostServices;
use crate::session_values::SessionValues;

/// One session's instances, which are created when first needed. It is pinned to one [`Generation`], so a swap in the
/// middle of a session does not affect it.
///
/// An instance that has trapped is replaced for the next question, and every instance after 200 to 400 questions, so
/// that no policy comes to rely on its memory; an idle one may be dropped where the instances of all sessions need more
/// memory than there is ([`crate::EngineConfig::memory`]). Values that it has kept with `session-set` stay.
pub struct Conversation {
    generation: Arc<Generation>,
    session: Arc<str>,
    services: Arc<dyn HostServices>,
    /// One for each policy of the generation, in its order.
    slots: Vec<Slot>,
    /// How many questions were asked so far. It counts questions and not policies, so that a policy's random numbers do
    /// not depend on the other policies.
    questions: u64,
}

/// A policy's place in the conversation.
struct Slot {
    values: SessionValues,
    instance: Option<Resting<Instance>>,
    questions_left: u32,
}

impl Conversation {
    /// Opens one session's conversation with the policies of a generation, which is kept as long as this is.
    ///
    /// `session` should be the `session` of [`ConnectionInfo`], or outside of sessions the id of the file: the policies'
    /// log lines carry it, their random numbers depend on it.
    pub fn open(
        generation: Arc<Generation>,
        session: String,
        services: Arc<dyn HostServices>,
    ) -> Self {
        let slots = generation.chain.iter().map(|one| Slot::new(one)).collect();
        Conversation {
            generation,
            session: session.into(),
            services,
            slots,
            questions: 0,
        }
    }

    /// Asks when the partner's SSID has come. `at` is the time of the event, here and below.
    pub async fn accept_connection(
        &mut self,
        connection: &ConnectionInfo,
        at: SystemTime,
    ) -> Decided<ConnectionDecision> {
        self.ask(&AcceptConnection { connection }, at).await
    }

    /// Asks about a caller that has shown no right password or certificate. Only policies that are deployed for that
    /// are asked ([`crate::PolicySpec::asked_about_strangers`]).
    pub async fn accept_stranger(
        &mut self,
        connection: &ConnectionInfo,
        at: SystemTime,
    ) -> Decided<ConnectionDecision> {
        let subject = Subject::stranger(Arc::clone(&self.session), connection);
        let call = AcceptConnection { connection };
        self.ask_those(Loaded::knows_strangers, &call, &subject, at)
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
    ) -> Decided<FileDecision> {
        self.ask(&AcceptFile { connection, file }, at).await
    }

    /// Asks, or tells, that a transfer has ended. The decision counts for received, completed files only.
    pub async fn end_transfer(
        &mut self,
        connection: &ConnectionInfo,
        transfer: &TransferResult,
        at: SystemTime,
    ) -> Decided<ResponseDecision> {
        let call = EndTransfer {
            connection,
            transfer,
        };
        self.ask(&call, at).await
    }

    /// The turn is ours.
    pub async fn ready_to_send(
        &mut self,
        connection: &ConnectionInfo,
        at: SystemTime,
    ) -> Decided<TurnDecision> {
        self.ask(&ReadyToSend { connection }, at).await
    }

    /// A response has come.
    pub async fn end_response(
        &mut self,
        connection: &ConnectionInfo,
        response: &ResponseInfo,
        at: SystemTime,
    ) -> Decided<()> {
        let call = EndResponse {
            connection,
            response,
        };
        self.ask(&call, at).await
    }

    /// A file of ours is to be queued.
    pub async fn queue_file(
        &mut self,
        file: &FileToQueue,
        at: SystemTime,
    ) -> Decided<QueueDecision> {
        self.ask(&QueueFile { file }, at).await
    }

    /// Number of the generation this session is pinned to.
    pub fn generation(&self) -> u64 {
        self.generation.number()
    }

    async fn ask<C: HookCall>(&mut self, call: &C, at: SystemTime) -> Decided<C::Decision> {
        let subject = call.subject(Arc::clone(&self.session));
        self.ask_those(|_| true, call, &subject, at).await
    }

    /// Asks the chain in its order, until a policy ends it.
    async fn ask_those<C: HookCall>(
        &mut self,
        those: fn(&Loaded) -> bool,
        call: &C,
        subject: &Subject,
        at: SystemTime,
    ) -> Decided<C::Decision> {
        // The number is that of the question, not of the policy: which others are asked does not change a policy's random
        // numbers.
        self.questions += 1;
        let stamp = EventStamp {
            subject,
            number: self.questions,
            at,
        };
        let mut decided = Decided::begin(C::HOOK, self.generation.number(), at);
        let (began, mut calls) = (Instant::now(), HostCalls::default());
        for (loaded, slot) in self.generation.chain.iter().zip(&mut self.slots) {
            if !loaded.answers(C::HOOK) || !those(loaded) {
                continue;
            }
            decided.asked.push(loaded.identity());
            let asking = slot.ask(call, loaded, &stamp, &self.services, &mut calls);
            let answer = asking.await;
            let decision = answer.unwrap_or_else(|fault| {
                let failure = self.generation.failure::<C>(loaded, subject, fault);
                decided.failures.push(failure);
                C::Decision::on_failure(loaded.on_failure(C::HOOK))
            });
            if decided.add(decision) {
                break;
            }
        }
        if !decided.asked.is_empty() {
            decided.took = began.elapsed();
            decided.facts = json!(call);
            decided.calls(calls);
        }
        decided
    }
}

impl Slot {
    fn new(loaded: &Loaded) -> Self {
        Slot {
            values: SessionValues::new(loaded.engine.memory()),
            instance: None,
            questions_left: 0,
        }
    }

    /// The instance is taken out of its slot while it is asked, so that an abandoned question drops it.
    async fn ask<C: HookCall>(
        &mut self,
        call: &C,
        loaded: &Loaded,
        stamp: &EventStamp<'_>,
        services: &Arc<dyn HostServices>,
        calls: &mut HostCalls,
    ) -> Result<C::Decision, GuestFault> {
        let deadline = Deadline::of(loaded);
        let mut instance = match self.instance.take().and_then(Resting::wake) {
            Some(instance) => instance,
            None => self.start(loaded, stamp, services, deadline).await?,
        };
        let answer = instance.ask(call, loaded, stamp, deadline).await;
        calls.append(instance.take_calls());
        self.questions_left = self.questions_left.saturating_sub(1);
        if instance.alive() && self.questions_left > 0 {
            self.instance = Some(loaded.engine.memory().rest(instance));
        }
        answer
    }

    async fn start(
        &mut self,
        loaded: &Loaded,
        stamp: &EventStamp<'_>,
        services: &Arc<dyn HostServices>,
        deadline: Deadline,
    ) -> Result<Instance, GuestFault> {
        self.questions_left = 200 + spread(loaded, stamp) % 201;
        let (services, values) = (Arc::clone(services), self.values.clone());
        Instance::start(loaded, stamp, services, values, deadline).await
    }
}

/// A number that differs from session to session, policy to policy and instance to instance, and is the same again when
/// the session is replayed.
fn spread(loaded: &Loaded, stamp: &EventStamp<'_>) -> u32 {
    let digest = Sha256::new()
        .chain_update(stamp.subject.session().as_bytes())
        .chain_update(loaded.name.as_bytes())
        .chain_update(stamp.number.to_be_bytes())
        .finalize();
    digest
        .iter()
        .take(4)
        .fold(0, |n, octet| n << 8 | u32::from(*octet))
}

impl Generation {
    /// Logs what a policy failed at.
    fn failure<C: HookCall>(
        &self,
        loaded: &Loaded,
        subject: &Subject,
        fault: GuestFault,
    ) -> PolicyFailure {
        let GuestFault { kind, detail } = fault;
        emit(&PolicyEvent::Failed {
            policy: loaded.name.to_string(),
            digest: loaded.digest.clone(),
            generation: self.number(),
            session: subject.clone(),
            hook: C::HOOK.to_string(),
            kind: kind.to_string(),
            on_failure: loaded.on_failure(C::HOOK).to_string(),
            reason: detail.clone(),
        });
        PolicyFailure {
            policy: loaded.name.to_string(),
            digest: loaded.digest.clone(),
            hook: C::HOOK,
            kind,
            detail,
        }
    }
}
