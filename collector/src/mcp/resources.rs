//! The recording as resources: a session, its problems, and a screenshot as an image.
//!
//! A resource is read with the rights of a tool's call and in its form, with the default budget: text of pages is
//! in delimited fields. A list names sessions and events in short, and nothing that a page wrote.

use super::call::Call;
use super::handle;
use super::spec::Spec;
use crate::app::App;
use crate::auth::Grant;
use crate::diagnose::both;
use crate::store::{Order, PageQuery};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rmcp::ErrorData;
use rmcp::model::{JsonObject, Resource, ResourceContents, ResourceTemplate};
use rmcp::service::{RequestContext, RoleServer};

const TEXT: &str = "text/plain";
/// Images that are passed on.
const IMAGES: [&str; 3] = ["image/jpeg", "image/png", "image/webp"];
/// The newest ones that are listed; templates reach the others.
const MAX_SESSIONS: usize = 10;
const MAX_SCREENSHOTS: usize = 10;

/// Returns the forms of addresses.
pub(super) fn templates() -> Vec<ResourceTemplate> {
    let template = |address: &str, name: &str, about: &str, mime_type: &str| {
        ResourceTemplate::new(address, name)
            .with_description(about)
            .with_mime_type(mime_type)
    };
    vec![
        template(
            "tabtape://session/{session}",
            "session",
            "What was watched, and the newest events; session is like s3",
            TEXT,
        ),
        template(
            "tabtape://session/{session}/problems",
            "problems",
            "What went wrong in a session",
            TEXT,
        ),
        template(
            "tabtape://screenshot/{event}",
            "screenshot",
            "A page.screenshot event as an image; event is like s3:77",
            "image/jpeg",
        ),
    ]
}

/// The resource that an address names.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Address {
    Problems,
    Session(i64),
    SessionProblems(i64),
    /// With the short name of its event.
    Screenshot(String),
}

impl Address {
    fn parse(uri: &str) -> Option<Self> {
        let path = uri.strip_prefix("tabtape://")?;
        let row = |name: &str| name.strip_prefix('s')?.parse().ok().filter(|row| *row > 0);
        match path.split('/').collect::<Vec<_>>().as_slice() {
            ["problems"] => Some(Self::Problems),
            ["session", session] => row(session).map(Self::Session),
            ["session", session, "problems"] => row(session).map(Self::SessionProblems),
            ["screenshot", event] => handle::event(event).map(|_| Self::Screenshot((*event).to_owned())),
            _ => None,
        }
    }
}

/// Lists the newest sessions and screenshots that the caller may read.
pub(super) async fn list(app: &App, grant: &Grant) -> Result<Vec<Resource>, ErrorData> {
    let mut resources =
        vec![Resource::new("tabtape://problems", "problems of all sessions").with_mime_type(TEXT)];
    let coverage = app.store.coverage(grant.selector.clone(), None).await?;
    for session in coverage.iter().take(MAX_SESSIONS) {
        let Some(row) = app.store.session_row(&session.session).await? else {
            continue;
        };
        let name = format!("s{}", row.id);
        let uri = format!("tabtape://session/{name}");
        resources.push(Resource::new(&uri, format!("session {name}")).with_mime_type(TEXT));
        let problems = Resource::new(format!("{uri}/problems"), format!("problems of {name}"));
        resources.push(problems.with_mime_type(TEXT));
    }
    let selector = both("type:page.screenshot", grant.selector.as_deref());
    let query = PageQuery::new(Order::Position, Some(selector), MAX_SCREENSHOTS).newest(true);
    let page = app.store.page(query).await?;
    for record in page.records.iter().rev().filter(|record| !record.is_gap) {
        let name = format!("s{}:{}", record.session, record.first_seq);
        let uri = format!("tabtape://screenshot/{name}");
        resources.push(Resource::new(uri, format!("screenshot {name}")).with_mime_type(IMAGES[0]));
    }
    Ok(resources)
}

