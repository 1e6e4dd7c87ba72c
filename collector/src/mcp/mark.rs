//! `mark`: a note in the recording.

use super::ToolError;
use super::call::Call;
use crate::auth::Scope;
use serde_json::json;

impl Call<'_> {
    pub(super) async fn mark(&self) -> Result<String, ToolError> {
        if self.grant.scope != Scope::Admin {
            return Err(ToolError::Wrong(
                "this token only reads; mark needs an admin token".into(),
            ));
        }
        let event = json!({
            "type": "system.mark", "category": "system",
            "source": {"kind": "local_process", "event": "mcp"}, "data": {"text": self.arguments.text("text")},
        });
        let events = [event.to_string().into()];
        let published = self.app.producers.publish("tabtape-mcp", &events, None).await;
        let published = published.map_err(|error| ToolError::Failed(error.to_string()))?;
        match published.refused {
            None => Ok("marked".into()),
            Some((_, why)) => Err(self.spec.refuse(why)),
        }
    }
}
