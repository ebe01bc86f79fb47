//! What always holds.

use oftp::StateName;
use stateright::{Model, Property};

use super::end::{Flaw, Incoming, Outgoing};
use super::world::{Setup, World};

/// The only one that is to be found: everything can be done.
pub const DONE: &str = "all is done";

const SPEAKING: [StateName; 7] = [
    StateName::IdleSp,
    StateName::IdleSpCd,
    StateName::WfRtr,
    StateName::Opop,
    StateName::Opo,
    StateName::Opowfc,
    StateName::Clop,
];

pub fn all() -> Vec<Property<Setup>> {
    vec![
        Property::always("never two speakers", |_, world: &World| {
            !world
                .ends
                .iter()
                .all(|end| end.state().is_some_and(|state| SPEAKING.contains(&state)))
        }),
        Property::always("no end finds fault with the other", |_, world: &World| {
            world.ends.iter().all(|end| end.flaw != Some(Flaw::Fault))
        }),
        Property::always(
            "nothing is forgiven, nothing comes too late",
            |_, world: &World| {
                world
                    .ends
                    .iter()
                    .all(|end| !matches!(end.flaw, Some(Flaw::Tolerated | Flaw::TooLate)))
            },
        ),
        Property::always(
            "each record where it belongs, and all of them",
            |_, world: &World| {
                world
                    .ends
                    .iter()
                    .all(|end| !matches!(end.flaw, Some(Flaw::Misplaced | Flaw::NotWhole)))
            },
        ),
        Property::always("each file once", |_, world: &World| {
            let mut incoming = world.ends.iter().flat_map(|end| &end.disk.incoming);
            incoming.all(|file| !matches!(file, Incoming::Whole { times: 2.. }))
        }),
        Property::always(
            "sent only what the partner has whole",
            |_, world: &World| {
                pairs(world).all(|(sent, got)| {
                    sent == Outgoing::Queued || !matches!(got, Incoming::Partial(_))
                })
            },
        ),
        Property::always(
            "receipted only what the sender knows",
            |_, world: &World| {
                pairs(world)
                    .all(|(sent, got)| got != Incoming::Receipted || sent == Outgoing::Acknowledged)
            },
        ),
        Property::always(
            "a window and two lines at most are on their way",
            |setup: &Setup, world: &World| {
                let most = usize::from(setup.window) + 2;
                world.wires.iter().all(|wire| wire.lines.len() <= most)
            },
        ),
        Property::always("something can happen", |setup: &Setup, world: &World| {
            let mut steps = Vec::new();
            setup.actions(world, &mut steps);
            steps.iter().any(|step| !step.is_fault()) || world.is_done()
        }),
        Property::sometimes(DONE, |_, world: &World| world.is_done()),
    ]
}

/// Each file, as it is at both ends.
fn pairs(world: &World) -> impl Iterator<Item = (Outgoing, Incoming)> {
    [0, 1].into_iter().flat_map(|from| {
        let (sent, got) = (
            &world.ends[from].disk.outgoing,
            &world.ends[1 - from].disk.incoming,
        );
        sent.iter().copied().zip(got.iter().copied())
    })
}
