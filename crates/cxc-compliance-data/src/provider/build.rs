//! Makes the folder that a provider publishes: the embedded tables and given lists of numbers, as compressed files
//! with a signed manifest. Any web server can serve it.
use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use cxc_core::compliance::{DataVersions, MIN_TZDB, TzdbVersion, Zones};
use cxc_core::compliance_data::{
    DataFile, DataKind, Delta, DncRow, Hasher, Manifest, SCHEMA, SigningKey, TzdbDemand, Wanted, difference, digest,
    text_of_places, text_of_regions,
};
use cxc_core::location::{Country, LocationTables};
use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::{SignedDuration, Timestamp};

use crate::gzip;

/// The terms of the embedded tables: see docs/location-data.md.
const LICENCE: &str = "Apache-2.0, MIT, ISC and public domain: see docs/location-data.md";

/// What to make.
#[derive(Debug)]
pub struct Build<'a> {
    /// The folder.
    pub dir: &'a Path,
    /// What signs.
    pub key: &'a SigningKey,
    /// The tables.
    pub wanted: &'a Wanted,
    /// Lists of numbers.
    pub dnc: &'a [DncSource],
    /// The time zone database, of which the manifest tells the release.
    pub zones: &'a Zones,
    /// A release of the time zone database below which nobody is to be contacted; else the one of this program.
    pub min_tzdb: Option<String>,
    /// For how many days the files are good.
    pub days: i64,
    /// Now.
    pub now: Timestamp,
}

/// A list of numbers that is published.
#[derive(Debug, Clone)]
pub struct DncSource {
    /// The country that it speaks of.
    pub country: Country,
    /// Its file.
    pub path: PathBuf,
    /// When it was taken from its register: scrub age is counted from it.
    pub as_of: Timestamp,
}

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// The name of the generation.
    pub generation: String,
    /// Files of it.
    pub files: usize,
    /// Files of it that also come as changes.
    pub deltas: usize,
}

/// Makes a generation in the folder, after the one that is there. Files of the generation before stay, since somebody
/// may be downloading them; older ones are removed.
pub fn build(asked: &Build<'_>) -> anyhow::Result<Built> {
    let tzdb = tzdb(asked)?;
    let folder = asked.dir.join("files");
    fs::create_dir_all(&folder).with_context(|| format!("the folder {}", folder.display()))?;
    let before = before(asked)?;
    let mut files = Vec::new();
    for (kind, country) in asked.wanted.all().filter(|(kind, _)| *kind != DataKind::Dnc) {
        files.push(table(asked, kind, country, before.as_ref())?);
    }
    for source in asked.dnc {
        files.push(numbers(asked, source).with_context(|| source.path.display().to_string())?);
    }
    let number = before.as_ref().map_or(1, |before| before.number() + 1);
    let manifest = Manifest {
        generation: format!("{}#{number}", asked.now.strftime("%Y-%m-%dT%H:%MZ")),
        files,
        tzdb: Some(tzdb),
        signature: String::new(),
    };
    let deltas = manifest.files.iter().filter(|file| !file.delta_from.is_empty()).count();
    let built = Built { generation: manifest.generation.clone(), files: manifest.files.len(), deltas };
    let kept: Vec<String> = [Some(&manifest), before.as_ref()].into_iter().flatten().flat_map(paths).collect();
    put(&asked.dir.join("manifest.json"), manifest.signed(asked.key)?.as_bytes())?;
    remove_others(&folder, &kept)?;
    Ok(built)
}

/// What is asked of the time zone databases of others. A release that is not even here would stop all of them.
fn tzdb(asked: &Build<'_>) -> anyhow::Result<TzdbDemand> {
    let least = asked.min_tzdb.as_deref().unwrap_or(MIN_TZDB);
    let latest = asked.zones.version();
    let parsed: TzdbVersion = least.parse()?;
    if parsed > *latest {
        bail!(
            "the least time zone database is {least}, and this program has {latest}: whoever asks for a release has it, \
             else everybody who believes this data contacts nobody"
        );
    }
    Ok(TzdbDemand { min_version: least.to_owned(), latest: Some(latest.to_string()) })
}

/// The manifest that is there. One of another key is not built upon.
fn before(asked: &Build<'_>) -> anyhow::Result<Option<Manifest>> {
    let path = asked.dir.join("manifest.json");
    match fs::read(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        read => {
            let text = read.with_context(|| path.display().to_string())?;
            let manifest = Manifest::read(&text, &asked.key.public());
            Ok(Some(manifest.with_context(|| format!("{} is there already", path.display()))?))
        }
    }
}

fn table(asked: &Build<'_>, kind: DataKind, country: Country, before: Option<&Manifest>) -> anyhow::Result<DataFile> {
    let text = rows(kind, country)?;
    let versions = DataVersions::of(asked.zones, &[], &[]);
    let release = match kind {
        DataKind::Areacode => versions.phone.version,
        DataKind::Postal => versions.postal.version,
        _ => env!("CARGO_PKG_VERSION").to_owned(),
    };
    let sha256 = digest(text.as_bytes());
    let url = format!("files/{kind}-{country}-{}.tsv.gz", &sha256[..16]);
    put(&asked.dir.join(&url), &gzip::pack(text.as_bytes())?)?;
    let mut file = entry(asked, kind, country, release, sha256, text.len() as u64, url)?;
    file.delta_from.extend(delta(asked, before.and_then(|before| before.file(kind, country)), &file, &text)?);
    Ok(file)
}

