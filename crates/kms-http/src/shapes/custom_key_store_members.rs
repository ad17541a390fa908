//! The members that CreateCustomKeyStore and UpdateCustomKeyStore share. Only their form is checked.

use crate::validate::{Members, SerializationError, Text};

/// How an external key store would be reached.
pub(super) struct XksProxy {
    given: bool,
}

impl XksProxy {
    pub(super) fn read(members: &mut Members<'_>) -> Result<Self, SerializationError> {
        let texts = [
            members.text("XksProxyUriEndpoint", &Text::XKS_URI_ENDPOINT)?,
            members.text("XksProxyUriPath", &Text::XKS_URI_PATH)?,
            members.text("XksProxyVpcEndpointServiceName", &Text::XKS_VPC_SERVICE_NAME)?,
            members.text("XksProxyVpcEndpointServiceOwner", &Text::ACCOUNT_ID)?,
        ];
        let credential = members.object("XksProxyAuthenticationCredential", |inner| {
            inner.required_text("AccessKeyId", &Text::XKS_ACCESS_KEY_ID)?;
            inner.required_text("RawSecretAccessKey", &Text::XKS_SECRET_ACCESS_KEY)?;
            Ok(())
        })?;
        let connectivity =
            members.choice("XksProxyConnectivity", &["PUBLIC_ENDPOINT", "VPC_ENDPOINT_SERVICE"])?;
        let given = texts.iter().any(Option::is_some) || credential.is_some() || connectivity.is_some();
        Ok(Self { given })
    }

    /// True when any of the members was given.
    pub(super) fn is_given(&self) -> bool {
        self.given
    }
}
