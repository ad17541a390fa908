//! Rule 14, and failure cases 21 and 22 with real envelopes.

use kms_region::{Delivery, Offer, Want};
use kms_state::{Command, Outcome, State};
use kms_types::KeyId;

use super::{
    super::materials::{DeliveryError, Offers, open, seal},
    deployment::{Deployment, key_id, region},
};
use crate::entropy::OsEntropy;

fn want(state: &State, key: KeyId) -> Want {
    let record = state.register(&key).unwrap().committed.clone().unwrap();
    let material = &record.materials[0];
    Want { key, material: material.id, commitment: material.commitment, version: record.version.clone() }
}

struct Exchange {
    world: Deployment,
    offers: Offers,
    delivery: Delivery,
}

/// `b` asks `a` for the material of key 1.
fn exchange() -> Exchange {
    let world = Deployment::new(&["a", "b", "c"]);
    for byte in [1, 2] {
        world.create_key("a", key_id(byte));
    }
    // The others know the record: an offer is made only after it was learned, and an envelope is bound to its key spec.
    for name in ["b", "c"] {
        let record = world.committed("a", key_id(1)).unwrap();
        let learned = world.site(name).log.run(Command::CommitRecords { records: vec![record] });
        assert_eq!(learned, Outcome::Applied);
    }
    let mut offers = Offers::default();
    let delivery = {
        let (a, b) = (world.state("a"), world.state("b"));
        let wants = vec![want(&a, key_id(1))];
        let offer = offers.open(region("a"), wants, b.region_time(), &mut OsEntropy);
        seal(&a, &*world.site("a").ring, &region("b"), offer, &mut OsEntropy).unwrap()
    };
    Exchange { world, offers, delivery }
}

#[test]
fn rule_14_an_envelope_opens_for_its_offer_once() {
    let Exchange { world, mut offers, delivery } = exchange();
    let b = world.state("b");
    let key = offers.take(&region("a"), &delivery, b.region_time()).unwrap();
    let domain = world.site("b").ring.0.clone().unwrap();
    let (materials, refused) = open(&b, &key, &domain, &region("a"), delivery.clone(), &mut OsEntropy);
    assert_eq!((materials.len(), refused.len()), (1, 0));
    let again = offers.take(&region("a"), &delivery, b.region_time());
    assert_eq!(again.err(), Some(DeliveryError::NoSuchOffer));
}

#[test]
fn rule_14_offers_expire_and_belong_to_one_holder() {
    let Exchange { world, mut offers, delivery } = exchange();
    let now = world.state("b").region_time();
    assert_eq!(offers.take(&region("c"), &delivery, now).err(), Some(DeliveryError::OtherHolder));
    let late = offers.take(&region("a"), &delivery, delivery.expires_at).err();
    assert_eq!(late, Some(DeliveryError::Expired));
    let longer = Delivery { expires_at: delivery.expires_at.plus_millis(1), ..delivery };
    assert_eq!(offers.take(&region("a"), &longer, now).err(), Some(DeliveryError::Expired));
    let expired = Offer { receiver: longer.receiver, expires_at: now, wants: Vec::new() };
    assert!(seal(&world.state("a"), &*world.site("a").ring, &region("b"), expired, &mut OsEntropy).is_none());
}

#[test]
fn case_21_an_envelope_for_another_key_region_incarnation_or_version_is_refused() {
    let Exchange { world, mut offers, delivery } = exchange();
    let (a, b, c) = (world.state("a"), world.state("b"), world.state("c"));
    let key = offers.take(&region("a"), &delivery, b.region_time()).unwrap();
    let domain = world.site("b").ring.0.clone().unwrap();
    let opens = |state: &State, from: &str, delivery: &Delivery| {
        let (materials, refused) =
            open(state, &key, &domain, &region(from), delivery.clone(), &mut OsEntropy);
        assert_eq!(materials.len() + refused.len(), 1);
        !materials.is_empty()
    };
    assert!(opens(&b, "a", &delivery));
    assert!(!opens(&c, "a", &delivery), "another receiver");
    assert!(!opens(&b, "c", &delivery), "another sender");
    let changed = |change: &dyn Fn(&mut Want)| {
        let mut other = delivery.clone();
        change(&mut other.materials[0].want);
        other
    };
    let other_key = want(&a, key_id(2));
    assert!(!opens(&b, "a", &changed(&|want| *want = other_key.clone())));
    assert!(!opens(&b, "a", &changed(&|want| want.key = key_id(2))));
    assert!(!opens(&b, "a", &changed(&|want| want.version = want.version.next())));
    assert!(!opens(&b, "a", &changed(&|want| want.commitment = other_key.commitment)), "failure case 22");
    let longer = Delivery { expires_at: delivery.expires_at.plus_millis(1), ..delivery.clone() };
    assert!(!opens(&b, "a", &longer));
    let rebuilt = Deployment::new(&["a", "b", "c"]);
    assert!(!opens(&rebuilt.state("b"), "a", &delivery), "other incarnations");
}

#[test]
fn a_region_seals_only_what_it_can_unwrap() {
    let world = Deployment::new(&["a", "b"]);
    world.create_key("a", key_id(1));
    let (a, b) = (world.state("a"), world.state("b"));
    let mut offers = Offers::default();
    let mut offer = |state: &State| {
        offers.open(region("a"), vec![want(&a, key_id(1))], state.region_time(), &mut OsEntropy)
    };
    let other_ring = &*world.site("b").ring;
    assert!(seal(&a, other_ring, &region("b"), offer(&b), &mut OsEntropy).is_none());
    assert!(seal(&b, &*world.site("b").ring, &region("a"), offer(&b), &mut OsEntropy).is_none(), "not held");
    assert!(
        seal(&a, &*world.site("a").ring, &region("z"), offer(&b), &mut OsEntropy).is_none(),
        "a stranger"
    );
}
