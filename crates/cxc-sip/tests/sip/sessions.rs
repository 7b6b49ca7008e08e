//! Sessions that must be refreshed (RFC 4028), and registrations.
use std::time::{Duration, Instant};

use anyhow::Result;
use cxc_dialer::call::CallEvent;
use cxc_sip::engine::EngineOptions;
use cxc_sip::trunk::TrunkOptions;
use cxc_sip::ua::{Credentials, UaOptions};

use crate::support::{Bed, PATIENCE, Sipp, trunk};

/// Sessions of seconds, where the rules begin with 90.
fn short() -> EngineOptions {
    let ua = UaOptions { shortest_session: Duration::from_secs(1), ..UaOptions::default() };
    EngineOptions { ua, ..EngineOptions::default() }
}

/// A request that is answered with what it asks for.
fn refresh(method: &str) -> String {
    let (sdp, ack) = match method {
        "INVITE" => (
            "Content-Type: application/sdp\n      Content-Length: [len]\n\n      v=0\n      o=peer 1 2 IN IP4 [local_ip]\n      \
             s=-\n      c=IN IP4 [media_ip]\n      t=0 0\n      m=audio [media_port] RTP/AVP 0\n",
            "<recv request=\"ACK\"/>",
        ),
        _ => ("Content-Length: 0\n\n", ""),
    };
    format!(
        "<recv request=\"{method}\"><action><ereg regexp=\"2;refresher=uac\" search_in=\"hdr\" \
         header=\"Session-Expires:\" check_it=\"true\" assign_to=\"timer\"/></action></recv>\n  <send>\n    <![CDATA[\n      \
         SIP/2.0 200 OK\n      [last_Via:]\n      [last_From:]\n      [last_To:]\n      [last_Call-ID:]\n      [last_CSeq:]\n      \
         Contact: <sip:[local_ip]:[local_port]>\n      Require: timer\n      Session-Expires: 2;refresher=uac\n      \
         {sdp}    ]]>\n  </send>\n  {ack}\n  <Reference variables=\"timer\"/>"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_is_ours_to_refresh_is_refreshed_until_we_hang_up() -> Result<()> {
    for method in ["UPDATE", "INVITE"] {
        let words = [("refresh", refresh(method)), ("method", method.to_owned())];
        let words: Vec<(&str, &str)> = words.iter().map(|(word, by)| (*word, by.as_str())).collect();
        let peer = Sipp::prepared("session_ours", 1, &[], &words, &[])?;
        let mut bed = Bed::new(vec![trunk("one", peer.address())], short()).await?;
        let call = bed.call();
        bed.event(call, CallEvent::Answered).await?;
        // two refreshes: after one second and after two
        let ended = bed.within(Duration::from_millis(2_600), "end", |_| true).await;
        assert!(ended.is_err(), "it goes on");
        bed.hangup(call);
        bed.is_empty().await?;
        peer.finish()?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_the_far_end_stops_to_refresh_is_ended() -> Result<()> {
    let peer = Sipp::start("session_theirs", 1, &[])?;
    let mut bed = Bed::new(vec![trunk("one", peer.address())], short()).await?;
    let call = bed.call();
    bed.event(call, CallEvent::Answered).await?;
    let start = Instant::now();
    bed.event(call, CallEvent::RemoteHangup).await?;
    // refreshed after one second, then over after two thirds of three
    let after = start.elapsed();
    assert!(after > Duration::from_millis(2_700) && after < Duration::from_secs(6), "{after:?}");
    bed.is_empty().await?;
    peer.finish()
}

fn registering(peer: &Sipp, password: &str) -> TrunkOptions {
    let credentials = Credentials { user: "dialer".into(), password: password.into() };
    TrunkOptions { registers: true, credentials: Some(credentials), ..trunk("one", peer.address()) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trunk_that_wants_it_knows_where_we_are_until_we_go() -> Result<()> {
    let peer = Sipp::start("registrar", 1, &[])?;
    let bed = Bed::new(vec![registering(&peer, "secret")], EngineOptions::default()).await?;
    let start = Instant::now();
    while bed.engine.ua().unanswered() == 0 {
        anyhow::ensure!(start.elapsed() < PATIENCE, "it is registered");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // refreshed after four fifths of two seconds
    tokio::time::sleep(Duration::from_millis(2_200)).await;
    bed.engine.close().await;
    peer.finish()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_is_not_tried_again_and_again() -> Result<()> {
    let peer = Sipp::start("registrar", 1, &[])?;
    let bed = Bed::new(vec![registering(&peer, "wrong")], EngineOptions::default()).await?;
    // it saw one challenge, one refusal, and no more
    peer.finish()?;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(bed.engine.ua().unanswered(), 0);
    Ok(())
}
