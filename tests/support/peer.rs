//! A partner made of octets: written from RFC 5024's tables, sharing no code with the program.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::patience::{PATIENCE, end, eventually};
use super::{OURS, THEIRS, THEM, US};

/// A connection that speaks stream transmission buffers (RFC 5024, 8).
pub struct Peer<W> {
    pub wire: W,
}

/// What a test sends as a file.
#[derive(Clone, Debug)]
pub struct VirtualFile {
    pub dataset: String,
    pub date: String,
    pub time: String,
    pub originator: String,
    pub destination: String,
    pub restart: u64,
    pub content: Vec<u8>,
}

impl VirtualFile {
    pub fn new(dataset: &str, content: impl Into<Vec<u8>>) -> Self {
        Self {
            dataset: dataset.to_owned(),
            date: "20261122".to_owned(),
            time: "0815300001".to_owned(),
            originator: THEM.to_owned(),
            destination: US.to_owned(),
            restart: 0,
            content: content.into(),
        }
    }

    /// SFID (RFC 5024, 5.3.3): 165 octets, no description.
    pub fn sfid(&self) -> Vec<u8> {
        let blocks = self.content.len().div_ceil(1024);
        format!(
            "H{:26}{:3}{:8}{:10}{:8}{:25}{:25}U{:05}{blocks:013}{blocks:013}{:017}{:02}{:02}0{}{}{:03}",
            self.dataset, "", self.date, self.time, "", self.destination, self.originator, 0, self.restart, 0, 0, 0, "N", 0
        )
        .into_bytes()
    }
}

/// SSID (RFC 5024, 5.3.2): 61 octets.
pub struct Ssid {
    pub level: char,
    pub code: String,
    pub password: String,
    pub buffer: u32,
    pub credit: u16,
    pub compression: char,
    pub restart: char,
}

impl Default for Ssid {
    fn default() -> Self {
        Self {
            level: '5',
            code: THEM.to_owned(),
            password: THEIRS.to_owned(),
            buffer: 4096,
            credit: 7,
            compression: 'N',
            restart: 'Y',
        }
    }
}

impl Ssid {
    pub fn octets(&self) -> Vec<u8> {
        let Self {
            level,
            code,
            password,
            buffer,
            credit,
            compression,
            restart,
        } = self;
        // SSIDAUTH came with 2.0; it is reserved before.
        let authentication = if *level < '5' { ' ' } else { 'N' };
        format!(
            "X{level}{code:25}{password:8}{buffer:05}B{compression}{restart}N{credit:03}{authentication}{:4}{:8}\r",
            "", ""
        )
        .into_bytes()
    }
}

impl Peer<TcpStream> {
    /// Connects and hears the ready message.
    pub fn connect(address: SocketAddr) -> Self {
        let mut peer = Self::connect_silently(address);
        assert_eq!(peer.hear(), b"IODETTE FTP READY \r");
        peer
    }

    pub fn connect_silently(address: SocketAddr) -> Self {
        let wire = TcpStream::connect(address).unwrap();
        Self::on(wire)
    }

    fn on(wire: TcpStream) -> Self {
        wire.set_nodelay(true).unwrap();
        wire.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { wire }
    }

    /// Connects and agrees on a session; the partner is the speaker now.
    pub fn session(address: SocketAddr) -> Self {
        let mut peer = Self::connect(address);
        peer.identify();
        peer
    }
}

/// A wire through `openssl s_client`.
pub struct Openssl {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
}

impl Drop for Openssl {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

impl Read for Openssl {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.output.read(buffer)
    }
}

impl Write for Openssl {
    fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
        self.input.write(octets)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        self.input.flush()
    }
}

impl Peer<Openssl> {
    /// Connects with the certificate `us` in `folder`, believing only the server certificate `them`.
    pub fn openssl(
        address: SocketAddr,
        folder: &Path,
        us: &str,
        them: &str,
        version: &str,
    ) -> Self {
        Self::try_openssl(address, folder, us, them, version).expect("the server greets")
    }

    /// Whether a caller with the certificate `us` gets a session over TLS 1.3.
    pub fn is_let_in(address: SocketAddr, folder: &Path, us: &str, them: &str) -> bool {
        let Some(mut peer) = Self::try_openssl(address, folder, us, them, "-tls1_3") else {
            return false;
        };
        peer.say(Ssid::default().octets());
        peer.try_hear().is_some_and(|ssid| ssid[0] == b'X')
    }

