//! Calls of our own accord: to partners for whom something waits, and to those that are to be asked now and again.
//!
//! A partner is called by one session of ours at a time. What waits for it goes with its own call just as well; a
//! lease in the ledger keeps a file from going twice.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use jiff::{ToSpan, Zoned, civil};
use oftp::{End, StateName};
use pointsman_store::{TransferId, Waiting};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio_util::task::TaskTracker;

use crate::config::backoff::Backoff;
use crate::config::{Partner, Plan};
use crate::events::Event;
use crate::session::dial::{DialError, PlannedCall};
use crate::session::ending::Ending;
use crate::station::Station;
use crate::station::contacts::NextCall;
use crate::station::drain::Drain;
use crate::station::leases;

/// How often it is looked who is to be called, at least.
const LOOK: Duration = Duration::from_secs(1);

/// How often a partner is called for what it does not take.
const PATIENT: Backoff = Backoff {
    first: Duration::from_secs(30),
    most: Duration::from_secs(15 * 60),
};

/// How a call ended.
enum Outcome {
    /// As it should.
    Good,
    /// Nobody was reached.
    Unreachable(String),
    /// The session did not come to its end, for another reason than a lost connection within a file.
    Broken(String),
    /// The connection was lost within a file.
    BrokenFile(String),
}

/// What is known of a partner's line.
#[derive(Debug)]
struct Line {
    busy: bool,
    failures: u32,
    /// Not to be called before.
    backs_off_until: Instant,
    /// When it was called last.
    called: Option<Called>,
    /// The time of day that a call served, and the one that the call before served.
    hours: [Option<SystemTime>; 2],
    /// Calls in a row that left something waiting.
    failed_calls: u32,
    /// How long it is not called again for that.
    patience: Duration,
    /// The order of an operator that it was called for last.
    obeyed: Option<SystemTime>,
}

/// When a call began: the ledger speaks by the clock, which may be put right, and a span is measured without it.
#[derive(Clone, Copy, Debug)]
struct Called {
    at: SystemTime,
    since: Instant,
}

/// Why a partner is called.
#[derive(Clone, Copy, Debug)]
enum Cause {
    /// Something new waits, or it is time to ask.
    News,
    /// What waits was there at the last call already.
    Again,
}

impl Line {
    fn new() -> Self {
        Self {
            busy: false,
            failures: 0,
            backs_off_until: Instant::now(),
            called: None,
            hours: [None; 2],
            failed_calls: 0,
            patience: Duration::ZERO,
            obeyed: None,
        }
    }

    /// Why it is to be called now, if it is: something waits since then, or the partner is to be asked so often, or
    /// was to be at that time.
    fn due(
        &self,
        since: Option<SystemTime>,
        every: Option<Duration>,
        hour: Option<SystemTime>,
    ) -> Option<Cause> {
        let [served, _] = self.hours;
        if hour > served {
            return Some(Cause::News);
        }
        let Some(called) = self.called else {
            let wanted = since.is_some() || every.is_some();
            return wanted.then_some(Cause::News);
        };
        let passed = called.since.elapsed();
        match since {
            Some(since) if since >= called.at => Some(Cause::News),
            // It was there at the last call and was not taken, by a policy's wish or the partner's: no hurry.
            Some(_) if passed >= self.patience => Some(Cause::Again),
            _ => every.filter(|every| passed >= *every).map(|_| Cause::News),
        }
    }

    /// When it is called next, as far as that is known: by what waits, and since when and how long it waits for more files;
    /// by the time since the last call; and by the time of day.
    fn plan(
        &self,
        waiting: Option<(SystemTime, Duration)>,
        every: Option<Duration>,
        hour: Option<SystemTime>,
    ) -> NextCall {
        let now = SystemTime::now();
        if self.busy {
            return NextCall::Calling;
        }
        let backs_off = self
            .backs_off_until
            .saturating_duration_since(Instant::now());
        let after =
            |called: Called, wait: Duration| now + wait.saturating_sub(called.since.elapsed());
        let for_what_waits = waiting.map(|(since, delay)| match self.called {
            // It was there at the last call already.
            Some(called) if since < called.at => after(called, self.patience),
            _ => since + delay,
        });
        let to_ask = every.map(|every| self.called.map_or(now, |called| after(called, every)));
        let next = [for_what_waits, to_ask, hour].into_iter().flatten().min();
        match next {
            Some(next) => NextCall::At(next.max(now + backs_off)),
            None if backs_off.is_zero() => NextCall::WhenSomethingWaits,
            None => NextCall::NotBefore(now + backs_off),
        }
    }

