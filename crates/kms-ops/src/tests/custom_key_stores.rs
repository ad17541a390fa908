use kms_types::CustomKeyStoreType;

use super::{fixture::Fixture, requests::create_key};
use crate::{
    Error, Request, Response, connect_custom_key_store, create_custom_key_store, create_key,
    delete_custom_key_store, describe_custom_key_stores, disconnect_custom_key_store, generate_random,
    update_custom_key_store,
};

const ID: &str = "cks-1234567890abcdef0";

fn describe(
    id: Option<&str>,
    name: Option<&str>,
    marker: Option<&str>,
) -> describe_custom_key_stores::Request {
    let text = |text: Option<&str>| text.map(str::to_owned);
    describe_custom_key_stores::Request {
        custom_key_store_id: text(id),
        custom_key_store_name: text(name),
        limit: None,
        marker: text(marker),
    }
}

#[test]
fn there_is_no_store() {
    let mut f = Fixture::new();
    let Ok(Response::DescribeCustomKeyStores(list)) = f.call(describe(None, None, None)) else { panic!() };
    assert!(!list.truncated && list.next_marker.is_none());
    assert!(matches!(f.call(describe(Some(ID), Some("n"), None)), Err(Error::Validation(_))));
    assert_eq!(f.call(describe(None, None, Some("m"))).unwrap_err(), Error::InvalidMarker);
}

#[test]
fn whatever_names_a_store_names_none() {
    let mut f = Fixture::new();
    let custom_key_store_id = || ID.to_owned();
    let id = || Some(ID.to_owned());
    let requests: Vec<Request> = vec![
        connect_custom_key_store::Request { custom_key_store_id: custom_key_store_id() }.into(),
        disconnect_custom_key_store::Request { custom_key_store_id: custom_key_store_id() }.into(),
        delete_custom_key_store::Request { custom_key_store_id: custom_key_store_id() }.into(),
        update_custom_key_store::Request { custom_key_store_id: custom_key_store_id() }.into(),
        describe(Some(ID), None, None).into(),
        describe(None, Some(ID), None).into(),
        create_key::Request { custom_key_store_id: id(), ..create_key() }.into(),
        generate_random::Request { number_of_bytes: Some(8), custom_key_store_id: id(), recipient: None }
            .into(),
    ];
    for request in requests {
        let operation = request.operation();
        assert_eq!(
            f.call(request).unwrap_err(),
            Error::CustomKeyStoreNotFound { name: ID.into() },
            "{operation}"
        );
    }
}

#[test]
fn none_can_be_made() {
    let mut f = Fixture::new();
    let cluster = create_custom_key_store::Request {
        custom_key_store_name: "n".into(),
        custom_key_store_type: None,
        cloud_hsm_cluster_id: Some("cluster-2a34b5cdefg".into()),
        trust_anchor_certificate: Some("c".into()),
        has_key_store_password: true,
        has_xks_members: false,
    };
    let expected = Error::CloudHsmClusterNotFound { cluster: "cluster-2a34b5cdefg".into() };
    assert_eq!(f.call(cluster.clone()).unwrap_err(), expected);
    let external = create_custom_key_store::Request {
        custom_key_store_type: Some(CustomKeyStoreType::ExternalKeyStore),
        cloud_hsm_cluster_id: None,
        trust_anchor_certificate: None,
        has_key_store_password: false,
        has_xks_members: true,
        ..cluster.clone()
    };
    let expected = Error::LimitExceeded(crate::Quota::ExternalKeyStores);
    assert_eq!(f.call(external.clone()).unwrap_err(), expected);
    for misfit in [
        create_custom_key_store::Request { cloud_hsm_cluster_id: None, ..cluster.clone() },
        create_custom_key_store::Request { has_xks_members: true, ..cluster },
        create_custom_key_store::Request { has_key_store_password: true, ..external },
    ] {
        assert!(matches!(f.call(misfit), Err(Error::Validation(_))));
    }
}
