//! One service event in CloudTrail's form (section 12 of the service's documentation, [KMS:logging-using-cloudtrail]).

use kms_audit::{Event, Record, RecordBuilder, ServiceEvent as Named, UserIdentity};
use kms_state::{Key, Requested, ServiceAct, ServiceEvent, ServiceEventId, State};
use kms_types::{KeyArn, Operation, RequestId};
use serde_json::{Value, json};

/// What acts in the place of the caller in another Region.
const INVOKED_BY: &str = "kms.amazonaws.com";

/// The record; `None` before the Region is bootstrapped, when nothing can have happened.
pub(super) fn of(state: &State, id: ServiceEventId, event: &ServiceEvent) -> Option<Record> {
    let (region, incarnation) = (state.region()?, state.incarnation()?);
    let arn = KeyArn { region: region.clone(), account: event.account, key: event.key };
    let (named, identity) = subject(event);
    let record = Record::builder(named, identity, event.at, region, id.record_bytes(&incarnation)).key(&arn);
    Some(detailed(record, state, id, event)?.build())
}

fn subject(event: &ServiceEvent) -> (Event, UserIdentity) {
    let internal = |named| (Event::Service(named), UserIdentity::internal(event.account));
    let forwarded = |operation, requested: &Requested| {
        (Event::Call(operation), UserIdentity::forwarded(&requested.principal, INVOKED_BY))
    };
    match &event.act {
        ServiceAct::Rotated { .. } => internal(Named::RotateKey),
        ServiceAct::Deleted => internal(Named::DeleteKey),
        ServiceAct::ExpiredMaterialDeleted { .. } => internal(Named::DeleteExpiredKeyMaterial),
        ServiceAct::Synchronized => internal(Named::SynchronizeMultiRegionKey),
        ServiceAct::ReplicaCreated { requested } => forwarded(Operation::CreateKey, requested),
        ServiceAct::BecamePrimary { requested } => forwarded(Operation::UpdatePrimaryRegion, requested),
    }
}

fn detailed(
    record: RecordBuilder,
    state: &State,
    id: ServiceEventId,
    event: &ServiceEvent,
) -> Option<RecordBuilder> {
    let region = state.region()?;
    let key_id = event.key.to_string();
    Some(match &event.act {
        ServiceAct::Rotated { rotation, origin, previous, current } => {
            record.service_event_details(without_nulls(json!({
                "rotationType": rotation.as_str(),
                "keyOrigin": origin.as_str(),
                "previousKeyMaterialId": previous.map(|id| id.to_string()),
                "currentKeyMaterialId": current.to_string(),
                "keyId": key_id,
            })))
        }
        ServiceAct::Deleted => record.service_event_details(json!({ "keyId": key_id })),
        ServiceAct::ExpiredMaterialDeleted { material } => {
            record.service_event_details(json!({ "keyId": key_id, "keyMaterialId": material.to_string() }))
        }
        ServiceAct::Synchronized => {
            let request = RequestId::from_random(id.request_bytes(&state.incarnation()?));
            record.request_id(request)
        }
        ServiceAct::ReplicaCreated { requested } => {
            let record = forwarded(record, requested);
            match state.key(&event.key) {
                Some(key) => record
                    .request_parameters(replica_parameters(key))
                    .response_elements(json!({ "keyMetadata": kms_ops::key_metadata_elements(key, region) })),
                None => record,
            }
        }
        ServiceAct::BecamePrimary { requested } => {
            let parameters = json!({ "keyId": key_id, "primaryRegion": region.as_str() });
            let arn = KeyArn { region: region.clone(), account: event.account, key: event.key };
            forwarded(record, requested)
                .request_parameters(parameters)
                .response_elements(json!({ "keyId": arn.to_string() }))
        }
    })
}

fn forwarded(record: RecordBuilder, requested: &Requested) -> RecordBuilder {
    record.client(INVOKED_BY, INVOKED_BY).request_id(requested.request)
}

/// What CreateKey would have been asked for in this Region.
fn replica_parameters(key: &Key) -> Value {
    let tags: Vec<Value> = key.tags.iter().map(|(k, v)| json!({ "tagKey": k, "tagValue": v })).collect();
    json!({
        "policy": key.policy.document(),
        "description": key.description,
        "keySpec": key.spec.as_str(),
        "customerMasterKeySpec": key.spec.as_str(),
        "keyUsage": key.usage.as_str(),
        "origin": key.origin.as_str(),
        "multiRegion": true,
        "bypassPolicyLockoutSafetyCheck": false,
        "tags": tags,
    })
}