    fn begin_call(&mut self, cause: Cause, hour: Option<SystemTime>) {
        let [served, _] = self.hours;
        self.hours = [hour.or(served), served];
        self.failed_calls = match cause {
            Cause::News => 0,
            Cause::Again => self.failed_calls + 1,
        };
        self.patience = PATIENT.after(self.failed_calls + 1);
        self.called = Some(Called {
            at: SystemTime::now(),
            since: Instant::now(),
        });
        self.busy = true;
    }

    /// The clock was put back: what it showed at the last call, or at an hour that was served, is no time to compare with
    /// any more. So whatever waits is news once.
    fn forget_times_to_come(&mut self, now: SystemTime) {
        self.called = self.called.filter(|called| called.at <= now);
        self.hours = self.hours.map(|hour| hour.filter(|hour| *hour <= now));
        self.obeyed = self.obeyed.filter(|at| *at <= now);
    }

    fn is_backing_off(&self) -> bool {
        Instant::now() < self.backs_off_until
    }

    /// An operator wants it called now, whatever failed before: once for each such order.
    fn obeys(&mut self, ordered: Option<SystemTime>) -> bool {
        let is_new = ordered > self.obeyed;
        self.obeyed = self.obeyed.max(ordered);
        is_new
    }
}

/// Calls for as long as the server runs; ends when the calls that are under way at the drain have ended.
pub async fn keep_calling(
    station: Arc<Station>,
    sessions: TaskTracker,
    mut drain: watch::Receiver<Drain>,
) {
    let mut lines: BTreeMap<String, Line> = BTreeMap::new();
    let mut calls = JoinSet::<(Arc<Partner>, Outcome)>::new();
    let (mut started, mut plans) = (SystemTime::now(), station.plans());
    loop {
        tokio::select! {
            _ = drain.wait_for(|drain| *drain != Drain::No) => break,
            Some(Ok((profile, outcome))) = calls.join_next() => conclude(&station, &mut lines, &profile, outcome),
            () = tokio::time::sleep(pace(&station.plan())) => {}
            Ok(()) = plans.changed() => {}
        }
        if let Err(error) = leases::release(&station).await {
            let reason = error.to_string();
            station.events.emit(Event::LeasesKept { reason });
        }
        // The clock may be put back: the hours since then count all the same.
        started = started.min(SystemTime::now());
        let due = match who_is_due(&station, &station.plan(), &mut lines, started).await {
            Ok(due) => due,
            Err(error) => {
                let reason = error.to_string();
                station.events.emit(Event::QueueUnknown { reason });
                continue;
            }
        };
        let plan = station.plan();
        lines.retain(|name, line| line.busy || plan.partners.contains_key(name));
        station
            .contacts
            .keep_plans(|name| plan.partners.contains_key(name));
        for partner in due {
            let Ok(call) = PlannedCall::of(&station, &partner) else {
                // A reload took it, or its address, out of the plan in this moment.
                lines.remove(&partner);
                continue;
            };
            let profile = Arc::clone(call.profile());
            // One of the sessions that a drain waits for, and ends if it has to.
            let call = sessions.spawn(call.make(None, drain.clone()));
            calls.spawn(async move { (profile, outcome(call.await)) });
        }
    }
    while calls.join_next().await.is_some() {}
}

/// How often it is looked who is to be called: no partner's files wait longer for it than for company.
fn pace(plan: &Plan) -> Duration {
    let delays = plan.partners.values().map(|partner| partner.calls.delay);
    let shortest = delays.chain([LOOK]).min();
    shortest.unwrap_or(LOOK).max(Duration::from_millis(20))
}

