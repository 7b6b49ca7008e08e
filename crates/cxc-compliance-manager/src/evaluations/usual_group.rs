//! The campaign group by which a stored contact is explained where none is named. Without one nobody knows what the
//! contact is for: it would be judged as a sales call, of which the law asks the most.
use cxc_core::channel::Channel;
use cxc_server::{ApiError, App};
use cxc_store::Tx;
use uuid::Uuid;

use super::document::EvaluationDocument;
use super::run::Evaluator;
use super::{EvaluationAnswer, stored};

/// The groups that a refusal names.
const NAMED: usize = 5;

impl Evaluator {
    /// Explains a stored contact. Where neither a group nor a purpose is named, by the group that has the contact (and
    /// the channel that is asked for); of several one must be named.
    pub async fn explain_stored(
        &self,
        app: &App,
        tenant: i64,
        mut asked: EvaluationDocument,
    ) -> Result<EvaluationAnswer, ApiError> {
        if asked.group_id.is_none() && asked.purpose.is_none() {
            asked.group_id = usual_group(&mut app.db.read().await?, tenant, &asked).await?;
        }
        self.evaluate(app, tenant, &asked).await
    }
}

async fn usual_group(tx: &mut Tx, tenant: i64, asked: &EvaluationDocument) -> Result<Option<Uuid>, ApiError> {
    let (list, contact) = stored::find(tx, tenant, asked).await?;
    let records = tx.records_of_contact(tenant, contact.contact.id).await?;
    let ids: Vec<Uuid> = records.iter().filter(|(_, record)| record.list == list.number).map(|(id, _)| *id).collect();
    let mut groups = tx.group_get_many(tenant, &ids).await?;
    groups.retain(|group| asked.channel.is_none() || asked.channel == Channel::from_bit(group.channel));
    let Some(first) = groups.first() else { return Ok(None) };
    if groups.len() == 1 {
        return Ok(Some(first.id));
    }
    let mut names = Vec::new();
    for group in groups.iter().take(NAMED) {
        let name = tx.object_name(tenant, group.id).await?.unwrap_or_default();
        names.push(format!("{} ({name})", group.id));
    }
    let more = if groups.len() > NAMED { " and others" } else { "" };
    let text = format!(
        "{} campaign groups have this contact, each with rules, a purpose and a channel of its own: name one of them, such \
         as {}{more}",
        groups.len(),
        names.join(", ")
    );
    Err(ApiError::invalid("/groupId", "required", text))
}
