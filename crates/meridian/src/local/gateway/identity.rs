//! IAM requests go to the identity home. Nodes name it in every answer to one, so that the gateway follows it when it
//! moves; while it is down, another Region answers what can be answered from its copy.

use bytes::Bytes;
use http::{HeaderName, StatusCode, request::Parts};
use http_body_util::{BodyExt, Either, Full, Limited};
use hyper::{Request, Response, body::Incoming};
use kms_types::{Region, limits::MAX_REQUEST_BYTES};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::{
    pool::RegionPool,
    refusal::{Body, Refusal, refuse},
};

/// Where a node names the identity home.
const HOME: HeaderName = HeaderName::from_static("x-meridian-identity-home");

/// The Regions in the order in which they are asked.
pub(super) struct IdentityRoute {
    order: Mutex<Vec<Region>>,
}

impl IdentityRoute {
    /// At first the Region that was named first.
    pub(super) fn new(regions: impl IntoIterator<Item = Region>) -> Self {
        Self { order: Mutex::new(regions.into_iter().collect()) }
    }

    fn order(&self) -> Vec<Region> {
        self.order.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// One more Region, asked last.
    pub(super) fn know(&self, region: &Region) {
        let mut order = self.order.lock().unwrap_or_else(PoisonError::into_inner);
        if !order.contains(region) {
            order.push(region.clone());
        }
    }

    /// A Region that is no more.
    pub(super) fn forget(&self, region: &Region) {
        self.order.lock().unwrap_or_else(PoisonError::into_inner).retain(|known| known != region);
    }

    /// Asks `home` first from now on.
    fn prefer(&self, home: &Region) {
        let mut order = self.order.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = order.iter().position(|region| region == home) {
            let region = order.remove(at);
            order.insert(0, region);
        }
    }

    /// Sends the request to the home, or, if no node there takes it, to another Region.
    pub(super) async fn send(
        &self,
        request: Request<Incoming>,
        pools: &BTreeMap<Region, Arc<RegionPool>>,
    ) -> Response<Body> {
        let (head, body) = request.into_parts();
        let body = match Limited::new(body, MAX_REQUEST_BYTES).collect().await {
            Ok(body) => body.to_bytes(),
            Err(_) => return refuse(&Refusal::BodyTooLong),
        };
        let mut left = self.order();
        let mut last = None;
        while !left.is_empty() {
            let region = left.remove(0);
            let Some(pool) = pools.get(&region) else { continue };
            match pool.try_send(again(&head, &body)).await {
                Ok(response) => match self.turned_away(&response).map(|home| turn_to(&mut left, &home)) {
                    Some(true) => last = Some(response),
                    Some(false) | None => return response,
                },
                Err(Refusal::NoNode(region)) => {
                    last = last.or_else(|| Some(refuse(&Refusal::NoNode(region))));
                }
                Err(refusal) => return refuse(&refusal),
            }
        }
        last.unwrap_or_else(|| refuse(&Refusal::NoRegion))
    }

    /// Takes note of the home that a node names; it is the answer when the request has to go there.
    fn turned_away(&self, response: &Response<Body>) -> Option<Region> {
        let home: Region = response.headers().get(HOME)?.to_str().ok()?.parse().ok()?;
        self.prefer(&home);
        (response.status() == StatusCode::SERVICE_UNAVAILABLE).then_some(home)
    }
}

/// Makes the home the next Region to be asked; false when it was asked already.
fn turn_to(left: &mut Vec<Region>, home: &Region) -> bool {
    let at = left.iter().position(|region| region == home);
    if let Some(at) = at {
        let region = left.remove(at);
        left.insert(0, region);
    }
    at.is_some()
}

fn again(head: &Parts, body: &Bytes) -> Request<super::upstream::Outgoing> {
    Request::from_parts(head.clone(), Either::Right(Full::new(body.clone())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_named_home_is_asked_first() {
        let region = |name: &str| name.parse::<Region>().unwrap();
        let route = IdentityRoute::new(["us-east-1", "eu-west-1"].map(region));
        route.prefer(&region("eu-west-1"));
        assert_eq!(route.order(), ["eu-west-1", "us-east-1"].map(region));
        route.prefer(&region("ap-south-1"));
        assert_eq!(route.order(), ["eu-west-1", "us-east-1"].map(region));
        let mut left = route.order();
        assert!(turn_to(&mut left, &region("us-east-1")));
        assert_eq!(left, ["us-east-1", "eu-west-1"].map(region));
        assert!(!turn_to(&mut left, &region("ap-south-1")));
    }
}
