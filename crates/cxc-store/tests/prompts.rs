//! The audio of prompts.
use cxc_core::kind;
use cxc_store::object::{Json, Object};
use cxc_store::prompt::{PromptAudio, SpokenPrompt};
use cxc_store::tenant::Tenant;
use cxc_test::TestDb;
use uuid::Uuid;

const ID: Uuid = Uuid::from_u128(7);

fn audio(milliseconds: i64) -> PromptAudio {
    PromptAudio {
        id: ID,
        version: 1,
        milliseconds,
        bytes: 3,
        source: "PCM".into(),
        uploaded_at: 5,
        uploaded_by: "ann".into(),
    }
}

fn tenant() -> Tenant {
    Tenant {
        no: 1,
        id: Uuid::from_u128(1),
        short_name: "one".into(),
        customer_name: "one".into(),
        domain: "one".into(),
        ccid: "one".into(),
        enabled: true,
        version: 1,
        created_at: 1,
        created_by: "ann".into(),
        updated_at: 1,
        updated_by: "ann".into(),
    }
}

#[tokio::test]
async fn an_audio_is_of_its_tenant_is_replaced_and_goes_with_its_prompt() {
    let db = TestDb::start().await.unwrap();
    let mut tx = db.begin().await.unwrap();
    tx.tenant_insert(&tenant()).await.unwrap();
    let prompt = Object {
        id: ID,
        name: "Hello".into(),
        description: String::new(),
        body: Json(serde_json::json!({})),
        version: 1,
        created_at: 1,
        created_by: "ann".into(),
        updated_at: 1,
        updated_by: "ann".into(),
    };
    tx.object_insert(1, kind::PROMPT, &prompt).await.unwrap();
    assert!(tx.prompts_spoken(1).await.unwrap().is_empty(), "nothing was uploaded");
    assert_eq!(tx.prompt_audio_put(1, &audio(20), b"one").await.unwrap(), 1);
    assert_eq!(tx.prompt_audio_put(1, &audio(40), b"two").await.unwrap(), 2);
    let kept = PromptAudio { version: 2, ..audio(40) };
    assert_eq!(tx.prompt_audio_get(1, ID).await.unwrap().as_ref(), Some(&kept));
    assert_eq!(tx.prompt_audio_all(1).await.unwrap(), [kept]);
    assert_eq!(tx.prompt_audio_file(1, ID).await.unwrap(), Some((2, b"two".to_vec())));
    let spoken = SpokenPrompt { name: "Hello".into(), id: ID, version: 2 };
    assert_eq!(tx.prompts_spoken(1).await.unwrap(), [spoken]);
    assert!(tx.prompt_audio_get(2, ID).await.unwrap().is_none() && tx.prompts_spoken(2).await.unwrap().is_empty());
    assert!(tx.object_delete(1, kind::PROMPT, ID, 1).await.unwrap());
    assert!(tx.prompt_audio_get(1, ID).await.unwrap().is_none());
}