    /// The same; none where the server does not greet.
    pub fn try_openssl(
        address: SocketAddr,
        folder: &Path,
        us: &str,
        them: &str,
        version: &str,
    ) -> Option<Self> {
        let mut child = Command::new("timeout")
            .args([
                "300",
                "openssl",
                "s_client",
                "-quiet",
                "-verify_quiet",
                "-verify_return_error",
                version,
                "-connect",
                &address.to_string(),
            ])
            .arg("-CAfile")
            .arg(folder.join(format!("{them}.pem")))
            .arg("-cert")
            .arg(folder.join(format!("{us}.pem")))
            .arg("-key")
            .arg(folder.join(format!("{us}.key")))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut peer = Self {
            wire: Openssl {
                child,
                input,
                output,
            },
        };
        let greeting = peer.try_hear()?;
        assert_eq!(greeting, b"IODETTE FTP READY \r");
        Some(peer)
    }
}

impl<W: Read + Write> Peer<W> {
    /// Sends a command or data buffer in its stream transmission buffer.
    pub fn say(&mut self, buffer: impl AsRef<[u8]>) {
        let framed = framed(buffer.as_ref());
        self.wire.write_all(&framed).unwrap();
        self.wire.flush().unwrap();
    }

    /// The next buffer of the other side.
    pub fn hear(&mut self) -> Vec<u8> {
        self.try_hear()
            .expect("the other side has something to say")
    }

    /// The next buffer, or none if the connection is at its end.
    pub fn try_hear(&mut self) -> Option<Vec<u8>> {
        let mut header = [0; 4];
        self.wire.read_exact(&mut header).ok()?;
        assert_eq!(header[0], 0x10, "version 1, no flags");
        let length = u32::from_be_bytes([0, header[1], header[2], header[3]]) as usize;
        let mut buffer = vec![0; length - 4];
        self.wire.read_exact(&mut buffer).ok()?;
        Some(buffer)
    }

    /// Hears an ESID and gives its reason.
    pub fn hear_esid(&mut self) -> String {
        let esid = self.hear();
        assert_eq!(
            esid[0],
            b'F',
            "an ESID, not {:?}",
            String::from_utf8_lossy(&esid)
        );
        String::from_utf8_lossy(&esid[1..3]).into_owned()
    }

    pub fn identify(&mut self) {
        self.say(Ssid::default().octets());
        let ssid = self.hear();
        assert_eq!(
            (ssid.len(), ssid[0]),
            (61, b'X'),
            "{}",
            String::from_utf8_lossy(&ssid)
        );
        assert_eq!(String::from_utf8_lossy(&ssid[2..27]).trim_end(), US);
    }

    /// Offers a file; gives the answer, SFPA or SFNA.
    pub fn offer(&mut self, file: &VirtualFile) -> Vec<u8> {
        self.say(file.sfid());
        self.hear()
    }

    /// Sends a file to its EFPA.
    pub fn send(&mut self, file: &VirtualFile) {
        let answer = self.offer(file);
        assert_eq!(
            answer,
            b"200000000000000000",
            "SFPA from the start, not {:?}",
            String::from_utf8_lossy(&answer)
        );
        self.send_content(file);
        assert_eq!(self.hear(), b"4N", "EFPA");
    }

    /// Data with the credit of [`Ssid::default`], then EFID.
    pub fn send_content(&mut self, file: &VirtualFile) {
        self.send_data(file);
        self.say(efid(file.content.len()));
    }

    /// Data with the credit of [`Ssid::default`].
    pub fn send_data(&mut self, file: &VirtualFile) {
        let mut credit = 7;
        for buffer in data_buffers(&file.content) {
            self.say(buffer);
            credit -= 1;
            if credit == 0 {
                assert_eq!(self.hear(), b"C  ", "CDT");
                credit = 7;
            }
        }
    }

    /// Gives the turn away and hears what the other side does with it.
    pub fn change_direction(&mut self) -> Vec<u8> {
        self.say(b"R");
        self.hear()
    }