/// Reads a resource.
pub(super) async fn read(
    app: &App,
    grant: &Grant,
    uri: &str,
    context: RequestContext<RoleServer>,
) -> Result<ResourceContents, ErrorData> {
    let missing = || {
        let uri: String = uri.chars().take(80).collect();
        ErrorData::resource_not_found(format!("there is no resource {uri:?}"), None)
    };
    let address = Address::parse(uri).ok_or_else(missing)?;
    if let Address::Session(row) | Address::SessionProblems(row) = address {
        app.store.session_id(row).await?.ok_or_else(missing)?;
    }
    let call = |tool: &str, name: &'static str, value: String| {
        let arguments = JsonObject::from_iter([(name.to_owned(), value.into())]);
        Call::of(app, grant, tool, arguments, context.clone())
    };
    let text = match address {
        Address::Problems => call("diagnose", "q", String::new())?.answer().await?.text,
        Address::SessionProblems(row) => {
            call("diagnose", "q", format!("session:s{row}"))?
                .answer()
                .await?
                .text
        }
        Address::Session(row) => {
            let q = format!("session:s{row}");
            let watched = call("coverage", "q", q.clone())?.answer().await?.text;
            let newest = call("search", "q", q)?.answer().await?.text;
            format!("{watched}\n{newest}")
        }
        Address::Screenshot(event) => {
            let stored = call("event", "event", event)?.named_event().await;
            let mut stored = stored.map_err(|_| missing())?;
            // A picture that equals the tab's last one refers to that one.
            if let Some(seq) = stored.data()["same_as"].as_u64() {
                let event = format!("s{}:{seq}", stored.session);
                let same = call("event", "event", event)?.named_event().await;
                stored = same.map_err(|_| missing())?;
            }
            let image = stored.data()["image"].as_str().unwrap_or_default();
            let (mime_type, blob) = image_of(image).ok_or_else(missing)?;
            return Ok(ResourceContents::blob(blob, uri).with_mime_type(mime_type));
        }
    };
    Ok(ResourceContents::text(text, uri))
}

/// Returns type and base64 of an image in a `data:` address.
fn image_of(address: &str) -> Option<(&str, &str)> {
    let (mime_type, data) = address.strip_prefix("data:")?.split_once(";base64,")?;
    let is_whole = IMAGES.contains(&mime_type) && BASE64_STANDARD.decode(data).is_ok();
    is_whole.then_some((mime_type, data))
}

/// The tool that a resource or a prompt is an answer of.
impl<'a> Call<'a> {
    pub(super) fn of(
        app: &'a App,
        grant: &'a Grant,
        tool: &str,
        arguments: JsonObject,
        context: RequestContext<RoleServer>,
    ) -> Result<Self, ErrorData> {
        let spec = Spec::named(tool)
            .ok_or_else(|| ErrorData::internal_error(format!("there is no tool {tool:?}"), None))?;
        let arguments = spec.check(Some(arguments))?;
        Ok(Call {
            app,
            grant,
            spec,
            arguments,
            context,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_others_are_none() {
        assert_eq!(Address::parse("tabtape://problems"), Some(Address::Problems));
        assert_eq!(Address::parse("tabtape://session/s3"), Some(Address::Session(3)));
        assert_eq!(
            Address::parse("tabtape://session/s3/problems"),
            Some(Address::SessionProblems(3))
        );
        let screenshot = Some(Address::Screenshot("s3:77".into()));
        assert_eq!(Address::parse("tabtape://screenshot/s3:77"), screenshot);
        for wrong in [
            "",
            "problems",
            "tabtape://",
            "tabtape://session/3",
            "tabtape://session/s0",
            "tabtape://session/s3 site:x",
            "tabtape://session/s3/problems/x",
            "tabtape://screenshot/s3",
            "http://problems",
        ] {
            assert_eq!(Address::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_image_has_a_known_type_and_whole_base64() {
        assert_eq!(
            image_of("data:image/jpeg;base64,AAAA"),
            Some(("image/jpeg", "AAAA"))
        );
        for wrong in [
            "", "data:text/html;base64,AAAA", "data:image/jpeg,AAAA", "data:image/jpeg;base64,A A",
        ] {
            assert_eq!(image_of(wrong), None, "{wrong}");
        }
    }
}
