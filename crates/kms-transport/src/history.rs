//! Which history of a Region a node belongs to, said with every call to the others (rules 12 and 13).
//!
//! A Region that lost everything begins again under its name, with numbers, addresses and even log ids that an earlier
//! history had. A node of that one which was cut off, or thought lost, and calls its neighbours would be taken for theirs:
//! consensus knows terms and numbers only.

use kms_types::Incarnation;
use tonic::{
    Request, Status,
    body::Body,
    codegen::http,
    metadata::AsciiMetadataValue,
    service::{Interceptor, interceptor::InterceptedService},
    transport::Channel,
};

/// The header with the incarnation of the caller's Region.
const HEADER: &str = "meridian-incarnation";

/// A connection that says it.
pub(crate) type PeerChannel = InterceptedService<Channel, Stamp>;

/// What is said; nothing to other Regions, whose letters carry it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stamp(Option<AsciiMetadataValue>);

impl Stamp {
    pub(crate) fn of(incarnation: Incarnation) -> Self {
        Self(incarnation.to_string().parse().ok())
    }

    pub(crate) fn channel(&self, channel: Channel) -> PeerChannel {
        InterceptedService::new(channel, self.clone())
    }
}

impl Interceptor for Stamp {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(incarnation) = &self.0 {
            request.metadata_mut().insert(HEADER, incarnation.clone());
        }
        Ok(request)
    }
}

/// Refuses a caller of another history.
pub(crate) fn check(request: &http::Request<Body>, own: Incarnation) -> Result<(), Status> {
    let said = request.headers().get(HEADER).and_then(|value| value.to_str().ok()?.parse().ok());
    match said {
        Some(incarnation) if own == incarnation => Ok(()),
        Some(other) => Err(Status::permission_denied(format!(
            "the caller is of incarnation {other} of this Region, which is {own}: it was rebuilt"
        ))),
        None => Err(Status::permission_denied("the caller does not say of which incarnation it is")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn incarnation(n: u8) -> Incarnation {
        Incarnation::from_random([n; 16])
    }

    fn asked(stamp: &mut Stamp) -> http::Request<Body> {
        let said = stamp.call(Request::new(())).unwrap();
        let mut request = http::Request::new(Body::empty());
        *request.headers_mut() = said.metadata().clone().into_headers();
        request
    }

    #[test]
    fn a_node_of_the_same_history_is_heard() {
        assert!(check(&asked(&mut Stamp::of(incarnation(1))), incarnation(1)).is_ok());
    }

    #[test]
    fn another_history_and_none_are_refused() {
        for mut stamp in [Stamp::of(incarnation(2)), Stamp::default()] {
            let refused = check(&asked(&mut stamp), incarnation(1)).unwrap_err();
            assert_eq!(refused.code(), tonic::Code::PermissionDenied);
        }
    }
}
