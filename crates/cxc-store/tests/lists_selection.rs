//! A compiled rule takes exactly the contacts that the rule means, on both engines.
#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]
use cxc_core::location::{Country, Location, LocationSource};
use cxc_core::selection::{FieldSource, SelectionRule, matches_any};
use cxc_store::contact::{Contact, Device, FullContact};
use cxc_store::contact_slice::RULE_FROM;
use cxc_store::list::ContactList;
use cxc_store::selection::{CompiledRule, ContactRow};
use cxc_test::TestDb;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use uuid::Uuid;

const FIELDS: &[(&str, &[&str])] = &[
    ("c_company", &["string", "numeric"]),
    ("c_last_name", &["string"]),
    ("c_other1", &["string", "numeric"]),
    ("custom:Age", &["numeric", "string"]),
    ("custom:Größe in \"cm\" \\ '\t[0].x", &["string", "numeric"]),
    ("custom:2024", &["string"]),
    ("custom:$.c_other1", &["string"]),
    ("c_state_code", &["state_code", "string"]),
    ("contact_info", &["string"]),
    ("cd_device_index", &["numeric", "string"]),
    ("cd_area_code", &["area_code", "numeric"]),
    ("cd_exchange", &["exchange"]),
    ("cd_state_code", &["state_code"]),
    ("cd_tz_name", &["timezone", "string"]),
    ("Attempts", &["numeric"]),
];

fn text() -> impl Strategy<Value = String> {
    let texts = [
        "a", " A ", "ab", "Ärz", "ärz", "ÄRZ ", "a%b", "a_b", "a\\b", "7", "07", "+7", "-7.5", "7.50", "7e1", "1.2.3",
        ".5", "TX", "555",
    ];
    prop_oneof![
        4 => prop::sample::select(texts.to_vec()).prop_map(str::to_owned),
        1 => "[abÄä%_ ]{1,4}",
    ]
}

fn optional() -> impl Strategy<Value = Option<String>> {
    prop_oneof![1 => Just(None), 1 => Just(Some("  ".to_owned())), 6 => text().prop_map(Some)]
}

fn contact(id: i64) -> impl Strategy<Value = FullContact> {
    let device = (1_i64..4, prop::sample::select(&["212", "415", ""][..]), 0_i64..3);
    (optional(), optional(), optional(), optional(), prop::collection::vec(device, 0..3)).prop_map(
        move |(company, last, other, region, devices)| {
            // custom fields by the names of headers, each with a text that another field has
            let names = FIELDS.iter().filter_map(|(name, _)| name.strip_prefix("custom:"));
            let texts = [&company, &last, &region, &company].map(|t| t.clone().unwrap_or_default());
            let mut custom: serde_json::Map<_, _> = names.zip(texts).map(|(n, t)| (n.to_owned(), t.into())).collect();
            if let Some(text) = other {
                custom.insert("c_other1".into(), text.into());
            }
            let custom = (devices.len() != 1).then(|| serde_json::Value::Object(custom).to_string());
            let devices = devices.into_iter().enumerate().map(|(n, (line, area, location))| Device {
                contact: id,
                position: n as i16 + 1,
                kind: 1,
                address: format!("+1{}555010{line}", if area.is_empty() { "900" } else { area }),
                area_code: Some(area.to_owned()).filter(|a| !a.is_empty()),
                location,
                ..Device::default()
            });
            FullContact {
                contact: Contact { id, company, last_name: last, region, custom, ..Contact::default() },
                devices: devices.collect(),
            }
        },
    )
}

fn rule() -> impl Strategy<Value = SelectionRule> {
    let operators = [
        "equal",
        "not_equal",
        "like",
        "not_like",
        "in",
        "not_in",
        "is_empty",
        "contains",
        "does_not_contain",
        "less_than",
        "less_or_equal",
        "greater_than",
        "greater_or_equal",
    ];
    let condition = (
        prop::sample::select(FIELDS),
        0_usize..3,
        prop::sample::select(operators.to_vec()),
        prop::collection::vec(text(), 1..3),
    );
    let condition = condition.prop_map(|((field, kinds), kind, operator, values)| {
        let value = match operator {
            "is_empty" => serde_json::Value::Null,
            "in" | "not_in" => serde_json::json!(values),
            _ => serde_json::json!(values[0]),
        };
        serde_json::json!({ "field": field, "type": kinds[kind % kinds.len()], "operator": operator, "value": value })
    });
    prop::collection::vec(prop::collection::vec(condition, 1..4), 1..3)
        .prop_map(|sets| {
            serde_json::from_value(serde_json::json!({ "kind": "advanced", "conditionSets": sets })).unwrap()
        })
        .prop_filter("a valid rule", |rule: &SelectionRule| rule.validate().is_empty())
}

