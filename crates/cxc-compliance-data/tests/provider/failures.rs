//! Providers that fail, and what holds meanwhile.
use super::*;

#[tokio::test]
async fn an_expired_token_and_one_that_is_refused_are_renewed_once() {
    let (peer, db, live) = (Peer::start().await, TestDb::start().await.unwrap(), live());
    let (client, db) = (peer.client(), db.db());
    client.cycle(db, &live, false).await.unwrap();
    peer.asked();
    peer.clock.advance(Duration::from_secs(479));
    client.cycle(db, &live, false).await.unwrap();
    assert_eq!(peer.asked().len(), 1, "a token is kept for four fifths of its 600 s");
    peer.clock.advance(Duration::from_secs(2));
    client.cycle(db, &live, false).await.unwrap();
    assert_eq!(peer.asked(), [format!("200 {TOKEN_PATH}"), format!("304 {MANIFEST_PATH}")]);
    peer.provider.forget_tokens();
    client.cycle(db, &live, false).await.unwrap();
    let renewed = [format!("401 {MANIFEST_PATH}"), format!("200 {TOKEN_PATH}"), format!("304 {MANIFEST_PATH}")];
    assert_eq!(peer.asked(), renewed);
    peer.twist(|uri| (uri.path() == MANIFEST_PATH).then(|| StatusCode::UNAUTHORIZED.into_response()));
    let error = client.cycle(db, &live, false).await.unwrap_err();
    assert_eq!(error.to_string(), "the provider answered 401");
    assert_eq!(peer.asked().len(), 3, "one retry and no more");
    peer.twist(|uri| (uri.path() == TOKEN_PATH).then(|| StatusCode::UNAUTHORIZED.into_response()));
    peer.clock.advance(Duration::from_secs(601));
    let error = client.cycle(db, &live, false).await.unwrap_err().to_string();
    assert!(error.contains("the token endpoint answered 401") && !error.contains(SECRET), "{error}");
}

#[tokio::test]
async fn a_server_that_fails_is_asked_again_and_a_broken_download_goes_on_where_it_broke() {
    let (peer, db, live) = (Peer::start().await, TestDb::start().await.unwrap(), live());
    let (client, db) = (peer.client(), db.db());
    let dir = peer.dir.path().to_owned();
    let mut failures = 2;
    let mut broken = false;
    peer.twist(move |uri| {
        if uri.path() == MANIFEST_PATH && failures > 0 {
            failures -= 1;
            return Some(StatusCode::SERVICE_UNAVAILABLE.into_response());
        }
        if !uri.path().contains("areacode-US") || broken {
            return None;
        }
        broken = true;
        let name = uri.path().rsplit_once('/').unwrap().1;
        let whole = std::fs::read(dir.join("files").join(name)).unwrap();
        let half = whole[..whole.len() / 2].to_vec();
        let pieces = futures_util::stream::iter([Ok(half), Err(std::io::Error::other("the cable is cut"))]);
        // the half is on its way before the connection breaks
        let slowly = futures_util::StreamExt::then(pieces, |piece| async {
            tokio::time::sleep(Duration::from_millis(if piece.is_err() { 300 } else { 0 })).await;
            piece
        });
        let body = axum::body::Body::from_stream(slowly);
        Some(([("etag", format!("\"{name}\""))], body).into_response())
    });
    assert!(matches!(client.cycle(db, &live, false).await.unwrap(), Outcome::Activated(_)));
    let asked = peer.asked();
    assert_eq!(asked.iter().filter(|line| line.starts_with("503")).count(), 2, "{asked:?}");
    assert_eq!(asked.iter().filter(|line| line.starts_with("206")).count(), 1, "{asked:?}");
}

#[tokio::test]
async fn while_the_provider_is_down_the_last_good_set_holds_also_after_a_start_and_without_it_what_is_compiled_in() {
    let (peer, db, live) = (Peer::start().await, TestDb::start().await.unwrap(), live());
    let (client, db) = (peer.client(), db.db());
    client.cycle(db, &live, false).await.unwrap();
    peer.publish_changed(DataKind::Areacode, Country::US, moved, false);
    client.cycle(db, &live, false).await.unwrap();
    peer.serving.abort();
    let error = client.cycle(db, &live, false).await.unwrap_err();
    assert!(error.to_string().starts_with("the provider can't be reached"), "{error}");
    assert_eq!(place(&live, MOVED), "x|US|US-NY|America/Chicago");

    let again = self::live();
    assert!(place(&again, MOVED).ends_with("New_York"));
    assert!(again.take_over(db).await.unwrap() && !again.take_over(db).await.unwrap());
    assert_eq!((place(&again, MOVED), again.in_use().seq), ("x|US|US-NY|America/Chicago".to_owned(), 2));

    // the newest generation of the store is damaged: the one before holds
    damage(db, 2).await;
    let before = self::live();
    assert!(before.take_over(db).await.unwrap());
    assert_eq!(before.in_use().seq, 1);
    assert!(before.in_use().problem.unwrap().contains("#2 of the store is not used"));
    damage(db, 1).await;
    let embedded = self::live();
    assert!(!embedded.take_over(db).await.unwrap());
    assert_eq!(embedded.in_use().source, Source::Embedded);

    // without the provider's key, or without a provider, nothing that was downloaded is believed
    let keyless = LiveData::new(Zones::bundled(), false, wanted(""), None, None).unwrap();
    assert!(!keyless.take_over(db).await.unwrap());
    let error = client.cycle(db, &keyless, false).await.unwrap_err();
    assert!(error.to_string().contains("public_key is not set"), "{error}");
    assert!(!self::live().with_downloads(false).take_over(db).await.unwrap());
}

/// Spoils the manifest of a generation.
async fn damage(db: &cxc_store::Db, seq: i64) {
    let mut tx = db.begin().await.unwrap();
    let sql = "UPDATE compliance_generation SET manifest = '{}' WHERE seq = $1";
    cxc_store::on!(&mut tx, conn => sqlx::query(sql).bind(seq).execute(conn).await.unwrap().rows_affected());
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_signed_folder_takes_the_place_of_what_is_compiled_in_and_a_damaged_one_does_not() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), TestClock::default());
    publish(dir.path(), &clock, &[]);
    let of = |dir: &Path| {
        let live =
            LiveData::new(Zones::bundled(), false, wanted(""), Some(key().public()), Some(dir.to_owned())).unwrap();
        live.read_folder();
        live.in_use()
    };
    assert_eq!((of(dir.path()).source, of(dir.path()).problem), (Source::Folder, None));
    let file = std::fs::read_dir(dir.path().join("files")).unwrap().next().unwrap().unwrap().path();
    std::fs::write(&file, pack("# nothing\n")).unwrap();
    let damaged = of(dir.path());
    assert_eq!(damaged.source, Source::Embedded);
    assert!(damaged.problem.unwrap().contains("embedded_basepath is not used"));
}
