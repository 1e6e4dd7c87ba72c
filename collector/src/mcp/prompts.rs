//! Prompts: questions that a person picks, with the recording's answer in them.

use super::call::Call;
use crate::app::App;
use crate::auth::Grant;
use rmcp::ErrorData;
use rmcp::model::{GetPromptResult, JsonObject, Prompt, PromptArgument, PromptMessage, Role};
use rmcp::service::{RequestContext, RoleServer};

const EXPLAIN: &str = "explain_failure";
const CHECK: &str = "check_change";

const EXPLAIN_TEXT: &str = "Explain this failure of a web page, from Tabtape's recording of the browser. Say what \
happened, in order; the likeliest cause, with the place in the source; what would confirm it; and how to mend it. Read \
the source before you name a cause. The tools event, led_to and search get more. If the recording does not show it, say \
what was not watched.";
const CHECK_TEXT: &str = "Did my change break anything since the last session? Here are the recordings of the browser \
before (a) and after (b), compared by Tabtape. Name each error that is new, whether the change can be its cause, and \
the place in the source. Steps that a person did differently are no fault of the change. The tools event, led_to and \
search get more.";

/// Lists the prompts.
pub(super) fn list() -> Vec<Prompt> {
    let argument = |name: &str, about: &str| PromptArgument::new(name).with_description(about);
    vec![
        Prompt::new(
            EXPLAIN,
            Some("Explain this failure"),
            Some(vec![argument(
                "q",
                "Where it failed: a selector like site:localhost tab:7 since:10m",
            )]),
        )
        .with_title("Explain this failure"),
        Prompt::new(
            CHECK,
            Some("Did my change break anything since the last session?"),
            Some(vec![
                argument("before", "A selector; the session before the newest if absent"),
                argument("after", "A selector; the newest session if absent"),
            ]),
        )
        .with_title("Did my change break anything?"),
    ]
}

/// Returns a prompt with the recording's answer.
pub(super) async fn get(
    app: &App,
    grant: &Grant,
    name: &str,
    arguments: Option<JsonObject>,
    context: RequestContext<RoleServer>,
) -> Result<GetPromptResult, ErrorData> {
    let arguments = arguments.unwrap_or_default();
    let known = list();
    let Some(prompt) = known.iter().find(|prompt| prompt.name == name) else {
        let name: String = name.chars().take(40).collect();
        let why = format!("there is no prompt {name:?}; there are {EXPLAIN}, {CHECK}");
        return Err(ErrorData::invalid_params(why, None));
    };
    let takes = |key: &String| prompt.arguments.iter().flatten().any(|known| known.name == *key);
    if let Some(unknown) = arguments.keys().find(|key| !takes(key)) {
        let unknown: String = unknown.chars().take(40).collect();
        return Err(ErrorData::invalid_params(
            format!("{name} has no argument {unknown:?}"),
            None,
        ));
    }
    let call = |tool: &str, arguments: JsonObject| Call::of(app, grant, tool, arguments, context.clone());
    let text_of = |key: &str| {
        let value = arguments.get(key).and_then(|value| value.as_str());
        value
            .filter(|text| !text.trim().is_empty())
            .map(ToOwned::to_owned)
    };
    let diagnosed = |q: String| call("diagnose", JsonObject::from_iter([("q".to_owned(), q.into())]));
    let (question, answer) = match name {
        EXPLAIN => {
            let answer = diagnosed(text_of("q").unwrap_or_default())?.answer().await?.text;
            (EXPLAIN_TEXT, answer)
        }
        _ => {
            let mut sessions = newest_sessions(app, grant).await?.into_iter();
            let after = text_of("after").or_else(|| sessions.next());
            let before = text_of("before").or_else(|| sessions.next());
            let answer = match (before, after) {
                (Some(before), Some(after)) => {
                    let sides = [("a".to_owned(), before.into()), ("b".to_owned(), after.into())];
                    call("compare", JsonObject::from_iter(sides))?
                        .answer()
                        .await?
                        .text
                }
                (_, after) => {
                    let found = diagnosed(after.unwrap_or_default())?.answer().await?.text;
                    format!("There is no session before this one to compare with.\n{found}")
                }
            };
            (CHECK_TEXT, answer)
        }
    };
    let message = PromptMessage::new_text(Role::User, format!("{question}\n\n{answer}"));
    Ok(GetPromptResult::new(vec![message]))
}

/// Returns selectors of the recorders' sessions, newest first.
async fn newest_sessions(app: &App, grant: &Grant) -> Result<Vec<String>, ErrorData> {
    let coverage = app.store.coverage(grant.selector.clone(), None).await?;
    let recorded = coverage.into_iter().filter(|session| session.producer.is_none());
    Ok(recorded
        .take(2)
        .map(|session| format!("session:{}", session.session))
        .collect())
}
