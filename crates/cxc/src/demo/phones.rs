//! The phones of the demonstration, those of the made-up people and of agents: SIP on loopback, in this process.
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};

use cxc_core::phone::PhoneParser;
use cxc_dial_manager::accounts::ChannelAccount;
use cxc_server::{App, document};
use cxc_sip::people::{Manners, People};
use tokio_util::sync::CancellationToken;

use super::documents::TRUNK;

/// Their audio has ports of its own.
const MEDIA_PORTS: std::ops::RangeInclusive<u16> = 30_000..=30_999;

/// A port of loopback that nobody has, for UDP and TCP.
pub fn free_port() -> io::Result<u16> {
    let mut tries = 0..20;
    loop {
        let port = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(_) => return Ok(port),
            Err(error) if tries.next().is_none() => return Err(error),
            Err(_) => (),
        }
    }
}

/// Lets the people live to whom the demonstration's trunk leads, until told to stop. Nothing where there is no such trunk
/// any more, or it leads elsewhere.
pub async fn live(app: &App, tenant: i64, stop: CancellationToken) -> anyhow::Result<()> {
    let mut tx = app.db.read().await?;
    let trunk = document::find::<ChannelAccount>(&mut tx, tenant, TRUNK).await?;
    drop(tx);
    let place = trunk.and_then(|trunk| Some((trunk.body.0.host.clone()?, trunk.body.0.port?)));
    let Some((_, port)) = place.filter(|(host, _)| host == "127.0.0.1") else { return Ok(()) };
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let people = People::open(address, MEDIA_PORTS, PhoneParser::shared()?, Manners::default()).await?;
    tokio::spawn(people.live(stop));
    Ok(())
}
