//! Lists of numbers: their dates, their doubts, and how they come into use.
use cxc_store::number_list::ActiveList;

use super::*;

/// A list of the United States that was taken at an instant.
fn us(path: &Path, as_of: Timestamp) -> DncSource {
    DncSource { country: Country::US, path: path.to_owned(), as_of }
}

/// So many days from now.
fn day(peer: &Peer, days: i64) -> Timestamp {
    peer.clock.now() + SignedDuration::from_hours(24 * days)
}

fn try_publish(peer: &Peer, list: DncSource) -> anyhow::Result<Built> {
    publish_asking(peer.dir.path(), &peer.clock, &[list], (&Zones::bundled(), None))
}

async fn loaded(db: &cxc_store::Db) -> Vec<ActiveList> {
    db.read().await.unwrap().number_lists_active(&[1]).await.unwrap()
}

/// Tables of five countries and the numbers of the United States.
fn with_lists() -> LiveData {
    LiveData::new(Zones::bundled(), false, wanted("US"), Some(key().public()), None).unwrap()
}

#[tokio::test]
async fn numbers_become_a_list_of_the_installation_and_a_doubtful_list_does_not_hold_up_the_tables() {
    // lists belong to the tenant of the operators, which an installation has
    let (peer, installation) = (Peer::start().await, TestApp::start_all(Vec::new()).await.unwrap());
    let db = &installation.app.db;
    let live = with_lists();
    let list = peer.dir.path().join("us.tsv");
    let rows = |n: usize| (0..n).map(|n| format!("+1212555{n:04}\tUS-DNC\t2026-01-01\n")).collect::<String>();
    std::fs::write(&list, rows(200)).unwrap();
    peer.clock.advance(Duration::from_secs(60));
    let taken = day(&peer, -3);
    publish(peer.dir.path(), &peer.clock, &[us(&list, taken)]);
    let client = peer.client();
    client.cycle(db, &live, false).await.unwrap();
    let lists = loaded(db).await;
    assert_eq!((lists[0].list.register.as_str(), lists[0].numbers), ("US-DNC", Some(200)));
    assert_eq!(lists[0].as_of, Some(taken.as_microsecond()), "age counts from the day of the register");
    assert_eq!(states(db).await["dnc US"].0, "active");

    std::fs::write(&list, rows(20)).unwrap();
    peer.clock.advance(Duration::from_secs(60));
    publish(peer.dir.path(), &peer.clock, &[us(&list, taken)]);
    assert!(matches!(client.cycle(db, &live, false).await.unwrap(), Outcome::Activated(_)));
    assert_eq!((loaded(db).await[0].numbers, states(db).await["dnc US"].0.as_str()), (Some(200), "rejected"));
    peer.asked();
    assert_eq!(client.cycle(db, &live, false).await.unwrap(), Outcome::Unchanged);
    assert_eq!(peer.asked().len(), 1, "a doubtful list is not downloaded again and again");
    assert_eq!(client.cycle(db, &live, true).await.unwrap(), Outcome::Unchanged);
    let asked = peer.asked();
    assert!(asked.len() == 2 && asked[1].contains("dnc-US"), "{asked:?}");
    assert_eq!((loaded(db).await[0].numbers, states(db).await["dnc US"].0.as_str()), (Some(20), "active"));
    assert_eq!(live.in_use().seq, 2, "the tables are left alone");

    std::fs::write(&list, "5d41402abc4b2a76b9719d911017c592\tUS-DNC\t\n").unwrap();
    let error = format!("{:#}", try_publish(&peer, us(&list, taken)).unwrap_err());
    assert!(error.contains("line 1: a number is a +") && error.contains("hashed"), "{error}");
}

#[tokio::test]
async fn the_same_numbers_of_a_later_day_are_younger_and_nobody_publishes_a_day_that_has_not_come() {
    let (peer, installation) = (Peer::start().await, TestApp::start_all(Vec::new()).await.unwrap());
    let (db, live, client) = (&installation.app.db, with_lists(), peer.client());
    let list = peer.dir.path().join("us.tsv");
    std::fs::write(&list, "+12125550100\tUS-DNC\t\n").unwrap();
    for days in [-30, -1] {
        let taken = day(&peer, days);
        publish(peer.dir.path(), &peer.clock, &[us(&list, taken)]);
        client.cycle(db, &live, false).await.unwrap();
        assert_eq!(loaded(db).await[0].as_of, Some(taken.as_microsecond()), "{days}");
    }
    let ahead = format!("{:#}", try_publish(&peer, us(&list, day(&peer, 1))).unwrap_err());
    assert!(ahead.contains("dated ahead") && ahead.contains("name the day on which it was taken"), "{ahead}");
}

