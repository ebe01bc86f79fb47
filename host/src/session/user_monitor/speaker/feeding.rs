//! DATA: the engine is handed what it has credit for; then the content is compared with what was queued, and EFID.

use std::time::{Duration, Instant};

use oftp::{RecordReader, Session};
use pointsman_store::contents::{ContentFound, PATIENCE, RecordError};
use pointsman_store::planted;

use super::sending::{Sending, Stage};
use crate::events::Event;
use crate::session::user_monitor::context::SessionContext;
use crate::session::user_monitor::error::InternalError;
use crate::session::user_monitor::promise;

/// Octets read from the spool at once, at most.
const CHUNK: usize = 256 * 1024;

/// Octets read at least of a file of records: room for what the layout adds, so that no line end or length is cut in two
/// for ever.
const LEAST_OF_RECORDS: usize = 4096;

/// How often progress is reported.
const PROGRESS: Duration = Duration::from_millis(100);

impl Sending {
    /// Hands the engine what it takes of the open file. False when it takes nothing now.
    pub async fn feed(
        &mut self,
        context: &mut SessionContext,
        session: &mut Session,
    ) -> Result<bool, InternalError> {
        let fed = self.feed_once(context, session).await;
        let concluded = match fed {
            Err(
                InternalError::Spool(error) | InternalError::Records(RecordError::Spool(error)),
            ) => self.unreadable(context, error).await,
            Err(InternalError::Records(problem)) => {
                self.park_damaged(context, problem.to_string()).await
            }
            fed => return fed,
        };
        concluded.and(Err(InternalError::NotSendable("the file cannot be read")))
    }

    async fn feed_once(
        &mut self,
        context: &mut SessionContext,
        session: &mut Session,
    ) -> Result<bool, InternalError> {
        let Stage::Open(open) = &mut self.stage else {
            return Ok(false);
        };
        let wanted = match (session.want_data().min(CHUNK), &open.records) {
            (0, _) => return Ok(false),
            (wanted, Some(_)) => wanted.max(LEAST_OF_RECORDS),
            (wanted, None) => wanted,
        };
        let octets = open.content.read_at(open.position, wanted).await?;
        let total = self.file.octets;
        if octets.is_empty() && open.position < total {
            return Err(InternalError::NotSendable("the file to send got shorter"));
        }
        let ends = open.position + octets.len() as u64 >= total;
        let taken = match &mut open.records {
            Some(records) => send_records(session, records, &octets, ends)?,
            None => match session.send_data(&octets, ends) {
                Ok(taken) => taken,
                Err(_) => return Ok(false),
            },
        };
        // Only octets that the engine has taken count: the others are read again.
        open.position += taken as u64;
        open.check.sent(octets.get(..taken).unwrap_or_default());
        let position = open.position;
        self.shown.moved(position);
        let is_done = ends && taken == octets.len();
        if is_done || self.reported.elapsed() > PROGRESS {
            self.reported = Instant::now();
            context.log(Event::Progress {
                transfer: self.id(),
                sent: position,
                octets: total,
            });
        }
        if is_done {
            self.close(context, session, PATIENCE).await?;
        }
        Ok(true)
    }

    /// Once EFID has left, only the partner knows whether it has the file: this doubt is written down first. Content that is
    /// not what was queued gets no EFID, so the partner does not keep it.
    async fn close(
        &mut self,
        context: &mut SessionContext,
        session: &mut Session,
        patience: Duration,
    ) -> Result<(), InternalError> {
        if let Some(why) = self.damage(context, patience).await? {
            return self.park_damaged(context, why).await;
        }
        self.stage = Stage::Closed;
        let ledger = &context.station.ledger;
        let in_doubt = ledger.in_doubt(self.id()).await?;
        promise::efid(session, self.file.counts, in_doubt);
        if planted("sent-with-efid") {
            ledger.sent(self.id(), "EFID").await?;
        }
        Ok(())
    }

    /// In which way the file that was sent to its end is another than was queued, if it is.
    async fn damage(
        &mut self,
        context: &SessionContext,
        patience: Duration,
    ) -> Result<Option<String>, InternalError> {
        let Stage::Open(open) = &mut self.stage else {
            return Ok(None);
        };
        if let Some(content) = open.check.content(patience).await? {
            return Ok(differs(&content, &self.file.digest));
        }
        let check = std::mem::take(&mut open.check);
        context.station.late_checks.keep(self.id(), check);
        context.log(Event::ContentUnread {
            session: context.talk(),
            transfer: self.id(),
            file: self.name(),
        });
        Err(InternalError::NotSendable(
            "the file to send takes longer to be compared than a partner waits",
        ))
    }
}

