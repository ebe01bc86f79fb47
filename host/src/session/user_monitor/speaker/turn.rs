//! Our turn: what the policies want done with it, and what is done next.

use oftp::{Agreement, FileHeader, Level, Session, TurnTicket};
use pointsman_policy::types;
use pointsman_store::{Files, LedgerError, Longest, OutboundFile, TransferId, Work, planted};

use super::sending::Sending;
use crate::events::Event;
use crate::session::user_monitor::activity::Activity;
use crate::session::user_monitor::context::SessionContext;
use crate::session::user_monitor::error::InternalError;
use crate::session::user_monitor::listener::received::ReceivedFiles;
use crate::session::user_monitor::{promise, signing};
use crate::station::leases::lessee;

/// Our turns of one session.
#[derive(Debug)]
pub(crate) struct OurTurns {
    /// The file that a call of ours is for, where it is for one.
    only: Option<TransferId>,
    /// What the policies want done with the turn, while it lasts.
    orders: Option<TurnOrders>,
    /// Why files that wait were not to go at our last turn, where that was so.
    held_back: Option<String>,
    is_draining: bool,
}

/// What is to be done with our turn.
#[derive(Clone, Debug)]
struct TurnOrders {
    files: Files,
    /// How many more files may go in this turn; none where there is no limit.
    left: Option<u32>,
    /// Why only those files go.
    why: Option<String>,
    /// Why no more of them go.
    bound: Option<String>,
}

impl TurnOrders {
    /// The files that may go now.
    fn files(&self) -> Files {
        match self.left {
            Some(0) => Files::None,
            _ => self.files.clone(),
        }
    }

    /// Why a file that waits does not go now.
    fn holds_back(&self) -> Option<&String> {
        match self.left {
            Some(0) => self.why.as_ref().or(self.bound.as_ref()),
            _ => self.why.as_ref(),
        }
    }
}

impl OurTurns {
    pub fn new(only: Option<TransferId>) -> Self {
        Self {
            only,
            orders: None,
            held_back: Some("it ended before it was our turn to send".to_owned()),
            is_draining: false,
        }
    }

    /// From now on the session ends at our next turn.
    pub fn drain(&mut self) {
        self.is_draining = true;
    }

    /// The turn went to the partner: the next one is another.
    pub fn over(&mut self) {
        self.orders = None;
    }

    /// Why files that wait were not to go at our last turn, where that was so.
    pub fn held_back(&self) -> Option<&str> {
        self.held_back.as_deref()
    }

    /// Receipts before files, but what two sessions or more broke off with goes last. What this session
    /// brought is waited for first, up to `receipt_wait`: its deliveries, and the commands that take its files. When there is nothing, the turn is given away or the session released.
    pub async fn begin(
        &mut self,
        context: &mut SessionContext,
        unfinished: &mut ReceivedFiles,
        ticket: TurnTicket,
        session: &mut Session,
    ) -> Result<Activity, InternalError> {
        // Before anything is claimed, which would then have to be released again.
        if self.is_draining {
            self.held_back = Some("the server was about to stop".to_owned());
            let _ = session.end_turn(ticket);
            return Ok(Activity::Idle);
        }
        unfinished.wait_for_receipts(context).await;
        match self.next_signed(context, session).await? {
            Some(Work::Response(owed)) => {
                let id = owed.id;
                if planted("receipt-given-when-sent") {
                    context.station.ledger.response_taken(id).await?;
                }
                promise::receipt(session, ticket, owed, context.unswapped_receipts());
                Ok(Activity::Answering(id))
            }
            Some(Work::File(mut file)) => {
                make_unique(context, &mut file, session).await?;
                let sending = Sending::offer(context, *file, ticket, session);
                Ok(sending.into())
            }
            None => {
                let _ = session.end_turn(ticket);
                Ok(Activity::Idle)
            }
        }
    }

    /// What goes next, a receipt with its signature; what cannot go in this session as it is stays behind.
    async fn next_signed(
        &mut self,
        context: &mut SessionContext,
        session: &Session,
    ) -> Result<Option<Work>, InternalError> {
        loop {
            match self.next_work(context, session).await? {
                Some(Work::Response(owed)) => {
                    if let Some(owed) = signing::signed(context, owed).await? {
                        return Ok(Some(Work::Response(owed)));
                    }
                }
                Some(Work::File(file)) if lacks_level(&file.header, session) => {
                    park_for_level(context, &file).await?;
                }
                work => return Ok(work),
            }
        }
    }

    /// What goes next: the ledger leases it to this session.
    async fn next_work(
        &mut self,
        context: &mut SessionContext,
        session: &Session,
    ) -> Result<Option<Work>, InternalError> {
        let orders = match self.orders.take() {
            Some(orders) => orders,
            None => self.ask_policies(context, session).await?,
        };
        let longest = context
            .profile()
            .map_or(Longest::UNKNOWN, |profile| profile.longest());
        let lessee = lessee(&context.station, &context.id);
        let ledger = &context.station.ledger;
        let work = ledger
            .claim(context.partner(), &lessee, longest, orders.files())
            .await?;
        self.held_back = orders.holds_back().filter(|_| work.is_none()).cloned();
        // The orders last as long as there is work: without any, the turn is over.
        self.orders = work.as_ref().map(|work| match work {
            Work::File(_) => TurnOrders {
                left: orders.left.map(|left| left - 1),
                ..orders
            },
            Work::Response(_) => orders,
        });
        Ok(work)
    }

