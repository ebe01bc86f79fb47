//! Files of a real key, changed: the layers of one are made as the input says, and changed at any of eight places; the
//! layers around a change are made again. What opens as signed has the content that was signed and no signer but ours,
//! and what a partner is told of an encrypted file is the same whatever is wrong.
//!
//! Private operations of RSA take too long for each run. A device that remembers its answers has our key (`held.rs`); one
//! input of 256 goes to the key in memory.

#![no_main]

mod blame;
mod damage;
mod held;
mod layers;

use std::io::{Cursor, Read};
use std::sync::{Arc, LazyLock};

use blame::blames_the_file;
use damage::Changes;
use layers::{CHOICE, CONTENT, Layers, SIGNERS, SUITES, Signers, Strings, US};
use libfuzzer_sys::fuzz_target;
use oftp::Security;
use pointsman_cms::{
    Announced, CmsError, FileTolerances, Found, HashAlgorithm, Identity, Layer, Limits, Opening,
    PrivateKey, Problem, SecurityStage,
};

/// Us, with a key that a device has.
static HELD: LazyLock<Identity> = LazyLock::new(|| {
    let key = PrivateKey::held(Arc::new(held::Remembering));
    Identity::new(US.certificate().clone(), key).expect("a device is believed")
});

/// What the first two octets of an input choose.
#[derive(Clone, Copy)]
struct Shape {
    compressed: bool,
    encrypted: bool,
    strings: Strings,
    tolerances: FileTolerances,
    signers: Signers,
    suite: usize,
}

impl Shape {
    fn of(choice: u8, number: u8) -> Self {
        Self {
            compressed: choice & 1 != 0,
            encrypted: choice & 2 != 0,
            strings: match choice >> 2 & 3 {
                0 | 1 => Strings::One,
                2 => Strings::Short,
                _ => Strings::Primitive,
            },
            tolerances: FileTolerances {
                other_hash: (choice & 0x10 != 0).then_some(HashAlgorithm::Sha256),
                refuse_unknown_signers: choice & 0x20 != 0,
            },
            signers: SIGNERS[usize::from(number >> 4) % SIGNERS.len()],
            suite: usize::from(CHOICE[usize::from(number & 15)]) - 1,
        }
    }

    fn layers(&self) -> &'static Layers {
        &SUITES[self.suite]
    }

    fn file(&self, changes: Changes) -> Vec<u8> {
        let layers = self.layers();
        let mut file = layers.sign(self.signers, self.strings, changes);
        if self.compressed {
            file = layers.compress(&file, self.signers, self.strings, changes);
        }
        if self.encrypted {
            file = layers.envelop(&file, self.strings, changes);
        }
        file
    }

    fn open(&self, file: Vec<u8>, own: Identity) -> (Vec<u8>, Result<Found, CmsError>) {
        let opening = Opening {
            announced: Announced {
                security: match self.encrypted {
                    true => Security::EncryptedAndSigned,
                    false => Security::Signed,
                },
                compressed: self.compressed,
                suite: self.layers().suite,
            },
            own: vec![own],
            partner: vec![US.certificate().clone()],
            limits: Limits {
                largest: 1 << 20,
                ratio: Limits::RATIO,
            },
            tolerances: self.tolerances,
            overlap: false,
        };
        let opener = opening.read_from(Cursor::new(file));
        let mut opener = opener.expect("no thread is needed");
        let mut content = Vec::new();
        let read = opener.read_to_end(&mut content);
        let outcome = opener.finish();
        assert_eq!(read.is_ok(), outcome.is_ok());
        (content, outcome)
    }
}

/// What must be true of whatever was opened, or not.
fn judge(shape: Shape, content: &[u8], outcome: &Result<Found, CmsError>) {
    let asked = held::take_asked();
    match outcome {
        Ok(found) => {
            assert_eq!(content, CONTENT, "forged");
            let signed = found.signed.as_ref().expect("announced");
            assert!(!signed.signers.is_empty(), "signed by nobody");
            let ours = |signer| signer == US.certificate();
            assert!(signed.signers.iter().all(ours), "signed by another");
            let refuses = shape.tolerances.refuse_unknown_signers;
            assert!(!refuses || signed.unknown_signers.is_empty());
            assert_eq!(found.enveloped.is_some(), shape.encrypted);
            assert_eq!(found.compressed.is_some(), shape.compressed);
        }
        Err(CmsError::Layer {
            layer: Layer::Enveloped,
            problem: Problem::Algorithm(what),
        }) => assert!(!asked, "told that RSA failed: {what}"),
        // A device that is gone says nothing of the file.
        Err(CmsError::Device(_)) => assert!(shape.encrypted),
        Err(error) if shape.encrypted => {
            assert!(blames_the_file(error), "{error}");
            assert_eq!(error.uniform_stage(), SecurityStage::Decryption, "{error}");
        }
        Err(error) => assert!(blames_the_file(error), "{error}"),
    }
}

/// The mistake that the environment names is planted.
#[cfg(feature = "planted")]
static PLANTED: LazyLock<()> = LazyLock::new(|| {
    use pointsman_cms::planted::{PlantedMistake, plant};
    let name = std::env::var("POINTSMAN_PLANTED").expect("POINTSMAN_PLANTED names a mistake");
    let all = PlantedMistake::ALL.iter();
    let mistake = all.copied().find(|one| format!("{one:?}") == name);
    plant(Some(mistake.expect("a mistake that there is")));
});

fuzz_target!(|input: &[u8]| {
    #[cfg(feature = "planted")]
    LazyLock::force(&PLANTED);
    let [choice, number, changes @ ..] = input else {
        return;
    };
    let shape = Shape::of(*choice, *number);
    let file = shape.file(Changes(changes));
    let own = match held::mixed(input) >> 40 & 0xff {
        0 => &*US,
        _ => &*HELD,
    };
    let (content, outcome) = shape.open(file, own.clone());
    judge(shape, &content, &outcome);
    if changes.len() < 4 {
        let refuse_unknown = shape.tolerances.refuse_unknown_signers;
        let good = shape.signers.are_good(shape.layers().suite, refuse_unknown);
        assert_eq!(outcome.is_ok(), good, "nothing was changed: {outcome:?}");
    }
});
