//! What the law asks before a group starts.
use cxc_core::kind;
use cxc_server::Scope;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::numbers::national_list;
use crate::support::{Campaigns, Group, LONDON, NEW_YORK, Person, object, people, person};

const DAY: i64 = 86_400_000_000;
/// The American consumers of the sales campaigns below.
const TWO: [&str; 2] = ["+12125550100", "+12125550101"];

/// The rules that an answer refuses to start for.
fn named(problem: &Value) -> Vec<String> {
    let errors = problem["errors"].as_array().unwrap().iter();
    errors.map(|e| e["pointer"].as_str().unwrap().trim_start_matches("/legalRules/").to_owned()).collect()
}

async fn with_people<'a>(c: &'a Campaigns, settings: Value) -> Group<'a> {
    let group = c.group_with("one", settings).await;
    let mut all = people("30", 3);
    all.push(person("+12125550100", NEW_YORK));
    let list = c.list(all).await;
    group.set_lists(&[&list]).await;
    group
}

#[tokio::test]
async fn a_sales_campaign_does_not_start_while_rules_for_its_people_are_not_decided() {
    let c = Campaigns::under_law().await;
    let group = with_people(&c, json!({ "compliance": { "purpose": "telemarketing" } })).await;
    let answer = group.act("start").await;
    assert_eq!(answer.expect_problem(422), "rules_unanswered");
    let problem = answer.expect(422);
    let rules = named(&problem);
    assert!(rules.contains(&"EU-CONSENT".to_owned()) && rules.contains(&"US-CONSENT-PEWC".to_owned()), "{rules:?}");
    assert!(!rules.iter().any(|r| r.starts_with("GB-") || r.starts_with("AU-")), "nobody is there: {rules:?}");
    let standing = c.app.get(&format!("{}/legal-standing", group.path)).await.expect(200);
    assert_eq!((&standing["purpose"], &standing["lookedAt"]), (&json!("telemarketing"), &json!(4)));
    let unanswered = standing["unanswered"].as_array().unwrap();
    assert_eq!(unanswered.len(), rules.len());
    let eu = unanswered.iter().find(|r| r["rule"] == "EU-CONSENT").unwrap();
    assert_eq!((&eu["contacts"], &eu["area"]), (&json!(3), &json!("EU")));
    assert_eq!(group.state().await, "not_loaded");

    for rule in &rules {
        let body = json!({ "rule": rule, "state": "waived", "reason": "consents are kept elsewhere" });
        object(&c.app, kind::LEGAL_RULE_SETTING, rule, body).await;
    }
    // the national list is asked elsewhere, too
    waive(&c, "US-DNC-NATIONAL").await;
    let started = group.act("start").await.expect(202);
    let disabled: Vec<&str> =
        started["disabledRules"].as_array().unwrap().iter().map(|r| r["rule"].as_str().unwrap()).collect();
    assert!(rules.iter().all(|r| disabled.contains(&r.as_str())), "{disabled:?}");
}

#[tokio::test]
async fn the_purpose_left_out_is_that_of_the_content() {
    let c = Campaigns::under_law().await;
    let content = json!({ "channel": "sms", "class": "transactional", "templates": [{ "body": "Hello" }] });
    let content = object(&c.app, kind::CONTENT, "told", content).await;
    let group = with_people(&c, json!({ "content": content })).await;
    let standing = c.app.get(&format!("{}/legal-standing", group.path)).await.expect(200);
    assert_eq!((&standing["purpose"], &standing["tech"]), (&json!("informational"), &json!("autodialed")));
    assert!(!standing["unanswered"].as_array().unwrap().iter().any(|r| r["rule"] == "US-CONSENT-PEWC"), "{standing}");
    c.app.other.get(&format!("{}/legal-standing", group.path)).await.expect(404);
}

#[tokio::test]
async fn a_person_with_several_phones_is_counted_once_and_later_imports_count_at_once() {
    let c = Campaigns::under_law().await;
    let group = c.group_with("one", json!({ "compliance": { "purpose": "telemarketing" } })).await;
    let three = Person { phones: TWO.map(str::to_owned).to_vec(), ..person("", NEW_YORK) };
    let list = c.list(vec![three]).await;
    group.set_lists(&[&list]).await;
    let concerned = |standing: &Value| {
        let all = standing["unscrubbed"].as_array().unwrap().iter();
        let contacts = all.map(|r| r["contacts"].clone()).collect::<Vec<_>>();
        (standing["lookedAt"].clone(), contacts)
    };
    let path = format!("{}/legal-standing", group.path);
    assert_eq!(concerned(&c.app.get(&path).await.expect(200)), (json!(1), vec![json!(1)]));
    c.append(list.id, vec![person("+12125550109", NEW_YORK)]).await;
    assert_eq!(concerned(&c.app.get(&path).await.expect(200)), (json!(2), vec![json!(2)]));
}

