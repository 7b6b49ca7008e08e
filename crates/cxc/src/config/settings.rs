//! Every setting: its key, what it is, how it is read and shown. The one list behind the file, the
//! environment, `cxc config check` and the reference in docs/configuration.md.
use std::path::PathBuf;
use std::time::Duration;

use cxc_server::outbound::{Network, Roots};

use cxc_core::compliance_data::DataKind;

use super::value::{Expected, Found};
use super::{Config, OutboundCa, cdp_ng, voice};
use crate::component::Component;

/// A setting with a fixed key.
pub struct Setting {
    /// Its key, dotted, as in `cxc.toml`.
    pub key: &'static str,
    /// Reads it.
    pub set: fn(&mut Config, &Found) -> Result<(), Expected>,
    /// Its value in TOML, without secrets; `None` where nothing is set.
    pub show: fn(&Config) -> Option<String>,
}

/// A text in TOML.
pub fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn seconds(found: &Found, from: i64, to: i64) -> Result<Duration, Expected> {
    let number = found.number(from..=to).map_err(|e| e.replace("a whole number", "a whole number of seconds"))?;
    Ok(Duration::from_secs(number.unsigned_abs()))
}

fn small(found: &Found, from: i64, to: i64) -> Result<u32, Expected> {
    found.number(from..=to).map(|n| u32::try_from(n).unwrap_or(u32::MAX))
}

fn shown_seconds(duration: Duration) -> Option<String> {
    Some(duration.as_secs().to_string())
}

/// `none` is no network: an operator who shares a machine with strangers shuts them out of it.
fn networks(found: &Found) -> Result<Vec<Network>, Expected> {
    const EXPECTED: &str = "networks separated by commas, as in 10.1.0.0/16, fd00::/8, or none";
    let text = found.text(EXPECTED)?;
    if text.trim() == "none" {
        return Ok(Vec::new());
    }
    text.split(',').map(|n| n.trim().parse().map_err(|_| EXPECTED.to_owned())).collect()
}

/// Reads the file at once: a service that can't be believed is better told of at the start than at the first attempt.
fn authorities(found: &Found) -> Result<OutboundCa, Expected> {
    const EXPECTED: &str = "a readable file of certificates in PEM form";
    let path = PathBuf::from(found.text(EXPECTED)?);
    let pem = std::fs::read(&path).map_err(|error| format!("{EXPECTED} ({error})"))?;
    let roots = Roots::read(&pem).map_err(|error| format!("{EXPECTED} ({error})"))?;
    Ok(OutboundCa { path, roots })
}

fn database_url(found: &Found) -> Result<String, Expected> {
    const EXPECTED: &str = "sqlite:FILE or postgres://user:password@host:port/name";
    let url = found.text(EXPECTED)?;
    let known = ["sqlite:", "postgres://", "postgresql://"].iter().any(|s| url.len() > s.len() && url.starts_with(s));
    if known { Ok(url) } else { Err(EXPECTED.to_owned()) }
}

fn log_level(found: &Found) -> Result<String, Expected> {
    const EXPECTED: &str = "off, error, warn, info, debug or trace, or levels of parts such as info,cxc_store=debug";
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    let text = found.text(EXPECTED)?;
    let fits = |part: &str| {
        let (target, level) = part.split_once('=').unwrap_or(("all", part));
        !target.trim().is_empty() && LEVELS.contains(&level.trim())
    };
    if text.split(',').all(fits) { Ok(text) } else { Err(EXPECTED.to_owned()) }
}

/// Whether a key's value must not be shown when it is wrong.
pub fn is_secret(key: &str) -> bool {
    matches!(key, "database.url" | "compliance_data.cdp_ng.gcloud_secret")
}

