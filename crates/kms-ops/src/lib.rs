//! One file per API operation: resolve, authorize, decide, and build the answer or the command to propose.
//!
//! Everything is a function of the call, a linearizable view of the Region's state, randomness and the domain keys.
//! Deliberately absent: JSON, HTTP, signatures, waiting for a log entry, and the constraints of single members that the
//! API model states ([KMS:model], checked in `kms-http` before a request gets here).

pub mod cancel_key_deletion;
pub mod connect_custom_key_store;
pub mod create_alias;
pub mod create_custom_key_store;
pub mod create_grant;
pub mod create_key;
pub mod decapsulate;
pub mod decrypt;
pub mod delete_alias;
pub mod delete_custom_key_store;
pub mod delete_imported_key_material;
pub mod derive_shared_secret;
pub mod describe_custom_key_stores;
pub mod describe_key;
pub mod disable_key;
pub mod disable_key_rotation;
pub mod disconnect_custom_key_store;
pub mod enable_key;
pub mod enable_key_rotation;
pub mod encapsulate;
pub mod encrypt;
pub mod explain;
pub mod generate_data_key;
pub mod generate_data_key_pair;
pub mod generate_data_key_pair_without_plaintext;
pub mod generate_data_key_without_plaintext;
pub mod generate_mac;
pub mod generate_random;
pub mod get_key_last_usage;
pub mod get_key_policy;
pub mod get_key_rotation_status;
pub mod get_parameters_for_import;
pub mod get_public_key;
pub mod iam;
pub mod import_key_material;
pub mod list_aliases;
pub mod list_grants;
pub mod list_key_policies;
pub mod list_key_rotations;
pub mod list_keys;
pub mod list_resource_tags;
pub mod list_retirable_grants;
pub mod put_key_policy;
pub mod re_encrypt;
pub mod replicate_key;
pub mod retire_grant;
pub mod revoke_grant;
pub mod rotate_key_on_demand;
pub mod schedule_key_deletion;
pub mod sign;
pub mod tag_resource;
pub mod untag_resource;
pub mod update_alias;
pub mod update_custom_key_store;
pub mod update_key_description;
pub mod update_primary_region;
pub mod verify;
pub mod verify_mac;

mod algorithm;
mod alias_name;
mod alias_target;
mod authorize;
mod aws_managed;
mod case;
mod conditions;
mod creation;
mod cryptography;
mod custom_key_store;
mod data_key;
mod data_key_pair;
mod due;
mod encryption;
mod entries;
mod env;
mod error;
mod grants;
mod identity;
mod identity_key;
mod imported;
mod managed_key;
mod material;
mod message;
mod metadata;
mod page;
mod policy_document;
mod prepare;
mod propose;
mod recipient;
mod request;
mod resolve;
mod response_elements;
mod rotation_schedule;
mod settings;
mod shared;
mod source;
mod state_table;
mod step;
mod tags;
#[cfg(test)]
mod tests;
mod weight;

pub use algorithm::Algorithms;
pub use create_grant::GrantConstraintMembers;
pub use due::due_proposals;
pub use entries::{
    AliasEntry, ContextConstraint, GrantConstraints, GrantEntry, ImportedEntry, KeyMetadata,
    MultiRegionConfiguration, MultiRegionKey, Recipient, RotationEntry, Secret, ShownPrincipal, Tag,
};
pub use env::{Env, KeyRing};
pub use error::{AliasRule, Denial, Error, ImportFault, Quota, TagFault};
pub use identity_key::{create_identity_key, identity_replication};
pub use kms_policy::{MalformedPolicy, PolicySource};
pub use kms_state::{CredentialRef, LastUsage, Session};
pub use prepare::prepare;
pub use request::{Request, Response};
pub use response_elements::key_metadata_elements;
pub use settings::Settings;
pub use state_table::StateName;
pub use step::{
    AuditFacts, Call, Circumstances, Pending, RecipientFacts, RespondError, Step, Transport, Wait,
};
pub use weight::Weight;
