//! What the demonstration sends and whom it calls, by which carriers: its documents.
use cxc_campaign_manager::group_lists::{self, WeightedList, WeightedLists};
use cxc_campaign_manager::groups::CampaignGroup;
use cxc_campaign_manager::legal_gate::LegalStanding;
use cxc_campaign_manager::profiles::{CampaignTemplate, DialingProfile, SessionProfile};
use cxc_compliance_manager::legal_rules::Setting;
use cxc_core::channel::Channel;
use cxc_core::treatment::Treatment;
use cxc_dial_manager::accounts::ChannelAccount;
use cxc_dial_manager::content::Content;
use cxc_server::document::{self, Draft};
use cxc_server::{App, Document, Principal};
use cxc_sip::people::PHONE;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::commands::refused;
use crate::failure::Failure;

/// The campaign group that sends text messages.
pub const SMS_GROUP: &str = "Payment reminders by SMS";
/// The campaign group that sends email.
pub const EMAIL_GROUP: &str = "Spring news by email";

/// The campaign group that calls.
pub const VOICE_GROUP: &str = "Renewal calls";
/// The trunk that leads to the made-up people.
pub const TRUNK: &str = "Voice simulator";
/// Agents' phones, which are made up, too.
const AGENTS: usize = 4;

/// How many messages each group sends a minute: something happens all the time, and the people who may be contacted last
/// for hours. When all have been contacted whom it was day for, others wait for their morning.
pub const PER_MINUTE: u32 = 20;

/// Makes everything that is not there yet. The people who are called live at a port of loopback.
pub async fn make(app: &App, tenant: i64, list: Uuid, port: u16) -> Result<(), Failure> {
    let maker = Maker { app, us: Principal::system(tenant) };
    maker.messages(SMS_GROUP, Channel::Sms, sms_content(), sms_account(), list).await?;
    maker.messages(EMAIL_GROUP, Channel::Email, email_content(), email_account(), list).await?;
    maker.calls(list, port).await
}

struct Maker<'a> {
    app: &'a App,
    us: Principal,
}

impl Maker<'_> {
    /// A campaign group of messages with all that it stands on.
    async fn messages(
        &self,
        name: &str,
        channel: Channel,
        content: Value,
        account: Value,
        list: Uuid,
    ) -> Result<(), Failure> {
        let kind = channel.as_str();
        let title = if channel == Channel::Sms { "SMS" } else { "Email" };
        let content = self.have::<Content>(name, content).await?;
        let gateway = self.have::<ChannelAccount>(&format!("{title} simulator"), account).await?;
        let settings = json!({
            "dialing": { "messagesPerMinute": PER_MINUTE },
            "content": content,
            "treatment": Treatment::for_channel(channel),
            // the reminders are about a plan that people have, the news sell: the class of each content says so
            "compliance": { "brand": "Demo Ltd" },
        });
        let profile = json!({ "type": kind, "isDefault": true, "settings": settings });
        let profile = self.have::<DialingProfile>(&format!("Demo {title}"), profile).await?;
        let session = json!({ "gateway": gateway });
        let session = self.have::<SessionProfile>(&format!("{title} simulator"), session).await?;
        self.group((name, channel), (profile, session), list).await
    }

    /// A campaign group of calls, which has no content: it says itself what it is for.
    async fn calls(&self, list: Uuid, port: u16) -> Result<(), Failure> {
        let gateway = self.have::<ChannelAccount>(TRUNK, voice_account(port)).await?;
        let profile = json!({ "type": "agent", "isDefault": true, "settings": voice_settings(port) });
        let profile = self.have::<DialingProfile>("Demo calls", profile).await?;
        let session = self.have::<SessionProfile>(TRUNK, json!({ "gateway": gateway })).await?;
        self.group((VOICE_GROUP, Channel::Voice), (profile, session), list).await
    }

    /// A campaign group by its profiles, on the list.
    async fn group(
        &self,
        (name, channel): (&str, Channel),
        (profile, session): (Uuid, Uuid),
        list: Uuid,
    ) -> Result<(), Failure> {
        let template = json!({ "dialingProfile": profile, "sessionProfile": session });
        let template = self.have::<CampaignTemplate>(name, template).await?;
        let group = self.have::<CampaignGroup>(name, json!({ "template": template })).await?;
        let lists = WeightedLists { items: vec![WeightedList { list, weight: 10, selection_rule: None }] };
        group_lists::put(self.app, &self.us, group, &lists).await.map_err(refused)?;
        self.decide(group, channel).await
    }

    /// Waives the legal rules that ask for a decision: these people are made up and the carriers simulated.
    async fn decide(&self, group: Uuid, channel: Channel) -> Result<(), Failure> {
        let mut tx = self.app.db.read().await?;
        let row = tx.group_get(self.us.tenant, group, false).await?;
        let body = document::get::<CampaignGroup>(&mut tx, self.us.tenant, group).await.map_err(refused)?;
        let (Some(row), Some(body)) = (row, body) else { return Ok(()) };
        let settings = body.body.0.settings.unwrap_or_default();
        let standing = LegalStanding::of(self.app, &mut tx, &row, channel, &settings).await.map_err(refused)?;
        drop(tx);
        for rule in standing.unanswered {
            let reason = "the demonstration contacts nobody: its people are made up and its carriers simulated";
            self.have::<Setting>(&rule.rule, json!({ "rule": rule.rule, "state": "waived", "reason": reason })).await?;
        }
        Ok(())
    }

    /// The id of a document of this name, made if it is missing.
    async fn have<D: Document>(&self, name: &str, body: Value) -> Result<Uuid, Failure> {
        let mut tx = self.app.db.read().await?;
        let found = document::find::<D>(&mut tx, self.us.tenant, name).await.map_err(refused)?;
        drop(tx);
        if let Some(found) = found {
            return Ok(found.id);
        }
        let body: D = serde_json::from_value(body)?;
        Ok(document::create(self.app, &self.us, Draft::new(name, body)).await.map_err(refused)?.id)
    }
}