/// A sales campaign for two people of New York at noon, all of whose open questions are waived.
async fn sales(c: &Campaigns) -> Group<'_> {
    c.app.clock.set("2026-12-01T17:00:00Z");
    let group = c.group_with("sales", json!({ "compliance": { "purpose": "telemarketing" } })).await;
    let all: Vec<Person> = TWO.iter().map(|number| person(*number, NEW_YORK)).collect();
    let list = c.list(all).await;
    group.set_lists(&[&list]).await;
    let refused = group.act("load").await.expect(422);
    for rule in named(&refused) {
        waive(c, &rule).await;
    }
    group
}

pub async fn waive(c: &Campaigns, rule: &str) {
    let body = json!({ "rule": rule, "state": "waived", "reason": "asked elsewhere" });
    object(&c.app, kind::LEGAL_RULE_SETTING, rule, body).await;
}

#[tokio::test]
async fn without_the_national_list_a_sales_campaign_does_not_start_and_with_it_who_is_listed_is_left_out() {
    let c = Campaigns::under_law().await;
    let group = sales(&c).await;
    let answer = group.act("start").await;
    assert_eq!(answer.expect_problem(422), "dnc_not_loaded");
    assert_eq!(named(&answer.expect(422)), ["US-DNC-NATIONAL"]);
    let standing = c.app.get(&format!("{}/legal-standing", group.path)).await.expect(200);
    let unscrubbed = &standing["unscrubbed"][0];
    assert_eq!((&unscrubbed["register"], &unscrubbed["contacts"]), (&json!("US-DNC"), &json!(2)));

    national_list(&c, &TWO[..1], c.app.app.now()).await;
    c.app.app.numbers.prepare(c.app.tenant()).await;
    group.load().await;
    let accounting = group.accounting().await;
    assert_eq!((&accounting["excluded"], &accounting["ready"]), (&json!({ "suppressed": 1 }), &json!(1)));
    let records = c.app.get(&format!("{}/records?status=excluded", group.path)).await.expect(200);
    let path = format!("{}/records/{}", group.path, records["items"][0]["recordId"].as_str().unwrap());
    let shown = c.app.get(&path).await.expect(200);
    assert_eq!(shown["reason"], "suppressed", "{shown}");
    assert!(shown.to_string().contains("US-DNC-NATIONAL"), "{shown}");
}

#[tokio::test]
async fn who_scrubs_elsewhere_says_so_and_starts_without_the_list() {
    let c = Campaigns::under_law().await;
    let group = sales(&c).await;
    waive(&c, "US-DNC-NATIONAL").await;
    group.load().await;
    let accounting = group.accounting().await;
    assert_eq!((&accounting["excluded"], &accounting["ready"]), (&json!({}), &json!(2)), "{accounting}");
    let standing = c.app.get(&format!("{}/legal-standing", group.path)).await.expect(200);
    assert!(standing["disabled"].as_array().unwrap().iter().any(|r| r["rule"] == "US-DNC-NATIONAL"), "{standing}");
}

#[tokio::test]
async fn a_national_list_past_its_legal_age_holds_everybody_back() {
    let c = Campaigns::under_law().await;
    let group = sales(&c).await;
    national_list(&c, &["+12125550199"], c.app.app.now() - 32 * DAY).await;
    c.app.app.numbers.prepare(c.app.tenant()).await;
    group.load().await;
    let accounting = group.accounting().await;
    let waiting = &accounting["waiting"][0];
    assert_eq!((&waiting["reason"], &waiting["count"]), (&json!("data_stale"), &json!(2)), "{accounting}");
}

#[tokio::test]
async fn a_message_that_lacks_what_the_law_asks_for_is_not_sent() {
    let c = Campaigns::under_law().await;
    let sale = async |name: &str, text: &str| {
        let content = json!({ "channel": "sms", "class": "marketing", "templates": [{ "body": text }] });
        let content = object(&c.app, kind::CONTENT, name, content).await;
        let settings = json!({ "content": content, "compliance": { "purpose": "telemarketing", "brand": "Acme" } });
        let group = c.group_with(name, settings).await;
        let list = c.list(vec![person("+447700900123", LONDON)]).await;
        group.set_lists(&[&list]).await;
        group
    };
    waive(&c, "GB-PECR-MSG-CONSENT").await;
    let bare = sale("bare", "Spring sale!").await;
    let answer = bare.act("start").await;
    assert_eq!(answer.expect_problem(422), "content_incomplete");
    let problem = answer.expect(422);
    assert_eq!(named(&problem), ["GB-PECR-MSG", "GB-PECR-MSG"]);
    assert!(problem.to_string().contains("Reply STOP"), "{problem}");
    let standing = c.app.get(&format!("{}/legal-standing", bare.path)).await.expect(200);
    let lacking: Vec<&str> =
        standing["lacking"].as_array().unwrap().iter().map(|l| l["requirement"].as_str().unwrap()).collect();
    assert_eq!(lacking, ["sender_identification", "opt_out"], "{standing}");
    let whole = sale("whole", "Acme: spring sale! Reply STOP to opt out").await;
    whole.act("start").await.expect(202);
}