/// The settings with fixed keys.
pub const SETTINGS: &[Setting] = &[
    Setting {
        key: "data_dir",
        set: |c, v| v.text("a folder").map(|t| c.data_dir = t.into()),
        show: |c| Some(quoted(&c.data_dir.display().to_string())),
    },
    Setting {
        key: "public_url",
        set: |c, v| v.url().map(|u| c.public_url = Some(u)),
        show: |c| c.public_url.as_deref().map(quoted),
    },
    Setting {
        key: "database.url",
        set: |c, v| database_url(v).map(|u| c.database.url = Some(u)),
        show: |c| Some(quoted(&super::without_password(&c.database_url()))),
    },
    Setting {
        key: "database.max_connections",
        set: |c, v| small(v, 4, 1000).map(|n| c.database.max_connections = n),
        show: |c| Some(c.database.max_connections.to_string()),
    },
    Setting {
        key: "database.acquire_timeout_seconds",
        set: |c, v| seconds(v, 1, 600).map(|d| c.database.acquire_timeout = d),
        show: |c| shown_seconds(c.database.acquire_timeout),
    },
    Setting {
        key: "http.address",
        set: |c, v| v.address().map(|a| c.http.address = a),
        show: |c| Some(quoted(&c.http.address.to_string())),
    },
    Setting {
        key: "http.port",
        set: |c, v| v.port().map(|p| c.http.port = p),
        show: |c| Some(c.http.port.to_string()),
    },
    Setting {
        key: "http.internal",
        set: |c, v| v.truth().map(|t| c.http.internal = t),
        show: |c| Some(c.http.internal.to_string()),
    },
    Setting {
        key: "http.internal_address",
        set: |c, v| v.address().map(|a| c.http.internal_address = a),
        show: |c| Some(quoted(&c.http.internal_address.to_string())),
    },
    Setting {
        key: "http.internal_port",
        set: |c, v| v.port().map(|p| c.http.internal_port = p),
        show: |c| Some(c.http.internal_port.to_string()),
    },
    Setting {
        key: "http.metrics_address",
        set: |c, v| v.address().map(|a| c.http.metrics_address = a),
        show: |c| Some(quoted(&c.http.metrics_address.to_string())),
    },
    Setting {
        key: "http.trust_forwarded",
        set: |c, v| v.truth().map(|t| c.http.trust_forwarded = t),
        show: |c| Some(c.http.trust_forwarded.to_string()),
    },
    Setting {
        key: "log.level",
        set: |c, v| log_level(v).map(|t| c.log.level = t),
        show: |c| Some(quoted(&c.log.level)),
    },
    Setting {
        key: "log.format",
        set: |c, v| v.word(&[("text", false), ("json", true)]).map(|json| c.log.json = json),
        show: |c| Some(quoted(if c.log.json { "json" } else { "text" })),
    },
    Setting {
        key: "log.dir",
        set: |c, v| v.text("a folder").map(|t| c.log.dir = Some(t.into())),
        show: |c| c.log.dir.as_ref().map(|d| quoted(&d.display().to_string())),
    },
    Setting {
        key: "shutdown.grace_seconds",
        set: |c, v| seconds(v, 1, 600).map(|d| c.shutdown_grace = d),
        show: |c| shown_seconds(c.shutdown_grace),
    },
    Setting {
        key: "sending.lease_seconds",
        set: |c, v| seconds(v, 2, 600).map(|d| c.sender_lease = d),
        show: |c| shown_seconds(c.sender_lease),
    },
    Setting {
        key: "sending.open_attempts",
        set: |c, v| v.number(10..=1_000).map(|n| c.sender_open_attempts = usize::try_from(n).unwrap_or(800)),
        show: |c| Some(c.sender_open_attempts.to_string()),
    },
    Setting {
        key: "voice.abandon_message",
        set: |c, v| v.text("a WAV file").map(|t| c.voice.abandon_message = Some(t.into())),
        show: |c| c.voice.abandon_message.as_ref().map(|f| quoted(&f.display().to_string())),
    },
    Setting {
        key: "voice.machine_message",
        set: |c, v| v.text("a WAV file").map(|t| c.voice.machine_message = Some(t.into())),
        show: |c| c.voice.machine_message.as_ref().map(|f| quoted(&f.display().to_string())),
    },
    Setting {
        key: "voice.hold_prompt",
        set: |c, v| v.text("a WAV file").map(|t| c.voice.hold_prompt = Some(t.into())),
        show: |c| c.voice.hold_prompt.as_ref().map(|f| quoted(&f.display().to_string())),
    },
    Setting {
        key: "voice.recording_notice",
        set: |c, v| v.text("a WAV file").map(|t| c.voice.recording_notice = Some(t.into())),
        show: |c| c.voice.recording_notice.as_ref().map(|f| quoted(&f.display().to_string())),
    },
    Setting {
        key: "voice.prompts",
        set: |c, v| v.text("a folder").map(|t| c.voice.prompts = Some(t.into())),
        show: |c| c.voice.prompts.as_ref().map(|f| quoted(&f.display().to_string())),
    },
    Setting {
        key: "voice.recordings",
        set: |c, v| v.text("a folder").map(|t| c.voice.recordings = Some(t.into())),
        show: |c| c.voice.recordings.as_ref().map(|f| quoted(&f.display().to_string())),
    },
    Setting {
        key: "voice.media_ports",
        set: |c, v| voice::ports(v).map(|p| c.voice.media_ports = p),
        show: |c| Some(quoted(&format!("{}-{}", c.voice.media_ports.start(), c.voice.media_ports.end()))),
    },
    Setting {
        key: "voice.public_address",
        set: |c, v| voice::public(v).map(|a| c.voice.public_address = Some(a)),
        show: |c| c.voice.public_address.map(|a| quoted(&a.to_string())),
    },
    Setting {
        key: "voice.inbound_listen",
        set: |c, v| voice::listen(v).map(|a| c.voice.inbound_listen = Some(a)),
        show: |c| c.voice.inbound_listen.map(|a| quoted(&a.to_string())),
    },
    Setting {
        key: "access.session_idle_seconds",
        set: |c, v| seconds(v, 60, 86_400).map(|d| c.access.session_idle = d),
        show: |c| shown_seconds(c.access.session_idle),
    },
    Setting {
        key: "access.session_absolute_seconds",
        set: |c, v| seconds(v, 60, 604_800).map(|d| c.access.session_absolute = d),
        show: |c| shown_seconds(c.access.session_absolute),
    },
    Setting {
        key: "access.token_seconds",
        set: |c, v| seconds(v, 60, 86_400).map(|d| c.access.token_life = d),
        show: |c| shown_seconds(c.access.token_life),
    },
    Setting {
        key: "access.failures_per_user",
        set: |c, v| v.number(1..=1000).map(|n| c.access.failures_per_user = n),
        show: |c| Some(c.access.failures_per_user.to_string()),
    },
    Setting {
        key: "access.failures_per_address",
        set: |c, v| v.number(1..=100_000).map(|n| c.access.failures_per_address = n),
        show: |c| Some(c.access.failures_per_address.to_string()),
    },
    Setting {
        key: "access.failure_window_seconds",
        set: |c, v| seconds(v, 60, 86_400).map(|d| c.access.failure_window = d),
        show: |c| shown_seconds(c.access.failure_window),
    },
    Setting {
        key: "limits.requests_per_second",
        set: |c, v| small(v, 0, 100_000).map(|n| c.limits.requests_per_second = n),
        show: |c| Some(c.limits.requests_per_second.to_string()),
    },
    Setting {
        key: "limits.burst",
        set: |c, v| small(v, 1, 100_000).map(|n| c.limits.burst = n),
        show: |c| Some(c.limits.burst.to_string()),
    },
    Setting {
        key: "limits.body_bytes",
        set: |c, v| small(v, 1024, 1_073_741_824).map(|n| c.limits.body_bytes = n as usize),
        show: |c| Some(c.limits.body_bytes.to_string()),
    },
    Setting {
        key: "compliance_data.tzdb_directory",
        set: |c, v| v.text("a zoneinfo folder").map(|t| c.compliance_data.tzdb_directory = Some(t.into())),
        show: |c| c.compliance_data.tzdb_directory.as_ref().map(|d| quoted(&d.display().to_string())),
    },
    Setting {
        key: "compliance_data.outlying_zones",
        set: |c, v| v.truth().map(|t| c.compliance_data.outlying_zones = t),
        show: |c| Some(c.compliance_data.outlying_zones.to_string()),
    },
    Setting {
        key: "outbound.private_networks",
        set: |c, v| networks(v).map(|n| c.outbound_networks = n),
        show: |c| {
            let names: Vec<String> = c.outbound_networks.iter().map(ToString::to_string).collect();
            (!names.is_empty()).then(|| quoted(&names.join(", ")))
        },
    },
    Setting {
        key: "outbound.channel_networks",
        set: |c, v| networks(v).map(|n| c.channel_networks = n),
        show: |c| {
            let names: Vec<String> = c.channel_networks.iter().map(ToString::to_string).collect();
            Some(if names.is_empty() { quoted("none") } else { quoted(&names.join(", ")) })
        },
    },
    Setting {
        key: "outbound.ca_file",
        set: |c, v| authorities(v).map(|ca| c.outbound_ca = Some(ca)),
        show: |c| c.outbound_ca.as_ref().map(|ca| quoted(&ca.path.display().to_string())),
    },
    Setting {
        key: "compliance_data.cdp_ng.url",
        set: |c, v| cdp_ng::url(v).map(|u| c.compliance_data.cdp_ng.url = u),
        show: |c| Some(c.compliance_data.cdp_ng.url.as_deref().map_or("false".into(), quoted)),
    },
    Setting {
        key: "compliance_data.cdp_ng.gcloud_auth",
        set: |c, v| v.url().map(|u| c.compliance_data.cdp_ng.gcloud_auth = Some(u)),
        show: |c| c.compliance_data.cdp_ng.gcloud_auth.as_deref().map(quoted),
    },
    Setting {
        key: "compliance_data.cdp_ng.gcloud_id",
        set: |c, v| v.text("the id of an OAuth client").map(|t| c.compliance_data.cdp_ng.gcloud_id = Some(t)),
        show: |c| c.compliance_data.cdp_ng.gcloud_id.as_deref().map(quoted),
    },
    Setting {
        key: "compliance_data.cdp_ng.gcloud_secret",
        set: |c, v| {
            v.text("the secret of the OAuth client").map(|t| c.compliance_data.cdp_ng.gcloud_secret = Some(t.into()))
        },
        show: |c| c.compliance_data.cdp_ng.gcloud_secret.as_ref().map(|_| quoted("***")),
    },
    Setting {
        key: "compliance_data.cdp_ng.allow_plain_http",
        set: |c, v| v.truth().map(|t| c.compliance_data.cdp_ng.allow_plain_http = t),
        show: |c| Some(c.compliance_data.cdp_ng.allow_plain_http.to_string()),
    },
    Setting {
        key: "compliance_data.cdp_ng.public_key",
        set: |c, v| cdp_ng::public_key(v).map(|k| c.compliance_data.cdp_ng.public_key = Some(k)),
        show: |c| c.compliance_data.cdp_ng.public_key.as_ref().map(|k| quoted(&k.to_string())),
    },
    Setting {
        key: "compliance_data.cdp_ng.embedded_basepath",
        set: |c, v| cdp_ng::base_path(v).map(|p| c.compliance_data.cdp_ng.embedded_basepath = Some(p)),
        show: |c| c.compliance_data.cdp_ng.embedded_basepath.as_deref().map(quoted),
    },
    Setting {
        key: "compliance_data.cdp_ng.refresh_seconds",
        set: |c, v| seconds(v, 1, 604_800).map(|d| c.compliance_data.cdp_ng.refresh = d),
        show: |c| shown_seconds(c.compliance_data.cdp_ng.refresh),
    },
    Setting {
        key: "compliance_data.cdp_ng.rule_set.areacode",
        set: |c, v| cdp_ng::countries(v).map(|w| c.compliance_data.cdp_ng.want(DataKind::Areacode, w)),
        show: |c| Some(quoted(&c.compliance_data.cdp_ng.wanted(DataKind::Areacode))),
    },
    Setting {
        key: "compliance_data.cdp_ng.rule_set.geo",
        set: |c, v| cdp_ng::countries(v).map(|w| c.compliance_data.cdp_ng.want(DataKind::Geo, w)),
        show: |c| Some(quoted(&c.compliance_data.cdp_ng.wanted(DataKind::Geo))),
    },
    Setting {
        key: "compliance_data.cdp_ng.rule_set.postal",
        set: |c, v| cdp_ng::countries(v).map(|w| c.compliance_data.cdp_ng.want(DataKind::Postal, w)),
        show: |c| Some(quoted(&c.compliance_data.cdp_ng.wanted(DataKind::Postal))),
    },
    Setting {
        key: "compliance_data.cdp_ng.rule_set.dnc",
        set: |c, v| cdp_ng::countries(v).map(|w| c.compliance_data.cdp_ng.want(DataKind::Dnc, w)),
        show: |c| Some(quoted(&c.compliance_data.cdp_ng.wanted(DataKind::Dnc))),
    },
];

