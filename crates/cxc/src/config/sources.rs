//! Where settings come from: the file, the environment, flags; the last one wins.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::Config;
use super::settings::{is_secret, keys, set, variable};
use super::value::Found;

/// The file that is read when none is named and it is there.
const FILE: &str = "cxc.toml";

/// The flags that every command takes.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// `--config`.
    pub config: Option<PathBuf>,
    /// `--data`.
    pub data: Option<PathBuf>,
}

/// Where each setting's value came from, by key; the rest are defaults.
pub type Origin = BTreeMap<String, String>;

/// Reads the configuration. An error is one line that names the key, what was found and what is expected.
/// `environment` are the variables of the process.
pub fn load(flags: &Flags, environment: impl Iterator<Item = (String, String)>) -> anyhow::Result<(Config, Origin)> {
    let mut config = Config::default();
    let mut origin = Origin::new();
    if let Some(file) = file(flags)? {
        from_file(&mut config, &mut origin, &file)?;
    }
    let by_variable: BTreeMap<String, String> = keys().into_iter().map(|key| (variable(&key), key)).collect();
    // an empty variable is one that was not set: so deployments can leave a value out
    for (name, text) in environment.filter(|(_, text)| !text.is_empty()) {
        if let Some(key) = by_variable.get(&name) {
            give(&mut config, key, &Found::Plain(text)).map_err(|e| anyhow::anyhow!("{name} is {e}"))?;
            origin.insert(key.clone(), name);
        }
    }
    if let Some(data) = &flags.data {
        config.data_dir = data.clone();
        origin.insert("data_dir".into(), "--data".into());
    }
    config.check_together()?;
    Ok((config, origin))
}

/// `CXC_*` variables that look like settings and are none: worth a warning, since a misspelt one has no effect.
pub fn unknown_variables(environment: impl Iterator<Item = (String, String)>) -> Vec<String> {
    let known: Vec<String> = keys().iter().map(|key| variable(key)).collect();
    let ours = |name: &str| {
        name.starts_with("CXC_")
            && !name.starts_with("CXC_TEST_")
            && name != "CXC_BIN"
            && name != "CXC_AGENT_PASSWORD"
            && !is_of_kubernetes(name)
    };
    environment.map(|(name, _)| name).filter(|name| ours(name) && !known.contains(name)).collect()
}

/// Kubernetes names every service to every container: `CXC_API_SERVICE_HOST`, `CXC_API_PORT_3000_TCP`.
fn is_of_kubernetes(name: &str) -> bool {
    name.contains("_SERVICE_") || name.contains("_TCP") || name.contains("_UDP") || name.ends_with("_PORT")
}

fn file(flags: &Flags) -> anyhow::Result<Option<PathBuf>> {
    match &flags.config {
        Some(path) => Ok(Some(path.clone())),
        None => Ok(Some(PathBuf::from(FILE)).filter(|path| path.exists())),
    }
}

fn from_file(config: &mut Config, origin: &mut Origin, path: &Path) -> anyhow::Result<()> {
    let name = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("{name} can't be read"))?;
    let table: toml::Table = text.parse().map_err(|e: toml::de::Error| {
        let line = e.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        anyhow::anyhow!("{name}, line {line}: {}", e.message())
    })?;
    let keys = keys();
    let mut found = Vec::new();
    flatten("", &table, &keys, &mut found);
    for (key, value) in found {
        if !keys.contains(&key) {
            bail!("{name}: there is no setting {key}{}", nearest(&key, &keys));
        }
        give(config, &key, &value).map_err(|e| anyhow::anyhow!("{name}: {key} is {e}"))?;
        origin.insert(key, name.to_string());
    }
    Ok(())
}

/// The leaves of a table with their dotted keys. A table where a setting stands is a leaf of the wrong kind.
fn flatten(prefix: &str, table: &toml::Table, keys: &[String], found: &mut Vec<(String, Found)>) {
    for (name, value) in table {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        let leaf = match value {
            toml::Value::String(text) => Found::Text(text.clone()),
            toml::Value::Integer(number) => Found::Integer(*number),
            toml::Value::Boolean(truth) => Found::Bool(*truth),
            toml::Value::Float(_) => Found::Other("a number with a fraction"),
            toml::Value::Datetime(_) => Found::Other("a time"),
            toml::Value::Array(_) => Found::Other("an array"),
            toml::Value::Table(inner) if !keys.contains(&key) && (!inner.is_empty() || is_section(&key, keys)) => {
                flatten(&key, inner, keys, found);
                continue;
            }
            toml::Value::Table(_) => Found::Other("a table"),
        };
        found.push((key, leaf));
    }
}

fn is_section(key: &str, keys: &[String]) -> bool {
    keys.iter().any(|k| k.starts_with(&format!("{key}.")))
}

fn give(config: &mut Config, key: &str, found: &Found) -> Result<(), String> {
    let shown = || if is_secret(key) { "not usable".to_owned() } else { found.shown() };
    set(config, key, found).map_err(|expected| format!("{}, expected {expected}", shown()))
}

