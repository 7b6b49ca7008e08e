//! What the law wants a group's messages to say or carry, as far as a program sees it in the content as it is written.
use cxc_core::campaign::CampaignSettings;
use cxc_core::channel::Channel;
use cxc_core::compliance::campaign::{MessageSeen, OptOutWords, Seen};
use cxc_core::kind;
use cxc_core::opt_out::KeywordSet;
use cxc_server::ApiError;
use cxc_server::document;
use cxc_store::Tx;
use cxc_store::group::GroupRow;
use serde_json::Value;

use crate::groups::{CampaignGroup, resolve};

/// A group's content and the account that it is sent by, as they are stored.
pub(crate) struct GroupContent {
    content: Value,
    account: Value,
    brand: Option<String>,
    words: OptOutWords,
}

impl GroupContent {
    /// Reads them; nothing of a group without a content.
    pub async fn read(tx: &mut Tx, row: &GroupRow, settings: &CampaignSettings) -> Result<Option<Self>, ApiError> {
        let Some(id) = settings.content else { return Ok(None) };
        let Some(content) = tx.object_get(row.tenant, kind::CONTENT, id).await? else { return Ok(None) };
        let group = document::get::<CampaignGroup>(tx, row.tenant, row.id).await?;
        let gateway = match group {
            Some(group) => resolve(tx, row.tenant, &group.body.0).await?.1,
            None => None,
        };
        let account = match gateway {
            Some(id) => tx.object_get(row.tenant, kind::CHANNEL_ACCOUNT, id).await?.map(|object| object.body.0),
            None => None,
        };
        let words: Option<KeywordSet> =
            tx.opt_out_words(row.tenant).await?.map(serde_json::from_value).transpose().map_err(ApiError::internal)?;
        Ok(Some(Self {
            content: content.body.0,
            account: account.unwrap_or_default(),
            brand: settings.compliance.brand.clone(),
            words: OptOutWords::new(&words.unwrap_or_default()),
        }))
    }

    /// Whether it advertises.
    fn is_marketing(&self) -> bool {
        self.content["class"].as_str().is_none_or(|class| class == "marketing")
    }

    /// What is seen of a requirement.
    pub fn look(&self, requirement: &str, channel: Channel) -> Seen {
        let template = &self.content["templates"][0];
        let text = |value: &'_ Value| value.as_str().map(str::to_owned).unwrap_or_default();
        let own_name = text(&self.content["fromName"]);
        let name = if own_name.is_empty() { text(&self.account["senderName"]) } else { own_name };
        let message = MessageSeen {
            text: template["body"].as_str().unwrap_or_default(),
            html: template["html"].as_str().unwrap_or_default(),
            marketing: self.is_marketing(),
            sender: self.account["sender"].as_str().unwrap_or_default(),
            sender_name: &name,
            brand: self.brand.as_deref().unwrap_or_default(),
            postal_address: self.account["postalAddress"].as_str().unwrap_or_default(),
        };
        message.look(requirement, channel, &self.words)
    }
}
