//! What the provider's data says of one number or postal code.
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use anyhow::Context;
use cxc_core::compliance::Zones;
use cxc_core::compliance_data::{DataFile, DataKind, DncRow, Manifest, PublicKey, Wanted, WantedCountries};
use cxc_core::device::LineType;
use cxc_core::location::{Country, Location};
use cxc_core::phone::{PhoneNumber, PhoneParser};
use flate2::read::MultiGzDecoder;
use roaring::RoaringTreemap;
use serde::Serialize;
use serde_json::{Value, json};

use crate::LiveData;

/// The data of a folder, read for questions.
pub(super) struct Info {
    live: LiveData,
    phones: PhoneParser,
    lists: Lists,
    /// Lists that can't be read, and why.
    unreadable: Vec<String>,
    versions: Value,
}

/// Numbers by the names of their lists.
type Lists = BTreeMap<String, RoaringTreemap>;

/// What is known.
#[derive(Debug, Serialize)]
pub(super) struct DeviceInfo {
    country: Option<Country>,
    region: Vec<String>,
    tz: Vec<String>,
    line_type: Option<LineType>,
    /// Prefix tables do not tell carriers.
    carrier: Option<String>,
    /// The lists that hold the number; nothing if no list is there.
    dnc: Option<Vec<String>>,
    /// Lists that are published and can't be read: they may hold the number.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unreadable: Vec<String>,
    sources: Vec<&'static str>,
    versions: Value,
}

impl Info {
    /// Reads a folder. A list of numbers that is damaged holds up nothing but itself.
    pub fn read(dir: &Path, key: &PublicKey, zones: &Zones) -> anyhow::Result<Self> {
        let text = std::fs::read(dir.join("manifest.json"))?;
        let manifest = Manifest::read(&text, key)?;
        let mut wanted = Wanted::default();
        let (mut lists, mut unreadable) = (Lists::new(), Vec::new());
        for file in &manifest.files {
            if file.kind != DataKind::Dnc {
                wanted.0.entry(file.kind).or_insert_with(WantedCountries::default).0.insert(file.country);
                continue;
            }
            match numbers(dir, file) {
                Ok(read) => read.into_iter().for_each(|(name, of)| *lists.entry(name).or_default() |= of),
                Err(error) => {
                    tracing::error!("the list of numbers of {} can't be read: {error:#}", file.country);
                    unreadable.push(format!("{} of {}", file.kind, file.country));
                }
            }
        }
        let tzdb = zones.version().to_string();
        let live = LiveData::new(zones.clone(), false, wanted, Some(key.clone()), Some(dir.to_owned()))?;
        live.read_folder();
        if let Some(problem) = live.in_use().problem {
            anyhow::bail!("{problem}");
        }
        let versions = json!({ "generation": manifest.generation, "tzdb": tzdb });
        Ok(Self { live, phones: PhoneParser::new()?, lists, unreadable, versions })
    }

    /// What is known of a number, a postal code, or both. The text is what would be right.
    pub fn of(&self, device: Option<&str>, postal: Option<(Country, &str)>) -> Result<DeviceInfo, String> {
        let tables = self.live.tables.current();
        let mut sources = Vec::new();
        let mut found: Vec<Location> = Vec::new();
        let (mut line_type, mut dnc) = (None, None);
        if let Some(text) = device {
            let number = PhoneNumber::parse(text).map_err(|_| "device is a + and 8 to 15 digits".to_owned())?;
            let kind = self.phones.parse(text, None).map_or(LineType::Unknown, |parsed| parsed.line_type);
            found.push(tables.of_phone(&number, kind));
            line_type = Some(kind);
            sources.push("areacode");
            // of a country without a list nobody was asked, which is not the same as being on none
            let country = found.iter().find_map(Location::country);
            let is_asked = |name: &str| country.is_some_and(|c| name.split('-').next() == Some(c.as_str()));
            let holds = |numbers: &RoaringTreemap| numbers.contains(number.as_u64());
            if self.lists.iter().any(|(name, numbers)| is_asked(name) || holds(numbers)) {
                let holding = self.lists.iter().filter(|(_, numbers)| holds(numbers));
                dnc = Some(holding.map(|(name, _)| name.clone()).collect());
                sources.push("dnc");
            }
        }
        if let Some((country, code)) = postal {
            found.push(tables.of_postal(country, code));
            sources.push("postal");
        }
        if found.is_empty() {
            return Err("name a device, or a postal code with its country".into());
        }
        let all = |names: fn(&Location) -> &[cxc_core::location::Name]| {
            let mut all: Vec<String> = found.iter().flat_map(|l| names(l).iter().map(ToString::to_string)).collect();
            all.sort_unstable();
            all.dedup();
            all
        };
        Ok(DeviceInfo {
            country: found.iter().find_map(Location::country),
            region: all(Location::regions),
            tz: all(Location::zones),
            line_type,
            carrier: None,
            dnc,
            unreadable: if device.is_some() { self.unreadable.clone() } else { Vec::new() },
            sources,
            versions: self.versions.clone(),
        })
    }
}

/// The numbers of a file, by the names of their lists.
fn numbers(dir: &Path, file: &DataFile) -> anyhow::Result<Lists> {
    let mut lists = Lists::new();
    let packed = File::open(dir.join(&file.url)).with_context(|| file.url.clone())?;
    for line in BufReader::new(MultiGzDecoder::new(packed).take(file.bytes)).lines() {
        let line = line?;
        if line.starts_with('#') {
            continue;
        }
        let row = DncRow::read(&line).map_err(anyhow::Error::msg)?;
        lists.entry(row.list.to_owned()).or_default().insert(row.number.as_u64());
    }
    Ok(lists)
}
