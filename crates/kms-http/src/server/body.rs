use bytes::{Bytes, BytesMut};
use http::{HeaderMap, header};
use http_body_util::BodyExt;
use hyper::body::Body;
use kms_types::limits::MAX_REQUEST_BYTES;
use std::time::Duration;

use super::handler::Disconnected;
use crate::TransportError;

/// The whole body, or why it is not taken: too long (then not read further), too slow.
pub(super) async fn read<B: Body<Data = Bytes> + Unpin>(
    headers: &HeaderMap,
    body: B,
    limit: Duration,
) -> Result<Result<Bytes, TransportError>, Disconnected> {
    let stated =
        headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if stated.is_some_and(|length| usize::try_from(length).map_or(true, |length| length > MAX_REQUEST_BYTES))
    {
        return Ok(Err(TransportError::TooLarge { most_bytes: MAX_REQUEST_BYTES }));
    }
    match tokio::time::timeout(limit, collect(body)).await {
        Ok(outcome) => outcome,
        Err(_) => Ok(Err(TransportError::TooSlow)),
    }
}

async fn collect<B: Body<Data = Bytes> + Unpin>(
    mut body: B,
) -> Result<Result<Bytes, TransportError>, Disconnected> {
    let mut out = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Disconnected)?.into_data() else { continue };
        if out.len() + data.len() > MAX_REQUEST_BYTES {
            return Ok(Err(TransportError::TooLarge { most_bytes: MAX_REQUEST_BYTES }));
        }
        out.extend_from_slice(&data);
    }
    Ok(Ok(out.freeze()))
}