/// The partners whose line is free and for whom something waits, or whom it is time to ask, or whom an operator wants
/// called now; for whom something waits longest first. Their lines are busy now.
async fn who_is_due(
    station: &Station,
    plan: &Plan,
    lines: &mut BTreeMap<String, Line>,
    started: SystemTime,
) -> Result<Vec<String>, pointsman_store::LedgerError> {
    let callable = plan.partners.iter().filter(|(name, partner)| {
        partner.is_called() && lines.get(*name).is_none_or(|line| !line.busy)
    });
    let callable: Vec<_> = callable.collect();
    let names = callable.iter();
    let names = names.map(|(name, partner)| ((*name).clone(), partner.longest()));
    let now = SystemTime::now();
    let waiting = station.ledger.waiting_for(names.collect(), now).await?;
    let (clock, mut due) = (Zoned::now(), Vec::new());
    for (name, partner) in callable {
        let line = lines.entry(name.clone()).or_insert_with(Line::new);
        line.forget_times_to_come(now);
        let waits = waiting.get(name);
        let is_due =
            |since: &SystemTime| partner.calls.queued && *since + partner.calls.delay <= now;
        let since = waits.map(|waits| waits.since).filter(is_due);
        let every = partner.calls.every;
        let hours = partner.calls.at.iter().map(|at| last(*at, &clock));
        let hour = hours.max().filter(|hour| *hour >= started);
        // An order of an operator comes first, since it counts even while the line backs off.
        let cause = if line.obeys(waits.and_then(|waits| waits.ordered)) {
            Some(Cause::News)
        } else if line.is_backing_off() {
            None
        } else {
            line.due(since, every, hour)
        };
        if let Some(cause) = cause {
            line.begin_call(cause, hour);
            due.push((waits.map_or(now, |waits| waits.oldest), name));
        }
    }
    // Only now, since a call that begins changes when its line is due next.
    emit_plans(station, plan, lines, &waiting, &clock);
    due.sort_unstable();
    Ok(due.into_iter().map(|(_, name)| name.clone()).collect())
}

/// For whoever asks when a partner is called.
fn emit_plans(
    station: &Station,
    plan: &Plan,
    lines: &BTreeMap<String, Line>,
    waiting: &BTreeMap<String, Waiting>,
    clock: &Zoned,
) {
    for (name, line) in lines {
        let Some(partner) = plan.partners.get(name) else {
            continue;
        };
        let calls = &partner.calls;
        let since = waiting.get(name).filter(|_| calls.queued);
        let since = since.map(|waits| (waits.since, calls.delay));
        let every = calls.every;
        let hour = calls.at.iter().map(|at| next(*at, clock)).min();
        station.contacts.plan(name, line.plan(since, every, hour));
    }
}

/// When it was that time of day last, by the clock of this machine.
fn last(time: civil::Time, clock: &Zoned) -> SystemTime {
    let today = clock.date().to_datetime(time);
    let at = |day: civil::DateTime| day.to_zoned(clock.time_zone().clone());
    let latest = at(today).ok().filter(|today| today <= clock);
    let latest = latest.or_else(|| at(today.saturating_sub(1.day())).ok());
    latest.map_or(SystemTime::UNIX_EPOCH, |latest| latest.timestamp().into())
}

/// When it is that time of day next, by the clock of this machine.
fn next(time: civil::Time, clock: &Zoned) -> SystemTime {
    let today = clock.date().to_datetime(time);
    let at = |day: civil::DateTime| day.to_zoned(clock.time_zone().clone());
    let next = at(today).ok().filter(|today| today > clock);
    let next = next.or_else(|| at(today.saturating_add(1.day())).ok());
    next.map_or(SystemTime::UNIX_EPOCH, |next| next.timestamp().into())
}

fn outcome(called: Result<Result<Ending, DialError>, JoinError>) -> Outcome {
    let called = match called {
        Ok(called) => called,
        Err(lost) => return Outcome::Broken(format!("its task was lost: {lost}")),
    };
    match called {
        Ok(ending) if ending.is_normal() => Outcome::Good,
        Ok(ending) if is_within_a_file(&ending.end) => Outcome::BrokenFile(ending.words),
        Ok(ending) => Outcome::Broken(ending.words),
        Err(error) => Outcome::Unreachable(error.to_string()),
    }
}

fn is_within_a_file(end: &End) -> bool {
    let (End::Disconnected { state } | End::TimedOut { state }) = end else {
        return false;
    };
    matches!(
        state,
        StateName::Opop
            | StateName::Opo
            | StateName::Opowfc
            | StateName::Clop
            | StateName::Opip
            | StateName::Opi
            | StateName::Clip
    )
}

/// Frees the line; after a failure it backs off, the longer the more failures there were in a row.
fn conclude(
    station: &Station,
    lines: &mut BTreeMap<String, Line>,
    profile: &Partner,
    outcome: Outcome,
) {
    let line = lines.entry(profile.name.clone()).or_insert_with(Line::new);
    line.busy = false;
    let retry = profile.retry;
    let (backoff, why) = match outcome {
        Outcome::Good => {
            line.failures = 0;
            return;
        }
        Outcome::Unreachable(why) => (retry.unreachable, why),
        Outcome::Broken(why) => (retry.session, why),
        Outcome::BrokenFile(why) => (retry.broken, why),
    };
    // It does not count as asked, nor for the time of day it may have been for.
    line.called = None;
    let [_, served] = line.hours;
    line.hours = [served; 2];
    line.failures = line.failures.saturating_add(1);
    let rest = backoff.after(line.failures);
    line.backs_off_until = Instant::now() + rest;
    station.events.emit(Event::CallFailed {
        partner: profile.name.clone(),
        remote: profile.address.as_ref().map(|address| address.to_string()),
        failures: line.failures,
        again: rest,
        reason: why,
    });
}

