//! Calls through Kamailio by UDP, TCP and TLS, which stays on the way: it carries what names it as the way, and refuses all else.
use std::net::TcpListener;
use std::time::Duration;

use anyhow::Result;
use cxc_core::enumerations::CallResult;
use cxc_dialer::call::CallEvent;
use cxc_dialer::engine::{CallEngine as _, EngineEvent};
use cxc_sip::engine::{EngineOptions, Report};
use cxc_sip::trunk::TrunkOptions;
use cxc_sip::ua::{Transport, Trust, UaOptions};
use cxc_test::Kamailio;

use crate::support::{Bed, Sipp, trunk, trust};
use crate::voices::Voice;

/// A trunk to the proxy.
fn by(proxy: &Kamailio, transport: Transport) -> Result<TrunkOptions> {
    let address = if transport == Transport::Tls { proxy.tls_address() } else { proxy.address() };
    let trust = Some(trust(&[proxy.certificate()])?);
    Ok(TrunkOptions { transport, trust, ..trunk("one", address) })
}

fn name(transport: Transport) -> &'static str {
    match transport {
        Transport::Udp => "udp",
        Transport::Tcp => "tcp",
        Transport::Tls => "tls",
    }
}

/// A person behind the proxy, with what else the scenario says.
fn person(talk: &str, timer: &str, update: &str) -> Result<Voice> {
    Voice::by("routed", 'p', &[("talk", talk), ("timer", timer), ("update", update)])
}

