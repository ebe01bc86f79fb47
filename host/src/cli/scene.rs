//! The demonstration: two stations on this machine, made from nothing.
//!
//! A supplier (`mueller`) sends despatch advices to a car maker (`nordwerk`) over TLS, signed, compressed and encrypted, and
//! gets signed receipts. The car maker's policies
//! decide who may connect and where files go; between two files its routing policy is swapped.

use std::net::TcpListener;
use std::path::{Path, PathBuf};

use pointsman_keys::make::{KeyLength, KeyPair, MakeError, StationName, StationNameError};

use crate::operator::error::{ErrorCode, OperatorError};

/// The sample: a despatch advice (UN/EDIFACT DESADV D.07A) of a few kilobytes.
pub const SAMPLE: &str = include_str!("../../demo/DESADV.edi");

/// The components of the demonstration, built with this program from `guest-examples`.
pub const KNOWN_PARTNERS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/known-partners.wasm"));
/// Routes by the data set name.
pub const ROUTE_BY_NAME: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/route-by-name.wasm"));
/// Routes by the day.
pub const ROUTE_BY_DAY: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/route-by-day.wasm"));

/// How long a certificate of the demonstration is valid.
const DAYS: u32 = 90;

/// So many folders of demonstrations side by side.
const MOST: u32 = 100;

/// The folder of a demonstration.
#[derive(Clone, Debug)]
pub struct Scene {
    /// The folder, absolute.
    pub root: PathBuf,
    /// The car maker's configuration.
    pub nordwerk: PathBuf,
    /// The supplier's configuration.
    pub mueller: PathBuf,
    /// The file to send.
    pub sample: PathBuf,
    /// The component that takes over in between.
    pub other_route: PathBuf,
}

