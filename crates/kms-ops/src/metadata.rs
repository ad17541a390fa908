//! `KeyMetadata` from the state (section 2.5).

use kms_state::{Key, Lifecycle, MultiRegion};
use kms_types::{AccountId, KeyArn, KeyId, KeySpec, KeyState, MultiRegionKeyType, Region};
use std::collections::BTreeMap;

use crate::{Algorithms, KeyMetadata, MultiRegionConfiguration, MultiRegionKey, imported};

/// The key as DescribeKey shows it in `region`.
pub(crate) fn of(key: &Key, region: &Region) -> KeyMetadata {
    let key_state = key.state(region);
    let (deletion_date, pending_deletion_window_in_days) = match key.lifecycle {
        Lifecycle::PendingDeletion { delete_at, .. } => (Some(delete_at), None),
        Lifecycle::PendingReplicaDeletion { window_days } => (None, Some(window_days)),
        Lifecycle::Enabled | Lifecycle::Disabled => (None, None),
    };
    let (expiration_model, valid_to) = imported::expiration(key);
    KeyMetadata {
        aws_account_id: key.account,
        key_id: key.id,
        arn: KeyArn { region: region.clone(), account: key.account, key: key.id },
        creation_date: key.created_at,
        enabled: key_state == KeyState::Enabled,
        description: key.description.clone(),
        key_usage: key.usage,
        key_state,
        deletion_date,
        origin: key.origin,
        key_manager: key.manager,
        key_spec: key.spec,
        algorithms: Algorithms::of(key),
        multi_region: key.id.is_multi_region(),
        multi_region_configuration: key.multi_region.as_ref().map(|multi| {
            let MultiRegion { primary, members, .. } = multi;
            configuration(key.account, key.id, primary, members, region)
        }),
        pending_deletion_window_in_days,
        current_key_material_id: key
            .current
            .filter(|_| key.spec == KeySpec::SymmetricDefault && key_state != KeyState::Creating),
        expiration_model,
        valid_to,
    }
}

/// The set of keys as the member in `region` shows it.
pub(crate) fn configuration<M>(
    account: AccountId,
    key: KeyId,
    primary: &Region,
    members: &BTreeMap<Region, M>,
    region: &Region,
) -> MultiRegionConfiguration {
    let member = |region: &Region| MultiRegionKey {
        arn: KeyArn { region: region.clone(), account, key },
        region: region.clone(),
    };
    MultiRegionConfiguration {
        multi_region_key_type: match primary == region {
            true => MultiRegionKeyType::Primary,
            false => MultiRegionKeyType::Replica,
        },
        primary_key: member(primary),
        replica_keys: members.keys().filter(|r| *r != primary).map(member).collect(),
    }
}
