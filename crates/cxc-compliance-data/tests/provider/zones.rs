//! What a manifest asks of the time zone database.
use cxc_core::compliance_data::TzdbDemand;

use super::*;

/// The zones of this program under the name of another release.
fn release(version: &str) -> Zones {
    Zones::kept(version, Zones::bundled().files()).unwrap()
}

/// A manifest with a signature, whatever it says.
fn signed_unseen(mut manifest: Value) -> String {
    manifest.as_object_mut().unwrap().remove("signature");
    manifest.sort_all_objects();
    manifest["signature"] = key().sign(manifest.to_string().as_bytes()).into();
    manifest.to_string()
}

#[tokio::test]
async fn the_manifest_says_which_time_zone_database_decisions_need_and_the_next_may_take_it_back() {
    let (peer, db) = (Peer::start().await, TestDb::start().await.unwrap());
    let (zones, db, client) = (release("2026e"), db.db(), peer.client());
    let copy = zones.clone();
    let live = LiveData::new(zones, false, wanted(""), Some(key().public()), None).unwrap();
    let ask = |least| publish_asking(peer.dir.path(), &peer.clock, &[], (&release("2026h"), Some(least))).unwrap();
    ask("2026g");
    assert_eq!(copy.too_old(), None);
    client.cycle(db, &live, false).await.unwrap();
    assert!(copy.too_old().unwrap().to_string().contains("must be 2026g or later"));
    let other = LiveData::new(release("2026e"), false, wanted(""), Some(key().public()), None).unwrap();
    assert!(other.take_over(db).await.unwrap());
    ask("2026e");
    client.cycle(db, &live, false).await.unwrap();
    assert_eq!(copy.too_old(), None, "a demand that was wrong is taken back");
}

#[tokio::test]
async fn a_release_that_nobody_has_is_neither_published_nor_believed() {
    let (peer, db) = (Peer::start().await, TestDb::start().await.unwrap());
    let (zones, db, client) = (Zones::bundled(), db.db(), peer.client());
    let copy = zones.clone();
    let live = LiveData::new(zones, false, wanted(""), Some(key().public()), None).unwrap();
    client.cycle(db, &live, false).await.unwrap();
    let before = std::fs::read(peer.dir.path().join("manifest.json")).unwrap();
    for least in ["2099a", "soon"] {
        let asked = (&Zones::bundled(), Some(least));
        let refused = publish_asking(peer.dir.path(), &peer.clock, &[], asked).unwrap_err();
        assert!(format!("{refused:#}").contains(least), "{refused:#}");
    }
    assert_eq!(std::fs::read(peer.dir.path().join("manifest.json")).unwrap(), before, "what is published stays");

    // signed all the same, by a program that does not look
    let path = peer.dir.path().join("manifest.json");
    let mut made: Value = serde_json::from_slice(&before).unwrap();
    made["generation"] = "2026-03-02T10:00Z#7".into();
    made["tzdb"] = serde_json::to_value(TzdbDemand { min_version: "2099a".into(), latest: None }).unwrap();
    std::fs::write(&path, signed_unseen(made)).unwrap();
    let error = client.cycle(db, &live, false).await.unwrap_err();
    assert!(error.to_string().contains("2099a is of the future"), "{error}");
    assert_eq!((copy.too_old(), live.in_use().seq), (None, 1), "the last good set stays in use");
    assert!(LastCheck::read(db).await.unwrap().error.unwrap().contains("2099a"));

    let good = Manifest::read(&before, &key().public()).unwrap();
    let good = Manifest { generation: "2026-03-02T11:00Z#8".into(), ..good };
    std::fs::write(&path, good.signed(&key()).unwrap()).unwrap();
    assert!(matches!(client.cycle(db, &live, false).await.unwrap(), Outcome::Activated(_)));
    assert_eq!((copy.too_old(), LastCheck::read(db).await.unwrap().error), (None, None));
}
