//! Which Region a request is signed for. Looks at the credential scope and at nothing else.

use http::{Request, header::AUTHORIZATION};
use kms_types::Region;

/// A request without a Region to send it to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unroutable {
    /// Neither an Authorization header nor a signed query.
    #[error(
        "this endpoint serves all Regions by the Region in the SigV4 credential scope, and the request is not signed"
    )]
    NotSigned,
    /// A signature in no known form.
    #[error("the Authorization header has no `Credential=<key id>/<date>/<region>/kms/aws4_request`")]
    NoScope,
    /// A scope that names no Region of this cluster.
    #[error("the request is signed for `{region}`; this cluster has {}", list(.known))]
    UnknownRegion {
        /// The Region of the scope.
        region: Region,
        /// The Regions there are.
        known: Vec<Region>,
    },
}

fn list(regions: &[Region]) -> String {
    regions.iter().map(|r| format!("`{r}`")).collect::<Vec<_>>().join(", ")
}

/// The Region of the request's credential scope.
pub(super) fn region<B>(request: &Request<B>) -> Result<Region, Unroutable> {
    let header = request.headers().get(AUTHORIZATION);
    let query = request.uri().query().and_then(signed_query);
    match (header, query) {
        (Some(header), _) => header.to_str().ok().and_then(header_scope).ok_or(Unroutable::NoScope),
        (None, Some(credential)) => scope_region(&credential).ok_or(Unroutable::NoScope),
        (None, None) => Err(Unroutable::NotSigned),
    }
}

/// True for a request that is signed for IAM: it is for the identity home, whatever Region it is signed for.
pub(super) fn is_identity<B>(request: &Request<B>) -> bool {
    let header = request.headers().get(AUTHORIZATION).and_then(|header| header.to_str().ok());
    let credential = match header {
        Some(header) => header_credential(header).map(str::to_owned),
        None => request.uri().query().and_then(signed_query),
    };
    credential.is_some_and(|credential| credential.rsplit('/').nth(1) == Some("iam"))
}

fn header_credential(header: &str) -> Option<&str> {
    let parameters = header.strip_prefix("AWS4-HMAC-SHA256")?;
    parameters.split(',').find_map(|p| p.trim().strip_prefix("Credential="))
}

fn header_scope(header: &str) -> Option<Region> {
    scope_region(header_credential(header)?)
}

/// `<key id>/<date>/<region>/<service>/aws4_request`; counted from the right, as a key id might hold a slash.
fn scope_region(credential: &str) -> Option<Region> {
    let mut parts = credential.rsplit('/');
    let (terminator, _service, region) = (parts.next()?, parts.next()?, parts.next()?);
    (terminator == "aws4_request").then(|| region.parse().ok())?
}

fn signed_query(query: &str) -> Option<String> {
    let value = query.split('&').find_map(|pair| pair.strip_prefix("X-Amz-Credential="))?;
    Some(value.replace("%2F", "/").replace("%2f", "/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_header(value: &str) -> Request<()> {
        Request::builder().uri("/").header(AUTHORIZATION, value).body(()).unwrap()
    }

    #[test]
    fn region_is_the_third_part_of_the_scope() {
        for header in [
            "AWS4-HMAC-SHA256 Credential=test/20260203/eu-west-1/kms/aws4_request, SignedHeaders=host, Signature=00",
            "AWS4-HMAC-SHA256 SignedHeaders=host,Credential=test/20260203/eu-west-1/kms/aws4_request,Signature=00",
            "AWS4-HMAC-SHA256 Credential=te/st/20260203/eu-west-1/kms/aws4_request, Signature=00",
        ] {
            assert_eq!(region(&with_header(header)), Ok("eu-west-1".parse().unwrap()), "{header}");
        }
    }

    #[test]
    fn iam_is_told_apart_by_the_service_of_the_scope() {
        let iam = "AWS4-HMAC-SHA256 Credential=test/20260203/us-east-1/iam/aws4_request, Signature=00";
        let sts = "AWS4-HMAC-SHA256 Credential=test/20260203/us-east-1/sts/aws4_request, Signature=00";
        assert!(is_identity(&with_header(iam)));
        assert!(!is_identity(&with_header(sts)));
        let uri = "/?X-Amz-Credential=test%2F20260203%2Fus-east-1%2Fiam%2Faws4_request&X-Amz-Signature=0";
        assert!(is_identity(&Request::builder().uri(uri).body(()).unwrap()));
        assert!(!is_identity(&Request::builder().uri("/").body(()).unwrap()));
    }

    #[test]
    fn presigned_query_is_understood() {
        let uri =
            "/?Action=x&X-Amz-Credential=test%2F20260203%2Feu-west-1%2Fkms%2Faws4_request&X-Amz-Signature=0";
        let request = Request::builder().uri(uri).body(()).unwrap();
        assert_eq!(region(&request), Ok("eu-west-1".parse().unwrap()));
    }

    #[test]
    fn missing_and_malformed_scopes_are_told_apart() {
        assert_eq!(region(&Request::builder().uri("/").body(()).unwrap()), Err(Unroutable::NotSigned));
        for header in [
            "Bearer abc",
            "AWS4-HMAC-SHA256 SignedHeaders=host",
            "AWS4-HMAC-SHA256 Credential=test/20260203/eu-west-1/kms/aws3_request",
            "AWS4-HMAC-SHA256 Credential=test/20260203/Nowhere!/kms/aws4_request",
            "AWS4-HMAC-SHA256 Credential=",
        ] {
            assert_eq!(region(&with_header(header)), Err(Unroutable::NoScope), "{header}");
        }
    }
}
