//! Sending: signs, queues per peer, and drops what does not fit. Loss is normal; the machine repeats by its timers.

use futures::StreamExt;
use kms_crypto::SigningKey;
use kms_region::Message;
use kms_state::{Mark, OfficeId};
use kms_transport::{LinkError, MAX_REGION_MESSAGE_BYTES, TonicRegionLink, async_trait};
use kms_types::Region;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::mpsc;

use super::{
    letter::{Counters, View, Writer},
    replay::Office,
};

/// Letters that may wait for one peer.
const QUEUE: usize = 64;
/// Letters on their way to one peer at a time; the replay window lets them overtake each other. Few of them with a long round
/// trip would be a queue that never drains, in which every letter is old: a satellite link takes a second and a half.
const IN_FLIGHT: usize = 32;

/// The way to other Regions.
#[async_trait]
pub trait RegionLink: Send + Sync + 'static {
    /// Hands bytes to some node of a Region. Success means queued there, nothing more.
    async fn send(&self, to: &Region, bytes: Vec<u8>) -> Result<(), LinkError>;
}

#[async_trait]
impl RegionLink for TonicRegionLink {
    async fn send(&self, to: &Region, bytes: Vec<u8>) -> Result<(), LinkError> {
        TonicRegionLink::send(self, to, bytes).await
    }
}

/// One term's sending end. Its tasks end when it is dropped.
pub(super) struct Outbox {
    signing: Arc<SigningKey>,
    office: Office,
    id: OfficeId,
    counters: Arc<Counters>,
    link: Arc<dyn RegionLink>,
    /// What each peer remembers of this Region's history.
    remembered: Mutex<BTreeMap<Region, Mark>>,
    queues: Mutex<BTreeMap<Region, mpsc::Sender<Vec<u8>>>>,
}

impl Outbox {
    pub(super) fn new(
        signing: Arc<SigningKey>,
        office: Office,
        id: OfficeId,
        counters: Arc<Counters>,
        link: Arc<dyn RegionLink>,
    ) -> Self {
        Self { signing, office, id, counters, link, remembered: Mutex::default(), queues: Mutex::default() }
    }

    /// The peer remembers this point of this Region's history, which is in it. True when that is news.
    pub(super) fn note_remembered(&self, peer: &Region, mark: Mark) -> bool {
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.insert(peer.clone(), mark) != Some(mark)
    }

    /// Signs a message by the names in the state and queues it; nothing to a Region that an operator has isolated.
    pub(super) fn send(&self, view: &View, to: &Region, message: &Message) {
        if view.state.is_isolated_from(to) || !view.state.counts() {
            return;
        }
        let Self { signing, office, id, counters, .. } = self;
        let writer = Writer { signing, office: *office, id: *id, counters };
        let confirms = self.remembered.lock().unwrap_or_else(PoisonError::into_inner).get(to).copied();
        let Some(bytes) = writer.write(view, to, message, confirms) else { return };
        if bytes.len() > MAX_REGION_MESSAGE_BYTES {
            tracing::error!(%to, message = message.name(), size_bytes = bytes.len(), "message too large for the link");
            return;
        }
        if self.queue(to).try_send(bytes).is_err() {
            tracing::debug!(%to, message = message.name(), "the queue to the Region is full, message dropped");
        }
    }

    fn queue(&self, to: &Region) -> mpsc::Sender<Vec<u8>> {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        let start = || {
            let (queue, letters) = mpsc::channel(QUEUE);
            tokio::spawn(deliver(self.link.clone(), to.clone(), letters));
            queue
        };
        queues.entry(to.clone()).or_insert_with(start).clone()
    }
}

async fn deliver(link: Arc<dyn RegionLink>, to: Region, mut letters: mpsc::Receiver<Vec<u8>>) {
    let letters = futures::stream::poll_fn(|context| letters.poll_recv(context));
    letters
        .for_each_concurrent(IN_FLIGHT, async |bytes| {
            if let Err(error) = link.send(&to, bytes).await {
                tracing::debug!(%to, %error, "message to the Region lost");
            }
        })
        .await;
}
