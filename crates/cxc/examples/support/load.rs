//! HTTP requests over kept connections, one thread each, with nothing but the standard library: what it measures is
//! not itself. Every answer is checked.
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A request, with what its answer must be.
pub struct Asked {
    /// The body; empty for a health request.
    pub body: String,
    /// Of how many questions the cap is used up.
    pub spent: usize,
    /// How many questions it is.
    pub of: usize,
    /// Whether allowed attempts are held.
    pub is_held: bool,
}

impl Asked {
    /// A health request.
    pub fn alive() -> Self {
        Self { body: String::new(), spent: 0, of: 0, is_held: false }
    }

    /// Ends the bench unless the answer is right.
    fn check(&self, status: u16, answer: &str) {
        let is_refused = self.of == 1 && self.spent == 1;
        let count = |text: &str| answer.matches(text).count();
        let allowed = self.of - self.spent;
        let (held, kept) = if self.is_held { (allowed, self.of) } else { (0, 0) };
        let right = status == if is_refused { 409 } else { 200 }
            && count(r#""decision":"allow""#) == allowed
            && count(r#""code":"attempt_rule""#) == self.spent
            && count(r#""reservation_id":""#) == held
            && count(r#""evidence_id":""#) == kept;
        assert!(right || self.of == 0, "a wrong answer: {status} {answer:.2000}\nto {:.2000}", self.body);
    }
}

/// How long requests took.
pub struct Times {
    sorted: Vec<Duration>,
    whole: Duration,
}

impl Times {
    /// Of single times and how long it took altogether.
    pub fn of(mut times: Vec<Duration>, whole: Duration) -> Self {
        times.sort_unstable();
        Self { sorted: times, whole }
    }

    /// How many requests.
    pub fn count(&self) -> usize {
        self.sorted.len()
    }

    /// How many a second.
    pub fn rate(&self) -> f64 {
        self.sorted.len() as f64 / self.whole.as_secs_f64()
    }

    /// A quantile.
    pub fn at(&self, q: f64) -> Duration {
        let last = self.sorted.len().saturating_sub(1);
        self.sorted.get(((last as f64) * q).round() as usize).copied().unwrap_or_default()
    }
}

/// Where requests go, and as whom.
pub struct Load {
    pub at: SocketAddr,
    pub token: String,
}

impl Load {
    /// As fast as so many connections go.
    pub fn as_fast(&self, time: Duration, connections: usize, path: &str, make: impl Fn(u64) -> Asked + Sync) -> Times {
        let begun = Instant::now();
        self.run(connections, path, &make, |_| (begun.elapsed() < time).then(Instant::now))
    }

    /// So many a second, over so many connections: whoever waits for a connection is late by that much.
    pub fn at_rate(
        &self,
        time: Duration,
        rate: u64,
        connections: usize,
        path: &str,
        make: impl Fn(u64) -> Asked + Sync,
    ) -> Times {
        let (begun, whole) = (Instant::now(), rate * time.as_secs());
        self.run(connections, path, &make, |i| {
            let due = begun + Duration::from_secs_f64(i as f64 / rate as f64);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            (i < whole).then_some(due)
        })
    }

    /// Each connection takes the next request when it is free; `due` waits for its moment, or ends.
    fn run(
        &self,
        connections: usize,
        path: &str,
        make: &(impl Fn(u64) -> Asked + Sync),
        due: impl Fn(u64) -> Option<Instant> + Sync,
    ) -> Times {
        let (next, begun) = (AtomicU64::new(0), Instant::now());
        let times: Vec<Duration> = std::thread::scope(|scope| {
            let work = || {
                let mut connection = BufReader::new(TcpStream::connect(self.at).expect("a connection"));
                connection.get_ref().set_nodelay(true).expect("a socket");
                let mut times = Vec::new();
                loop {
                    let i = next.fetch_add(1, Ordering::Relaxed);
                    let Some(from) = due(i) else { return times };
                    let asked = make(i);
                    let (status, answer) = self.exchange(&mut connection, path, &asked.body);
                    times.push(from.elapsed());
                    asked.check(status, &answer);
                }
            };
            let threads: Vec<_> = (0..connections).map(|_| scope.spawn(work)).collect();
            threads.into_iter().flat_map(|thread| thread.join().expect("right answers")).collect()
        });
        Times::of(times, begun.elapsed())
    }

    fn exchange(&self, connection: &mut BufReader<TcpStream>, path: &str, body: &str) -> (u16, String) {
        let method = if body.is_empty() { "GET" } else { "POST" };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.at,
            self.token,
            body.len()
        );
        connection.get_mut().write_all(request.as_bytes()).expect("the request is sent");
        let (mut status, mut length, mut line) = (0, 0, String::new());
        loop {
            line.clear();
            connection.read_line(&mut line).expect("an answer");
            let text = line.trim_end();
            if text.is_empty() {
                break;
            }
            if let Some(rest) = text.strip_prefix("HTTP/1.1 ") {
                status = rest[..3].parse().expect("a status");
            } else if let Some((name, value)) = text.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().expect("a length");
            }
        }
        let mut answer = vec![0; length];
        connection.read_exact(&mut answer).expect("a whole answer");
        (status, String::from_utf8(answer).expect("text"))
    }
}
