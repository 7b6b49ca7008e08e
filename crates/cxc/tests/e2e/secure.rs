//! A campaign whose carrier and phone take nothing in the clear: SIP by TLS, audio by SRTP.
use std::time::Duration;

use cxc_test::{Baresip, BaresipOptions};
use serde_json::json;

use crate::audience::{Audience, number};
use crate::world::World;

const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::test]
async fn a_call_by_tls_connects_person_and_agent_by_encrypted_audio() {
    let person = Baresip::start(&BaresipOptions { hertz: 450.0, srtp: true, user: number(0) }).unwrap();
    let phone = Baresip::start(&BaresipOptions { hertz: 1_000.0, srtp: true, ..BaresipOptions::default() }).unwrap();
    let world = World::start().await;
    let list = world.import("people", Audience(1)).await;
    let authorities = [&person, &phone].map(|of| of.certificate().authority_pem().unwrap()).concat();
    let account = json!({
        "name": "secure", "kind": "sip", "host": "127.0.0.1", "port": person.tls_address().port(),
        "sender": "+12125550100", "ratePerSecond": 50, "caCertificate": authorities,
        "sip": {"transport": "tls", "srtp": "required", "channels": 5, "countries": ["US"]},
    });
    let agents = [format!("sip:agent@{};transport=tls", phone.tls_address())];
    let calls = json!({"agents": agents, "wrapUpSeconds": 0});
    let template = world.calls_by("secure", &account, &json!({"mode": 4}), calls).await;
    let group = world.voice_group("secure", &template, &list).await;
    world.waive(&group).await;
    group.start().await;
    // each hears the other: a tone of its own loudness where there was silence
    let loud = |heard: &[i16]| heard.len() > 4_000 && heard.iter().any(|sample| sample.unsigned_abs() > 4_000);
    person.hears(loud).await.unwrap();
    phone.hears(loud).await.unwrap();
    person.hang_up().unwrap();
    let accounting = group.finished(PATIENCE).await;
    assert_eq!(accounting["done"]["Answer"], json!(1), "{accounting}\n{}", world.cxc.log());
}
