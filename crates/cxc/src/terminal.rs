//! What a command prints. A reader that has gone (`| head`) is no error.
use std::io::{ErrorKind, IsTerminal, Write};

use crate::failure::Failure;

/// Prints a line to standard output.
pub fn say(text: &str) -> Result<(), Failure> {
    write(&format!("{text}\n"))
}

/// Prints a text to standard output as it is.
pub fn write(text: &str) -> Result<(), Failure> {
    write_bytes(text.as_bytes())
}

/// Writes bytes to standard output.
pub fn write_bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Prints a line to standard error: for people, beside the result on standard output.
pub fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Whether a person looks at standard error.
pub fn is_watched() -> bool {
    std::io::stderr().is_terminal()
}

/// Asks on the terminal; anything but yes is no. Without a terminal nobody can answer.
pub fn confirm(question: &str) -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::usage("nobody can be asked here: give --yes"));
    }
    let mut err = std::io::stderr();
    write!(err, "{question} [y/N] ")?;
    err.flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
