//! Prompts through the real router on a real database.
#![expect(clippy::unwrap_used, reason = "a test that finds something else than it expects has failed")]
use cxc_server::{Scope, Service};
use cxc_test::TestApp;
use serde_json::{Value, json};

async fn start() -> TestApp {
    let make = |app| Service::new("dialer", app, cxc_dial_manager::prompts::routes());
    TestApp::start(make).await.unwrap()
}

/// A second of stereo at 16 kHz, all samples the same.
fn wav(level: i16) -> Vec<u8> {
    let audio = level.to_le_bytes().repeat(32_000);
    let len = u32::try_from(audio.len()).unwrap();
    let mut file = [b"RIFF".as_slice(), &(len + 36).to_le_bytes(), b"WAVEfmt "].concat();
    file.extend([16, 0, 0, 0, 1, 0, 2, 0]);
    file.extend([16_000_u32.to_le_bytes(), 64_000_u32.to_le_bytes(), [4, 0, 16, 0]].concat());
    file.extend([b"data".as_slice(), &len.to_le_bytes(), &audio].concat());
    file
}

/// A new prompt, and the path of its audio.
async fn prompt(app: &TestApp, name: &str) -> (Value, String) {
    let made = app.create("/prompts", &json!({"name": name, "language": "en-US", "text": "Hello."})).await;
    let path = format!("/prompts/{}", made["id"].as_str().unwrap());
    (made, path)
}

#[tokio::test]
async fn what_is_uploaded_is_converted_kept_heard_and_replaced() {
    let app = start().await;
    let (made, path) = prompt(&app, "hello").await;
    assert_eq!(made["audio"], Value::Null);
    let audio = format!("{path}/audio");
    assert_eq!(app.get(&audio).await.expect_problem(404), "not_found");
    let kept = app.put(&audio).bytes(wav(8_000)).await.expect(200);
    assert_eq!((&kept["version"], &kept["seconds"]), (&json!(1), &json!(1.0)), "{kept}");
    assert_eq!(kept["source"], "PCM, 16 bits, stereo, 16000 Hz");

    let heard = app.get(&audio).await;
    assert_eq!((heard.status.as_u16(), &heard.headers["content-type"]), (200, &"audio/wav".parse().unwrap()));
    assert_eq!(heard.headers["content-disposition"], "inline; filename=\"hello.wav\"");
    let file = heard.body.to_vec();
    let at = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
    assert_eq!((&file[..4], at(24), at(22) & 0xffff, at(34) & 0xffff), (b"RIFF".as_slice(), 8_000, 1, 16));
    assert_eq!(file.len(), 44 + 16_000);
    let middle = i16::from_le_bytes(file[8_044..8_046].try_into().unwrap());
    assert!((7_900..8_100).contains(&middle), "{middle}");
    let tag = heard.etag();
    assert_eq!(app.get(&audio).header("if-none-match", &tag).await.status, 304);

    let other = app.put(&audio).bytes(wav(100)).await.expect(200);
    assert_eq!(other["version"], 2);
    assert_eq!(app.get(&audio).header("if-none-match", &tag).await.status, 200);
    assert_eq!(app.get(&path).await.expect(200)["audio"]["version"], 2);
    assert_eq!(app.get("/prompts").await.expect(200)["items"][0]["audio"]["version"], 2);
    let audit = app.get("/audit-events?objectKind=prompt&limit=100").await.expect(200);
    let uploads = audit["items"].as_array().unwrap().iter().filter(|event| event["action"] == "upload").count();
    assert_eq!(uploads, 2, "{audit}");

    // nobody else's
    for answer in [app.other.get(&audio).await, app.other.put(&audio).bytes(wav(1)).await] {
        assert_eq!(answer.expect_problem(404), "not_found");
    }
    let reader = app.with_scopes(&[Scope::ContentRead]).await.unwrap();
    assert_eq!(reader.get(&audio).await.status, 200);
    assert_eq!(reader.put(&audio).bytes(wav(1)).await.status, 403);
}

#[tokio::test]
async fn what_can_not_be_said_is_refused_with_what_was_found() {
    let app = start().await;
    let (_, path) = prompt(&app, "hello").await;
    let audio = format!("{path}/audio");
    let refused = async |file: Vec<u8>| {
        let problem = app.put(&audio).bytes(file).await.expect(422);
        problem["errors"][0]["detail"].as_str().unwrap().to_owned()
    };
    assert!(refused(b"ID3\x03 not a WAV file".to_vec()).await.contains("MP3"));
    assert!(refused(Vec::new()).await.contains("empty"));
    let mut slow = wav(1);
    slow[24..28].copy_from_slice(&4_000_u32.to_le_bytes());
    assert!(refused(slow).await.contains("4000"));
    assert!(refused(wav(1)[..100].to_vec()).await.contains("ends before"));
    assert_eq!(app.put(&audio).bytes(vec![0; (20 << 20) + 1]).await.expect_problem(413), "body_too_large");
    assert_eq!(app.get(&path).await.expect(200)["audio"], Value::Null);

    let pointer = async |body: Value| {
        let problem = app.post("/prompts").json(&body).await.expect(422);
        problem["errors"][0]["pointer"].as_str().unwrap().to_owned()
    };
    assert_eq!(pointer(json!({"name": "../menu", "language": "en"})).await, "/name");
    assert_eq!(pointer(json!({"name": "menu", "language": "English, please"})).await, "/language");
    assert_eq!(pointer(json!({"name": "menu", "language": "en", "text": "a".repeat(10_001)})).await, "/text");
}

#[tokio::test]
async fn a_prompt_that_somebody_plays_keeps_its_name_and_stays() {
    let app = start().await;
    let (made, path) = prompt(&app, "hello").await;
    app.put(&format!("{path}/audio")).bytes(wav(1)).await.expect(200);
    let script = json!({"start": "say", "steps": {"say": {"type": "hang_up", "prompt": "hello"}}});
    let number = json!({"name": "Desk", "number": "+12125550100", "proof": "letter", "provenOn": "2026-02-02",
        "inbound": script});
    let number = app.create("/caller-ids", &number).await;
    let tag = app.get(&path).await.etag();
    let refused = app.delete(&path).if_match(&tag).await;
    assert!(refused.text().contains("caller id \\\"Desk\\\""), "{}", refused.text());
    assert_eq!(refused.expect_problem(409), "in_use");
    let renamed = app.patch(&path).if_match(&tag).json(&json!({"name": "bye"})).await;
    assert_eq!(renamed.expect_problem(409), "in_use");
    app.patch(&path).if_match(&tag).json(&json!({"text": "Good day."})).await.expect(200);

    let number = format!("/caller-ids/{}", number["id"].as_str().unwrap());
    app.delete(&number).if_match("*").await.expect(204);
    app.delete(&path).if_match("*").await.expect(204);
    let id = made["id"].as_str().unwrap().parse().unwrap();
    let mut tx = app.app.db.read().await.unwrap();
    assert!(tx.prompt_audio_get(app.tenant(), id).await.unwrap().is_none());
}
