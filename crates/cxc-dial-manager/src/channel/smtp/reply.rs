//! Answers of a mail server.
use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;

/// A line may be this long, an answer have this many lines: anything more is not a mail server.
const LINE_LIMIT: usize = 4096;
const LINES_LIMIT: usize = 128;

/// An answer: a code and its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    pub code: u16,
    pub lines: Vec<String>,
}

impl Reply {
    pub fn is_good(&self) -> bool {
        (200..400).contains(&self.code)
    }

    pub fn is_permanent(&self) -> bool {
        (500..600).contains(&self.code)
    }

    /// Code and first line, cut to what people can read.
    pub fn summary(&self) -> String {
        let text: String = self.lines.first().map_or("", String::as_str).chars().take(200).collect();
        format!("{} {text}", self.code)
    }

    /// The enhanced status, for example `5.1.1`, if the first line begins with one.
    pub fn enhanced(&self) -> Option<&str> {
        let word = self.lines.first()?.split(' ').next()?;
        let parts: Vec<&str> = word.split('.').collect();
        let numbers = parts.iter().all(|p| (1..=3).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_digit()));
        (parts.len() == 3 && numbers).then_some(word)
    }
}

/// Reads answers; keeps what came too early.
#[derive(Default)]
pub(super) struct ReplyReader {
    buffer: Vec<u8>,
}

impl ReplyReader {
    /// Whether the server said something that was not asked for.
    pub fn has_leftover(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// The next answer, whole, within `limit`.
    pub async fn read<S: AsyncRead + Unpin>(&mut self, stream: &mut S, limit: Duration) -> io::Result<Reply> {
        match timeout(limit, self.read_unbounded(stream)).await {
            Ok(result) => result,
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "the mail server did not answer in time")),
        }
    }

    async fn read_unbounded<S: AsyncRead + Unpin>(&mut self, stream: &mut S) -> io::Result<Reply> {
        let mut lines = Vec::new();
        loop {
            let line = self.line(stream).await?;
            let (code, last, text) = split_line(&line).ok_or_else(not_smtp)?;
            lines.push(text);
            if last {
                return Ok(Reply { code, lines });
            }
            if lines.len() >= LINES_LIMIT {
                return Err(not_smtp());
            }
        }
    }

    async fn line<S: AsyncRead + Unpin>(&mut self, stream: &mut S) -> io::Result<Vec<u8>> {
        loop {
            if let Some(end) = self.buffer.iter().position(|b| *b == b'\n') {
                let rest = self.buffer.split_off(end + 1);
                return Ok(std::mem::replace(&mut self.buffer, rest));
            }
            if self.buffer.len() > LINE_LIMIT {
                return Err(not_smtp());
            }
            self.buffer.reserve(1024);
            if stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the mail server closed the connection"));
            }
        }
    }
}

fn not_smtp() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the answer is not SMTP")
}

// code, whether it is the last line, and its text
fn split_line(line: &[u8]) -> Option<(u16, bool, String)> {
    let line = line.trim_ascii_end();
    let code = std::str::from_utf8(line.get(..3)?).ok()?.parse().ok()?;
    let last = match line.get(3) {
        None | Some(b' ') => true,
        Some(b'-') => false,
        Some(_) => return None,
    };
    let text = String::from_utf8_lossy(line.get(4..).unwrap_or_default());
    (200..600).contains(&code).then(|| (code, last, text.chars().filter(|c| !c.is_control()).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(text: &str) -> io::Result<Reply> {
        ReplyReader::default().read(&mut text.as_bytes(), Duration::from_secs(1)).await
    }

    #[tokio::test]
    async fn an_answer_of_several_lines_is_one_answer() {
        let reply = read("250-mail.example.com\r\n250-PIPELINING\r\n250 SIZE 1000\r\n").await.unwrap();
        assert_eq!((reply.code, reply.lines.len()), (250, 3));
        assert_eq!(reply.lines[2], "SIZE 1000");
    }

    #[tokio::test]
    async fn two_answers_in_one_packet_are_read_one_after_the_other() {
        let mut reader = ReplyReader::default();
        let mut stream = "250 one\r\n354 two\r\n".as_bytes();
        assert_eq!(reader.read(&mut stream, Duration::from_secs(1)).await.unwrap().code, 250);
        assert!(reader.has_leftover());
        assert_eq!(reader.read(&mut stream, Duration::from_secs(1)).await.unwrap().code, 354);
    }

    #[tokio::test]
    async fn what_is_not_smtp_is_refused() {
        assert!(read("HTTP/1.1 400 Bad Request\r\n").await.is_err());
        assert!(read(&"2".repeat(10_000)).await.is_err());
        assert!(read(&"250-x\r\n".repeat(1000)).await.is_err());
        assert!(read("250 cut off").await.is_err());
    }

    #[tokio::test]
    async fn an_enhanced_status_is_found_only_where_it_is_one() {
        assert_eq!(read("550 5.1.1 no such user\r\n").await.unwrap().enhanced(), Some("5.1.1"));
        assert_eq!(read("550 192.0.2.1 is listed\r\n").await.unwrap().enhanced(), None);
    }
}
