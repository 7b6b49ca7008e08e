//! What is downloaded, what is checked, and what comes into use.
use super::*;

#[tokio::test]
async fn a_generation_is_downloaded_once_and_then_only_its_manifest_is_asked_for() {
    let (peer, db, live) = (Peer::start().await, TestDb::start().await.unwrap(), live());
    let (client, db) = (peer.client(), db.db());
    assert_eq!(live.in_use().source, Source::Embedded);
    let first = client.cycle(db, &live, false).await.unwrap();
    assert!(matches!(first, Outcome::Activated(_)), "{first:?}");
    assert_eq!(client.take_downloaded(), 13);
    assert_eq!((live.in_use().source, live.in_use().seq), (Source::Cdp, 1));
    assert!(states(db).await.values().all(|(state, _)| state == "active"));
    assert_eq!(place(&live, "+12125550100"), "x|US|US-NY|America/New_York");
    peer.asked();
    assert_eq!(client.cycle(db, &live, false).await.unwrap(), Outcome::Unchanged);
    assert_eq!(peer.asked(), [format!("304 {MANIFEST_PATH}")], "the manifest's tag is sent and the token is kept");
    assert_eq!(client.take_downloaded(), 0);
}

#[tokio::test]
async fn changes_are_fetched_as_changes_and_as_a_whole_where_the_provider_has_them_no_more() {
    let (peer, db, live) = (Peer::start().await, TestDb::start().await.unwrap(), live());
    let (client, db) = (peer.client(), db.db());
    client.cycle(db, &live, false).await.unwrap();
    peer.publish_changed(DataKind::Areacode, Country::US, moved, true);
    peer.asked();
    client.cycle(db, &live, false).await.unwrap();
    assert_eq!(peer.asked(), [format!("200 {MANIFEST_PATH}"), format!("200 {MANIFEST_PATH}/files/delta-2.tsv.gz")]);
    assert_eq!(place(&live, MOVED), "x|US|US-NY|America/Chicago");
    assert_eq!(live.in_use().phone.unwrap().version, "9.0.43 changed");
    let back = |text: &str| text.replace("1917\tUS-NY\tAmerica/Chicago", "1917\tUS-NY\tAmerica/New_York");
    peer.publish_changed(DataKind::Areacode, Country::US, back, true);
    std::fs::remove_file(peer.dir.path().join("files/delta-3.tsv.gz")).unwrap();
    client.cycle(db, &live, false).await.unwrap();
    let asked = peer.asked();
    assert_eq!(
        asked[1..],
        [
            format!("410 {MANIFEST_PATH}/files/delta-3.tsv.gz"),
            format!("200 {MANIFEST_PATH}/files/areacode-US-3.tsv.gz")
        ]
    );
    assert_eq!(place(&live, MOVED), "x|US|US-NY|America/New_York");
}

#[tokio::test]
async fn a_tampered_file_a_wrong_signature_and_half_a_set_change_nothing() {
    let (peer, db, live) = (Peer::start().await, TestDb::start().await.unwrap(), live());
    let (client, db) = (peer.client(), db.db());
    let manifest =
        Manifest::read(&std::fs::read(peer.dir.path().join("manifest.json")).unwrap(), &key().public()).unwrap();
    let path = peer.dir.path().join(&manifest.file(DataKind::Areacode, Country::US).unwrap().url);
    let good = std::fs::read(&path).unwrap();
    std::fs::write(&path, pack(&moved(&unpack(&path)))).unwrap();
    let error = client.cycle(db, &live, false).await.unwrap_err();
    assert!(matches!(&error, CycleError::Refused(r) if r.reason.contains("sha256 differs")), "{error}");
    let state = &states(db).await["areacode US"];
    assert_eq!(state.0, "rejected");
    assert!(state.1.as_ref().unwrap().contains("sha256 differs"));
    assert!(LastCheck::read(db).await.unwrap().error.unwrap().contains("areacode of US"));
    std::fs::write(&path, good).unwrap();

    let text = std::fs::read_to_string(peer.dir.path().join("manifest.json")).unwrap();
    let mut changed: Value = serde_json::from_str(&text).unwrap();
    changed["files"][0]["version"] = "another".into();
    std::fs::write(peer.dir.path().join("manifest.json"), changed.to_string()).unwrap();
    let error = client.cycle(db, &live, false).await.unwrap_err();
    assert!(matches!(error, CycleError::Manifest(_)) && error.to_string().contains("signature"), "{error}");

    let mut half = manifest.clone();
    half.files.retain(|file| !(file.kind == DataKind::Geo && file.country == Country::NZ));
    std::fs::write(peer.dir.path().join("manifest.json"), half.signed(&key()).unwrap()).unwrap();
    let error = client.cycle(db, &live, false).await.unwrap_err();
    assert_eq!(error.to_string(), "geo of NZ: the manifest lacks it: a part of a set is not used");

    assert_eq!((live.in_use().source, live.in_use().seq), (Source::Embedded, 0));
    assert_eq!(db.read().await.unwrap().compliance_generation_newest().await.unwrap(), 0);
    std::fs::write(peer.dir.path().join("manifest.json"), text).unwrap();
    assert!(matches!(client.cycle(db, &live, false).await.unwrap(), Outcome::Activated(_)));
    assert_eq!(states(db).await["areacode US"], ("active".to_owned(), None), "what was mended is active");
}

