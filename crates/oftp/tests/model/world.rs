//! Everything there is: two ends and the wires between them, and what can happen next.

use std::collections::VecDeque;
use std::sync::Arc;

use stateright::{Model, Property};

use super::end::{Choice, Crash, End, Pending};
use super::properties;

/// The bounds of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Setup {
    /// Files from the end that calls, and from the end that is called.
    pub files: [usize; 2],
    /// Records of a file; each fills a DATA buffer.
    pub records: u8,
    /// Credit.
    pub window: u16,
    /// Cuts, crashes, aborts and time-outs, in all.
    pub faults: u8,
    /// Whether the ends do anything they may: send in any order, give turns away with work left,
    /// ask for turns without work, refuse files for a time.
    pub free: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct World {
    pub ends: [Arc<End>; 2],
    /// What travels to each end.
    pub wires: [Wire; 2],
    pub faults: u8,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Wire {
    /// Line by line, each with its stream header.
    pub lines: VecDeque<Vec<u8>>,
    /// Nothing will follow: the connection is gone at the other side.
    pub closed: bool,
}

/// A step of one of the ends, or of fate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// One end calls the other.
    Call(usize),
    /// The next line arrives, or the end of the connection.
    Arrive(usize),
    /// The caller of a session takes its next event.
    Take(usize, Choice),
    /// A record is handed over.
    SendRecord(usize),
    /// The file was handed over.
    CloseFile(usize),
    /// The partner did not close in time.
    GiveUpWaiting(usize),
    /// The connection is lost; what is on its way to each end is lost too, or arrives.
    Cut { lost: [bool; 2] },
    /// An end stops, and has only what it has on disk.
    Crash(usize, Crash),
    /// An end gives up the session.
    Abort(usize),
    /// Nothing moved for too long.
    TimeOut(usize),
}

impl Step {
    pub fn is_fault(self) -> bool {
        matches!(
            self,
            Self::Cut { .. } | Self::Crash(..) | Self::Abort(_) | Self::TimeOut(_)
        )
    }
}

impl Model for Setup {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        let [ours, theirs] = self.files;
        vec![World {
            ends: [
                Arc::new(End::new(ours, theirs)),
                Arc::new(End::new(theirs, ours)),
            ],
            wires: [Wire::default(), Wire::default()],
            faults: self.faults,
        }]
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        let gone = world.is_quiet();
        if gone && !world.all_arrived() {
            let callers = if self.free { 0..2 } else { 0..1 };
            steps.extend(callers.map(Step::Call));
        }
        for (at, end) in world
            .ends
            .iter()
            .enumerate()
            .filter(|(_, end)| end.session.is_some())
        {
            self.steps_of(at, end, &world.wires[at], steps);
            if world.faults > 0 {
                faults_of(at, end, steps);
            }
        }
        if world.faults > 0 && !gone && !world.wires.iter().any(|wire| wire.closed) {
            let which = [[true, true], [true, false], [false, true], [false, false]];
            steps.extend(which.map(|lost| Step::Cut { lost }));
        }
    }

    fn next_state(&self, last: &World, step: Step) -> Option<World> {
        let mut world = last.clone();
        if step.is_fault() {
            world.faults -= 1;
        }
        match step {
            Step::Call(caller) => world.connect(caller, self),
            Step::Cut { lost } => world.cut(lost),
            Step::Arrive(at) => world.arrive(at, self),
            Step::Crash(at, crash) => {
                world.end(at).crash(crash, self);
                world.hang_up(at);
            }
            Step::Take(at, choice) => world.let_end(at, self, |end| end.take(choice, self)),
            Step::SendRecord(at) => world.let_end(at, self, |end| end.send_record(at)),
            Step::CloseFile(at) => world.let_end(at, self, |end| end.close_file(self)),
            Step::GiveUpWaiting(at) | Step::TimeOut(at) => world.let_end(at, self, End::time_out),
            Step::Abort(at) => world.let_end(at, self, End::abort),
        }
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all()
    }
}

impl Setup {
    fn steps_of(&self, at: usize, end: &End, wire: &Wire, steps: &mut Vec<Step>) {
        if wire.closed || !wire.lines.is_empty() {
            steps.push(Step::Arrive(at));
        }
        if end.pending != Pending::Nothing {
            steps.extend(end.choices(self).map(|choice| Step::Take(at, choice)));
        }
        if let Some(sending) = end.sends(self) {
            steps.push(if sending < self.records {
                Step::SendRecord(at)
            } else {
                Step::CloseFile(at)
            });
        }
        if end.waits_to_be_closed() {
            steps.push(Step::GiveUpWaiting(at));
        }
    }
}

fn faults_of(at: usize, end: &End, steps: &mut Vec<Step>) {
    steps.push(Step::Crash(at, Crash::Now));
    if matches!(end.pending, Pending::FileClosed | Pending::Response) {
        steps.push(Step::Crash(at, Crash::BeforeTheAnswer));
    }
    if !end.waits_to_be_closed() {
        steps.extend([Step::Abort(at), Step::TimeOut(at)]);
    }
}

impl World {
    /// Whether every file has arrived, every receipt too, and nobody talks any more.
    pub fn is_done(&self) -> bool {
        self.all_arrived() && self.is_quiet()
    }

    fn all_arrived(&self) -> bool {
        self.ends.iter().all(|end| end.disk.is_done())
    }

    fn is_quiet(&self) -> bool {
        self.ends.iter().all(|end| end.session.is_none())
    }

    fn end(&mut self, at: usize) -> &mut End {
        Arc::make_mut(&mut self.ends[at])
    }

    fn connect(&mut self, caller: usize, setup: &Setup) {
        self.wires = [Wire::default(), Wire::default()];
        self.end(caller).call(setup);
        self.end(1 - caller).be_called(setup);
        self.let_end(1 - caller, setup, |_| ());
    }

    /// One end does something; what it says is put on the wire.
    fn let_end(&mut self, at: usize, setup: &Setup, does: impl FnOnce(&mut End)) {
        let end = self.end(at);
        does(end);
        let (lines, over) = end.settle(setup);
        let wire = &mut self.wires[1 - at];
        if !wire.closed {
            wire.lines.extend(lines);
        }
        if over {
            self.end(at).hang_up();
            self.hang_up(at);
        }
    }

    fn arrive(&mut self, at: usize, setup: &Setup) {
        match self.wires[at].lines.pop_front() {
            Some(line) => self.let_end(at, setup, |end| end.hear(&line)),
            None => self.let_end(at, setup, End::lose_connection),
        }
    }

    /// The connection is gone at one end: nothing more comes to it or from it.
    fn hang_up(&mut self, at: usize) {
        self.wires[at] = Wire {
            lines: VecDeque::new(),
            closed: true,
        };
        self.wires[1 - at].closed = true;
    }

    fn cut(&mut self, lost: [bool; 2]) {
        for (wire, lost) in self.wires.iter_mut().zip(lost) {
            wire.closed = true;
            if lost {
                wire.lines.clear();
            }
        }
    }
}
