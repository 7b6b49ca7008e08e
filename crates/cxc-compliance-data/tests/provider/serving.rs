//! The server, as those who ask it see it.
use super::*;

#[tokio::test]
async fn the_server_tells_what_it_knows_of_a_device_and_nothing_to_strangers() {
    let peer = Peer::start().await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = |path: &str| format!("{}{path}", peer.address);
    let stranger = http.get(url(MANIFEST_PATH)).send().await.unwrap();
    assert_eq!(stranger.status(), 401);
    let form = "grant_type=client_credentials";
    let wrong = http.post(url(TOKEN_PATH)).basic_auth("tester", Some("wrong")).body(form).send().await.unwrap();
    assert_eq!(wrong.status(), 401);
    let given = http.post(url(TOKEN_PATH)).basic_auth("tester", Some(SECRET)).body(form).send().await.unwrap();
    let token: Value = serde_json::from_slice(&given.bytes().await.unwrap()).unwrap();
    let token = token["access_token"].as_str().unwrap().to_owned();
    let ask = async |path: &str| {
        let answer = http.get(url(path)).bearer_auth(&token).send().await.unwrap();
        (answer.status().as_u16(), serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or(Value::Null))
    };
    let (status, found) =
        ask(&format!("{MANIFEST_PATH}/deviceinfo?device=%2B12125550100&postal=90210&country=US")).await;
    assert_eq!(status, 200);
    assert_eq!(found["tz"], serde_json::json!(["America/Los_Angeles", "America/New_York"]));
    assert_eq!(found["region"], serde_json::json!(["US-CA", "US-NY"]));
    assert_eq!((&found["country"], &found["dnc"]), (&"US".into(), &Value::Null));
    // parts of a file
    let manifest = std::fs::read(peer.dir.path().join("manifest.json")).unwrap();
    let name = Manifest::read(&manifest, &key().public()).unwrap().files[0].url.clone();
    let whole = std::fs::read(peer.dir.path().join(&name)).unwrap();
    let length = whole.len();
    let part = async |range: &str| {
        let asked = http.get(url(&format!("{MANIFEST_PATH}/{name}"))).bearer_auth(&token).header("range", range);
        let answer = asked.send().await.unwrap();
        let told = answer.headers().get("content-range").map(|value| value.to_str().unwrap().to_owned());
        (answer.status().as_u16(), told, answer.bytes().await.unwrap().to_vec())
    };
    let told = |range: &str| Some(format!("bytes {range}/{length}"));
    assert_eq!(part("bytes=3-9").await, (206, told("3-9"), whole[3..10].to_vec()));
    let last = format!("{}-{}", length - 5, length - 1);
    assert_eq!(part("bytes=-5").await, (206, told(&last), whole[length - 5..].to_vec()));
    assert_eq!(part(&format!("bytes={}-", length - 5)).await, (206, told(&last), whole[length - 5..].to_vec()));
    let beyond = part(&format!("bytes={length}-")).await;
    assert_eq!((beyond.0, beyond.1), (416, told("*")));
    assert_eq!(part("bytes=9-3").await, (200, None, whole.clone()), "what is no range is ignored");
    for (path, expected) in [
        ("/deviceinfo", 400),
        ("/deviceinfo?device=12", 400),
        ("/deviceinfo?postal=90210", 400),
        ("/files/none.tsv.gz", 404),
        ("/files/delta-none.tsv.gz", 410),
        ("/files/..%2Fmanifest.json", 404),
        ("/files/%2e%2e%2f%2e%2e%2fetc%2fpasswd", 404),
        ("/files/.hidden", 404),
    ] {
        assert_eq!(ask(&format!("{MANIFEST_PATH}{path}")).await.0, expected, "{path}");
    }
}
