//! A program whose system calls are asked about before they happen: seccomp's user notification.
//!
//! What a tracer counts, it counts for each thread; this counts for the program, sees which file a call is about, costs
//! little, and can do a call in the program's stead, which is what makes a *genuine* short write.
//!
//! The one place of this crate with `unsafe`: two system calls that neither the standard library nor rustix has.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::mpsc::channel;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};

/// A call that waits for its answer.
#[derive(Debug)]
pub struct Call {
    id: u64,
    task: u32,
    /// Which system call (`libc::SYS_…`).
    pub number: i64,
    arguments: [u64; 6],
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// It happens.
    Go,
    /// It does not happen, and fails with that number.
    Error(i32),
    /// It has happened already, and gives this.
    Gives(i64),
}

/// Starts a program that asks `judge` about every call of `numbers`. The judge runs on a thread of its own until the
/// program has ended.
///
/// # Errors
/// The program cannot be run, or the kernel does not know this.
pub fn spawn(
    command: &mut Command,
    numbers: &[i64],
    mut judge: impl FnMut(&Call) -> Reaction + Send + 'static,
) -> io::Result<Child> {
    let (hand_over, handed) = channel::<OwnedFd>();
    std::thread::spawn(move || {
        if let Ok(listener) = handed.recv() {
            while let Some(call) = next(&listener) {
                let answer = judge(&call);
                say(&listener, &call, answer);
            }
        }
    });
    // The filter is the thread's that asks for it, and of the processes it starts: so this is a thread with no other use.
    std::thread::scope(|scope| {
        let starter = scope.spawn(|| {
            rustix::thread::set_no_new_privs(true)?;
            let listener = listen(numbers)?;
            hand_over.send(listener).map_err(io::Error::other)?;
            command.spawn()
        });
        starter
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("the starting thread was lost")))
    })
}

impl Call {
    /// The file that an argument is a descriptor of; none for what has no name.
    pub fn descriptor(&self, argument: usize) -> Option<PathBuf> {
        let link = format!("/proc/{}/fd/{}", self.task, self.number_of(argument)?);
        fs::read_link(link).ok().filter(|path| path.is_absolute())
    }

    /// The path that an argument points to, from the folder that another is a descriptor of.
    pub fn path(&self, folder: Option<usize>, argument: usize) -> Option<PathBuf> {
        let named = PathBuf::from(self.text(*self.arguments.get(argument)?)?);
        if named.is_absolute() {
            return Some(named);
        }
        let from = match folder {
            Some(folder) if self.number_of(folder)? != libc::AT_FDCWD => self.descriptor(folder)?,
            _ => fs::read_link(format!("/proc/{}/cwd", self.task)).ok()?,
        };
        Some(if named.as_os_str().is_empty() {
            from
        } else {
            from.join(named)
        })
    }

    /// The command of `fcntl`, and whatever else is a small number.
    pub fn number_of(&self, argument: usize) -> Option<RawFd> {
        self.arguments.get(argument).map(|value| *value as RawFd)
    }

    /// The two octets that an argument points to: what kind of lock is asked for.
    pub fn small_number_at(&self, argument: usize) -> Option<i16> {
        let octets = self.memory(*self.arguments.get(argument)?, 2)?;
        octets.try_into().ok().map(i16::from_ne_bytes)
    }

    /// Does half of a write (`pwrite64`, or `write`) in the program's stead; says how much that was. None where there is
    /// no half.
    pub fn write_half(&self) -> Option<i64> {
        let half = (*self.arguments.get(2)? / 2) as usize;
        let octets = self
            .memory(*self.arguments.get(1)?, half)
            .filter(|octets| !octets.is_empty())?;
        let mut file = self.file(0).ok()?;
        let written = match self.number {
            libc::SYS_pwrite64 => file.write_at(&octets, *self.arguments.get(3)?),
            _ => file.write(&octets),
        };
        written.ok().map(|count| count as i64)
    }

    /// The program's own open file, its position included.
    fn file(&self, argument: usize) -> io::Result<File> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.task))?;
        let process = status
            .lines()
            .find_map(|line| line.strip_prefix("Tgid:"))
            .and_then(|number| number.trim().parse().ok())
            .and_then(Pid::from_raw)
            .ok_or_else(|| io::Error::other("no process"))?;
        let process = pidfd_open(process, PidfdFlags::empty())?;
        let descriptor = self.number_of(argument).unwrap_or(-1);
        let descriptor = pidfd_getfd(process, descriptor, PidfdGetfdFlags::empty())?;
        Ok(File::from(descriptor))
    }

    /// A text that ends with a zero, page by page, since what follows its page may not be there.
    fn text(&self, mut address: u64) -> Option<String> {
        const PAGE: u64 = 4096;
        let mut text = Vec::new();
        while text.len() < 2 * PAGE as usize {
            let page = self.memory(address, (PAGE - address % PAGE) as usize)?;
            if let Some(end) = page.iter().position(|octet| *octet == 0) {
                text.extend(page.get(..end)?);
                return String::from_utf8(text).ok();
            }
            address += page.len() as u64;
            text.extend(page);
        }
        None
    }

    fn memory(&self, address: u64, length: usize) -> Option<Vec<u8>> {
        let memory = File::open(Path::new("/proc").join(self.task.to_string()).join("mem")).ok()?;
        let mut octets = vec![0; length];
        memory.read_exact_at(&mut octets, address).ok()?;
        Some(octets)
    }
}

