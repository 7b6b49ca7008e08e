//! Sends text messages to an SMS centre as fast as its window allows: the yardstick for the whole system.
//!
//! `smpp_load HOST:PORT [--sessions 2] [--window 50] [--messages 100000] [--system-id cxc] [--password secret]`
#![expect(clippy::print_stdout, reason = "a load tool prints its figures")]
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use cxc_dial_manager::channel::{
    Body, Carrier, CarrierStatus, ChannelAccount, OutMessage, Outcome, SmsBody, inbound_channel, open,
};
use cxc_server::outbound::Reach;
use serde_json::json;

struct Load {
    account: ChannelAccount,
    messages: i64,
    senders: u32,
}

fn load() -> anyhow::Result<Load> {
    let mut words = std::env::args().skip(1);
    let place = words.next().context("smpp_load HOST:PORT [--sessions N] [--window N] [--messages N]")?;
    let (host, port) = place.rsplit_once(':').context("the SMS centre is HOST:PORT")?;
    let (mut sessions, mut window, mut messages) = (2_u32, 50_u32, 100_000_i64);
    let (mut system_id, mut password) = ("cxc".to_owned(), "secret".to_owned());
    while let Some(name) = words.next() {
        let value = words.next().with_context(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--sessions" => sessions = value.parse()?,
            "--window" => window = value.parse()?,
            "--messages" => messages = value.parse()?,
            "--system-id" => system_id = value,
            "--password" => password = value,
            _ => bail!("unknown option {name}"),
        }
    }
    let account: ChannelAccount = serde_json::from_value(json!({
        "kind": "smpp", "host": host, "port": port.parse::<u16>()?, "connections": sessions, "window": window,
        "receipts": false, "credential": {"username": system_id, "password": password},
    }))?;
    ensure!(messages > 0, "at least one message is sent");
    Ok(Load { account, messages, senders: sessions * window })
}

fn message(number: i64) -> OutMessage {
    OutMessage {
        attempt: number,
        reference: format!("load-{number}"),
        from: "44555".into(),
        to: format!("+1202555{:04}", number % 10_000),
        body: Body::Sms(SmsBody { text: "Your parcel arrives today between 10 and 12.".into(), parts: 1 }),
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let load = load()?;
    let (inbound, _events) = inbound_channel(1);
    let carrier = open(&load.account, inbound, Arc::new(|| 0), &Reach::new(&["::/0".parse()?]))?;
    let start = Instant::now();
    while carrier.status() != CarrierStatus::Connected {
        ensure!(start.elapsed() < Duration::from_secs(10), "no connection: {:?}", carrier.status());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    run(&load, carrier).await;
    Ok(())
}

async fn run(load: &Load, carrier: Arc<dyn Carrier>) {
    let next = Arc::new(AtomicI64::new(0));
    let counts: Arc<[AtomicU64; 3]> = Arc::default();
    let start = Instant::now();
    let senders = (0..load.senders).map(|_| {
        let (next, counts, carrier, messages) = (next.clone(), counts.clone(), carrier.clone(), load.messages);
        tokio::spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= messages {
                    return;
                }
                let place = match carrier.send(message(number)).await {
                    Outcome::Delivered { .. } | Outcome::Accepted { .. } => 0,
                    Outcome::Retry { .. } | Outcome::Rejected { .. } | Outcome::Called { .. } => 1,
                    Outcome::InDoubt { .. } => 2,
                };
                counts[place].fetch_add(1, Ordering::Relaxed);
            }
        })
    });
    futures_util::future::join_all(senders).await;
    let seconds = start.elapsed().as_secs_f64();
    let [taken, refused, in_doubt] = [0, 1, 2].map(|n: usize| counts[n].load(Ordering::Relaxed));
    let rate = taken as f64 / seconds;
    println!("{taken} taken, {refused} refused, {in_doubt} in doubt in {seconds:.2} s: {rate:.0} messages/s");
    carrier.close().await;
}
