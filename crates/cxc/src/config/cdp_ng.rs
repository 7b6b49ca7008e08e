//! The provider of compliance data, under the names that deployments have.
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use cxc_compliance_data::client::ProviderSettings;
use cxc_core::compliance_data::{DataKind, PublicKey, Wanted, WantedCountries};
use secrecy::SecretString;

use super::value::{Expected, Found};

/// `compliance_data.cdp_ng`.
#[derive(Debug, Clone)]
pub struct CdpNg {
    /// The address of the manifest; nothing for embedded data only.
    pub url: Option<String>,
    /// The address that gives tokens.
    pub gcloud_auth: Option<String>,
    /// Who asks.
    pub gcloud_id: Option<String>,
    /// The secret of who asks.
    pub gcloud_secret: Option<SecretString>,
    /// Whether addresses without TLS are taken that are not this machine's own.
    pub allow_plain_http: bool,
    /// What signatures are checked with.
    pub public_key: Option<PublicKey>,
    /// A folder of signed data, below the data folder.
    pub embedded_basepath: Option<String>,
    /// How often the provider is asked.
    pub refresh: Duration,
    /// Which files are wanted.
    pub rule_set: Wanted,
}

impl Default for CdpNg {
    fn default() -> Self {
        let five: WantedCountries = "AU,CA,GB,NZ,US".parse().unwrap_or_default();
        let sets = [
            (DataKind::Areacode, five.clone()),
            (DataKind::Geo, five),
            (DataKind::Postal, "CA,GB,US".parse().unwrap_or_default()),
            (DataKind::Dnc, "GB,US".parse().unwrap_or_default()),
        ];
        Self {
            url: None,
            gcloud_auth: None,
            gcloud_id: None,
            gcloud_secret: None,
            allow_plain_http: false,
            public_key: None,
            embedded_basepath: None,
            refresh: Duration::from_secs(3600),
            rule_set: Wanted(sets.into()),
        }
    }
}

impl CdpNg {
    /// Wants a kind for these countries.
    pub fn want(&mut self, kind: DataKind, countries: WantedCountries) {
        self.rule_set.0.insert(kind, countries);
    }

    /// The countries of a kind, as the setting has them.
    pub fn wanted(&self, kind: DataKind) -> String {
        self.rule_set.0.get(&kind).map(ToString::to_string).unwrap_or_default()
    }

    /// How the provider is asked, if there is one. Files are kept in the data folder while they are downloaded.
    pub fn provider(&self, data_dir: &Path) -> anyhow::Result<Option<ProviderSettings>> {
        let Some(url) = self.url.clone() else { return Ok(None) };
        let missing = |key: &str| anyhow::anyhow!("compliance_data.cdp_ng.url is set and .{key} is not");
        let auth = self.gcloud_auth.clone().ok_or_else(|| missing("gcloud_auth"))?;
        for (key, address) in [("url", &url), ("gcloud_auth", &auth)] {
            if is_readable_on_the_way(address) && !self.allow_plain_http {
                anyhow::bail!(
                    "compliance_data.cdp_ng.{key} is {address}, where everybody on the way could read the secret and the \
                     token: use https://, or set compliance_data.cdp_ng.allow_plain_http = true if the way is protected \
                     by other means"
                );
            }
        }
        Ok(Some(ProviderSettings {
            url,
            auth,
            id: self.gcloud_id.clone().ok_or_else(|| missing("gcloud_id"))?,
            secret: self.gcloud_secret.clone().ok_or_else(|| missing("gcloud_secret"))?,
            backoff: Duration::from_secs(1),
            temporary: data_dir.to_owned(),
        }))
    }

    /// The folder of signed data, if one is named: it is below the data folder also through links.
    pub fn folder(&self, data_dir: &Path) -> anyhow::Result<Option<PathBuf>> {
        let Some(below) = &self.embedded_basepath else { return Ok(None) };
        let folder = data_dir.join(below.trim_start_matches('/'));
        if let (Ok(root), Ok(real)) = (data_dir.canonicalize(), folder.canonicalize())
            && !real.starts_with(root)
        {
            anyhow::bail!("compliance_data.cdp_ng.embedded_basepath is {below:?} and leads out of the data folder");
        }
        Ok(Some(folder))
    }
}

/// Whether an address is without TLS and not of this machine.
fn is_readable_on_the_way(address: &str) -> bool {
    let uri: Option<axum::http::Uri> = address.parse().ok();
    let host = uri.as_ref().and_then(|uri| uri.host()).unwrap_or_default();
    let ip = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    let is_own = host.eq_ignore_ascii_case("localhost") || ip.is_ok_and(|ip| ip.is_loopback());
    !address.starts_with("https://") && !is_own
}

