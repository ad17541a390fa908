//! What Sign and Verify take as a message: its type and its length, by the algorithm (section 4.2).

use kms_types::{MessageType, SigningAlgorithm};

use crate::Error;

/// Refuses a message that the algorithm does not take.
pub(crate) fn check(
    algorithm: SigningAlgorithm,
    message_type: MessageType,
    message: &[u8],
) -> Result<(), Error> {
    if !algorithm.message_types().contains(&message_type) {
        let text = format!("MessageType {message_type} is not compatible with SigningAlgorithm {algorithm}.");
        return Err(Error::Validation(text));
    }
    match algorithm.admits_length(message_type, message.len()) {
        true => Ok(()),
        false => Err(Error::Validation(format!("Digest is invalid length for algorithm {algorithm}."))),
    }
}
