//! People who do not exist, with a number and an email address each.
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// So many people, the same ones every time.
#[derive(Debug, Clone, Copy)]
pub struct Audience(pub usize);

impl Audience {
    /// The file that is imported. Client ids begin with `prefix`: people of two prefixes are different people.
    pub fn file(self, prefix: &str) -> String {
        let mut text = String::from("Client ID,First Name,Mobile,Email,State,Zip\n");
        for n in 0..self.0 {
            writeln!(text, "{prefix}-{n},Ann{n},{},{},TX,75{:03}", number(n), address(n), n % 300).unwrap();
        }
        text
    }

    /// The numbers as an SMS centre writes them.
    pub fn numbers(self) -> BTreeSet<String> {
        (0..self.0).map(|n| number(n)[1..].to_owned()).collect()
    }

    /// The email addresses.
    pub fn addresses(self) -> BTreeSet<String> {
        (0..self.0).map(address).collect()
    }
}

/// The number of a person.
pub fn number(n: usize) -> String {
    let area = ["212", "312", "415", "713", "303", "602", "206", "305"][n % 8];
    format!("+1{area}{}{:04}", 220 + n / 10_000, n % 10_000)
}

/// The email address of a person.
pub fn address(n: usize) -> String {
    format!("person{n}@example.com")
}