/// What each component has: `component.NAME.` and one of these.
const OF_COMPONENT: [&str; 3] = ["port", "metrics_port", "url"];

/// The key of every setting, in the order in which they are shown.
pub fn keys() -> Vec<String> {
    let fixed = SETTINGS.iter().map(|s| s.key.to_owned());
    let of_components = Component::ALL.into_iter().flat_map(|component| {
        // the API aggregator's own port is http.port, and it is never elsewhere
        let own = OF_COMPONENT.iter().filter(move |f| component != Component::ApiAggregator || **f == "metrics_port");
        own.map(move |field| format!("component.{component}.{field}"))
    });
    fixed.chain(of_components).collect()
}

/// The environment variable of a key.
pub fn variable(key: &str) -> String {
    format!("CXC_{}", key.replace(['.', '-'], "_").to_uppercase())
}

fn of_component(key: &str) -> Option<(Component, &str)> {
    let (name, field) = key.strip_prefix("component.")?.split_once('.')?;
    Component::from_name(name).map(|component| (component, field))
}

/// Gives a setting a value; the key must be one of [`keys`].
pub fn set(config: &mut Config, key: &str, found: &Found) -> Result<(), Expected> {
    if let Some(setting) = SETTINGS.iter().find(|s| s.key == key) {
        return (setting.set)(config, found);
    }
    let Some((component, field)) = of_component(key) else { return Err("a setting of the reference".to_owned()) };
    let mut place = config.place(component);
    match field {
        "port" => place.port = found.port()?,
        "metrics_port" => place.metrics_port = found.port()?,
        _ => place.url = Some(found.url()?),
    }
    config.components.insert(component, place);
    Ok(())
}