/// Why there is no demonstration.
#[derive(Debug, thiserror::Error)]
pub enum SceneError {
    /// Too many earlier ones.
    #[error(
        "{0} is there already, and so are all the numbers behind it; remove those that nobody needs, or name another folder with --dir"
    )]
    Taken(PathBuf),
    /// It cannot be written.
    #[error("{path}: {source}")]
    Io {
        path: PathBuf,
        source: std::io::Error,
    },
    /// No certificate could be made.
    #[error("no throw-away certificate could be made: {0}")]
    Certificate(#[from] MakeError),
    /// No certificate can have that name.
    #[error(transparent)]
    Name(#[from] StationNameError),
    /// A thread was cut off.
    #[error("the making of a key was cut off")]
    Cut,
    /// No secret could be made.
    #[error("no throw-away password could be made: {0}")]
    Random(getrandom::Error),
}

impl From<SceneError> for OperatorError {
    fn from(error: SceneError) -> Self {
        ErrorCode::Internal.because(error)
    }
}

impl Scene {
    /// Writes configuration, certificates, policies and the sample into a new folder: `wanted`, or where something of that
    /// name is there already, one with a number behind it.
    ///
    /// # Errors
    /// The folder cannot be made or written.
    pub fn set(wanted: &Path) -> Result<Self, SceneError> {
        let root = make(wanted)?;
        let root = root.canonicalize().map_err(io(&root))?;
        let scene = Self {
            nordwerk: root.join("nordwerk/pointsman.yaml"),
            mueller: root.join("mueller/pointsman.yaml"),
            sample: root.join("DESADV.edi"),
            other_route: root.join("route-by-day.wasm"),
            root,
        };
        write(&scene.sample, SAMPLE.as_bytes())?;
        write(&scene.other_route, ROUTE_BY_DAY)?;
        write(
            &scene.root.join("nordwerk/policies/known-partners.wasm"),
            KNOWN_PARTNERS,
        )?;
        write(
            &scene.root.join("nordwerk/policies/route.wasm"),
            ROUTE_BY_NAME,
        )?;
        // An RSA key takes its time: both are made at once.
        std::thread::scope(|scope| {
            let stations = [("nordwerk", "mueller"), ("mueller", "nordwerk")];
            let made = stations.map(|(us, partner)| scope.spawn(|| scene.introduce(us, partner)));
            made.into_iter().try_for_each(|made| match made.join() {
                Ok(introduced) => introduced,
                Err(_) => Err(SceneError::Cut),
            })
        })?;
        // Late, since another program may take ports that were free before.
        let (nordwerk, mueller) = free_ports(&scene.root)?;
        write(
            &scene.nordwerk,
            include_str!("../../demo/nordwerk.yaml")
                .replace("{port}", &nordwerk)
                .replace("{partner_port}", &mueller)
                .as_bytes(),
        )?;
        write(
            &scene.mueller,
            include_str!("../../demo/mueller.yaml")
                .replace("{port}", &mueller)
                .replace("{partner_port}", &nordwerk)
                .as_bytes(),
        )?;
        Ok(scene)
    }

    /// Certificate and password of a station, where it and its partner look for them.
    fn introduce(&self, us: &str, partner: &str) -> Result<(), SceneError> {
        let pair = throw_away_pair(us)?;
        let certificate = pair.certificate_pem();
        write(
            &self.root.join(us).join("certificate.pem"),
            certificate.as_bytes(),
        )?;
        write_secret(&self.root.join(us).join("key.pem"), &pair.key_pem(None)?)?;
        write(
            &self.root.join(partner).join(format!("{us}.pem")),
            certificate.as_bytes(),
        )?;
        let password = throw_away_password()?;
        write_secret(&self.root.join(us).join("password"), password.as_bytes())?;
        write_secret(
            &self.root.join(partner).join(format!("{us}.password")),
            password.as_bytes(),
        )?;
        Ok(())
    }
}

/// Makes `wanted`, or where that is taken `wanted-2`, `wanted-3` and so on: what an earlier demonstration left may be in
/// use, or be somebody's work by now.
fn make(wanted: &Path) -> Result<PathBuf, SceneError> {
    if let Some(above) = wanted.parent() {
        std::fs::create_dir_all(above).map_err(io(above))?;
    }
    for number in 1..=MOST {
        let mut name = wanted.as_os_str().to_owned();
        if number > 1 {
            name.push(format!("-{number}"));
        }
        let folder = PathBuf::from(name);
        match std::fs::create_dir(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(io(&folder)(error)),
        }
    }
    Err(SceneError::Taken(wanted.to_owned()))
}

/// One pair for TLS, files and receipts.
fn throw_away_pair(station: &str) -> Result<KeyPair, SceneError> {
    let subject = format!("CN={station}.example, O=Pointsman demonstration");
    let name = StationName::new(&subject, &["localhost"])?;
    Ok(KeyPair::make(name, KeyLength::default(), DAYS)?)
}

/// Eight characters of the set that SSIDPSWD may have (RFC 5024, 5.3).
fn throw_away_password() -> Result<String, SceneError> {
    const LETTERS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(SceneError::Random)?;
    Ok(random
        .iter()
        .filter_map(|octet| LETTERS.get(usize::from(octet % 32)))
        .map(|letter| char::from(*letter))
        .collect())
}

/// Two ports nobody listens on, so that the configuration can name the partner's.
fn free_ports(root: &Path) -> Result<(String, String), SceneError> {
    let (one, other) = (
        TcpListener::bind("127.0.0.1:0").map_err(io(root))?,
        TcpListener::bind("127.0.0.1:0").map_err(io(root))?,
    );
    let port = |socket: &TcpListener| {
        socket
            .local_addr()
            .map(|address| address.port().to_string())
            .map_err(io(root))
    };
    Ok((port(&one)?, port(&other)?))
}

fn write(path: &Path, content: &[u8]) -> Result<(), SceneError> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(io(folder))?;
    }
    std::fs::write(path, content).map_err(io(path))
}

fn write_secret(path: &Path, content: &[u8]) -> Result<(), SceneError> {
    write(path, content)?;
    let ours = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(path, ours).map_err(io(path))
}

fn io(path: &Path) -> impl Fn(std::io::Error) -> SceneError + '_ {
    move |source| SceneError::Io {
        path: path.to_owned(),
        source,
    }
}
