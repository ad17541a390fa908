use super::ApiError;
use crate::{
    target::TargetError,
    validate::{InputError, Violation},
};

impl From<&InputError> for ApiError {
    fn from(error: &InputError) -> Self {
        match error {
            InputError::Serialization(error) => Self::client("SerializationException", error.to_string()),
            InputError::Constraints(list) => Self::client("ValidationException", Violation::summary(list)),
        }
    }
}

impl From<&TargetError> for ApiError {
    fn from(error: &TargetError) -> Self {
        match error {
            TargetError::Unknown => Self::silent("UnknownOperationException"),
            TargetError::NotImplemented(operation) => Self::client(
                "UnsupportedOperationException",
                format!("{operation} is not supported by this service yet."),
            ),
        }
    }
}