#[tokio::test]
async fn a_list_that_is_damaged_or_does_not_come_holds_up_neither_the_tables_nor_another_list() {
    let (peer, installation) = (Peer::start().await, TestApp::start_all(Vec::new()).await.unwrap());
    let (db, client) = (&installation.app.db, peer.client());
    let live = LiveData::new(Zones::bundled(), false, wanted("CA,GB,US"), Some(key().public()), None).unwrap();
    let list = |name: &str, rows: &str| {
        let path = peer.dir.path().join(name);
        std::fs::write(&path, rows).unwrap();
        path
    };
    let of = |country, path| DncSource { country, path, as_of: day(&peer, -1) };
    let us = list("us.tsv", "+12125550100\tUS-DNC\t\n");
    let gb = list("gb.tsv", "+442079460000\tGB-TPS\t\n");
    publish(peer.dir.path(), &peer.clock, &[of(Country::US, us), of(Country::GB, gb)]);
    let manifest = std::fs::read(peer.dir.path().join("manifest.json")).unwrap();
    let manifest = Manifest::read(&manifest, &key().public()).unwrap();
    let path = |country| peer.dir.path().join(&manifest.file(DataKind::Dnc, country).unwrap().url);
    // one byte of the American list is another, the Canadian one is not published
    std::fs::write(path(Country::US), pack("+12125550101\tUS-DNC\t\n")).unwrap();
    assert!(matches!(client.cycle(db, &live, false).await.unwrap(), Outcome::Activated(_)));
    assert_eq!(live.in_use().source, Source::Cdp, "the tables are in use");
    let registers = |lists: Vec<ActiveList>| lists.into_iter().map(|l| l.list.register).collect::<Vec<_>>();
    assert_eq!(registers(loaded(db).await), ["GB-TPS"]);
    let states = states(db).await;
    assert_eq!((states["dnc US"].0.as_str(), states["dnc GB"].0.as_str()), ("rejected", "active"));
    assert!(states["dnc US"].1.as_ref().unwrap().contains("sha256 differs"), "{states:?}");
    assert!(states["dnc CA"].1.as_ref().unwrap().contains("the manifest lacks it"), "{states:?}");
    let error = LastCheck::read(db).await.unwrap().error.unwrap();
    assert!(error.contains("dnc of US") && error.contains("dnc of CA"), "{error}");
    peer.asked();
    assert_eq!(client.cycle(db, &live, false).await.unwrap(), Outcome::Unchanged);
    assert_eq!(peer.asked().len(), 1, "a damaged list is not downloaded again and again");
    assert!(LastCheck::read(db).await.unwrap().error.is_some(), "it is still told");

    // one that does not come is asked for again
    let us = list("us.tsv", "+12125550100\tUS-DNC\t\n+12125550102\tUS-DNC\t\n");
    let gb = list("gb.tsv", "+442079460000\tGB-TPS\t\n");
    peer.clock.advance(Duration::from_secs(60));
    publish(peer.dir.path(), &peer.clock, &[of(Country::US, us), of(Country::GB, gb)]);
    peer.twist(|uri| uri.path().contains("dnc-US").then(|| StatusCode::NOT_FOUND.into_response()));
    assert!(matches!(client.cycle(db, &live, false).await.unwrap(), Outcome::Activated(_)));
    assert_eq!(registers(loaded(db).await), ["GB-TPS"]);
    peer.twist(|_| None);
    assert_eq!(client.cycle(db, &live, false).await.unwrap(), Outcome::Unchanged);
    let mut registers = registers(loaded(db).await);
    registers.sort_unstable();
    assert_eq!(registers, ["GB-TPS", "US-DNC"]);
}

#[tokio::test]
async fn a_provider_with_a_damaged_list_still_serves_the_rest_and_says_so() {
    let peer = Peer::start().await;
    let list = peer.dir.path().join("us.tsv");
    std::fs::write(&list, "+12125550100\tUS-DNC\t\n").unwrap();
    publish(peer.dir.path(), &peer.clock, &[us(&list, day(&peer, -1))]);
    let manifest = std::fs::read(peer.dir.path().join("manifest.json")).unwrap();
    let manifest = Manifest::read(&manifest, &key().public()).unwrap();
    let file = peer.dir.path().join(&manifest.file(DataKind::Dnc, Country::US).unwrap().url);
    std::fs::write(file, "no gzip").unwrap();
    let clients = Clients::parse(&format!("tester:{SECRET}")).unwrap();
    let clock: Arc<dyn Clock> = Arc::new(peer.clock.clone());
    let again = Provider::new(peer.dir.path().to_owned(), key().public(), clients, 600, Zones::bundled(), clock);
    assert!(again.is_ok(), "{:#}", again.err().unwrap());
}
