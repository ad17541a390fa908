//! The short run; `cargo run -p kms-http --example signature_mutations -- 1000000` is the long one.

mod mutation;

#[test]
fn changed_requests_are_refused_or_mean_the_same() {
    let tally = mutation::run(20_000, &mut mutation::Seeded(7)).unwrap();
    assert_eq!(tally.tried, 20_000);
    assert!(tally.unbuildable < 10_000, "{tally:?}");
    assert!(tally.same_meaning > 0, "white space around values is no change: {tally:?}");
}
