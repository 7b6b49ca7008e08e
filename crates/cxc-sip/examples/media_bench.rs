//! Bridged calls: CPU time for each second of a call, and packets that come late. Another process on the other core is the
//! phones: it sends 50 packets a second for each of them and looks when they come out at the other end.
//! `media_bench [CALLS] [SECONDS]`; run it on one core: `taskset -c 0 media_bench 300 20`.
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cxc_sip::media::{Codec, Header, Packet, Ports, Stream, bridge};
use cxc_sip::sdp::Agreed;
use tokio::sync::mpsc::unbounded_channel;

type Error = Box<dyn std::error::Error>;

const FRAME: Duration = Duration::from_millis(20);
/// Later than this is late.
const LATE: Duration = Duration::from_millis(10);
const HOME: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// CPU time of this process, user and system.
fn cpu() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    let ticks: u64 = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    // a tick is a hundredth of a second on Linux
    Some(Duration::from_millis(ticks * 10))
}

/// The phones: one socket sends for all, one of each pair after the other; what comes back carries its instant.
fn phones(seconds: u64, targets: &[SocketAddr]) -> Result<(), Error> {
    let sockets: Result<Vec<UdpSocket>, std::io::Error> = targets.iter().map(|_| UdpSocket::bind((HOME, 0))).collect();
    let sockets = sockets?;
    let mut out = std::io::stdout();
    for socket in &sockets {
        socket.set_nonblocking(true)?;
        writeln!(out, "{}", socket.local_addr()?)?;
    }
    out.flush()?;
    let mut go = String::new();
    std::io::stdin().read_line(&mut go)?;

    let (start, frames) = (Instant::now(), seconds * 50);
    let (mut sent, mut came, mut late, mut worst) = (0_u64, 0_u64, 0_u64, Duration::ZERO);
    let (mut datagram, mut incoming) = (Vec::new(), [0; 1_500]);
    let slots = sockets.len() as u32;
    for frame in 0..frames + 10 {
        for (at, socket) in sockets.iter().enumerate() {
            // each stream has its own instant within the 20 ms
            let due = FRAME * frame as u32 + FRAME * at as u32 / slots;
            while start.elapsed() < due {
                std::thread::sleep(Duration::from_micros(50));
            }
            while let Ok(len) = socket.recv(&mut incoming) {
                let Some(packet) = Packet::read(&incoming[..len]) else { continue };
                let Some(stamp) = packet.payload.first_chunk::<8>() else { continue };
                let delay = start.elapsed().saturating_sub(Duration::from_nanos(u64::from_be_bytes(*stamp)));
                came += 1;
                // a socket is looked at once in 20 ms
                late += u64::from(delay > FRAME + LATE);
                worst = worst.max(delay);
            }
            if frame < frames {
                let header = Header {
                    marker: frame == 0,
                    payload_type: 0,
                    sequence: frame as u16,
                    timestamp: frame as u32 * 160,
                    source: at as u32 + 1,
                };
                header.write(&mut datagram);
                datagram.extend(u64::try_from(start.elapsed().as_nanos())?.to_be_bytes());
                datagram.resize(12 + 160, 0x55);
                sent += u64::from(socket.send_to(&datagram, targets[at]).is_ok());
            }
        }
    }
    writeln!(out, "{sent} {came} {late} {}", worst.as_micros())?;
    Ok(())
}

#[tokio::main(flavor = "multi_thread", worker_threads = 1)]
async fn main() -> Result<(), Error> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [mode, seconds, targets @ ..] = arguments.as_slice()
        && mode == "phones"
    {
        let targets: Result<Vec<SocketAddr>, _> = targets.iter().map(|target| target.parse()).collect();
        return phones(seconds.parse()?, &targets?);
    }
    let calls: usize = arguments.first().map_or(Ok(300), |text| text.parse())?;
    let seconds: u64 = arguments.get(1).map_or(Ok(20), |text| text.parse())?;

    let ports = Arc::new(Ports::new(HOME, None, 20_000..=29_999));
    let (tell, _events) = unbounded_channel();
    let streams: Result<Vec<Stream>, _> = (0..calls * 2).map(|_| Stream::open(&ports, tell.clone(), false)).collect();
    let streams = streams?;
    let mut child = Command::new("taskset")
        .args(["-c", "1"])
        .arg(std::env::current_exe()?)
        .args(["phones", &seconds.to_string()])
        .args(streams.iter().map(|stream| stream.local().to_string()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut lines = BufReader::new(child.stdout.take().ok_or("the phones speak")?).lines();
    for stream in &streams {
        let remote = lines.next().ok_or("a phone for each stream")??.parse()?;
        let (codec, reports) = (Codec::Pcmu, None);
        stream.agree(Agreed { remote, reports, codec, digits: None, hears: true, speaks: true, crypto: None });
    }
    for pair in streams.chunks_exact(2) {
        bridge(&pair[0].peer(), &pair[1].peer());
    }
    let (start, used) = (Instant::now(), cpu().unwrap_or_default());
    child.stdin.take().ok_or("the phones listen")?.write_all(b"go\n")?;
    let last = tokio::task::spawn_blocking(move || lines.next()).await?.ok_or("the phones count")??;
    child.wait()?;
    let (wall, spent) = (start.elapsed(), cpu().unwrap_or_default().saturating_sub(used));
    let counts: Result<Vec<u64>, _> = last.split(' ').map(str::parse).collect();
    let [sent, came, late, worst] = counts?[..] else { return Err("the phones count four things".into()) };
    let text = format!(
        "{calls} bridged calls for {seconds} s: {sent} packets sent, {came} came, {late} late ({:.3} %, target 0.1)\n\
         longest way {:.1} ms, up to 20 of it the phones' own\n\
         own CPU {:.3} ms for each second of a call (target 0.6); {:.0} % of the core\n",
        late as f64 / came.max(1) as f64 * 100.0,
        worst as f64 / 1e3,
        spent.as_secs_f64() * 1e3 / (calls as f64 * wall.as_secs_f64()),
        spent.as_secs_f64() / wall.as_secs_f64() * 100.0,
    );
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(())
}
