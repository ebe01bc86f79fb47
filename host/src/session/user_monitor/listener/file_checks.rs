//! Whether a file is within what is agreed with its partner, and whether the disks have space for it.

use oftp::{BLOCK, FileHeader, FileReason, Format};

use super::file_refusal::FileRefusal;
use crate::config::Partner;
use crate::security::announced::{self, NotAgreed};
use crate::session::user_monitor::context::SessionContext;
use crate::session::user_monitor::signing;

/// Whether the profile, and what the policies granted the session, allow the file.
pub(super) fn allows(context: &SessionContext, header: &FileHeader) -> Result<(), FileRefusal> {
    let Some(profile) = context.profile() else {
        return Err(FileRefusal::for_now(FileReason::Unspecified, "no partner"));
    };
    are_agreed_stations(context, profile, header)?;
    check_security(context, profile, header)?;
    if matches!(header.format, Format::Fixed(0)) {
        let text = "fixed records need a length";
        return Err(FileRefusal::for_good(FileReason::RecordLength, text));
    }
    if !context.grants().takes_files {
        let text = "no files are taken in this session";
        return Err(FileRefusal::for_good(FileReason::DirectionRefused, text));
    }
    // Of a secured file the original size is that of the opened one (RFC 5.3.3, SFIDOSIZ).
    let announced = header.size_blocks.max(header.original_size_blocks);
    let most = context.largest_file().div_ceil(BLOCK);
    match announced > most {
        true => Err(FileRefusal::too_big(most)),
        false => Ok(()),
    }
}

/// Whether the file is from a station of the partner to one of ours.
fn are_agreed_stations(
    context: &SessionContext,
    profile: &Partner,
    header: &FileHeader,
) -> Result<(), FileRefusal> {
    let config = &context.plan;
    let key = &header.key;
    let any_case = profile.forgives_case();
    let Some(originator) = profile.may_originate(&key.originator, any_case) else {
        let text = format!(
            "`{}` is not agreed for files of this partner",
            key.originator
        );
        return Err(FileRefusal::for_good(FileReason::InvalidOrigin, text));
    };
    let Some(destination) = config.own_code(&key.destination, any_case) else {
        let text = format!("`{}` is not a station here", key.destination);
        return Err(FileRefusal::for_good(FileReason::InvalidDestination, text));
    };
    context.log_case("SFID SFIDORIG", &key.originator, originator);
    context.log_case("SFID SFIDDEST", &key.destination, destination);
    Ok(())
}

/// Whether its security is agreed, and there are keys for it. Where one is missing for its receipt, the log tells why.
fn check_security(
    context: &SessionContext,
    profile: &Partner,
    header: &FileHeader,
) -> Result<(), NotAgreed> {
    let agreed = announced::is_agreed(context.plan.keyring(), profile, header);
    agreed.inspect_err(|why| {
        if why.lacks_receipt_key {
            signing::tell_why_not(context, header);
        }
    })
}

/// The disks must have space for what is announced, and beyond it for receipts and the ledger. Where they have not,
/// broken files of this partner make room first.
pub(super) async fn make_room_for(
    context: &SessionContext,
    header: &FileHeader,
) -> Result<(), FileRefusal> {
    let station = &context.station;
    station.room_for(octets_to_come(header)).await?;
    Ok(station
        .reserve
        .has_room_at(&context.plan.storage.ledger, 0)?)
}

/// Octets that are announced beyond what is said to be here.
fn octets_to_come(header: &FileHeader) -> u64 {
    let here = if header.goes_in_records() {
        0
    } else {
        header.restart
    };
    let blocks = header.size_blocks.saturating_sub(here);
    blocks.saturating_mul(BLOCK)
}
