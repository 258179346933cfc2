//! A model of the transport's hand-over of leadership, checked by loom: the very file of the module, with loom's locks in place of the standard
//! library's. Each caller posts its id on a wire and waits at the desk; whoever leads delivers what is on the wire. Loom's `wait_timeout` never
//! times out, so a lost wake-up is a deadlock, which loom reports.
#![allow(clippy::unwrap_used, dead_code, missing_docs)]

use std::time::{Duration, Instant};

use loom::{
    sync::{Arc, Mutex},
    thread,
};

mod sync {
    pub(super) use loom::sync::{Arc, Condvar, Mutex, MutexGuard};

    pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        mutex.lock().unwrap()
    }
}

#[path = "../../pkcs11-shim/src/transport/desk.rs"]
mod desk;

use desk::{Desk, Turn};

type Wire = Mutex<Vec<u64>>;

fn deliver(desk: &Desk<u64>, wire: &Wire, one_by_one: bool) {
    let arrived = {
        let mut wire = wire.lock().unwrap();
        if one_by_one && !wire.is_empty() { vec![wire.remove(0)] } else { std::mem::take(&mut *wire) }
    };
    desk.deliver(arrived.into_iter().map(|id| (id, id)));
}

fn call(desk: &Desk<u64>, wire: &Wire, until: Instant, one_by_one: bool) {
    let ticket = desk.register().unwrap();
    wire.lock().unwrap().push(ticket.id());
    loop {
        match desk.wait(&ticket, until) {
            Turn::Done(reply) => return assert_eq!(reply, ticket.id(), "somebody else's reply"),
            Turn::Late => return,
            Turn::Lead(buffer) => {
                while !desk.is_done(&ticket) && Instant::now() < until {
                    deliver(desk, wire, one_by_one);
                }
                desk.step_down(buffer);
            }
        }
    }
}

struct Model {
    callers: usize,
    one_by_one: bool,
    /// Somebody reads in passing, as `drain_notices` does.
    drainer: bool,
    /// The first caller's time is over when it comes to wait.
    late: bool,
    preemptions: usize,
}

impl Model {
    fn check(self) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(self.preemptions);
        builder.max_branches = 20_000;
        let Model { callers, one_by_one, drainer, late, .. } = self;
        builder.check(move || {
            let far = Instant::now() + Duration::from_secs(3600);
            let desk = Arc::new(Desk::<u64>::new(8, Vec::new()));
            let wire = Arc::new(Wire::new(Vec::new()));
            let threads: Vec<_> = (0..callers)
                .map(|number| {
                    let (desk, wire) = (desk.clone(), wire.clone());
                    let until = if late && number == 0 { Instant::now() } else { far };
                    thread::spawn(move || call(&desk, &wire, until, one_by_one))
                })
                .collect();
            if drainer && let Some(buffer) = desk.try_lead() {
                deliver(&desk, &wire, false);
                desk.step_down(buffer);
            }
            threads.into_iter().for_each(|thread| thread.join().unwrap());
        });
    }
}

#[test]
fn two_callers() {
    Model { callers: 2, one_by_one: false, drainer: false, late: false, preemptions: 4 }.check();
}

#[test]
fn two_callers_whose_replies_come_one_by_one() {
    Model { callers: 2, one_by_one: true, drainer: false, late: false, preemptions: 4 }.check();
}

#[test]
fn two_callers_and_one_who_reads_in_passing() {
    Model { callers: 2, one_by_one: true, drainer: true, late: false, preemptions: 3 }.check();
}

#[test]
fn three_callers() {
    Model { callers: 3, one_by_one: true, drainer: false, late: false, preemptions: 2 }.check();
}

#[test]
fn one_who_is_late_and_two_who_are_not() {
    Model { callers: 3, one_by_one: true, drainer: false, late: true, preemptions: 2 }.check();
}

#[test]
fn nobody_sleeps_on_when_the_connection_ends() {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(4);
    builder.check(|| {
        let far = Instant::now() + Duration::from_secs(3600);
        let desk = Arc::new(Desk::<u64>::new(8, Vec::new()));
        let buffer = desk.try_lead().unwrap();
        let wait = move |desk: Arc<Desk<u64>>| {
            let Some(ticket) = desk.register() else { return };
            loop {
                match desk.wait(&ticket, far) {
                    Turn::Done(reply) => return assert_eq!(reply, 0),
                    Turn::Late => unreachable!("an hour has not passed"),
                    Turn::Lead(buffer) => desk.step_down(buffer),
                }
                if !desk.is_done(&ticket) {
                    thread::yield_now();
                }
            }
        };
        let threads: Vec<_> = (0..2).map(|_| desk.clone()).map(|desk| thread::spawn(move || wait(desk))).collect();
        desk.close(|_| 0);
        desk.step_down(buffer);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}
