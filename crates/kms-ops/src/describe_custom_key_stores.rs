//! DescribeCustomKeyStores [KMS:DescribeCustomKeyStores].

use kms_types::Operation;

use crate::{
    Error, Step,
    case::Case,
    custom_key_store,
    page::{self, List},
};

/// The request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Only this store.
    pub custom_key_store_id: Option<String>,
    /// Only this store, by its name.
    pub custom_key_store_name: Option<String>,
    /// Most entries of the answer.
    pub limit: Option<u32>,
    /// Where the answer before this one ended.
    pub marker: Option<String>,
}

/// The answer: the list of stores, which is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// True when there is more.
    pub truncated: bool,
    /// Where to go on; present exactly when truncated.
    pub next_marker: Option<String>,
}

/// Decides the call.
pub(crate) fn decide(case: &Case<'_>, request: &Request) -> Result<Step, Error> {
    custom_key_store::authorize(case)?;
    match (&request.custom_key_store_id, &request.custom_key_store_name) {
        (Some(_), Some(_)) => {
            let text = "CustomKeyStoreId and CustomKeyStoreName cannot both be specified.";
            return Err(Error::Validation(text.into()));
        }
        (id, name) => custom_key_store::refuse(id.as_deref().or(name.as_deref()))?,
    }
    let scope = case.account().to_string();
    let list = List { operation: Operation::DescribeCustomKeyStores, scope: &scope };
    list.after(request.marker.as_deref())?;
    let page = list.page(std::iter::empty::<()>(), page::limit(request.limit, 100, 1000), |()| String::new());
    Ok(Step::Answer(Response { truncated: page.truncated(), next_marker: page.next_marker }.into()))
}
