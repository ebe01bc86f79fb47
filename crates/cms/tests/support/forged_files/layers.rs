//! Files whose layers are changed, cut, in another order, followed by octets, or too much.

use super::super::tree::{Form, Node};
use super::super::{Services, opening, suite, text};
use super::changes::Changes;
use super::compressed_changes::of_compressed;
use super::enveloped_changes::{of_cipher_text, of_enveloped};
use super::signed_changes::of_signed;
use super::{ForgedFile, Outcome, compressed, enveloped, layer, layer_of, signed};

/// Each layer's changes, with every combination of layers around it.
pub(super) fn changed(number: u8) -> Vec<ForgedFile> {
    let suite = suite(number);
    let content = text(3000);
    let mut files = Vec::new();
    type Around = (&'static str, fn() -> Changes, &'static [&'static str]);
    let layers: [Around; 3] = [
        ("s", of_signed, &["s", "sz", "se", "sze"]),
        ("z", of_compressed, &["z", "ze", "sz", "sze"]),
        ("e", of_enveloped, &["e", "se", "ze", "sze"]),
    ];
    for (changed, changes, combinations) in layers {
        for combination in combinations {
            let inner: Vec<&str> = ["s", "z", "e"]
                .into_iter()
                .filter(|one| combination.contains(one))
                .collect();
            for (name, change, outcome) in changes() {
                let mut file = content.clone();
                for letter in &inner {
                    file = layer(letter, suite, &file);
                    if *letter == changed {
                        let mut tree = Node::parse(&file);
                        change(&mut tree);
                        file = tree.der();
                    }
                }
                files.push(ForgedFile {
                    name: format!("suite {number}, {combination}, layer {changed}: {name}"),
                    file,
                    opening: opening(suite, Services::of(combination)),
                    outcome,
                });
            }
        }
    }
    files
}

/// Files that are cut at, in and after every element's head.
pub(super) fn truncated() -> Vec<ForgedFile> {
    let mut files = Vec::new();
    for letters in ["s", "z", "e", "sze"] {
        let file = layer_of(letters);
        let mut tree = Node::parse(&file);
        for (at, tag) in tree
            .places()
            .into_iter()
            .flat_map(|(at, tag)| [(at, tag), (at + 1, tag), (at + 2, tag)])
        {
            if at < file.len() {
                files.push(ForgedFile {
                    name: format!("{letters}, cut at {at} (element {tag:02x})"),
                    file: file[..at].to_vec(),
                    opening: opening(suite(4), Services::of(letters)),
                    outcome: Outcome::RefusedSomehow,
                });
            }
        }
        // The same with the outermost length that fits.
        for keep in 0..tree.nodes().len() {
            let mut cut = tree.clone();
            cut.nodes().truncate(keep);
            files.push(ForgedFile {
                name: format!("{letters}, {keep} of its elements"),
                file: cut.der(),
                opening: opening(suite(4), Services::of(letters)),
                outcome: Outcome::RefusedSomehow,
            });
        }
    }
    files
}

/// Layers in another order, fewer, or other ones than announced.
pub(super) fn nested_otherwise() -> Vec<ForgedFile> {
    let mut files = Vec::new();
    let all: Vec<Services> = Services::all().collect();
    for made in &all {
        for announced in &all {
            let has_all = (!announced.signed || made.signed)
                && (!announced.compressed || made.compressed)
                && (!announced.encrypted || made.encrypted);
            // The announced layers are the outermost ones: what lies inside is content.
            let outermost = made.letters().ends_with(&announced.letters());
            if made == announced || has_all && outermost {
                continue;
            }
            files.push(ForgedFile {
                name: format!("{} announced as {}", made.letters(), announced.letters()),
                file: layer_of(&made.letters()),
                opening: opening(suite(4), *announced),
                outcome: Outcome::RefusedSomehow,
            });
        }
    }
    for order in [
        "zs", "es", "ez", "zes", "ezs", "esz", "zse", "ss", "zz", "ee",
    ] {
        let mut file = text(500);
        for letter in order.chars() {
            file = layer(&letter.to_string(), suite(4), &file);
        }
        let mut announced = Services::of(order);
        let doubled = order.as_bytes()[0] == order.as_bytes()[1];
        if doubled {
            announced = Services::of(if order == "ss" { "sz" } else { "sze" });
        }
        files.push(ForgedFile {
            name: format!("layers in the order {order}"),
            file,
            opening: opening(suite(4), announced),
            outcome: Outcome::RefusedSomehow,
        });
    }
    files
}

/// Octets after the end of each layer.
pub(super) fn trailing() -> Vec<ForgedFile> {
    let mut files = Vec::new();
    for combination in ["s", "z", "e", "sz", "ze", "se", "sze"] {
        for after in [&[0][..], &[0, 0], b"\n", &[0x30, 0x80, 0, 0]] {
            for target in combination.chars() {
                let mut file = text(700);
                for letter in ["s", "z", "e"]
                    .into_iter()
                    .filter(|one| combination.contains(one))
                {
                    file = layer(letter, suite(4), &file);
                    if letter == target.to_string() {
                        file.extend_from_slice(after);
                    }
                }
                let outcome = match target {
                    's' => signed("Trailing"),
                    'z' => compressed("Trailing"),
                    _ => enveloped("Trailing"),
                };
                files.push(ForgedFile {
                    name: format!("{combination}, {after:x?} after layer {target}"),
                    file,
                    opening: opening(suite(4), Services::of(combination)),
                    outcome,
                });
            }
        }
    }
    files
}

/// Files that are too much.
pub(super) fn excessive() -> Vec<ForgedFile> {
    let mut files = Vec::new();
    for letters in ["s", "z", "e", "sze"] {
        let mut opening = opening(suite(4), Services::of(letters));
        opening.limits.largest = 999;
        let file = layer(letters, suite(4), &text(1000));
        files.push(ForgedFile {
            name: format!("{letters}, one octet more than allowed"),
            file: file.clone(),
            opening: opening.clone(),
            outcome: Outcome::TooLarge,
        });
        opening.limits.largest = 1000;
        files.push(ForgedFile {
            name: format!("{letters}, as much as allowed"),
            file,
            opening,
            outcome: Outcome::Taken,
        });
    }
    for (letters, octets) in [("z", 3 << 20), ("ze", 3 << 20), ("sze", 3 << 20)] {
        files.push(ForgedFile {
            name: format!("{letters}, {octets} octets of one letter"),
            file: layer(letters, suite(4), &vec![b'a'; octets]),
            opening: opening(suite(4), Services::of(letters)),
            outcome: compressed("Ratio"),
        });
    }
    files.push(ForgedFile {
        name: "z, less than a MiB of one letter".into(),
        file: layer("z", suite(4), &vec![b'a'; 1 << 20]),
        opening: opening(suite(4), Services::of("z")),
        outcome: Outcome::Taken,
    });
    files
}

/// Every failure of decryption, in a file with nothing else and in ones with layers inside.
pub(super) fn undecryptable() -> Vec<ForgedFile> {
    let mut files = Vec::new();
    for (size, form) in [(20, Form::Der), (3000, Form::Der), (3000, Form::Indefinite)] {
        for (name, change, outcome) in of_cipher_text() {
            let mut tree = Node::parse(&layer("e", suite(4), &text(size)));
            change(&mut tree);
            files.push(ForgedFile {
                name: format!("e, {size} octets, {form:?}: {name}"),
                file: tree.encode(form),
                opening: opening(suite(4), Services::of("e")),
                outcome,
            });
        }
    }
    files
}
