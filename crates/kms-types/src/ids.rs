use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

use crate::{
    ParseError,
    key_id::{parse_uuid, set_uuid_v4_bits, write_uuid},
    text_identifier,
};

/// A node's number inside its Region, from 1.
pub type NodeId = u64;

macro_rules! uuid_identifier {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name([u8; 16]);

        text_identifier!($name);

        impl $name {
            /// A fresh UUID version 4 from 16 random bytes [RFC9562 §5.4].
            pub fn from_random(mut bytes: [u8; 16]) -> Self {
                set_uuid_v4_bits(&mut bytes);
                Self(bytes)
            }

            /// The 16 bytes behind the text.
            pub fn bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = ParseError;
            fn from_str(text: &str) -> Result<Self, ParseError> {
                parse_uuid(text).map(Self).ok_or_else(|| ParseError::new($what, "a lower-case UUID", text))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_uuid(f, &self.0)
            }
        }
    };
}

uuid_identifier! {
    /// One Meridian deployment: all Regions that share keys.
    DeploymentId, "deployment id"
}
uuid_identifier! {
    /// Identity of one Region's history; changes when the Region is rebuilt or restored.
    Incarnation, "incarnation"
}
uuid_identifier! {
    /// One proposed write; the same id applied twice has one effect (invariant B4).
    ProposalId, "proposal id"
}
uuid_identifier! {
    /// One API call; the `x-amzn-RequestId` header and the audit record's `requestID`.
    RequestId, "request id"
}
