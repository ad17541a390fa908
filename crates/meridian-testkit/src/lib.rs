//! Multi-Region Meridian clusters inside tests: real processes on free ports, ready AWS clients, failures by name,
//! everything gone when the [`Cluster`] is dropped.
//!
//! ```no_run
//! use meridian_testkit::{Cluster, aws_sdk_kms::primitives::Blob};
//!
//! #[tokio::test]
//! async fn a_ciphertext_outlives_its_region() -> Result<(), Box<dyn std::error::Error>> {
//!     let cluster = Cluster::builder().regions(["us-east-1", "eu-west-1", "ap-southeast-2"]).start().await?;
//!     let key = cluster.multi_region_key("us-east-1", &["eu-west-1"]).await?;
//!     let sealed = cluster.client("us-east-1").encrypt().key_id(&key).plaintext(Blob::new("hello")).send().await?;
//!
//!     cluster.kill("us-east-1").await?;
//!     let sealed = sealed.ciphertext_blob.expect("a ciphertext");
//!     let opened = cluster.client("eu-west-1").decrypt().ciphertext_blob(sealed).send().await?;
//!     assert_eq!(opened.plaintext.expect("a plaintext").as_ref(), b"hello");
//!     Ok(())
//! }
//! ```
//!
//! What it deliberately does not do: sleep for a while and hope. Every method returns when what it names has happened,
//! and [`wait_until`] waits for anything else. It knows nothing of Meridian's insides either: it drives the `meridian`
//! program with the commands that people type, so what passes here passes by hand.

mod binary;
mod builder;
mod client;
mod cluster;
mod command;
mod error;
mod faults;
mod keys;
mod status;
mod supervisor;
mod wait;

pub use aws_sdk_kms;
pub use builder::Builder;
pub use cluster::Cluster;
pub use error::Error;
pub use status::{NodeStatus, RegionStatus, Status};
pub use wait::wait_until;