/// Writes a class into a content behind the back of every check, as a program of before left it.
async fn reclass(c: &Campaigns, content: Uuid, class: &str) {
    let mut tx = c.app.app.db.begin().await.unwrap();
    let mut object = tx.object_get(c.app.tenant(), kind::CONTENT, content).await.unwrap().unwrap();
    object.body.0["class"] = json!(class);
    object.version += 1;
    assert!(tx.object_update(c.app.tenant(), kind::CONTENT, &object).await.unwrap());
    tx.commit().await.unwrap();
}

/// Whether an answer refuses what sells under another purpose.
fn refuses_to_sell(answer: &cxc_test::Answer, pointer: &str) {
    let problem = answer.expect(422);
    assert_eq!((&problem["errors"][0]["pointer"], &problem["errors"][0]["code"]), (&json!(pointer), &json!("sells")));
}

#[tokio::test]
async fn what_sells_goes_out_for_no_purpose_but_sales() {
    let c = Campaigns::with_compliance().await;
    c.app.clock.set("2026-12-01T17:00:00Z");
    waive(&c, "US-RND").await;
    let purposes = ["informational", "collections", "survey", "emergency"];
    for purpose in purposes {
        let settings = json!({ "content": c.content, "compliance": { "purpose": purpose } });
        let body = json!({ "name": purpose, "template": c.template, "settings": settings });
        refuses_to_sell(&c.app.post("/campaign-groups").json(&body).await, "/settings/compliance/purpose");
        let profile = json!({ "name": purpose, "type": "sms", "settings": settings });
        refuses_to_sell(&c.app.post("/dialing-profiles").json(&profile).await, "/settings/compliance/purpose");
        let template = json!({ "name": purpose, "dialingProfile": c.profile, "sessionProfile": c.session,
            "settings": settings });
        refuses_to_sell(&c.app.post("/campaign-templates").json(&template).await, "/settings/compliance/purpose");
    }
    // each purpose with what sells nothing; then the content begins to sell
    for purpose in purposes {
        let content = json!({ "channel": "sms", "class": "transactional", "templates": [{ "body": "Hello" }] });
        let content = object(&c.app, kind::CONTENT, purpose, content).await;
        let settings = json!({ "content": content, "compliance": { "purpose": purpose } });
        let group = c.group_with(purpose, settings).await;
        let list = c.list(vec![person("+12125550100", NEW_YORK)]).await;
        group.set_lists(&[&list]).await;
        group.load().await;
        group.act("force-stop").await.expect(200);
        group.put_state("not_loaded", None).await;
        reclass(&c, content, "marketing").await;
        for action in ["load", "start"] {
            refuses_to_sell(&group.act(action).await, "/settings/compliance/purpose");
        }
        let standing = c.app.get(&format!("{}/legal-standing", group.path)).await.expect(200);
        assert_eq!(standing["purpose"], "telemarketing", "the stricter of the two: {standing}");
        let asked = json!({ "type": "sms", "group_id": group.id, "device": { "e164": "+12125550100" } });
        refuses_to_sell(&c.app.post("/internal/v1/compliance/validations").json(&asked).await, "/group_id");
        let asked = json!({ "groupId": group.id, "channel": "sms", "at": "2026-12-01T17:00:00Z",
            "contact": { "country": "US", "postalCode": "10001", "devices": ["+12125550100"] } });
        let told = c.app.post("/compliance/evaluations").json(&asked).await.expect(200);
        assert!(told["reasons"].to_string().contains("US-CONSENT-PEWC"), "it is judged as a sale: {told}");
    }
}

#[tokio::test]
async fn who_warns_of_an_emergency_may_require_rules() {
    let c = Campaigns::under_law().await;
    let planner = c.app.with_scopes(&[Scope::CampaignsRead, Scope::CampaignsWrite]).await.unwrap();
    let mut body = json!({ "name": "two", "template": c.template, "settings": { "content": c.content } });
    planner.post("/campaign-groups").json(&body).await.expect(201);
    body = json!({ "name": "three", "template": c.template,
        "settings": { "content": c.notice, "compliance": { "purpose": "emergency" } } });
    assert_eq!(planner.post("/campaign-groups").json(&body).await.expect_problem(403), "scope_missing");
}
