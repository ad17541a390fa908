//! The example of the README, as it stands there.

use meridian_testkit::{Cluster, aws_sdk_kms::primitives::Blob};

#[tokio::test]
async fn a_ciphertext_outlives_its_region() -> Result<(), Box<dyn std::error::Error>> {
    let cluster = Cluster::builder().regions(["us-east-1", "eu-west-1", "ap-southeast-2"]).start().await?;
    let key = cluster.multi_region_key("us-east-1", &["eu-west-1"]).await?;
    let sealed =
        cluster.client("us-east-1").encrypt().key_id(&key).plaintext(Blob::new("hello")).send().await?;

    cluster.kill("us-east-1").await?;
    let sealed = sealed.ciphertext_blob.expect("a ciphertext");
    let opened = cluster.client("eu-west-1").decrypt().ciphertext_blob(sealed).send().await?;
    assert_eq!(opened.plaintext.expect("a plaintext").as_ref(), b"hello");
    Ok(())
}

#[test]
fn this_is_the_example() {
    let (readme, this) = (include_str!("../README.md"), include_str!("readme.rs"));
    let example = readme.split("```rust\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    assert!(this.contains(example));
}