fn without_nulls(mut value: Value) -> Value {
    if let Value::Object(members) = &mut value {
        members.retain(|_, v| !v.is_null());
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use kms_state::{Command, Directory, Origin, Proposal, RegionClock};
    use kms_types::{
        DeploymentId, Incarnation, KeyId, KeyIdKind, KeyOrigin, MaterialId, Principal, ProposalId,
        RotationType, Timestamp,
    };

    fn region() -> State {
        let mut state = State::new();
        let command = Command::Bootstrap {
            identity_key: None,
            deployment: DeploymentId::from_random([1; 16]),
            region: "us-east-1".parse().unwrap(),
            incarnation: Incarnation::from_random([2; 16]),
            directory: Directory::default(),
            domain_keys: Vec::new(),
            clock: RegionClock::Real,
        };
        let id = ProposalId::from_random([3; 16]);
        state.apply(1, &Proposal { id, origin: Origin::Service { node: 1 }, expect: None, command });
        state
    }

    fn record(act: ServiceAct, number: u32) -> Value {
        let event = ServiceEvent {
            at: Timestamp::from_millis(1_770_167_200_000),
            account: "111122223333".parse().unwrap(),
            key: KeyId::from_parts(KeyIdKind::MultiRegion, [7; 16]),
            act,
        };
        serde_json::to_value(of(&region(), ServiceEventId { index: 9, number }, &event).unwrap()).unwrap()
    }

    fn requested() -> Requested {
        let principal = Principal::Root { account: "111122223333".parse().unwrap() };
        Requested { principal, request: RequestId::from_random([4; 16]) }
    }

    #[test]
    fn a_rotation_is_a_service_event_with_both_materials() {
        let (old, new) = (MaterialId::from_bytes([1; 32]), MaterialId::from_bytes([2; 32]));
        let shown = record(
            ServiceAct::Rotated {
                rotation: RotationType::OnDemand,
                origin: KeyOrigin::AwsKms,
                previous: Some(old),
                current: new,
            },
            0,
        );
        assert_eq!(
            (&shown["eventName"], &shown["eventType"]),
            (&json!("RotateKey"), &json!("AwsServiceEvent"))
        );
        assert_eq!(shown["userIdentity"], json!({"accountId": "111122223333", "invokedBy": "AWS Internal"}));
        assert_eq!((&shown["readOnly"], shown.get("requestID")), (&json!(false), None));
        assert_eq!(shown["eventTime"], "2026-02-04T01:06:40Z");
        assert_eq!(
            shown["serviceEventDetails"],
            json!({
                "rotationType": "ON_DEMAND", "keyOrigin": "AWS_KMS", "keyId": "mrk-07070707070707070707070707070707",
                "previousKeyMaterialId": old.to_string(), "currentKeyMaterialId": new.to_string(),
            })
        );
    }

    #[test]
    fn a_synchronization_has_a_request_id_and_nothing_else() {
        let shown = record(ServiceAct::Synchronized, 0);
        assert_eq!(shown["eventType"], "AwsApiCall");
        assert!(shown["requestID"].is_string() && shown["requestParameters"].is_null());
        assert_ne!(shown["requestID"], shown["eventID"]);
        assert!(
            shown["resources"][0]["ARN"]
                .as_str()
                .unwrap()
                .starts_with("arn:aws:kms:us-east-1:111122223333:key/mrk-")
        );
    }

    #[test]
    fn what_goes_back_to_a_call_names_its_caller_and_its_request() {
        for (act, name) in [
            (ServiceAct::ReplicaCreated { requested: requested() }, "CreateKey"),
            (ServiceAct::BecamePrimary { requested: requested() }, "UpdatePrimaryRegion"),
        ] {
            let shown = record(act, 0);
            assert_eq!((&shown["eventName"], &shown["eventType"]), (&json!(name), &json!("AwsApiCall")));
            assert_eq!(shown["requestID"], requested().request.to_string());
            let identity = &shown["userIdentity"];
            assert_eq!(
                (&identity["type"], &identity["invokedBy"]),
                (&json!("Root"), &json!("kms.amazonaws.com"))
            );
            assert!(identity.get("accessKeyId").is_none());
        }
    }

    #[test]
    fn the_same_event_has_the_same_id_whoever_writes_it() {
        let first = record(ServiceAct::Deleted, 0);
        assert_eq!(first["eventID"], record(ServiceAct::Deleted, 0)["eventID"]);
        assert_ne!(first["eventID"], record(ServiceAct::Deleted, 1)["eventID"]);
        assert_eq!(first["serviceEventDetails"], json!({"keyId": "mrk-07070707070707070707070707070707"}));
    }
}