    /// Takes the receipts that come after a change of direction, and ends the session.
    pub fn take_receipts(&mut self) -> Vec<Vec<u8>> {
        let mut receipts = Vec::new();
        let mut heard = self.change_direction();
        while matches!(heard[0], b'E' | b'N') {
            receipts.push(heard);
            self.say(b"P");
            heard = self.hear();
        }
        match heard[0] {
            b'R' => self.say(esid()),
            b'F' => assert_eq!(&heard[1..3], b"00"),
            other => panic!("CD or ESID, not {:?}", other as char),
        }
        receipts
    }
}

/// STH (RFC 5024, 8.2): the length counts its own four octets.
pub fn framed(buffer: &[u8]) -> Vec<u8> {
    let length = (buffer.len() as u32 + 4).to_be_bytes();
    [&[0x10, length[1], length[2], length[3]], buffer].concat()
}

/// DATA buffers of at most 4096 octets (RFC 5024, 7.2): subrecords of 63, end of record on the last.
pub fn data_buffers(content: &[u8]) -> Vec<Vec<u8>> {
    let subrecord = |piece: &[u8]| [&[piece.len() as u8], piece].concat();
    let mut subrecords: Vec<Vec<u8>> = content.chunks(63).map(subrecord).collect();
    if subrecords.is_empty() {
        subrecords.push(vec![0]);
    }
    subrecords.last_mut().unwrap()[0] |= 0x80;
    let buffer = |some: &[Vec<u8>]| [b"D".to_vec(), some.concat()].concat();
    subrecords.chunks(63).map(buffer).collect()
}

/// EFID (RFC 5024, 5.3.8) of an unstructured file.
pub fn efid(octets: usize) -> Vec<u8> {
    format!("T{:017}{octets:017}", 0).into_bytes()
}

/// ESID 00 (RFC 5024, 5.3.11).
pub fn esid() -> Vec<u8> {
    b"F00000\r".to_vec()
}

/// A partner that waits to be called.
pub struct Called {
    listener: TcpListener,
}

impl Called {
    pub fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        // Asked again and again: nobody waits for ever for a call that does not come.
        listener.set_nonblocking(true).unwrap();
        Self { listener }
    }

    pub fn address(&self) -> String {
        self.listener.local_addr().unwrap().to_string()
    }

    /// Takes a call; nothing is said yet.
    pub fn accept(&self) -> Peer<TcpStream> {
        let (wire, _) = eventually("the call has come", || self.listener.accept().ok());
        wire.set_nonblocking(false).unwrap();
        Peer::on(wire)
    }

    /// Takes a call as far as both sides know each other; the caller is the speaker.
    pub fn greet(&self) -> Peer<TcpStream> {
        self.greet_as(THEM, US, OURS)
    }

    /// The same of that caller, by a station of that code and password.
    pub fn greet_as(&self, caller: &str, own: &str, password: &str) -> Peer<TcpStream> {
        let mut peer = self.accept();
        peer.say(b"IODETTE FTP READY \r");
        let ssid = peer.hear();
        assert_eq!(String::from_utf8_lossy(&ssid[2..27]).trim_end(), caller);
        peer.say(format!(
            "X5{own:25}{password:8}04096BNYN007N{:4}{:8}\r",
            "", ""
        ));
        peer
    }
}

/// Takes the file that is offered, to EFPA.
pub fn take_file(peer: &mut Peer<TcpStream>) -> Vec<u8> {
    let sfid = peer.hear();
    assert_eq!(sfid[0], b'H', "SFID");
    peer.say(b"200000000000000000");
    while peer.hear()[0] == b'D' {}
    peer.say(b"4N");
    sfid
}

/// CD from the caller, and the end of the session by us.
pub fn release(peer: &mut Peer<TcpStream>) {
    assert_eq!(peer.hear(), b"R", "CD");
    peer.say(b"F00000\r");
}

/// EERP (RFC 5024, 5.3.13) for the file of that SFID.
pub fn eerp(sfid: &[u8]) -> Vec<u8> {
    let (name, stamp, to, from) = (&sfid[1..27], &sfid[30..48], &sfid[56..81], &sfid[81..106]);
    [
        b"E",
        name,
        b"   ",
        stamp,
        b"        ",
        from,
        to,
        b"\0\0\0\0",
    ]
    .concat()
}