fn places() -> Vec<Location> {
    let texas =
        Location::new(LocationSource::Prefix, Some(Country::US), vec!["US-TX".into()], vec!["America/Chicago".into()]);
    let two = Location::new(
        LocationSource::Prefix,
        Some(Country::US),
        vec!["US-SD".into(), "US-TX".into()],
        vec!["America/Chicago".into(), "America/Denver".into()],
    );
    vec![texas, two]
}

fn taken(rule: &SelectionRule, full: &FullContact, places: &[Location]) -> bool {
    let row = |device: Option<&Device>| {
        let place = |d: &Device| usize::try_from(d.location - 1).ok().and_then(|n| places.get(n));
        let device = device.map(|d| (d.position as usize - 1, place(d)));
        (full.clone(), device.map(|(n, place)| (n, place.cloned())))
    };
    let rows: Vec<_> = match full.devices.as_slice() {
        [] => vec![row(None)],
        devices => devices.iter().map(|d| row(Some(d))).collect(),
    };
    let rows: Vec<ContactRow<'_>> = rows
        .iter()
        .map(|(full, device)| ContactRow {
            contact: &full.contact,
            device: device.as_ref().map(|(n, place)| (&full.devices[*n], place.as_ref())),
        })
        .collect();
    matches_any(rule, rows.iter().map(|r| r as &dyn FieldSource))
}

#[tokio::test]
async fn sql_and_memory_agree_on_random_rules_and_contacts() {
    let db = TestDb::start().await.unwrap();
    let config = Config { rng_seed: RngSeed::Fixed(20_261_122), ..Config::default() };
    let mut runner = TestRunner::new(config);
    let contacts: Vec<FullContact> = (1..=300).map(|id| contact(id).new_tree(&mut runner).unwrap().current()).collect();
    let places = places();
    let mut tx = db.begin().await.unwrap();
    for (number, place) in (1_i64..).zip(&places) {
        const SQL: &str = "INSERT INTO location (number, key) VALUES ($1, $2)";
        cxc_store::on!(&mut tx, conn => sqlx::query(SQL).bind(number).bind(place.key()).execute(conn).await.unwrap().rows_affected());
    }
    tx.contacts_insert(9, &contacts).await.unwrap();
    tx.commit().await.unwrap();
    let list = ContactList {
        number: 1,
        tenant: 1,
        id: Uuid::nil(),
        generation: 9,
        visible_to: 300,
        contacts: 300,
        devices: 0,
        rejects: 0,
        changes: 0,
    };
    let mut some = 0;
    for n in 0..200 {
        let rule = rule().new_tree(&mut runner).unwrap().current();
        let compiled = CompiledRule::new(&rule, db.engine(), RULE_FROM, false);
        let mut tx = db.read().await.unwrap();
        let found = tx.contact_slice(&list, 0, 1000, Some(&compiled)).await.unwrap().unwrap();
        let found: Vec<i64> = found.contacts.iter().map(|c| c.id).collect();
        let wanted: Vec<i64> = contacts.iter().filter(|c| taken(&rule, c, &places)).map(|c| c.contact.id).collect();
        let differ = contacts.iter().find(|c| found.contains(&c.contact.id) != wanted.contains(&c.contact.id));
        assert!(differ.is_none(), "rule {n}: {}\n{differ:?}\n{}", serde_json::to_string(&rule).unwrap(), compiled.sql);
        some += usize::from(!found.is_empty() && found.len() < 300);
        let (count, looked_at, last) = tx.contact_count(&list, 0, 1000, &compiled).await.unwrap().unwrap();
        assert_eq!((count, looked_at, last), (found.len() as i64, 300, 300));
    }
    assert!(some > 70, "only {some} rules took some and left some");
}
