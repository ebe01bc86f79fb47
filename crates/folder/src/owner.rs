//! Users and groups.

use std::ffi::CString;

use rustix::process::{getegid, geteuid, getgroups};

/// The user that this program runs as.
#[must_use]
pub fn our_user() -> u32 {
    geteuid().as_raw()
}

/// Whether this program may give a file of its own to that group.
#[must_use]
pub fn may_give_to(group: u32) -> bool {
    geteuid().is_root()
        || getegid().as_raw() == group
        || getgroups().is_ok_and(|groups| groups.iter().any(|ours| ours.as_raw() == group))
}

/// Longest entry of the system's table of groups that is read, in octets.
const LONGEST: usize = 1 << 20;

/// The number of a group of this system, by its name or its number. None where there is no such group.
#[must_use]
pub fn group_id(name: &str) -> Option<u32> {
    if let Ok(number) = name.parse() {
        return Some(number);
    }
    let name = CString::new(name).ok()?;
    let mut room = 4096;
    while room <= LONGEST {
        match look_up(&name, room) {
            Err(libc::ERANGE) => room *= 4,
            found => return found.ok().flatten(),
        }
    }
    None
}

#[allow(unsafe_code, reason = "see the safety comments")]
fn look_up(name: &CString, room: usize) -> Result<Option<u32>, i32> {
    let mut texts: Vec<libc::c_char> = vec![0; room];
    let mut found = std::ptr::null_mut();
    // SAFETY: `libc::group` is numbers and pointers, for which zero is a value.
    let mut group: libc::group = unsafe { std::mem::zeroed() };
    // SAFETY: the name ends with NUL; `group`, `texts` with its length, and `found` are ours and live through the call.
    let failed = unsafe {
        libc::getgrnam_r(
            name.as_ptr(),
            &raw mut group,
            texts.as_mut_ptr(),
            texts.len(),
            &raw mut found,
        )
    };
    match failed {
        0 if found.is_null() => Ok(None),
        0 => Ok(Some(group.gr_gid)),
        error => Err(error),
    }
}