/// The next call; none when nobody is left to make one.
fn next(listener: &OwnedFd) -> Option<Call> {
    loop {
        let mut polled = [PollFd::new(listener, PollFlags::IN)];
        let patience = Timespec::try_from(Duration::from_secs(1)).ok()?;
        let ready = poll(&mut polled, Some(&patience)).unwrap_or(0);
        let events = polled.first().map_or(PollFlags::empty(), PollFd::revents);
        if ready > 0 && events.contains(PollFlags::IN) {
            // What asked may have been killed meanwhile.
            if let Some(call) = receive(listener) {
                return Some(call);
            }
        } else if events.intersects(PollFlags::HUP | PollFlags::ERR) {
            return None;
        }
    }
}

/// Has the kernel ask about these calls of this thread, and of all it starts.
#[allow(unsafe_code, reason = "see the safety comment")]
fn listen(numbers: &[i64]) -> io::Result<OwnedFd> {
    let mut program = filter(numbers)?;
    let program = libc::sock_fprog {
        len: program.len() as u16,
        filter: program.as_mut_ptr(),
    };
    // SAFETY: the kernel reads `program` and what it points to, both of which live until the call is over, and gives a
    // new descriptor or -1.
    unsafe {
        let listener = libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            libc::SECCOMP_FILTER_FLAG_NEW_LISTENER,
            &raw const program,
        );
        if listener < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(OwnedFd::from_raw_fd(listener as RawFd))
    }
}

/// Loads the call's number; who is in the list is asked about, who is not goes.
fn filter(numbers: &[i64]) -> io::Result<Vec<libc::sock_filter>> {
    let word = |code: u32, jt: u8, k: u32| libc::sock_filter {
        code: code as u16,
        jt,
        jf: 0,
        k,
    };
    let mut program = vec![word(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0)];
    for (passed, number) in numbers.iter().enumerate() {
        let to_the_end = u8::try_from(numbers.len() - passed).map_err(io::Error::other)?;
        program.push(word(
            libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K,
            to_the_end,
            *number as u32,
        ));
    }
    program.push(word(
        libc::BPF_RET | libc::BPF_K,
        0,
        libc::SECCOMP_RET_ALLOW,
    ));
    program.push(word(
        libc::BPF_RET | libc::BPF_K,
        0,
        libc::SECCOMP_RET_USER_NOTIF,
    ));
    Ok(program)
}

#[allow(unsafe_code, reason = "see the safety comment")]
fn receive(listener: &OwnedFd) -> Option<Call> {
    // SAFETY: the structure is plain numbers, for which zero is a value, and the kernel asks for it to be zero; it lives
    // until the call is over, and is as large as the request says.
    let asked = unsafe {
        let mut asked: libc::seccomp_notif = std::mem::zeroed();
        let outcome = libc::ioctl(
            listener.as_raw_fd(),
            libc::SECCOMP_IOCTL_NOTIF_RECV,
            &raw mut asked,
        );
        (outcome == 0).then_some(asked)?
    };
    Some(Call {
        id: asked.id,
        task: asked.pid,
        number: asked.data.nr.into(),
        arguments: asked.data.args,
    })
}

#[allow(unsafe_code, reason = "see the safety comment")]
fn say(listener: &OwnedFd, call: &Call, answer: Reaction) {
    let (val, error, flags) = match answer {
        Reaction::Go => (0, 0, libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32),
        Reaction::Error(number) => (0, -number, 0),
        Reaction::Gives(value) => (value, 0, 0),
    };
    let mut said = libc::seccomp_notif_resp {
        id: call.id,
        val,
        error,
        flags,
    };
    // SAFETY: the structure lives until the call is over, and is as large as the request says. That it fails means that
    // who asked is gone.
    unsafe {
        libc::ioctl(
            listener.as_raw_fd(),
            libc::SECCOMP_IOCTL_NOTIF_SEND,
            &raw mut said,
        );
    }
}
