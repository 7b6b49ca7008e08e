//! Flags of people by their API.
use cxc_test::TestApp;
use serde_json::json;

const FLAGS: &str = "/compliance/person-flags";

#[tokio::test]
async fn a_flag_is_recorded_shown_and_taken_away_with_a_reason() {
    let app = TestApp::start(|app| cxc_compliance_manager::service(app).unwrap()).await.unwrap();
    let of = format!("{FLAGS}?clientId=C-1");
    assert_eq!(app.get(&of).await.expect(200)["items"], json!([]));
    app.post(FLAGS).json(&json!({ "clientId": "C-1", "flag": "cease", "note": "letter 17" })).await.expect(201);
    app.post(FLAGS).json(&json!({ "clientId": "C-1", "flag": "cease" })).await.expect(201);
    app.post(FLAGS).json(&json!({ "clientId": "C-1", "flag": "rich" })).await.expect(422);
    app.post(FLAGS).json(&json!({ "flag": "cease" })).await.expect(422);
    let known = app.get(&of).await;
    assert_eq!(known.expect(200)["items"].as_array().unwrap().len(), 1);
    assert_eq!(known.expect(200)["items"][0]["note"], "letter 17", "the first stays");
    assert_eq!(app.other.get(&of).await.expect(200)["items"], json!([]), "another tenant sees nothing");
    app.delete(&format!("{of}&flag=cease&reason=")).await.expect(422);
    app.delete(&format!("{of}&flag=cease&reason=settled")).await.expect(204);
    app.delete(&format!("{of}&flag=cease&reason=settled")).await.expect(404);
    assert_eq!(app.get(&of).await.expect(200)["items"], json!([]));
}
