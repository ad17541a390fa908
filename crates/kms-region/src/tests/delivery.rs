//! Failure case 10 and C7: random loss, repetition, reordering, leader changes, promotions and evictions. The world
//! checks C1, C2, C3, C8 after every log entry; when the faults end, everybody agrees and rotations work.

use proptest::prelude::*;

use super::world::{World, material_id, region};
use crate::Force;

const DEPLOYMENTS: [&[&str]; 3] = [&["a", "b", "c", "w"], &["a", "b", "c"], &["a", "b", "w"]];

#[derive(Debug, Clone)]
enum Event {
    Deliver(prop::sample::Index, usize),
    Repeat(prop::sample::Index),
    Lose(prop::sample::Index),
    Pass(u64),
    NewLeader(usize),
    Cut(usize, usize),
    Heal,
    Rotate(usize),
    Promote(usize),
    Evict(usize, usize),
    Replicate(usize, usize),
    HandOff(usize, usize),
}

fn event() -> impl Strategy<Value = Event> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        40 => (index(), 1..6_usize).prop_map(|(i, n)| Event::Deliver(i, n)),
        4 => index().prop_map(Event::Repeat),
        4 => index().prop_map(Event::Lose),
        16 => (1..4_000_u64).prop_map(Event::Pass),
        2 => (0..4_usize).prop_map(Event::NewLeader),
        2 => (0..4_usize, 0..4_usize).prop_map(|(a, b)| Event::Cut(a, b)),
        2 => Just(Event::Heal),
        6 => (0..3_usize).prop_map(Event::Rotate),
        3 => (0..3_usize).prop_map(Event::Promote),
        2 => (0..3_usize, 0..3_usize).prop_map(|(a, b)| Event::Evict(a, b)),
        3 => (0..3_usize, 0..3_usize).prop_map(|(a, b)| Event::Replicate(a, b)),
        2 => (0..3_usize, 0..3_usize).prop_map(|(a, b)| Event::HandOff(a, b)),
    ]
}

fn play(world: &mut World, names: &[&str], event: Event, request: u64) {
    let name = |at: usize| names[at % names.len()];
    match event {
        Event::Deliver(at, count) => {
            for _ in 0..count.min(world.net.len()) {
                let parcel = world.net.remove(at.index(world.net.len()));
                world.deliver(parcel);
            }
        }
        Event::Repeat(at) if !world.net.is_empty() => world.deliver(at.get(&world.net).clone()),
        Event::Lose(at) if !world.net.is_empty() => drop(world.net.remove(at.index(world.net.len()))),
        Event::Repeat(_) | Event::Lose(_) => {}
        Event::Pass(ms) => world.pass(ms),
        Event::NewLeader(at) => world.restart(name(at)),
        Event::Cut(from, to) => drop(world.cut.insert((region(name(from)), region(name(to))))),
        Event::Heal => world.heal(),
        Event::Rotate(at) => drop(world.rotate(name(at))),
        Event::Promote(at) => world.promote(name(at), Force::Safe, request),
        Event::Evict(at, member) => world.evict(name(at), name(member), request),
        Event::Replicate(at, to) => drop(world.replicate(name(at), name(to))),
        Event::HandOff(at, to) => {
            if let Ok(record) = world.committed(name(at)).update_primary(
                region(name(to)),
                world.now,
                super::world::requested(),
            ) {
                world.propose(name(at), record, None);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn case_10_c7_any_delivery_keeps_the_invariants_and_ends_in_agreement(
        names in prop::sample::select(&DEPLOYMENTS[..]),
        events in prop::collection::vec(event(), 0..220),
    ) {
        let mut world = World::replicated(names);
        for (request, event) in events.into_iter().enumerate() {
            play(&mut world, names, event, request as u64);
        }
        world.heal();
        world.settle(120_000);
        let record = world.assert_converged();
        world.assert_settled();
        let primary = record.primary.as_str().trim_start_matches("test-").trim_end_matches("-1").to_owned();
        let n = world.rotate(&primary).expect("nothing is left under way");
        world.settle(5_000);
        prop_assert_eq!(world.assert_converged().current, Some(material_id(n)));
    }
}