/// How often it is looked whose receipts are overdue.
const DEADLINES: Duration = Duration::from_secs(10);

/// Marks files whose receipt has not come in the time their partner has for it.
pub async fn keep_deadlines(station: Arc<Station>) {
    let mut plans = station.plans();
    loop {
        for (name, partner) in &station.plan().partners {
            let Some(deadline) = partner.receipt_deadline else {
                continue;
            };
            let (deadline, now) = (deadline, SystemTime::now());
            match station.ledger.overdue(name, deadline, now).await {
                Ok(ids) => {
                    for id in ids {
                        emit_overdue(&station, name, id).await;
                    }
                }
                Err(error) => station.events.emit(Event::DeadlinesUnknown {
                    reason: error.to_string(),
                }),
            }
        }
        tokio::select! {
            () = tokio::time::sleep(DEADLINES.min(shortest(&station))) => {}
            Ok(()) = plans.changed() => {}
        }
    }
}

async fn emit_overdue(station: &Station, partner: &str, transfer: TransferId) {
    let row = station.ledger.show(transfer).await.ok().flatten();
    station.events.emit(Event::ReceiptOverdue {
        partner: partner.to_owned(),
        transfer,
        file: row.map(|row| row.key.to_string()),
    });
}

/// A deadline shorter than the usual look is looked at in its own time.
fn shortest(station: &Station) -> Duration {
    let plan = station.plan();
    let deadlines = plan.partners.values();
    let shortest = deadlines
        .filter_map(|partner| partner.receipt_deadline)
        .min();
    shortest.map_or(DEADLINES, |shortest| shortest / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_day_was_today_or_yesterday() -> Result<(), jiff::Error> {
        let clock: Zoned = "2026-11-25T06:30:00+01:00[Europe/Berlin]".parse()?;
        for (time, expected) in [
            ("06:30", "2026-11-25T05:30:00Z"),
            ("06:00", "2026-11-25T05:00:00Z"),
            ("06:31", "2026-11-24T05:31:00Z"),
        ] {
            let expected: jiff::Timestamp = expected.parse()?;
            assert_eq!(last(time.parse()?, &clock), SystemTime::from(expected));
        }
        Ok(())
    }

    #[test]
    fn a_time_of_day_is_today_or_tomorrow() -> Result<(), jiff::Error> {
        let clock: Zoned = "2026-11-25T06:30:00+01:00[Europe/Berlin]".parse()?;
        for (time, expected) in [
            ("06:30", "2026-11-26T05:30:00Z"),
            ("06:31", "2026-11-25T05:31:00Z"),
        ] {
            let expected: jiff::Timestamp = expected.parse()?;
            assert_eq!(next(time.parse()?, &clock), SystemTime::from(expected));
        }
        Ok(())
    }

    #[test]
    fn a_partner_that_was_called_is_called_again_at_its_hour_and_once() {
        let mut line = Line::new();
        let hour = SystemTime::now();
        assert!(line.due(None, None, None).is_none());
        assert!(line.due(None, None, Some(hour)).is_some());
        line.begin_call(Cause::News, Some(hour));
        assert!(line.due(None, None, Some(hour)).is_none());
        let next = SystemTime::now() + Duration::from_secs(1);
        assert!(line.due(None, None, Some(next)).is_some());
    }

    #[test]
    fn a_call_while_the_clock_was_ahead_keeps_nobody_from_being_called() {
        let (mut line, day) = (Line::new(), Duration::from_secs(24 * 60 * 60));
        let now = SystemTime::now();
        line.begin_call(Cause::News, Some(now + day));
        line.called.as_mut().unwrap().at = now + day;
        let (waits, hour) = (Some(now), Some(now));
        assert!(line.due(waits, None, hour).is_none());
        line.forget_times_to_come(now);
        assert!(matches!(line.due(waits, None, None), Some(Cause::News)));
        assert!(line.due(None, None, hour).is_some(), "the hour is to come");
    }
}
