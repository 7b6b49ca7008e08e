//! Documents through a real router on a real database.
use axum::http::Method;
use cxc_core::field_error::FieldError;
use cxc_store::object_query::ObjectField;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Document, Extras, Reference};
use crate::crud;
use crate::error::ApiError;
use crate::scope::Scope;
use crate::testing::{Client, TestApp};

/// A box that may stand in another.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Crate {
    #[serde(default)]
    colour: String,
    #[serde(default)]
    weight: i64,
    #[serde(default)]
    sealed: bool,
    #[serde(default)]
    inside: Option<Uuid>,
    #[serde(default)]
    #[schema(write_only)]
    key: Option<String>,
}

#[derive(Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Counted {
    same_colour: i64,
}

impl Document for Crate {
    const KIND: &'static str = "crate";
    const NOUN: &'static str = "crate";
    const PATH: &'static str = "/stock/crates";
    const TAG: &'static str = "Stock";
    const READ: Scope = Scope::ListsRead;
    const WRITE: Scope = Scope::ListsWrite;
    const FILTERS: &'static [ObjectField] =
        &[ObjectField::Text("colour"), ObjectField::Integer("weight"), ObjectField::Bool("sealed")];
    const SECRETS: &'static [&'static str] = &["/key"];
    type Extra = Counted;

    fn validate(&self) -> Vec<FieldError> {
        if self.weight < 0 {
            vec![FieldError::new("/weight", "out_of_range", "a weight is 0 or more")]
        } else {
            Vec::new()
        }
    }

    fn references(&self) -> Vec<Reference> {
        self.inside.map(|id| Reference::new("/inside", "crate", id)).into_iter().collect()
    }

    async fn extra(extras: &mut Extras<'_, Self>) -> Result<Vec<Counted>, ApiError> {
        let all = super::get_all::<Self>(extras.tx, extras.tenant).await?;
        let same = |c: &str| all.iter().filter(|o| o.body.colour == c).count() as i64;
        Ok(extras.documents.iter().map(|d| Counted { same_colour: same(&d.body.colour) }).collect())
    }
}

async fn start() -> TestApp {
    TestApp::with(crud::<Crate>(), |_| ()).await
}

const PATH: &str = "/stock/crates";

async fn made(client: &Client<'_>, body: Value) -> (String, String) {
    let answer = client.post(PATH, &body).await;
    let etag = answer.etag();
    (answer.expect(201)["id"].as_str().unwrap().to_owned(), etag)
}

