//! Policy documents of a wanted size.

use super::region::OWN;

/// The default key policy, behind `before`.
pub(crate) fn key_policy(before: &[String]) -> String {
    let owner = format!(
        r#"{{"Sid":"Enable IAM User Permissions","Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{OWN}:root"}},"Action":"kms:*","Resource":"*"}}"#
    );
    let statements: Vec<&str> = before.iter().map(String::as_str).chain([owner.as_str()]).collect();
    format!(r#"{{"Version":"2012-10-17","Id":"key-default-1","Statement":[{}]}}"#, statements.join(","))
}

/// As many statements as fit, none about the callers that are measured, and the default one behind them.
pub(crate) fn long_key_policy(most_bytes: usize) -> String {
    let mut before = Vec::new();
    loop {
        let n = before.len();
        before.push(format!(
            r#"{{"Sid":"Partner {n}","Effect":"Allow","Principal":{{"AWS":"{:012}"}},"Action":["kms:Encrypt","kms:Decrypt","kms:ReEncrypt*","kms:GenerateDataKey*","kms:DescribeKey"],"Resource":"*","Condition":{{"StringEquals":{{"kms:EncryptionContext:tenant":"tenant-{n}"}}}}}}"#,
            200_000_000_000_usize + n
        ));
        let document = key_policy(&before);
        if document.len() > most_bytes {
            before.pop();
            return key_policy(&before);
        }
    }
}

/// Allows `kms:*`, behind statements about other things until the document has `least_chars`.
pub(crate) fn identity_policy(least_chars: usize) -> String {
    let mut statements = vec![r#"{"Effect":"Allow","Action":"kms:*","Resource":"*"}"#.to_owned()];
    loop {
        let document = format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(","));
        if document.len() + 180 >= least_chars {
            return document;
        }
        let n = statements.len();
        statements.insert(0, format!(
            r#"{{"Sid":"Bucket{n}","Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::bucket-{n}/*"}}"#
        ));
    }
}