fn differs(found: &ContentFound, queued: &str) -> Option<String> {
    if found.digest != queued {
        let found = &found.digest;
        return Some(format!(
            "it is not what was queued: blake3 {found}, not {queued}"
        ));
    }
    found.positions_are_wrong.then(|| {
        "the positions of records in its sidecar are not its own, and the partner may have got wrong records".to_owned()
    })
}

/// Hands over record by record as much as the engine takes; returns octets of the local file.
fn send_records(
    session: &mut Session,
    reader: &mut RecordReader,
    octets: &[u8],
    last: bool,
) -> Result<usize, RecordError> {
    let mut done = 0;
    while session.want_data() > 0 {
        let rest = octets.get(done..).unwrap_or_default();
        let piece = reader.peek(rest, last).map_err(RecordError::from)?;
        let content = rest.get(piece.from..piece.from + piece.length);
        if piece.needs_more() {
            break;
        }
        let Ok(taken) = session.send_data(content.unwrap_or_default(), piece.ends) else {
            break;
        };
        let consumed = reader.advance(&piece, taken);
        if consumed == 0 {
            break;
        }
        done += consumed;
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use oftp::Session;
    use pointsman_store::{Files, Longest, TransferId, Work};
    use tokio::sync::oneshot;

    use pointsman_store::ContentKey;
    use pointsman_store::contents::{ContentCheck, StoredContent};

    use super::*;
    use crate::config::Partner;
    use crate::config::Plan;
    use crate::outbound::enqueue::{SendAs, enqueue};
    use crate::session::user_monitor::speaker::sending::OpenFile;
    use crate::session::wire::Wire;
    use crate::station::in_force::InForce;
    use crate::station::leases::lessee;
    use crate::station::{Inbox, Station};

    const CONFIG: &str = "version: 1\nstation: {ssid: O0013US, password: OURS}\nstorage: {state: state, inbox: inbox}\n\
                          partners:\n  them: {ssid: O0013THEM, password: THEIRS, address: '127.0.0.1:1'}\n";

    async fn queue_a_file(folder: &Path) -> (Arc<Station>, Arc<Partner>, TransferId) {
        let path = folder.join("pointsman.yaml");
        std::fs::write(&path, CONFIG).unwrap();
        std::fs::write(folder.join("ORDERS"), "octets").unwrap();
        let config = Plan::load(&path).unwrap();
        let profile = config.partner("them").unwrap();
        let station = Station::open(InForce::of(config), "test", Inbox::Made)
            .await
            .unwrap();
        let file = folder.join("ORDERS");
        let queued = enqueue(&station, &profile, &file, &SendAs::default()).await;
        let (id, _) = queued.unwrap();
        (station, profile, id)
    }

    async fn content(station: &Station, id: TransferId) -> Arc<dyn StoredContent> {
        let contents = &station.contents;
        contents.open(ContentKey::wire_to_send(id)).await.unwrap()
    }

    /// A session that has sent a file to its end from where it broke off; nobody has read its beginning yet.
    async fn at_the_end_of_a_file(
        station: &Arc<Station>,
        profile: Arc<Partner>,
    ) -> (SessionContext, Sending) {
        let nowhere = "127.0.0.1:1".parse().unwrap();
        let wire = Wire {
            local: nowhere,
            remote: nowhere,
            dialled: true,
            tls: None,
        };
        let context = SessionContext::new(Arc::clone(station), station.pin(), wire, Some(profile));
        let lessee = lessee(station, &context.id);
        let ledger = &station.ledger;
        let work = ledger.claim("them", &lessee, Longest::UNKNOWN, Files::Any);
        let Some(Work::File(file)) = work.await.unwrap() else {
            panic!("the file waits");
        };
        let (found, finding) = oneshot::channel();
        // The check continues to read it.
        std::mem::forget(found);
        let open = OpenFile {
            content: content(station, file.id).await,
            position: file.octets,
            check: ContentCheck::Beside(finding),
            records: None,
        };
        let sending = Sending::new(&context, *file, Stage::Open(open));
        (context, sending)
    }

    #[tokio::test]
    async fn a_file_whose_beginning_takes_long_to_read_gets_no_efid_and_the_next_session_resumes() {
        let folder = tempfile::tempdir().unwrap();
        let (station, profile, id) = queue_a_file(folder.path()).await;
        let mut session = Session::initiator(profile.params(), Duration::ZERO);
        let (mut context, mut file) = at_the_end_of_a_file(&station, profile).await;
        let soon = Duration::from_millis(1);
        let closed = file.close(&mut context, &mut session, soon).await;
        let error = closed.expect_err("the session ends").to_string();
        assert!(error.contains("longer to be compared"), "{error}");
        assert!(file.is_open(), "EFID is not on its way");
        let sent = content(&station, id).await;
        let mut next = station.late_checks.begin(id, &sent, 1, None);
        let content = next.content(soon).await.unwrap();
        assert_eq!(content, None, "it is read by whoever began to");
    }
}