#[tokio::test]
async fn a_document_is_made_read_changed_and_deleted() {
    let test = start().await;
    let admin = test.sign_in("acme\\admin").await;
    let answer = admin.post(PATH, &json!({"name": " Red ", "colour": "red", "key": "k1"})).await;
    let (location, etag) = (answer.headers["location"].to_str().unwrap().to_owned(), answer.etag());
    let body = answer.expect(201);
    assert_eq!((&body["name"], &body["version"], &body["sameColour"]), (&json!("Red"), &json!(1), &json!(1)));
    assert_eq!((&body["createdAt"], &body["createdBy"]), (&json!("2026-03-02T09:00:00Z"), &json!("admin")));
    assert_eq!(body.get("key"), None, "a secret is never shown");
    let path = location.strip_prefix(crate::BASE).unwrap();

    let same = admin.send(Method::GET, path, None, &[("if-none-match", &etag)]).await;
    assert_eq!(same.status, 304);
    assert_eq!(admin.get(path).await.expect(200), body);

    let patch = json!({"weight": 7});
    admin.send(Method::PATCH, path, Some(&patch), &[]).await.expect_problem(428, "if_match_required");
    admin.send(Method::PATCH, path, Some(&patch), &[("if-match", "\"9\"")]).await.expect_problem(412, "etag_mismatch");
    let changed = admin.send(Method::PATCH, path, Some(&patch), &[("if-match", &etag)]).await;
    let etag = changed.etag();
    let changed = changed.expect(200);
    assert_eq!((&changed["weight"], &changed["version"], &changed["colour"]), (&json!(7), &json!(2), &json!("red")));

    let replaced = admin.send(Method::PUT, path, Some(&changed), &[("if-match", &etag)]).await;
    let etag = replaced.etag();
    assert_eq!(replaced.expect(200)["version"], 3, "what a GET answered may be PUT");

    admin.send(Method::DELETE, path, None, &[("if-match", &etag)]).await.expect(204);
    admin.get(path).await.expect_problem(404, "not_found");
    let audit = admin.get("/audit-events?objectKind=crate").await.expect(200);
    let actions: Vec<&str> = audit["items"].as_array().unwrap().iter().map(|e| e["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["delete", "update", "update", "create"]);
    assert_eq!(audit["items"][2]["before"]["weight"], 0);
    assert_eq!(audit["items"][2]["after"]["weight"], 7);
    assert!(!audit.to_string().contains("k1"), "secrets are not audited");
}

#[tokio::test]
async fn a_secret_that_is_left_out_of_a_put_stays() {
    let test = start().await;
    let admin = test.sign_in("acme\\admin").await;
    let (id, etag) = made(&admin, json!({"name": "a", "key": "k1"})).await;
    let path = format!("{PATH}/{id}");
    let put = async |body: Value, etag: String| {
        let answer = admin.send(Method::PUT, &path, Some(&body), &[("if-match", &etag)]).await;
        let etag = answer.etag();
        answer.expect(200);
        let mut tx = test.app.db.read().await.unwrap();
        let stored = super::get::<Crate>(&mut tx, test.tenant.no, id.parse().unwrap()).await.unwrap().unwrap();
        (stored.body.key, etag)
    };
    let (key, etag) = put(json!({"name": "b"}), etag).await;
    assert_eq!(key.as_deref(), Some("k1"));
    let (key, _) = put(json!({"name": "b", "key": null}), etag).await;
    assert_eq!(key, None);
}

#[tokio::test]
async fn a_name_is_used_once_whatever_its_case() {
    let test = start().await;
    let admin = test.sign_in("acme\\admin").await;
    made(&admin, json!({"name": "Übung"})).await;
    let (other, etag) = made(&admin, json!({"name": "b"})).await;
    admin.post(PATH, &json!({"name": "übung"})).await.expect_problem(409, "name_taken");
    let rename = json!({"name": "ÜBUNG"});
    let path = format!("{PATH}/{other}");
    admin.send(Method::PATCH, &path, Some(&rename), &[("if-match", &etag)]).await.expect_problem(409, "name_taken");
}

#[tokio::test]
async fn what_is_wrong_is_named_by_its_pointer() {
    let test = start().await;
    let admin = test.sign_in("acme\\admin").await;
    let long = "x".repeat(256);
    let nobody = Uuid::nil().to_string();
    for (body, pointer, code) in [
        (json!({"name": "a", "weight": -1}), "/weight", "out_of_range"),
        (json!({"name": "a", "weight": "1"}), "/weight", "invalid"),
        (json!({"name": "a", "inside": nobody}), "/inside", "not_found"),
        (json!({"name": "a", "more": 1}), "", "unknown_member"),
        (json!({"name": " "}), "/name", "invalid"),
        (json!({"name": long}), "/name", "invalid"),
        (json!({"colour": "red"}), "/name", "required"),
        (json!([1]), "", "invalid"),
        (json!({"name": "a", "id": nobody}), "", "unknown_member"),
    ] {
        let problem = admin.post(PATH, &body).await.expect_problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["code"], code, "{body}");
        assert!(problem["errors"][0]["pointer"].as_str().unwrap().starts_with(pointer), "{problem}");
    }
    let problem = admin.post(PATH, &json!({"nam": "a"})).await.expect_problem(422, "validation_failed");
    let detail = problem["errors"][1]["detail"].as_str().unwrap();
    assert!(detail.starts_with("there is no member nam here: the members are name, description, "), "{problem}");
}

#[tokio::test]
async fn an_object_in_use_is_not_deleted() {
    let test = start().await;
    let admin = test.sign_in("acme\\admin").await;
    let (outer, etag) = made(&admin, json!({"name": "outer"})).await;
    let (inner, inner_etag) = made(&admin, json!({"name": "inner", "inside": outer})).await;
    let outer = format!("{PATH}/{outer}");
    let refused = admin.send(Method::DELETE, &outer, None, &[("if-match", &etag)]).await.expect_problem(409, "in_use");
    assert!(refused["detail"].as_str().unwrap().contains("inner"), "{refused}");
    let inner = format!("{PATH}/{inner}");
    admin.send(Method::DELETE, &inner, None, &[("if-match", &inner_etag)]).await.expect(204);
    admin.send(Method::DELETE, &outer, None, &[("if-match", "*")]).await.expect(204);
}

#[tokio::test]
async fn pages_join_to_the_whole_in_order_whatever_the_sort() {
    let test = start().await;
    let admin = test.sign_in("acme\\admin").await;
    for n in 0..7_i64 {
        let colour = if n % 2 == 0 { "red" } else { "blue" };
        made(&admin, json!({"name": format!("c{n}"), "colour": colour, "weight": n / 3, "sealed": n > 3})).await;
        test.clock.advance_seconds(1);
    }
    for (sort, expected) in [
        ("", ["c0", "c1", "c2", "c3", "c4", "c5", "c6"]),
        ("&sort=-createdAt", ["c6", "c5", "c4", "c3", "c2", "c1", "c0"]),
        ("&sort=-weight,name", ["c6", "c3", "c4", "c5", "c0", "c1", "c2"]),
        ("&sort=colour,-name", ["c5", "c3", "c1", "c6", "c4", "c2", "c0"]),
        ("&sort=sealed,-weight,-name", ["c3", "c2", "c1", "c0", "c6", "c5", "c4"]),
    ] {
        let mut names = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = admin.get(&format!("{PATH}?limit=2&count=true{sort}{cursor}")).await.expect(200);
            assert_eq!((&page["total"], &page["totalIsEstimate"]), (&json!(7), &json!(false)));
            names.extend(page["items"].as_array().unwrap().iter().map(|i| i["name"].as_str().unwrap().to_owned()));
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(names, expected, "{sort}");
    }
}

#[tokio::test]
async fn filters_compare_by_the_type_of_their_field() {
    let test = start().await;
    let admin = test.sign_in("acme\\admin").await;
    for (name, colour, weight, sealed) in [("a_b", "red", 9, true), ("axb", "red", 10, false), ("c", "", 11, true)] {
        made(&admin, json!({"name": name, "colour": colour, "weight": weight, "sealed": sealed})).await;
        test.clock.advance_seconds(60);
    }
    for (filter, expected) in [
        ("colour=red", "a_b axb"),
        ("colour[ne]=red", "c"),
        ("colour[empty]=true", "c"),
        ("weight[gte]=10", "axb c"),
        ("weight=9", "a_b"),
        ("weight[in]=9,11", "a_b c"),
        ("sealed=true&colour=red", "a_b"),
        ("name=A_B", "a_b"),
        ("name[contains]=_", "a_b"),
        ("name[contains]=B", "a_b axb"),
        ("createdAt[gt]=2026-03-02T09:01:30Z", "c"),
    ] {
        let page = admin.get(&format!("{PATH}?sort=name&{filter}")).await.expect(200);
        let names: Vec<&str> = page["items"].as_array().unwrap().iter().map(|i| i["name"].as_str().unwrap()).collect();
        assert_eq!(names.join(" "), expected, "{filter}");
    }
    admin.get(&format!("{PATH}?size=3")).await.expect_problem(400, "bad_filter");
    admin.get(&format!("{PATH}?weight=many")).await.expect_problem(400, "bad_filter");
    admin.get(&format!("{PATH}?cursor=abc")).await.expect_problem(400, "bad_cursor");
    let sparse = admin.get(&format!("{PATH}?limit=1&fields=name,weight")).await.expect(200);
    assert_eq!(sparse["items"][0], json!({"name": "a_b", "weight": 9}));
}

#[tokio::test]
async fn another_tenants_object_does_not_exist() {
    let test = start().await;
    TestApp::add_tenant(&test.app, "other").await;
    let admin = test.sign_in("acme\\admin").await;
    let stranger = test.sign_in("other\\admin").await;
    let (id, etag) = made(&admin, json!({"name": "ours"})).await;
    let path = format!("{PATH}/{id}");
    let body = json!({"name": "theirs"});
    stranger.get(&path).await.expect_problem(404, "not_found");
    for method in [Method::PUT, Method::PATCH, Method::DELETE] {
        stranger.send(method, &path, Some(&body), &[("if-match", &etag)]).await.expect_problem(404, "not_found");
    }
    assert_eq!(stranger.get(&format!("{PATH}?count=true")).await.expect(200)["total"], 0);
    stranger.post(PATH, &json!({"name": "x", "inside": id})).await.expect_problem(422, "validation_failed");
    made(&stranger, json!({"name": "ours"})).await;
    assert_eq!(admin.get(&format!("{PATH}?count=true")).await.expect(200)["total"], 1);
    let audit = stranger.get("/audit-events?objectKind=crate").await.expect(200);
    assert_eq!(audit["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_scope_is_needed_and_shown_in_the_description() {
    let test = start().await;
    let agent = {
        crate::provision::user(
            &test.app,
            test.tenant.no,
            "bob",
            crate::testing::PASSWORD,
            &[crate::scope::BuiltInRole::Auditor],
        )
        .await
        .unwrap();
        test.sign_in("acme\\bob").await
    };
    agent.get(PATH).await.expect(200);
    agent.post(PATH, &json!({"name": "x"})).await.expect_problem(403, "scope_missing");
    test.stranger().get(PATH).await.expect_problem(401, "unauthenticated");
    let description = serde_json::to_value(crud::<Crate>().into_openapi()).unwrap();
    let operation = &description["paths"]["/stock/crates/{id}"]["patch"];
    assert_eq!(operation["security"][1]["oauth2"], json!(["lists:write"]));
    assert_eq!(operation["operationId"], "updateCrate");
    let view = &description["components"]["schemas"]["Crate"];
    assert!(view["properties"].get("key").is_none() && view["properties"].get("sameColour").is_some(), "{view}");
    let input = &description["components"]["schemas"]["CrateInput"];
    assert_eq!((&input["required"], &input["additionalProperties"]), (&json!(["name"]), &json!(false)), "{input}");
}