/// The embedded rows as a file's text.
fn rows(kind: DataKind, country: Country) -> anyhow::Result<String> {
    let rows = LocationTables::embedded()?.rows_of(country)?;
    let text = match kind {
        DataKind::Areacode => rows.phones.map(|rows| text_of_places(kind, &rows)),
        DataKind::Postal => rows.postal.map(|rows| text_of_places(kind, &rows)),
        DataKind::Geo => rows.regions.map(|rows| text_of_regions(country, &rows)),
        DataKind::Dnc => None,
    };
    text.with_context(|| format!("there is no embedded {kind} of {country}"))
}

/// The changes since the version that is published, if they are much smaller than the file.
fn delta(asked: &Build<'_>, before: Option<&DataFile>, file: &DataFile, text: &str) -> anyhow::Result<Option<Delta>> {
    let Some(before) = before.filter(|before| before.sha256 != file.sha256) else { return Ok(None) };
    let Ok(packed) = File::open(asked.dir.join(&before.url)) else { return Ok(None) };
    let Ok(old) = gzip::unpack(packed, before.bytes) else { return Ok(None) };
    let changes = difference(&old, text);
    if changes.len() * 2 > text.len() {
        return Ok(None);
    }
    let url =
        format!("files/delta-{}-{}-{}-{}.tsv.gz", file.kind, file.country, &before.sha256[..16], &file.sha256[..16]);
    put(&asked.dir.join(&url), &gzip::pack(changes.as_bytes())?)?;
    Ok(Some(Delta {
        base: before.sha256.clone(),
        version: before.version.clone(),
        sha256: digest(changes.as_bytes()),
        bytes: changes.len() as u64,
        url,
    }))
}

/// A given list of numbers, checked row by row while it is compressed.
fn numbers(asked: &Build<'_>, source: &DncSource) -> anyhow::Result<DataFile> {
    let DncSource { country, path, as_of } = source;
    if *as_of > asked.now {
        bail!("the list is dated ahead: {as_of} has not come yet; name the day on which it was taken");
    }
    let temporary = tempfile::NamedTempFile::new_in(asked.dir.join("files"))?;
    let mut out = GzEncoder::new(BufWriter::new(temporary), Compression::default());
    let mut hasher = Hasher::new();
    for (at, line) in BufReader::new(File::open(path)?).lines().enumerate() {
        let line = line?;
        if !line.starts_with('#')
            && let Err(detail) = DncRow::read(&line)
        {
            bail!("line {}: {detail}", at + 1);
        }
        for piece in [line.as_bytes(), b"\n"] {
            hasher.update(piece);
            out.write_all(piece)?;
        }
    }
    let temporary = out.finish()?.into_inner().map_err(std::io::IntoInnerError::into_error)?;
    let (sha256, bytes) = hasher.finish();
    let url = format!("files/dnc-{country}-{}.tsv.gz", &sha256[..16]);
    temporary.persist(asked.dir.join(&url))?;
    let release = asked.now.strftime("%Y%m%dT%H%M").to_string();
    Ok(DataFile { as_of: Some(*as_of), ..entry(asked, DataKind::Dnc, *country, release, sha256, bytes, url)? })
}

fn entry(
    asked: &Build<'_>,
    kind: DataKind,
    country: Country,
    version: String,
    sha256: String,
    bytes: u64,
    url: String,
) -> anyhow::Result<DataFile> {
    Ok(DataFile {
        kind,
        country,
        version,
        schema: SCHEMA,
        sha256,
        bytes,
        url,
        full: true,
        delta_from: Vec::new(),
        as_of: None,
        valid_from: asked.now,
        expires: asked.now.checked_add(SignedDuration::from_hours(24 * asked.days))?,
        licence: if kind == DataKind::Dnc { "as the register's operator grants it" } else { LICENCE }.into(),
    })
}

fn paths(manifest: &Manifest) -> Vec<String> {
    let of = |file: &DataFile| {
        let deltas = file.delta_from.iter().map(|delta| delta.url.clone());
        std::iter::once(file.url.clone()).chain(deltas).collect::<Vec<_>>()
    };
    manifest.files.iter().flat_map(of).collect()
}

/// Writes a file as a whole or not at all.
fn put(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let folder = path.parent().context("a file is in a folder")?;
    let mut temporary = tempfile::NamedTempFile::new_in(folder)?;
    temporary.write_all(bytes)?;
    temporary.as_file().sync_all()?;
    temporary.persist(path).with_context(|| path.display().to_string())?;
    Ok(())
}

/// Removes compressed files that neither this generation nor the one before names.
fn remove_others(folder: &Path, kept: &[String]) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.ends_with(".tsv.gz") && !kept.iter().any(|kept| *kept == format!("files/{name}")) {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}
