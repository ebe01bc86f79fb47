//! A token that is logged in to.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;

use crate::error::StoreFault;

/// A token of a library, with one session that is logged in. Calls take turns.
pub(super) struct OpenToken {
    library: Pkcs11,
    slot: Slot,
    pin: Option<AuthPin>,
    session: Mutex<Session>,
}

impl OpenToken {
    /// Loads the library and logs in to the token of that label; to the only one where none is given.
    pub(super) fn at(
        library: &Path,
        label: Option<&str>,
        pin: Option<&str>,
    ) -> Result<Self, StoreFault> {
        let library = load(library)?;
        let slot = slot(&library, label)?;
        can_try(&library, slot)?;
        let pin = pin.map(|pin| AuthPin::from(pin.to_owned()));
        let session = logged_in(&library, slot, pin.as_ref()).map_err(unusable)?;
        Ok(Self {
            library,
            slot,
            pin,
            session: Mutex::new(session),
        })
    }

    /// Does something in the session. Where the session is gone, as after a token was put in again, in a new one.
    pub(super) fn with<T>(&self, work: impl Fn(&Session) -> Result<T, Error>) -> Result<T, Error> {
        let mut session = self.session();
        match work(&session) {
            Err(Error::Pkcs11(error, _)) if is_session_gone(&error) => {
                *session = logged_in(&self.library, self.slot, self.pin.as_ref())?;
                work(&session)
            }
            done => done,
        }
    }

    fn session(&self) -> MutexGuard<'_, Session> {
        // A panic of another thread leaves no operation half done that the next one does not end.
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn load(path: &Path) -> Result<Pkcs11, StoreFault> {
    let library = Pkcs11::new(path).map_err(|error| {
        let path = path.display();
        StoreFault::Unusable(format!(
            "{path} is no PKCS#11 library that can be loaded: {error}"
        ))
    })?;
    match library.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        // Two stores of one library are no mistake.
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(library),
        Err(error) => Err(unusable(error)),
    }
}

fn slot(library: &Pkcs11, label: Option<&str>) -> Result<Slot, StoreFault> {
    let slots = library
        .get_slots_with_initialized_token()
        .map_err(unusable)?;
    let mut tokens = Vec::new();
    for slot in slots {
        let token = library.get_token_info(slot).map_err(unusable)?;
        tokens.push((token.label().to_owned(), slot));
    }
    let fitting = tokens
        .iter()
        .filter(|(own, _)| label.is_none_or(|label| label == own));
    let fitting: Vec<Slot> = fitting.map(|(_, slot)| *slot).collect();
    if let [one] = fitting[..] {
        return Ok(one);
    }
    let there: Vec<&str> = tokens.iter().map(|(label, _)| label.as_str()).collect();
    let wanted = label.map_or_else(
        || "several tokens are there, and no label is given".to_owned(),
        |label| format!("there is not one token with the label {label:?}"),
    );
    Err(StoreFault::Unusable(match there[..] {
        [] => "the library has no token that is initialized".to_owned(),
        _ => format!("{wanted}; there are {}", there.join(", ")),
    }))
}

/// A wrong PIN is not tried until the token locks itself: it would be read at every start and reload.
fn can_try(library: &Pkcs11, slot: Slot) -> Result<(), StoreFault> {
    let token = library.get_token_info(slot).map_err(unusable)?;
    let label = token.label();
    if token.user_pin_locked() {
        let text =
            format!("the PIN of the token {label:?} is locked: its security officer unlocks it");
        return Err(StoreFault::Unusable(text));
    }
    if token.user_pin_final_try() {
        let text = format!(
            "one more wrong PIN would lock the token {label:?}, so none is tried: log in once with another program"
        );
        return Err(StoreFault::Unusable(text));
    }
    Ok(())
}

fn logged_in(library: &Pkcs11, slot: Slot, pin: Option<&AuthPin>) -> Result<Session, Error> {
    let session = library.open_ro_session(slot)?;
    if let Some(pin) = pin {
        match session.login(UserType::User, Some(pin)) {
            // A login counts for all sessions of this program with the token.
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(session)
}

fn is_session_gone(error: &RvError) -> bool {
    matches!(
        error,
        RvError::SessionHandleInvalid
            | RvError::SessionClosed
            | RvError::UserNotLoggedIn
            | RvError::DeviceRemoved
            | RvError::TokenNotPresent
            | RvError::ObjectHandleInvalid
            | RvError::KeyHandleInvalid
    )
}

pub(super) fn unusable(error: Error) -> StoreFault {
    match error {
        Error::Pkcs11(RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange, _) => {
            StoreFault::PasswordWrong("the token (its PIN)")
        }
        error => StoreFault::Unusable(format!("the token: {error}")),
    }
}
