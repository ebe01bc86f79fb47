//! Random damage, for some seconds: nothing panics, nothing forged is taken. `POINTSMAN_CMS_SEED` repeats a run,
//! `POINTSMAN_CMS_RUNS` makes it longer.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail anywhere"
)]

mod support;

use std::time::{SystemTime, UNIX_EPOCH};

use support::{Dice, Services, open, opening, suite, text, wrap, wrap_definite, wrapping};

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Changes a few octets, where the structure is more often than where the content is.
fn damage(file: &mut Vec<u8>, dice: &mut Dice) {
    for _ in 0..=dice.below(3) {
        if file.is_empty() {
            return;
        }
        let near = file.len().min(700);
        let at = match dice.below(3) {
            0 => dice.below(near),
            1 => file.len() - 1 - dice.below(near),
            _ => dice.below(file.len()),
        };
        match dice.below(6) {
            0 => file[at] ^= 1 << dice.below(8),
            1 => file[at] = dice.next() as u8,
            2 => file.truncate(at),
            3 => file.insert(at, dice.next() as u8),
            4 => drop(file.remove(at)),
            _ => {
                let end = (at + dice.below(40)).min(file.len());
                let part = file[at..end].to_vec();
                file.splice(at..at, part);
            }
        }
    }
}

#[test]
fn random_damage_is_never_taken_for_the_partners_content() {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_nanos() as u64;
    let seed = number("POINTSMAN_CMS_SEED").unwrap_or(now) | 1;
    println!("POINTSMAN_CMS_SEED={seed}");
    let mut dice = Dice(seed);
    let content = text(1500);
    let mut files = Vec::new();
    for number in [4, 9] {
        for services in Services::all() {
            for make in [wrap, wrap_definite] {
                let file = make(&wrapping(suite(number), services), &content).0;
                files.push((file, opening(suite(number), services), services));
            }
        }
    }
    let runs = number("POINTSMAN_CMS_RUNS").unwrap_or(6000);
    let (mut taken, mut refused) = (0, 0);
    for run in 0..runs {
        let (file, opening, services) = &files[dice.below(files.len())];
        let mut damaged = file.clone();
        damage(&mut damaged, &mut dice);
        match open(opening, &damaged) {
            Ok((found, _)) => {
                taken += 1;
                assert!(
                    !services.signed || found == content,
                    "run {run}: forged with the seed {seed}"
                );
            }
            Err(_) => refused += 1,
        }
    }
    println!(
        "{runs} files: {refused} refused, {taken} taken with the partner's content or unsigned"
    );
    assert!(refused > runs / 2);
}