/// ", did you mean ...?" when a known key is near.
fn nearest(key: &str, keys: &[String]) -> String {
    let near = keys.iter().map(|k| (distance(key, k), k)).min().filter(|(d, k)| *d <= 3 && *d < k.len() / 2);
    near.map_or_else(|| "; docs/configuration.md lists them".to_owned(), |(_, k)| format!(", did you mean {k}?"))
}

/// How many letters two texts differ by.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let change = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

impl Config {
    /// What no single setting can say.
    fn check_together(&self) -> anyhow::Result<()> {
        if self.access.session_idle > self.access.session_absolute {
            bail!("access.session_idle_seconds is more than access.session_absolute_seconds, expected at most as much");
        }
        let mut ports: BTreeMap<u16, String> = BTreeMap::new();
        let of_components =
            self.components.iter().map(|(c, p)| (p.metrics_port, format!("component.{c}.metrics_port")));
        let named =
            [(self.http.port, "http.port".to_owned()), (self.http.internal_port, "http.internal_port".to_owned())];
        for (port, key) in named.into_iter().chain(of_components).filter(|(port, _)| *port != 0) {
            if let Some(other) = ports.insert(port, key.clone()) {
                bail!("{key} is {port}, expected another port than that of {other}");
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loaded(text: &str, environment: &[(&str, &str)]) -> anyhow::Result<(Config, Origin)> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cxc.toml");
        std::fs::write(&path, text).unwrap();
        let flags = Flags { config: Some(path), data: None };
        load(&flags, environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())))
    }

    fn error(text: &str, environment: &[(&str, &str)]) -> String {
        loaded(text, environment).unwrap_err().to_string()
    }

    #[test]
    fn the_environment_wins_over_the_file() {
        let (config, origin) =
            loaded("http.port = 4000\n[log]\nlevel = \"warn\"", &[("CXC_HTTP_PORT", "5000")]).unwrap();
        assert_eq!((config.http.port, config.log.level.as_str()), (5000, "warn"));
        assert_eq!(origin["http.port"], "CXC_HTTP_PORT");
    }

    #[test]
    fn an_empty_variable_leaves_the_setting_alone() {
        assert_eq!(loaded("", &[("CXC_HTTP_PORT", "")]).unwrap().0.http.port, 3000);
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_nearest_one() {
        let text = error("[http]\nprot = 1", &[]);
        assert!(text.ends_with("cxc.toml: there is no setting http.prot, did you mean http.port?"), "{text}");
        assert!(error("[colour]\nsky = 1", &[]).contains("there is no setting colour.sky;"));
        assert!(error("[colour]", &[]).contains("there is no setting colour"));
    }

    #[test]
    fn an_empty_section_is_no_error() {
        loaded("[http]\n[component.list-manager]", &[]).unwrap();
    }

    #[test]
    fn a_wrong_value_is_named_with_what_is_expected() {
        let text = error("[http]\nport = \"abc\"", &[]);
        assert!(text.ends_with("http.port is \"abc\", expected a port from 0 to 65535"), "{text}");
        assert_eq!(
            error("", &[("CXC_HTTP_PORT", "99999")]),
            "CXC_HTTP_PORT is \"99999\", expected a port from 0 to 65535"
        );
        assert!(error("[http.port]\nx = 1", &[]).contains("http.port is a table, expected a port"));
    }

    #[test]
    fn a_password_is_not_repeated_in_an_error() {
        let text = error("[database]\nurl = \"postgre://u:geheim@h/d\"", &[]);
        assert!(
            text.contains("database.url is not usable, expected sqlite:FILE or") && !text.contains("geheim"),
            "{text}"
        );
    }

    #[test]
    fn a_broken_file_is_told_by_its_line() {
        assert!(error("a = 1\nb = = 2", &[]).contains("cxc.toml, line 2: "));
    }

    #[test]
    fn a_file_that_is_named_must_be_there_and_another_need_not() {
        let flags = Flags { config: Some("no-such.toml".into()), data: None };
        assert!(load(&flags, std::iter::empty()).unwrap_err().to_string().contains("no-such.toml can't be read"));
    }

    #[test]
    fn two_listeners_can_not_share_a_port_but_any_free_one() {
        assert!(
            error("[http]\ninternal_port = 3000", &[]).contains("http.internal_port is 3000, expected another port")
        );
        loaded("[http]\nport = 0\ninternal_port = 0", &[]).unwrap();
    }

    #[test]
    fn a_misspelt_variable_is_noticed_and_those_of_kubernetes_are_not() {
        let names = ["CXC_HTTP_PROT", "CXC_API_PORT", "CXC_SERVICE_HOST", "CXC_HTTP_PORT", "HOME", "CXC_TEST_ENGINE"];
        let found = unknown_variables(names.iter().map(|n| ((*n).to_owned(), String::new())));
        assert_eq!(found, ["CXC_HTTP_PROT"]);
    }
}
