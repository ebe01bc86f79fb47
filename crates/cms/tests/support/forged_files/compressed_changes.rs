//! Changes of a compressed layer: its algorithm, its content, and the zlib stream.

use super::changes::{
    CONTENT, Changes, ENCAPSULATED, LIST, MD5, algorithm, integer, put, structural,
};
use super::compressed;

/// Changes of a compressed layer.
pub(super) fn of_compressed() -> Changes {
    let mut changes = structural(compressed);
    let rest: Changes = vec![
        (
            "another compression",
            put(LIST, algorithm(MD5, None)),
            compressed("Algorithm"),
        ),
        (
            "compression with parameters",
            Box::new(|tree| tree.at(LIST).nodes().push(integer(1))),
            compressed("Algorithm"),
        ),
        (
            "no content type inside",
            put(&[1, 0, 2, 0], integer(0)),
            compressed("Content"),
        ),
        (
            "no content inside",
            Box::new(|tree| tree.at(ENCAPSULATED).nodes().truncate(1)),
            compressed("Content"),
        ),
        (
            "content is no string",
            Box::new(|tree| tree.at(CONTENT).tag = 0x0c),
            compressed("Element"),
        ),
        (
            "zlib with another method",
            Box::new(|tree| tree.at(CONTENT).octets()[0] = 0x77),
            compressed("Zlib"),
        ),
        (
            "zlib with a dictionary",
            Box::new(|tree| {
                let octets = tree.at(CONTENT).octets();
                octets.splice(0..2, [0x78, 0xbb, 1, 2, 3, 4]);
            }),
            compressed("Zlib"),
        ),
        (
            "gzip",
            Box::new(|tree| {
                drop(
                    tree.at(CONTENT)
                        .octets()
                        .splice(0..2, [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0]),
                )
            }),
            compressed("Zlib"),
        ),
        (
            "raw deflate",
            Box::new(|tree| drop(tree.at(CONTENT).octets().drain(0..2))),
            compressed("Zlib"),
        ),
        (
            "check sum changed",
            Box::new(|tree| *tree.at(CONTENT).octets().last_mut().unwrap() ^= 1),
            compressed("Zlib"),
        ),
        (
            "check sum left out",
            Box::new(|tree| {
                let octets = tree.at(CONTENT).octets();
                octets.truncate(octets.len() - 4);
            }),
            compressed("Zlib"),
        ),
        (
            "stream cut in half",
            Box::new(|tree| {
                let octets = tree.at(CONTENT).octets();
                octets.truncate(octets.len() / 2);
            }),
            compressed("Zlib"),
        ),
        (
            "stream empty",
            Box::new(|tree| tree.at(CONTENT).octets().clear()),
            compressed("Zlib"),
        ),
        (
            "an octet after the stream",
            Box::new(|tree| tree.at(CONTENT).octets().push(0)),
            compressed("Zlib"),
        ),
        (
            "a second stream after the first",
            Box::new(|tree| {
                let octets = tree.at(CONTENT).octets();
                octets.extend_from_within(..);
            }),
            compressed("Zlib"),
        ),
        (
            "one more in the structure",
            Box::new(|tree| tree.at(&[1, 0]).nodes().push(integer(1))),
            compressed("Element"),
        ),
    ];
    changes.extend(rest);
    changes
}
