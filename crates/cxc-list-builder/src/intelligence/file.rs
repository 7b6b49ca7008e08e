//! A file of answers as sources deliver them: delimited text with a header, packed or not.
use std::collections::HashMap;
use std::path::Path;

use async_trait::async_trait;
use cxc_core::location::Country;
use cxc_core::number_set::{answer_of, line_type_of};
use cxc_core::phone::{PhoneNumber, PhoneParser};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::{IntelligenceError, NumberAnswer, NumberIntelligence, Question};
use crate::file::{self, FileError, FileReader, HeaderOption, Limits, ReadOptions, RecordRef, RecordStatus, trim};

/// The most answers of a file: they are held in memory.
const MOST: usize = 2_000_000;
/// The problems that are told with their lines; further ones are counted.
const TOLD: usize = 100;

/// The answers of a file.
#[derive(Debug, Default)]
pub struct BatchFile {
    name: String,
    answers: HashMap<u64, NumberAnswer>,
    /// Lines with something in them.
    pub lines: i64,
    /// Lines that hold no answer.
    pub rejected: i64,
    /// Why, for the first of them.
    pub problems: Vec<String>,
}

struct Columns {
    number: usize,
    answer: usize,
    queried: usize,
    consent: Option<usize>,
    line_type: Option<usize>,
    ported: Option<usize>,
}

impl BatchFile {
    /// Reads a file. `now` is the latest that a query can have been.
    pub fn read(
        path: &Path,
        name: &str,
        phones: &PhoneParser,
        country: Option<Country>,
        now: Timestamp,
    ) -> Result<Self, FileError> {
        let options =
            ReadOptions { header: HeaderOption::Yes, limits: Limits::line_by_line(), ..ReadOptions::default() };
        let mut file = file::open(path, &options)?;
        let columns = Columns::find(&file)?;
        let mut found = Self { name: name.into(), ..Self::default() };
        while let Some(batch) = file.next_batch(10_000)? {
            for record in batch.records() {
                let read = match record.status() {
                    RecordStatus::Blank => continue,
                    RecordStatus::Rejected(problem) => Err(problem.to_string()),
                    RecordStatus::Data => columns.read(record, phones, country, now),
                };
                found.lines += 1;
                match read {
                    Ok(answer) => found.put(answer),
                    Err(text) => found.reject(record.line_number(), &text),
                }
            }
            if found.answers.len() > MOST {
                return Err(FileError::Options(format!("a file of answers has at most {MOST} numbers: split it")));
            }
        }
        Ok(found)
    }

    /// The newest answer on a number counts.
    fn put(&mut self, answer: NumberAnswer) {
        let known = self.answers.entry(answer.number.as_u64()).or_insert(answer);
        if known.queried_at < answer.queried_at {
            *known = answer;
        }
    }

    fn reject(&mut self, line: u64, text: &str) {
        self.rejected += 1;
        if self.problems.len() < TOLD {
            self.problems.push(format!("line {line}: {text}"));
        }
    }

    /// Every answer.
    pub fn answers(&self) -> impl Iterator<Item = &NumberAnswer> {
        self.answers.values()
    }
}

#[async_trait]
impl NumberIntelligence for BatchFile {
    fn name(&self) -> &str {
        &self.name
    }

    async fn ask(&self, questions: &[Question]) -> Result<Vec<NumberAnswer>, IntelligenceError> {
        let answered = |question: &Question| self.answers.get(&question.number.as_u64()).copied();
        Ok(questions.iter().filter_map(answered).collect())
    }
}

impl Columns {
    fn find(file: &FileReader) -> Result<Self, FileError> {
        let fold = |name: &String| -> String {
            name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
        };
        let header: Vec<String> = file.header.iter().map(fold).collect();
        let place = |names: &[&str]| header.iter().position(|column| names.contains(&column.as_str()));
        let needed = |what: &str, names: &[&str]| {
            let missing = || {
                let text = format!(
                    "it has no column {what}; a file of answers has number, query_date and answer, and may \
                    have consent_date, line_type and port_date"
                );
                FileError::Header(text)
            };
            place(names).ok_or_else(missing)
        };
        Ok(Self {
            number: needed("number", &["number", "phone", "phonenumber", "telephone"])?,
            answer: needed("answer", &["answer", "result", "reassigned", "disconnected"])?,
            queried: needed("query_date", &["querydate", "queriedat", "querytime"])?,
            consent: place(&["consentdate", "date", "consentedat"]),
            line_type: place(&["linetype", "type"]),
            ported: place(&["portdate", "ported", "portedat"]),
        })
    }

    fn read(
        &self,
        record: RecordRef<'_>,
        phones: &PhoneParser,
        country: Option<Country>,
        now: Timestamp,
    ) -> Result<NumberAnswer, String> {
        let field = |column: usize| trim(record.field(column));
        let optional = |column: Option<usize>| column.map(field).filter(|text| !text.is_empty());
        let number: PhoneNumber = phones.parse(field(self.number), country).map_err(|e| e.to_string())?.number;
        let answer = answer_of(field(self.answer)).ok_or("an answer is yes, no or no_data")?;
        let queried_at = moment(field(self.queried)).ok_or("a query date is a day such as 2026-11-20 or a moment")?;
        if queried_at > now {
            return Err("a query date is not in the future".into());
        }
        let day_of = |text: &str| day(text).ok_or_else(|| format!("{text:?} is no day such as 2026-11-20"));
        let asked_about = optional(self.consent).map(day_of).transpose()?;
        Ok(NumberAnswer {
            number,
            queried_at,
            // without its own date it can only answer for consents since the query
            consent_on: asked_about.unwrap_or_else(|| queried_at.to_zoned(TimeZone::UTC).date()),
            answer,
            line_type: optional(self.line_type).and_then(line_type_of),
            ported_on: optional(self.ported).map(day_of).transpose()?,
        })
    }
}

/// A day, or the day of a moment.
fn day(text: &str) -> Option<Date> {
    text.parse::<Date>().ok()
}

fn moment(text: &str) -> Option<Timestamp> {
    let day = || text.parse::<Date>().ok()?.to_zoned(TimeZone::UTC).ok().map(|at| at.timestamp());
    text.parse().ok().or_else(day)
}
