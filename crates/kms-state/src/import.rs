//! Imported material as one Region sees it: what was said at its import, when it expires, and what is still missing.

use kms_types::{KeyOrigin, MaterialId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Key, MaterialInfo, MaterialStatus};

/// What ImportKeyMaterial said about one material in this Region. Kept while the bytes are away, so that a later import
/// of the same material finds its description again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportDetails {
    /// When the material is deleted, in Region time; none when it does not expire.
    pub valid_to: Option<Timestamp>,
    /// `KeyMaterialDescription`.
    pub description: Option<String>,
}

impl MaterialStatus {
    /// True for an imported material that waits for its rotation.
    pub fn is_pending_import(self) -> bool {
        match self {
            Self::PendingMultiRegionImport | Self::PendingRotation => true,
            Self::Staged | Self::Active | Self::Aborted => false,
        }
    }
}

impl Key {
    /// True for a key whose material is imported.
    pub fn is_external(&self) -> bool {
        self.origin == KeyOrigin::External
    }

    /// True when an imported key cannot be used here before an import: it has no material yet, or one that belongs to
    /// it for ever is missing in this Region. Pending materials do not count.
    pub fn awaits_import(&self) -> bool {
        self.is_external() && (self.current.is_none() || self.lacks_active_material())
    }

    /// The imported material that waits for its rotation; at most one.
    pub fn pending_import(&self) -> Option<&MaterialInfo> {
        self.materials.iter().find(|m| m.status.is_pending_import())
    }

    /// The materials that an import may name as existing: all but aborted ones.
    pub fn known_material(&self, id: &MaterialId) -> Option<&MaterialInfo> {
        self.material(id).filter(|m| m.status != MaterialStatus::Aborted)
    }

    /// When imported materials that are here expire.
    pub fn expiries(&self) -> impl Iterator<Item = Timestamp> + '_ {
        self.expiring().map(|(_, valid_to)| valid_to)
    }

    /// Imported materials that are here and expire.
    pub fn expiring(&self) -> impl Iterator<Item = (MaterialId, Timestamp)> + '_ {
        let here = self.imports.iter().filter(|(id, _)| self.held.contains_key(*id));
        here.filter_map(|(id, details)| Some((*id, details.valid_to?)))
    }
}