const ALL: [Transport; 3] = [Transport::Udp, Transport::Tcp, Transport::Tls];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledgement_and_hang_up_go_by_the_proxy() -> Result<()> {
    for transport in ALL {
        let person = person("600000", "X-None: 1", "")?;
        let proxy = Kamailio::before(person.sipp.address())?;
        let mut bed = Bed::new(vec![by(&proxy, transport)?], EngineOptions::default()).await?;
        let call = bed.call();
        // the proxy may hand the ringing on after the answer
        bed.event(call, CallEvent::Answered).await?;
        bed.hangup(call);
        bed.is_empty().await?;
        person.finish()?;
        let name = name(transport);
        assert_eq!(proxy.carried(), ["INVITE", "ACK", "BYE"].map(|method| format!("{name} {method}")));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hang_up_of_the_far_side_comes_by_the_proxy() -> Result<()> {
    for transport in ALL {
        let person = person("300", "X-None: 1", "")?;
        let proxy = Kamailio::before(person.sipp.address())?;
        let mut bed = Bed::new(vec![by(&proxy, transport)?], EngineOptions::default()).await?;
        let call = bed.call();
        bed.event(call, CallEvent::Answered).await?;
        bed.event(call, CallEvent::RemoteHangup).await?;
        bed.is_empty().await?;
        person.finish()?;
        // the far side speaks UDP with the proxy
        assert!(proxy.carried().contains(&"udp BYE".to_owned()), "{:?}", proxy.carried());
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refresh_goes_by_the_proxy() -> Result<()> {
    let timer = "Require: timer\n      Allow: INVITE, ACK, BYE, UPDATE\n      Session-Expires: 2;refresher=uac";
    let answer = "<recv request=\"UPDATE\"/>\n  <send>\n    <![CDATA[\n      SIP/2.0 200 OK\n      [last_Via:]\n      \
                  [last_From:]\n      [last_To:]\n      [last_Call-ID:]\n      [last_CSeq:]\n      \
                  Contact: <sip:[local_ip]:[local_port]>\n      Content-Length: 0\n\n    ]]>\n  </send>";
    for transport in ALL {
        let person = person("600000", timer, answer)?;
        let proxy = Kamailio::before(person.sipp.address())?;
        let ua = UaOptions { shortest_session: Duration::from_secs(1), ..UaOptions::default() };
        let options = EngineOptions { ua, ..EngineOptions::default() };
        let mut bed = Bed::new(vec![by(&proxy, transport)?], options).await?;
        let call = bed.call();
        bed.event(call, CallEvent::Answered).await?;
        proxy.carries(&format!("{} UPDATE", name(transport))).await?;
        bed.hangup(call);
        bed.is_empty().await?;
        person.finish()?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancellation_goes_by_the_proxy() -> Result<()> {
    for transport in ALL {
        let peer = Sipp::start("ring_routed", 1, &[])?;
        let proxy = Kamailio::before(peer.address())?;
        let mut bed = Bed::new(vec![by(&proxy, transport)?], EngineOptions::default()).await?;
        let call = bed.call();
        bed.event(call, CallEvent::Ringing).await?;
        bed.engine.cancel(call, 0);
        bed.failed(call).await?;
        bed.is_empty().await?;
        peer.finish()?;
        proxy.carries(&format!("{} CANCEL", name(transport))).await?;
    }
    Ok(())
}

/// A bed with a trunk by TLS to the proxy under a name, and another that answers by UDP.
async fn under(proxy: &Kamailio, host: &str, trust: Option<Trust>, other: &Sipp) -> Result<Bed> {
    let host = format!("{host}:{}", proxy.tls_address().port());
    let first = TrunkOptions { host, trust, proxy: Some(proxy.tls_address()), ..by(proxy, Transport::Tls)? };
    Bed::new(vec![first, trunk("two", other.address())], EngineOptions::default()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_no_good_certificate_for_the_host_gets_no_call_and_the_next_trunk_does() -> Result<()> {
    let home = tempfile::tempdir()?;
    let stranger = cxc_test::Certificate::signed(home.path(), "DNS:localhost")?;
    let nobody = Sipp::start("answer", 1, &[])?;
    let proxy = Kamailio::before(nobody.address())?;
    for (host, trust) in [
        ("trunk.example.com", Some(trust(&[proxy.certificate()])?)),
        ("localhost", Some(trust(&[&stranger])?)),
        ("localhost", None),
    ] {
        let other = Sipp::start("answer", 1, &[])?;
        let mut bed = under(&proxy, host, trust, &other).await?;
        let call = bed.call();
        bed.event(call, CallEvent::Answered).await?;
        let failed = bed.seen.iter().any(|report| {
            matches!(report, Report::Leg(_, leg) if leg.trunk == "one" && leg.status.is_none() && leg.reason.is_some())
        });
        assert!(failed, "{:?}", bed.seen);
        bed.hangup(call);
        bed.is_empty().await?;
        other.finish()?;
    }
    assert_eq!(proxy.carried(), [""; 0]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_host_is_asked_for_by_its_name_and_calls_share_a_connection() -> Result<()> {
    let words = [("voice", "9"), ("talk", "600000"), ("timer", "X-None: 1"), ("update", "")];
    let peer = Sipp::prepared("routed", 5, &[], &words, &[])?;
    let proxy = Kamailio::before(peer.address())?;
    let other = Sipp::start("answer", 1, &[])?;
    let mut bed = under(&proxy, "localhost", Some(trust(&[proxy.certificate()])?), &other).await?;
    let calls: Vec<_> = (0..5).map(|_| bed.call()).collect();
    for call in &calls {
        let answered = Report::Event(EngineEvent::Call(*call, CallEvent::Answered));
        if !bed.seen.contains(&answered) {
            bed.event(*call, CallEvent::Answered).await?;
        }
    }
    assert_eq!(proxy.connections(), 1);
    calls.into_iter().for_each(|call| bed.hangup(call));
    bed.is_empty().await?;
    peer.finish()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_hung_up_by_a_new_connection_when_its_own_broke() -> Result<()> {
    for transport in [Transport::Tcp, Transport::Tls] {
        let person = person("600000", "X-None: 1", "")?;
        let mut proxy = Kamailio::before(person.sipp.address())?;
        let mut bed = Bed::new(vec![by(&proxy, transport)?], EngineOptions::default()).await?;
        let call = bed.call();
        bed.event(call, CallEvent::Answered).await?;
        proxy.carries(&format!("{} ACK", name(transport))).await?;
        proxy.start_again()?;
        bed.hangup(call);
        proxy.carries(&format!("{} BYE", name(transport))).await?;
        bed.is_empty().await?;
        person.finish()?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_wait_for_a_connection_in_vain_wait_together() -> Result<()> {
    // takes connections and says nothing
    let silent = TcpListener::bind("127.0.0.1:0")?;
    let home = tempfile::tempdir()?;
    let trusted = cxc_test::Certificate::signed(home.path(), "IP:127.0.0.1")?;
    let transport = Transport::Tls;
    let trunk = TrunkOptions { transport, trust: Some(trust(&[&trusted])?), ..trunk("one", silent.local_addr()?) };
    let mut bed = Bed::new(vec![trunk], EngineOptions::default()).await?;
    let calls: Vec<_> = (0..4).map(|_| bed.call()).collect();
    for call in calls {
        assert_eq!(bed.failed(call).await?, CallEvent::Failed(CallResult::SwitchError));
    }
    bed.is_empty().await
}
