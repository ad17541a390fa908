use proptest::prelude::*;

use super::*;
use crate::local::links::{
    rule::{LinkFault, Rate},
    tests::Counting,
};

const MS: Duration = Duration::from_millis(1);

fn rule(fault: LinkFault) -> Rule {
    let rate = match fault {
        LinkFault::Rate { bits_per_s } => Some(Rate::new(bits_per_s)),
        _ => None,
    };
    Rule::default().with(fault, rate.as_ref())
}

fn there(fault: LinkFault) -> Rules {
    Rules { there: rule(fault), back: Rule::default() }
}

const DELAY: LinkFault = LinkFault::Delay { delay_us: 80_000, jitter_us: 0 };

/// Everything that may be written by `now`, and what to wait for then.
fn drain(flow: &mut Flow, now: Instant) -> (Vec<u8>, Step) {
    let mut written = Vec::new();
    loop {
        match flow.step(now) {
            Step::Write(bytes) => written.extend_from_slice(&bytes),
            other => return (written, other),
        }
    }
}

#[test]
fn clear_way_passes_at_once() {
    let (mut flow, now) = (Flow::new(Rules::default()), Instant::now());
    flow.push(Bytes::from_static(b"abc"), now, &mut Counting::default());
    flow.end();
    assert_eq!(drain(&mut flow, now), (b"abc".to_vec(), Step::Close));
}

#[test]
fn delay_is_kept_to_the_instant() {
    let (mut flow, now) = (Flow::new(there(DELAY)), Instant::now());
    flow.push(Bytes::from_static(b"abc"), now, &mut Counting::default());
    assert_eq!(drain(&mut flow, now + 79 * MS), (vec![], Step::Wait(Some(now + 80 * MS))));
    assert_eq!(drain(&mut flow, now + 80 * MS).0, b"abc");
}

#[test]
fn cut_holds_and_what_was_held_takes_its_delay_after_the_heal() {
    let (mut flow, now) = (Flow::new(there(LinkFault::Partition)), Instant::now());
    flow.push(Bytes::from_static(b"abc"), now, &mut Counting::default());
    flow.end();
    let hour = now + Duration::from_secs(3600);
    assert_eq!(drain(&mut flow, hour), (vec![], Step::Wait(None)), "not even the close passes");
    flow.obey(there(DELAY), hour, &mut Counting::default());
    assert_eq!(drain(&mut flow, hour), (vec![], Step::Wait(Some(hour + 80 * MS))));
    assert_eq!(drain(&mut flow, hour + 80 * MS), (b"abc".to_vec(), Step::Close));
}

#[test]
fn lifting_a_delay_releases_what_was_on_its_way() {
    let (mut flow, now) = (Flow::new(there(DELAY)), Instant::now());
    flow.push(Bytes::from_static(b"abc"), now, &mut Counting::default());
    flow.obey(Rules::default(), now + MS, &mut Counting::default());
    assert_eq!(drain(&mut flow, now + MS).0, b"abc");
}

#[test]
fn without_acknowledgements_one_window_passes() {
    let back_cut = Rules { there: Rule::default(), back: rule(LinkFault::Partition) };
    let (mut flow, now) = (Flow::new(back_cut), Instant::now());
    for _ in 0..100 {
        flow.push(Bytes::from(vec![7; 4096]), now, &mut Counting::default());
    }
    assert_eq!(drain(&mut flow, now), (vec![7; WINDOW_BYTES], Step::Wait(None)));
    flow.obey(Rules::default(), now, &mut Counting::default());
    assert_eq!(drain(&mut flow, now).0.len(), 100 * 4096 - WINDOW_BYTES);
}

#[test]
fn rate_spreads_bytes_over_time_and_keeps_its_queue_short() {
    let (mut flow, now) = (Flow::new(there(LinkFault::Rate { bits_per_s: 8_000_000 })), Instant::now());
    assert_eq!(flow.room(), 100_000, "100 ms of a megabyte per second");
    flow.push(Bytes::from(vec![1; 100_000]), now, &mut Counting::default());
    assert_eq!(flow.room(), 0);
    let half = drain(&mut flow, now + 50 * MS).0.len();
    assert!((48_000..=50_000).contains(&half), "{half}");
    assert_eq!(half + drain(&mut flow, now + 100 * MS).0.len(), 100_000);
}

