//! The one map from every reason for a refusal to AWS's code, status and text; no arm catches what is left.

mod iam;
mod input;
mod operation;
mod signature;
mod transport;

#[cfg(test)]
mod tests;

pub use transport::TransportError;

/// A refusal as the client sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    /// HTTP status.
    pub status: u16,
    /// `__type`, for example `NotFoundException`.
    pub code: &'static str,
    /// `message`; some errors carry none.
    pub message: Option<String>,
}

impl ApiError {
    /// A fault of the caller: 400.
    pub(crate) fn client(code: &'static str, message: impl Into<String>) -> Self {
        Self { status: 400, code, message: Some(message.into()) }
    }

    /// A fault of the caller that AWS answers without a message.
    pub(crate) fn silent(code: &'static str) -> Self {
        Self { status: 400, code, message: None }
    }

    /// A fault of the service: 500, retried by SDKs.
    pub(crate) fn server(code: &'static str, message: impl Into<String>) -> Self {
        Self { status: 500, code, message: Some(message.into()) }
    }

    /// The JSON body of the answer.
    pub fn body(&self) -> Vec<u8> {
        let mut object = serde_json::Map::new();
        object.insert("__type".into(), self.code.into());
        if let Some(message) = &self.message {
            object.insert("message".into(), message.as_str().into());
        }
        serde_json::Value::Object(object).to_string().into_bytes()
    }
}