    /// What the policies want done with the turn: they are asked once a turn.
    async fn ask_policies(
        &self,
        context: &mut SessionContext,
        session: &Session,
    ) -> Result<TurnOrders, InternalError> {
        let answer = context.policies.ready_to_send().await?;
        if let Some(sentence) = self.sentence(&answer.decision) {
            context.log_decision(None, &answer, &sentence);
        }
        let policy = answer.decided_by.as_ref().map_or_else(
            || "a policy".to_owned(),
            |by| format!("policy `{}`", by.policy),
        );
        let orders = self.orders_of(&answer.decision, &policy);
        Ok(match sends_no_files(context, session) {
            Some(why) => TurnOrders {
                files: Files::None,
                why: Some(why.to_owned()),
                ..orders
            },
            None => orders,
        })
    }

    fn orders_of(&self, decision: &types::TurnDecision, policy: &str) -> TurnOrders {
        let orders = TurnOrders {
            files: self.files(None),
            left: None,
            why: None,
            bound: None,
        };
        match decision {
            types::TurnDecision::Pass => orders,
            types::TurnDecision::Send(terms) => TurnOrders {
                files: self.files(terms.files.as_deref()),
                left: terms.max_files,
                why: (terms.files.is_some())
                    .then(|| format!("{policy} let no files go but those it named")),
                bound: (terms.max_files)
                    .map(|most| format!("{policy} let {most} files go in a turn, and no more")),
            },
            types::TurnDecision::Hold(reason) => TurnOrders {
                files: Files::None,
                why: Some(format!("{policy} held all files back: {reason}")),
                ..orders
            },
        }
    }

    /// What the log says of the decision, if there is something to say.
    fn sentence(&self, decision: &types::TurnDecision) -> Option<String> {
        match decision {
            types::TurnDecision::Pass => None,
            types::TurnDecision::Send(terms) => Some(self.planned(terms).to_owned()),
            types::TurnDecision::Hold(reason) => Some(format!("files wait: {reason}")),
        }
    }

    fn planned(&self, terms: &types::TurnTerms) -> &'static str {
        let wanted = terms.files.as_ref();
        let leaves_out = |id: TransferId| wanted.is_some_and(|ids| !ids.contains(&id.to_string()));
        match self.only.is_some_and(leaves_out) {
            true => "the turn is planned, without the file that was to be sent",
            false => "the turn is planned",
        }
    }

    /// The files that are to go, of those that the policies want.
    fn files(&self, wanted: Option<&[String]>) -> Files {
        let wanted: Option<Vec<TransferId>> =
            wanted.map(|ids| ids.iter().filter_map(|id| id.parse().ok()).collect());
        match (self.only, wanted) {
            // That an operator wants one file to go does not overrule a policy that holds it back.
            (Some(id), Some(wanted)) if !wanted.contains(&id) => Files::None,
            (Some(id), _) => Files::Only(vec![id]),
            (None, Some(wanted)) => Files::Only(wanted),
            (None, None) => Files::Any,
        }
    }
}

/// Why no file of ours goes in this session at all, if none does.
fn sends_no_files(context: &SessionContext, session: &Session) -> Option<&'static str> {
    let sends_files = context.grants().sends_files;
    match session.agreement() {
        Some(agreed) if agreed.may_send && sends_files => None,
        Some(agreed) if !agreed.partner.mode.receives() => {
            Some("the partner said in its SSID that it only sends, so it takes no files")
        }
        _ if !sends_files => Some("a policy allowed receiving only"),
        _ => Some("`session.mode` of the partner's profile is receive-only"),
    }
}

/// Whether a file has services that the agreed level has no fields for: it would come as what it is not.
fn lacks_level(header: &FileHeader, session: &Session) -> bool {
    let agreed = session.agreement().map(|agreed| agreed.level);
    header.has_services() && agreed.is_some_and(|level| level < Level::V20)
}

async fn park_for_level(context: &SessionContext, file: &OutboundFile) -> Result<(), LedgerError> {
    let reason = "it is secured or asks for a signed receipt, and the partner agreed to a level below 2.0, which has no such files; release it once the partner has 2.0, or cancel it and send the file with `--plain`";
    context.station.ledger.park(file.id, reason).await?;
    context.log(Event::SendRefused {
        session: context.talk(),
        transfer: file.id,
        file: file.header.key.to_string(),
        reason: format!("it is parked: {reason}"),
    });
    Ok(())
}

/// At a level whose times have no counter, files of one name and one second would have one identity.
async fn make_unique(
    context: &SessionContext,
    file: &mut OutboundFile,
    session: &Session,
) -> Result<(), InternalError> {
    let is_counted = |agreed: &Agreement| agreed.level >= Level::V14;
    if session.agreement().is_none_or(is_counted) {
        return Ok(());
    }
    match context.station.ledger.stamp_to_the_second(file.id).await {
        Ok(Some(stamp)) => file.header.key.stamp = stamp,
        Ok(None) => {}
        Err(error) => {
            context.release(file.id, &error.to_string()).await?;
            return Err(error.into());
        }
    }
    Ok(())
}