/// An address, or false for none.
pub fn url(found: &Found) -> Result<Option<String>, Expected> {
    match found {
        Found::Bool(false) => Ok(None),
        Found::Plain(text) | Found::Text(text) if text.trim() == "false" => Ok(None),
        _ => found.url().map(Some).map_err(|expected| format!("{expected}, or false for embedded data only")),
    }
}

/// A key that checks signatures.
pub fn public_key(found: &Found) -> Result<PublicKey, Expected> {
    const EXPECTED: &str = "ed25519: and the Base64 of 32 bytes, as cxc compliance-data keygen prints it";
    found.text(EXPECTED)?.parse().map_err(|_| EXPECTED.to_owned())
}

/// Countries; none of them for an empty text of the file.
pub fn countries(found: &Found) -> Result<WantedCountries, Expected> {
    let expected = |_| "countries as two letters, such as AU,CA,GB,NZ,US".to_owned();
    match found {
        Found::Plain(text) | Found::Text(text) => text.parse().map_err(expected),
        _ => Err(expected(String::new())),
    }
}

/// A path below the data folder. A slash at its beginning is that folder's, as in the images of before.
pub fn base_path(found: &Found) -> Result<String, Expected> {
    const EXPECTED: &str = "a path below the data folder, without ..";
    let text = found.text(EXPECTED)?;
    let stays = |part: Component<'_>| matches!(part, Component::RootDir | Component::CurDir | Component::Normal(_));
    let below = Path::new(&text).components().all(stays) && !text.contains(['\\', '\0']);
    if below { Ok(text) } else { Err(EXPECTED.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Found {
        Found::Text(text.to_owned())
    }

    #[test]
    fn paths_that_leave_the_data_folder_are_refused() {
        for good in ["/list_builder/data/ng_init_data", "seed", "./seed/x"] {
            assert_eq!(base_path(&text(good)), Ok(good.to_owned()));
        }
        for bad in ["..", "../x", "/a/../../b", "a/..", "", "a\\..\\b"] {
            assert!(base_path(&text(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_link_that_leads_out_of_the_data_folder_is_refused() {
        let (data, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::os::unix::fs::symlink(outside.path(), data.path().join("seed")).unwrap();
        std::fs::create_dir(data.path().join("own")).unwrap();
        let of = |path: &str| CdpNg { embedded_basepath: Some(path.into()), ..CdpNg::default() }.folder(data.path());
        assert!(of("/seed").unwrap_err().to_string().contains("leads out of the data folder"));
        assert!(of("own").unwrap().is_some() && of("missing").unwrap().is_some());
    }

    #[test]
    fn a_secret_does_not_leave_the_machine_in_the_open_unless_that_is_allowed() {
        let of = |url: &str, auth: &str, allow_plain_http| {
            let (url, gcloud_auth) = (Some(url.into()), Some(auth.into()));
            let (gcloud_id, gcloud_secret) = (Some("id".into()), Some("secret".to_owned().into()));
            let settings = CdpNg { url, gcloud_auth, gcloud_id, gcloud_secret, allow_plain_http, ..CdpNg::default() };
            settings.provider(Path::new("/data")).map(|found| found.is_some()).map_err(|e| e.to_string())
        };
        let tls = "https://data.example.com/x";
        for own in [tls, "http://127.0.0.1:8443/x", "http://localhost:80", "http://[::1]:8443"] {
            assert_eq!(of(own, own, false), Ok(true), "{own}");
        }
        for open in ["http://data.example.com", "http://10.0.0.7:80/x", "http://localhost.example.com"] {
            assert!(of(open, tls, false).unwrap_err().starts_with("compliance_data.cdp_ng.url is http://"), "{open}");
            let error = of(tls, open, false).unwrap_err();
            assert!(error.contains(".gcloud_auth is") && error.contains("allow_plain_http"), "{error}");
            assert_eq!(of(open, open, true), Ok(true), "{open}");
        }
    }

    #[test]
    fn the_provider_may_be_switched_off() {
        assert_eq!(url(&Found::Bool(false)), Ok(None));
        assert_eq!(url(&Found::Plain("false".into())), Ok(None));
        assert_eq!(url(&text("https://example.com/data/")), Ok(Some("https://example.com/data".into())));
        assert!(url(&Found::Bool(true)).is_err() && url(&text("no")).is_err());
        assert_eq!(countries(&text("")), Ok(WantedCountries::default()));
        assert!(countries(&text("US,XX")).is_err() && countries(&Found::Integer(1)).is_err());
    }
}