/// A setting's value in TOML, without secrets.
pub fn show(config: &Config, key: &str) -> Option<String> {
    if let Some(setting) = SETTINGS.iter().find(|s| s.key == key) {
        return (setting.show)(config);
    }
    let (component, field) = of_component(key)?;
    let place = config.place(component);
    match field {
        "port" => Some(place.port.to_string()),
        "metrics_port" => Some(place.metrics_port.to_string()),
        _ => place.url.as_deref().map(quoted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_settings_share_an_environment_variable() {
        let mut variables: Vec<String> = keys().iter().map(|k| variable(k)).collect();
        let all = variables.len();
        variables.sort();
        variables.dedup();
        assert_eq!(variables.len(), all);
        assert!(variables.contains(&"CXC_COMPONENT_LIST_BUILDER_METRICS_PORT".to_owned()));
    }

    #[test]
    fn every_setting_reads_what_it_shows() {
        let mut config = Config::default();
        for key in keys() {
            let Some(text) = show(&config, &key) else { continue };
            let plain = Found::Plain(text.trim_matches('"').to_owned());
            set(&mut config, &key, &plain).unwrap_or_else(|e| panic!("{key} = {text}: {e}"));
            assert_eq!(show(&config, &key).as_deref(), Some(text.as_str()), "{key}");
        }
    }

    #[test]
    fn a_level_may_be_given_for_one_crate() {
        assert!(log_level(&Found::Plain("info,cxc_store=debug".into())).is_ok());
        for wrong in ["loud", "=debug", "info,", "a=b=info"] {
            let told = log_level(&Found::Plain(wrong.into())).unwrap_err();
            assert!(told.starts_with("off, error, warn, info, debug or trace"), "{wrong}: {told}");
        }
    }
}