#[tokio::test]
async fn a_jump_of_rows_waits_for_a_person_and_a_wrong_canary_for_nobody() {
    let (peer, db, live) = (Peer::start().await, TestDb::start().await.unwrap(), live());
    let (client, db) = (peer.client(), db.db());
    let fewer =
        |text: &str| text.lines().filter(|line| !line.starts_with('5')).map(|line| format!("{line}\n")).collect();
    peer.publish_changed(DataKind::Postal, Country::US, fewer, false);
    let error = client.cycle(db, &live, false).await.unwrap_err();
    assert!(
        error.to_string().starts_with("postal of US: it has") && error.to_string().contains("10 % apart"),
        "{error}"
    );
    assert!(matches!(client.cycle(db, &live, true).await.unwrap(), Outcome::Activated(_)));
    assert!(db.read().await.unwrap().compliance_generations().await.unwrap()[0].unusual_counts);

    peer.publish_changed(DataKind::Geo, Country::US, |text| text.replace("Pacific/Honolulu", "America/Denver"), false);
    for accepted in [false, true] {
        let error = client.cycle(db, &live, accepted).await.unwrap_err();
        assert!(error.to_string().contains("the canary HI must be in US at Pacific/Honolulu"), "{error}");
    }
    assert_eq!(live.in_use().seq, 1);
}

#[tokio::test]
async fn three_generations_are_kept_and_an_older_one_is_not_played_back() {
    let (peer, db, live) = (Peer::start().await, TestDb::start().await.unwrap(), live());
    let (client, db) = (peer.client(), db.db());
    let old = std::fs::read(peer.dir.path().join("manifest.json")).unwrap();
    client.cycle(db, &live, false).await.unwrap();
    for n in 0..4 {
        let name = move |text: &str| {
            text.replace("\tKansas\t", &format!("\tKansas {n}\t"))
                .replace(&format!("\tKansas {}\t", n - 1), &format!("\tKansas {n}\t"))
        };
        peer.publish_changed(DataKind::Geo, Country::US, name, false);
        client.cycle(db, &live, false).await.unwrap();
    }
    let kept = db.read().await.unwrap().compliance_generations().await.unwrap();
    assert_eq!(kept.iter().map(|row| row.seq).collect::<Vec<_>>(), [5, 4, 3]);
    assert_eq!(db.read().await.unwrap().compliance_generation_files(2).await.unwrap(), []);
    assert_eq!(db.read().await.unwrap().compliance_generation_files(3).await.unwrap().len(), 13);
    std::fs::write(peer.dir.path().join("manifest.json"), old).unwrap();
    let error = client.cycle(db, &live, false).await.unwrap_err();
    assert!(matches!(error, CycleError::Older { .. }), "{error}");
}

#[tokio::test]
async fn one_process_downloads_and_the_others_take_over() {
    let (peer, db) = (Peer::start().await, TestDb::start().await.unwrap());
    let db = db.db();
    let (one, other) = (live(), live());
    let mut tx = db.begin().await.unwrap();
    tx.lease_acquire(cxc_store::compliance_data::LEASE, "another", 60_000_000).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    assert_eq!(peer.client().cycle(db, &one, false).await.unwrap(), Outcome::Busy);
    assert_eq!(peer.asked(), Vec::<String>::new());
    let mut tx = db.begin().await.unwrap();
    let lease = tx.lease_acquire(cxc_store::compliance_data::LEASE, "another", 60_000_000).await.unwrap().unwrap();
    tx.lease_release(&lease).await.unwrap();
    tx.commit().await.unwrap();
    peer.publish_changed(DataKind::Areacode, Country::US, moved, false);
    peer.client().cycle(db, &one, false).await.unwrap();
    assert!(other.take_over(db).await.unwrap());
    assert_eq!(place(&other, MOVED), place(&one, MOVED));
    assert_eq!(other.in_use().phone, one.in_use().phone);
}
