//! Answers of the Query protocol. The whole vocabulary is elements and text; nothing here needs a library.

use kms_ops::iam::{Action, Answer, Tree};
use kms_types::RequestId;

use super::version;
use crate::{ApiError, sigv4::Api};

/// `<ActionResponse><ActionResult>...`, or without a result for actions that have none.
pub(crate) fn success(action: Action, answer: &Answer, id: RequestId) -> String {
    let (api, name) = (Api::named(action.service()).unwrap_or(Api::Iam), action.name());
    let mut out =
        format!("<{name}Response xmlns=\"https://{}.amazonaws.com/doc/{}/\">", api.name(), version(api));
    if let Some(tree) = answer {
        out.push_str(&format!("<{name}Result>"));
        write(tree, &mut out);
        out.push_str(&format!("</{name}Result>"));
    }
    out.push_str(&format!(
        "<ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata></{name}Response>"
    ));
    out
}

/// `<ErrorResponse>`.
pub(crate) fn failure(api: Api, error: &ApiError, id: RequestId) -> String {
    let kind = if error.status >= 500 { "Receiver" } else { "Sender" };
    let mut out = format!(
        "<ErrorResponse xmlns=\"https://{}.amazonaws.com/doc/{}/\"><Error><Type>{kind}</Type><Code>{}</Code><Message>",
        api.name(),
        version(api),
        error.code
    );
    escape(error.message.as_deref().unwrap_or_default(), &mut out);
    out.push_str(&format!("</Message></Error><RequestId>{id}</RequestId></ErrorResponse>"));
    out
}

fn write(tree: &Tree, out: &mut String) {
    match tree {
        Tree::Text(text) => escape(text, out),
        Tree::Struct(members) => members.iter().for_each(|(name, member)| element(name, member, out)),
        Tree::List(elements) => elements.iter().for_each(|member| element("member", member, out)),
        Tree::Map(entries) => entries.iter().for_each(|entry| element("entry", entry, out)),
    }
}

fn element(name: &str, content: &Tree, out: &mut String) {
    out.push_str(&format!("<{name}>"));
    write(content, out);
    out.push_str(&format!("</{name}>"));
}

/// Text as XML 1.0 can carry it; characters that it cannot are replaced.
fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\r' => out.push_str("&#xD;"),
            '\t' | '\n' | '\u{20}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..='\u{10FFFF}' => {
                out.push(c);
            }
            _ => out.push('\u{FFFD}'),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_written_as_the_model_says() {
        let list = Tree::List(vec![Tree::Struct(vec![("Key", "a<b".into()), ("Value", "\u{1}&".into())])]);
        let answer = Some(Tree::Struct(vec![("IsTruncated", "false".into()), ("Tags", list)]));
        let id = RequestId::from_random([7; 16]);
        insta::assert_snapshot!(success(Action::ListUserTags, &answer, id));
        insta::assert_snapshot!(success(Action::DeleteUser, &None, id));
        let error = ApiError { status: 404, code: "NoSuchEntity", message: Some("no \"user\"".into()) };
        insta::assert_snapshot!(failure(Api::Iam, &error, id));
    }
}
