//! The SDK's paginators walk every list to its end, page by page.

use aws_sdk_kms::types::{GrantOperation, Tag};
use std::collections::BTreeSet;

use crate::fixture::{home, symmetric_key};

#[tokio::test]
async fn keys_come_page_by_page_each_once() {
    let client = home().await;
    let mut made = BTreeSet::new();
    for _ in 0..5 {
        made.insert(symmetric_key(&client).await);
    }
    let mut pages = client.list_keys().into_paginator().page_size(2).send();
    let (mut listed, mut count) = (Vec::new(), 0);
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        assert!(page.keys().len() <= 2);
        listed.extend(page.keys().iter().filter_map(|key| key.key_id.clone()));
        count += 1;
    }
    assert!(count >= 3);
    let distinct: BTreeSet<_> = listed.iter().cloned().collect();
    assert_eq!(distinct.len(), listed.len());
    assert!(made.is_subset(&distinct));
}

#[tokio::test]
async fn aliases_of_a_key_come_as_items() {
    let client = home().await;
    let key = symmetric_key(&client).await;
    let names: BTreeSet<String> = (0..3).map(|n| format!("alias/pages-{n}")).collect();
    for name in &names {
        client.create_alias().alias_name(name).target_key_id(&key).send().await.unwrap();
    }
    let pages = client.list_aliases().key_id(&key).into_paginator().page_size(1).items().send();
    let listed = pages.collect::<Result<Vec<_>, _>>().await.unwrap();
    assert_eq!(listed.into_iter().filter_map(|alias| alias.alias_name).collect::<BTreeSet<_>>(), names);
}

#[tokio::test]
async fn tags_grants_policies_and_rotations_come_as_items() {
    let client = home().await;
    let key = symmetric_key(&client).await;
    for n in 0..3 {
        let tag = Tag::builder().tag_key(format!("k{n}")).tag_value("v").build().unwrap();
        client.tag_resource().key_id(&key).tags(tag).send().await.unwrap();
        let grant = client.create_grant().key_id(&key).name(format!("g{n}"));
        let grant = grant.grantee_principal("arn:aws:iam::000000000000:root");
        grant.operations(GrantOperation::DescribeKey).send().await.unwrap();
    }
    client.rotate_key_on_demand().key_id(&key).send().await.unwrap();

    let tags = client.list_resource_tags().key_id(&key).into_paginator().page_size(1).items().send();
    assert_eq!(tags.collect::<Result<Vec<_>, _>>().await.unwrap().len(), 3);
    let grants = client.list_grants().key_id(&key).into_paginator().page_size(2).items().send();
    assert_eq!(grants.collect::<Result<Vec<_>, _>>().await.unwrap().len(), 3);
    let policies = client.list_key_policies().key_id(&key).into_paginator().items().send();
    assert_eq!(policies.collect::<Result<Vec<_>, _>>().await.unwrap(), ["default"]);
    let rotations = client.list_key_rotations().key_id(&key).into_paginator().items().send();
    assert_eq!(rotations.collect::<Result<Vec<_>, _>>().await.unwrap().len(), 1);
}
