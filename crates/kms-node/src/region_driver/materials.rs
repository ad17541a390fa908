//! Rule 14: materials leave and enter a Region only here, sealed to a fresh receiver key that lives in memory.

use kms_crypto::{
    DomainKey, Envelope, EnvelopeBinding, KeyMaterial, ReceiverKey, ReceiverPublic, seal_envelope,
};
use kms_ops::KeyRing;
use kms_region::{Delivery, Offer, SealedMaterial, Want};
use kms_state::{InstallMaterial, NewMaterial, State};
use kms_types::{Entropy, Region, Timestamp};
use std::{collections::BTreeMap, sync::Arc};

/// How long a receiver key is offered, in Region time.
const OFFER_MS: u64 = 60_000;
/// Most receiver keys at a time; the oldest is forgotten first.
const MOST_OFFERS: usize = 64;

/// The receiver keys that are on offer.
#[derive(Default)]
pub(super) struct Offers(BTreeMap<ReceiverPublic, OpenOffer>);

struct OpenOffer {
    key: ReceiverKey,
    holder: Region,
    expires_at: Timestamp,
}

/// Why a delivery is not opened at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum DeliveryError {
    /// No such receiver key: used, expired, of an earlier leader, or never made here (failure case 21).
    #[error("no such offer is open")]
    NoSuchOffer,
    /// The offer went to another Region.
    #[error("the offer was made to another Region")]
    OtherHolder,
    /// The offer has expired in Region time, or the delivery names another expiry.
    #[error("the offer has expired")]
    Expired,
    /// This node cannot wrap: its Region's domain keys are sealed.
    #[error("no domain key is open")]
    Sealed,
}

impl Offers {
    /// A fresh receiver key for `holder`.
    pub(super) fn open(
        &mut self,
        holder: Region,
        wants: Vec<Want>,
        now: Timestamp,
        entropy: &mut dyn Entropy,
    ) -> Offer {
        self.0.retain(|_, offer| offer.expires_at > now);
        if self.0.len() >= MOST_OFFERS {
            let oldest = self.0.iter().min_by_key(|(_, o)| o.expires_at).map(|(public, _)| public.clone());
            oldest.map(|public| self.0.remove(&public));
        }
        let key = ReceiverKey::generate(entropy);
        let (receiver, expires_at) = (key.public().clone(), now.plus_millis(OFFER_MS));
        self.0.insert(receiver.clone(), OpenOffer { key, holder, expires_at });
        Offer { receiver, expires_at, wants }
    }

    /// Takes the key of a delivery: it opens one delivery and is gone.
    pub(super) fn take(
        &mut self,
        from: &Region,
        delivery: &Delivery,
        now: Timestamp,
    ) -> Result<ReceiverKey, DeliveryError> {
        let offer = self.0.get(&delivery.receiver).ok_or(DeliveryError::NoSuchOffer)?;
        if offer.holder != *from {
            return Err(DeliveryError::OtherHolder);
        }
        if offer.expires_at <= now || offer.expires_at != delivery.expires_at {
            return Err(DeliveryError::Expired);
        }
        self.0.remove(&delivery.receiver).map(|offer| offer.key).ok_or(DeliveryError::NoSuchOffer)
    }
}

/// Everything an envelope between two Regions is bound to (F2); `None` for a stranger.
fn binding(
    state: &State,
    from: &Region,
    to: &Region,
    want: &Want,
    expires_at: Timestamp,
) -> Option<EnvelopeBinding> {
    let incarnation = |region: &Region| state.directory()?.voters.get(region).map(|v| v.incarnation);
    Some(EnvelopeBinding {
        deployment: state.deployment()?,
        from: from.clone(),
        from_incarnation: incarnation(from)?,
        to: to.clone(),
        to_incarnation: incarnation(to)?,
        key: want.key,
        spec: state.register(&want.key)?.committed.as_ref()?.spec,
        material: want.material,
        commitment: want.commitment,
        version: want.version.clone(),
        expires_at,
    })
}

/// Seals what this Region holds for the offer; leaves out what it cannot unwrap. An offer that has expired in this
/// Region's time is not answered.
pub(super) fn seal(
    state: &State,
    keyring: &dyn KeyRing,
    to: &Region,
    offer: Offer,
    entropy: &mut dyn Entropy,
) -> Option<Delivery> {
    let Offer { receiver, expires_at, wants } = offer;
    if expires_at <= state.region_time() {
        return None;
    }
    let from = state.region()?;
    let mut materials = Vec::new();
    for want in wants {
        let Some(binding) = binding(state, from, to, &want, expires_at) else { continue };
        let Some(material) = unwrap_held(state, keyring, &want) else { continue };
        match seal_envelope(&receiver, &binding, &material, entropy) {
            Ok(envelope) => materials.push(SealedMaterial { want, envelope }),
            Err(error) => {
                tracing::error!(key = %want.key, %error, "material cannot be sealed for another Region")
            }
        }
    }
    (!materials.is_empty()).then_some(Delivery { receiver, expires_at, materials })
}

fn unwrap_held(state: &State, keyring: &dyn KeyRing, want: &Want) -> Option<KeyMaterial> {
    let key = state.key(&want.key)?;
    let wrapped = key.held.get(&want.material)?;
    let domain = keyring.domain_key(wrapped.domain_version)?;
    let unwrapped = domain.unwrap_key(&want.key, key.spec, &want.material, wrapped);
    unwrapped
        .inspect_err(|error| tracing::error!(key = %want.key, %error, "held material does not unwrap"))
        .ok()
}

/// Opens a delivery, checks every material against its commitment (C4), and wraps it for this Region. Returns what was
/// refused as well (failure cases 21 and 22).
pub(super) fn open(
    state: &State,
    receiver: &ReceiverKey,
    domain: &DomainKey,
    from: &Region,
    delivery: Delivery,
    entropy: &mut dyn Entropy,
) -> (Vec<InstallMaterial>, Vec<Want>) {
    let (mut materials, mut refused) = (Vec::new(), Vec::new());
    for SealedMaterial { want, envelope } in delivery.materials {
        match open_one(state, receiver, from, &want, &envelope, delivery.expires_at) {
            Some((material, public_key)) => {
                let wrapped = domain.wrap(&want.key, &want.material, &material, entropy);
                let (id, commitment) = (want.material, want.commitment);
                let material = NewMaterial { id, commitment, public_key, wrapped };
                materials.push(InstallMaterial { key: want.key, material, version: want.version });
            }
            None => refused.push(want),
        }
    }
    (materials, refused)
}

/// The material and its public half, which is computed here: applying compares it with the one in the record.
fn open_one(
    state: &State,
    receiver: &ReceiverKey,
    from: &Region,
    want: &Want,
    envelope: &Envelope,
    expires_at: Timestamp,
) -> Option<(KeyMaterial, Option<Vec<u8>>)> {
    let binding = binding(state, from, state.region()?, want, expires_at)?;
    let material = receiver.open(&binding, envelope).ok()?;
    let public_key = material.public_key().ok()?;
    Some((material, public_key))
}

/// The newest domain key, under which arriving material is wrapped.
pub(super) fn wrapping_key(keyring: &dyn KeyRing) -> Result<Arc<DomainKey>, DeliveryError> {
    keyring.current_domain_key().ok_or(DeliveryError::Sealed)
}