fn sms_content() -> Value {
    json!({
        "channel": "sms",
        "class": "transactional",
        "templates": [{ "body": "Hello {{ first_name | default(\"there\") }}, {{ amount }} for your {{ plan }} plan are due soon. Demo Ltd. Reply STOP to opt out." }],
        "helpText": "Demo Ltd: reminders of your plan. Write to help@example.com. Reply STOP to opt out.",
        "optOutText": "Demo Ltd: you will get no more messages.",
        "defaults": { "plan": "present", "amount": "your payment" },
    })
}

fn email_content() -> Value {
    json!({
        "channel": "email",
        "class": "marketing",
        "templates": [{
            "subject": "{{ first_name | default(\"Hello\") }}, spring is here",
            "html": "<p>Dear {{ first_name | default(\"customer\") }},</p><p>your {{ plan }} plan has new extras.</p><p><a href=\"{{ unsubscribe_url }}\">Unsubscribe</a></p>",
            "body": "Dear {{ first_name | default(\"customer\") }},\n\nyour {{ plan }} plan has new extras.\n\nUnsubscribe: {{ unsubscribe_url }}\n",
        }],
        "defaults": { "plan": "present" },
    })
}

fn sms_account() -> Value {
    json!({
        "kind": "simulator",
        "sender": "+12125550100",
        "ratePerSecond": 30,
        "simulator": {
            "channel": "sms", "seed": 1,
            "delay": { "min": 20, "max": 300 },
            "badAddress": 0.01, "refused": 0.005, "temporary": 0.02, "undelivered": 0.03,
            "receiptDelay": { "min": 500, "max": 6000 },
            "replies": 0.04, "optOuts": 0.02, "helps": 0.01,
            "replyDelay": { "min": 2000, "max": 20000 },
        },
    })
}

fn email_account() -> Value {
    json!({
        "kind": "simulator",
        "sender": "news@example.com",
        "senderName": "Demo Ltd",
        "postalAddress": "Demo Ltd, 1 Example Street, Springfield",
        "ratePerSecond": 30,
        "simulator": {
            "channel": "email", "seed": 2,
            "delay": { "min": 20, "max": 300 },
            "badAddress": 0.02, "refused": 0.005, "temporary": 0.02,
            "optOuts": 0.02,
            "replyDelay": { "min": 2000, "max": 20000 },
        },
    })
}

fn voice_account(port: u16) -> Value {
    json!({
        "kind": "sip",
        "host": "127.0.0.1",
        "port": port,
        "sender": "+12125550100",
        "ratePerSecond": 5,
        "sip": { "channels": 20, "countries": ["US", "CA", "GB", "FR", "AU"] },
    })
}

fn voice_settings(port: u16) -> Value {
    let phones: Vec<String> = (1..=AGENTS).map(|n| format!("sip:{PHONE}{n}@127.0.0.1:{port}")).collect();
    json!({
        "dialing": { "mode": 5, "maxPorts": 20 },
        "calls": { "agents": phones, "maxRingSeconds": 20, "wrapUpSeconds": 5, "abandonPolicy": "US" },
        "treatment": Treatment::for_channel(Channel::Voice),
        "compliance": { "brand": "Demo Ltd", "purpose": "informational" },
    })
}

#[cfg(test)]
mod tests {
    use cxc_core::campaign::CampaignSettings;

    use super::*;

    #[test]
    fn the_contents_and_accounts_are_right() {
        for content in [sms_content(), email_content()] {
            let content: Content = serde_json::from_value(content).unwrap();
            assert_eq!(content.validate(), []);
        }
        for account in [sms_account(), email_account(), voice_account(5_060)] {
            let account: ChannelAccount = serde_json::from_value(account).unwrap();
            assert_eq!(Document::validate(&account), []);
        }
        let _settings: CampaignSettings = serde_json::from_value(voice_settings(5_060)).unwrap();
    }
}
