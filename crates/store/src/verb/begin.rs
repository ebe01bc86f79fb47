//! A known partial is resumed under a new offer.

use std::time::SystemTime;

use oftp::{FileHeader, Position};

use super::{Effect, Unfit, Verb};
use crate::offer::Offer;
use crate::row::Row;
use crate::state::InboundState;
use crate::transition::VerbName;

/// Receiving → Receiving. The newest offer says what the file is and where it goes.
#[derive(Debug)]
pub(crate) struct Begin {
    pub(crate) offer: Offer,
    pub(crate) from: Position,
}

impl Verb for Begin {
    fn name(&self) -> VerbName {
        VerbName::Begin
    }

    fn apply(&self, row: &mut Row, _: SystemTime) -> Result<Effect, Unfit> {
        let Self { offer, from } = self;
        let file = row.inbound_mut().ok_or(Unfit::State)?;
        if file.state != InboundState::Receiving {
            return Err(Unfit::State);
        }
        file.position = *from;
        file.target = offer.target.clone();
        row.header = FileHeader {
            key: row.header.key.clone(),
            restart: 0,
            ..offer.header.clone()
        };
        row.layout = offer.layout;
        let cause = if offer.repeated.names_one_content(&offer.header.key) {
            ""
        } else {
            ", since its identity does not count (received_again)"
        };
        let what = format!("from octet {}{cause}; {}", from.octets, offer.note.text);
        let what = offer.note.with_text(what);
        row.note_often(Some(&offer.session), self.name().in_history(), what);
        Ok(Effect::Changed)
    }
}
