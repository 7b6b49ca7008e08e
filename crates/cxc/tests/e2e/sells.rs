//! What sells leaves by the rules of sales, whatever a campaign says that it is for.
use std::time::Duration;

use cxc_test::Smsc;
use serde_json::{Value, json};

use crate::audience::Audience;
use crate::campaign::Kind;
use crate::world::{World, until};

const PEOPLE: Audience = Audience(200);
const SECOND: Duration = Duration::from_secs(30);

/// Makes every content one that sells, as a program of before may have left it beside its groups.
async fn make_all_sell(world: &World) {
    let sql = match std::env::var("CXC_TEST_ENGINE").as_deref() {
        Ok("postgres") => {
            "UPDATE object SET version = version + 1, body = replace(body::text, '\"transactional\"', '\"marketing\"')::jsonb
             WHERE kind = 'content'"
        }
        _ => {
            "UPDATE object SET version = version + 1, body = replace(body, '\"transactional\"', '\"marketing\"')
             WHERE kind = 'content'"
        }
    };
    world.execute(sql).await;
}

#[tokio::test]
async fn a_content_that_begins_to_sell_is_refused_and_where_it_does_all_the_same_nothing_leaves() {
    let smsc = Smsc::with(&["--delay", "5"]).unwrap();
    let world = World::start().await;
    let list = world.import("people", PEOPLE).await;
    let template = world.template(Kind::Sms, smsc.port(), &json!({"receipts": false}), 120).await;
    let group = world.group("news", &template, &list).await;
    group.start().await;
    until("the first have left", SECOND, async || smsc.submits().unwrap().len() > 2).await;

    let contents = world.api.get("/contents").await.expect(200);
    let path = format!("/contents/{}", contents["items"][0]["id"].as_str().unwrap());
    let read = world.api.get(&path).await;
    let sells = json!({"class": "marketing"});
    let refused = world.api.patch(&path).if_match(&read.etag()).json(&sells).await.expect(422);
    let error = &refused["errors"][0];
    assert_eq!((&error["pointer"], &error["code"]), (&json!("/class"), &json!("sells")), "{refused}");
    assert!(error["detail"].as_str().unwrap().contains("\"news\""), "{refused}");

    make_all_sell(&world).await;
    until("it says why it does not go on", SECOND, async || {
        group.standing().await["limitedBy"].as_str().is_some_and(|why| why.contains("rules of telemarketing"))
    })
    .await;
    // what was on its way to the centre is there
    tokio::time::sleep(Duration::from_secs(1)).await;
    let left = smsc.submits().unwrap().len();
    assert!(left < PEOPLE.0, "the test comes too late");
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(smsc.submits().unwrap().len(), left, "what sells left under another purpose");
    // nor does it begin anew
    group.stop().await;
    let answer = world.api.post(&format!("/campaign-groups/{}/actions/start", group.id())).await.expect(422);
    assert_eq!(answer["errors"][0]["code"], "sells", "{answer}");
    let record = group.records("ready").await;
    assert_ne!(record, Vec::<Value>::new(), "the rest is left");
}