#[test]
fn what_is_held_is_bounded() {
    let (mut flow, now) = (Flow::new(there(LinkFault::Partition)), Instant::now());
    while flow.room() > 0 {
        flow.push(Bytes::from(vec![0; flow.room().min(60_000)]), now, &mut Counting::default());
    }
    assert_eq!(flow.held_bytes, HELD_BYTES);
}

#[derive(Debug, Clone)]
enum Event {
    Push(usize),
    Wait(u64),
    Obey(Option<LinkFault>, bool),
}

fn fault() -> impl Strategy<Value = LinkFault> {
    prop_oneof![
        Just(LinkFault::Partition),
        (0..50_000_u64, 0..50_000_u64)
            .prop_map(|(a, b)| LinkFault::Delay { delay_us: a.max(b), jitter_us: a.min(b) }),
        (1..900_000_u32).prop_map(|ppm| LinkFault::Loss { ppm }),
        (100_000..10_000_000_u64).prop_map(|bits_per_s| LinkFault::Rate { bits_per_s }),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (1..40_000_usize).prop_map(Event::Push),
        4 => (0..200_u64).prop_map(Event::Wait),
        1 => (proptest::option::of(fault()), any::<bool>()).prop_map(|(fault, back)| Event::Obey(fault, back)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever happens on the way: bytes arrive in order, none twice, none too many are held, none pass a cut, and after
    /// the heal all have arrived and then the close.
    #[test]
    fn a_stream_stays_a_stream(events in proptest::collection::vec(event(), 1..60)) {
        let (mut flow, mut now, mut entropy) = (Flow::new(Rules::default()), Instant::now(), Counting::default());
        let (mut sent, mut written, mut next) = (Vec::new(), Vec::new(), 0_u32);
        for event in events {
            match event {
                Event::Push(size) => {
                    let size = size.min(flow.room());
                    let bytes: Vec<u8> = (0..size).map(|_| { next += 1; (next % 251) as u8 }).collect();
                    sent.extend_from_slice(&bytes);
                    flow.push(Bytes::from(bytes), now, &mut entropy);
                }
                Event::Wait(ms) => now += Duration::from_millis(ms),
                Event::Obey(fault, back_cut) => {
                    let back = if back_cut { rule(LinkFault::Partition) } else { Rule::default() };
                    flow.obey(Rules { there: fault.map(rule).unwrap_or_default(), back }, now, &mut entropy);
                }
            }
            prop_assert!(flow.held_bytes <= HELD_BYTES);
            let cut = flow.rules.there.cut;
            let (passed, step) = drain(&mut flow, now);
            prop_assert!(!cut || passed.is_empty());
            prop_assert!(step != Step::Close);
            written.extend_from_slice(&passed);
            prop_assert_eq!(&written[..], &sent[..written.len()]);
        }
        flow.end();
        prop_assert_eq!(flow.room(), 0);
        flow.obey(Rules::default(), now, &mut entropy);
        // The last delay may still run if the rules were clear already.
        let (passed, step) = drain(&mut flow, now + Duration::from_secs(3600));
        written.extend_from_slice(&passed);
        prop_assert_eq!(written, sent);
        prop_assert_eq!(step, Step::Close);
    }

    /// Nothing is early: under a delay every byte takes at least it, and at most it plus jitter where nothing queues.
    #[test]
    fn delay_is_bounded_from_both_sides(delay_us in 1_000..100_000_u64, jitter in 0..100_u64, gap_us in 0..20_000_u64) {
        let jitter_us = delay_us * jitter / 100;
        let (mut flow, start) = (Flow::new(there(LinkFault::Delay { delay_us, jitter_us })), Instant::now());
        let (us, mut entropy) = (Duration::from_micros, Counting::default());
        let mut last = start;
        for i in 0..20 {
            let sent = start + us(gap_us) * i;
            flow.push(Bytes::from_static(b"x"), sent, &mut entropy);
            let due = flow.parts.back().unwrap().due;
            prop_assert!(due >= last, "overtaken");
            prop_assert!(due >= sent + us(delay_us - jitter_us));
            prop_assert!(due <= sent + us(delay_us + jitter_us));
            last = due;
        }
    }
}
