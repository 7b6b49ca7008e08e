//! The effective values, without secrets: what `cxc config check` prints.
use std::fmt::Write as _;

use super::settings::{keys, show};
use super::{Config, Origin};

/// Every setting in TOML, with where its value comes from.
pub fn check(config: &Config, origin: &Origin) -> String {
    let mut text = String::new();
    for key in keys() {
        let from = origin.get(&key).map_or("default", String::as_str);
        let _ = match show(config, &key) {
            Some(value) => writeln!(text, "{:<60} # {from}", format!("{key} = {value}")),
            None => writeln!(text, "{:<60} # not set", format!("# {key}")),
        };
    }
    text
}

/// A database's address without the password.
pub fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (address, query) = rest.split_once('?').map_or((rest, None), |(address, query)| (address, Some(query)));
    let address = match address.rsplit_once('@') {
        Some((who, host)) => {
            let user = who.split_once(':').map_or(who, |(user, _)| user);
            let hidden = if user == who { "" } else { ":***" };
            format!("{user}{hidden}@{host}")
        }
        None => address.to_owned(),
    };
    let query = query.map(|q| format!("?{}", q.split('&').map(hidden_parameter).collect::<Vec<_>>().join("&")));
    format!("{scheme}://{address}{}", query.unwrap_or_default())
}

fn hidden_parameter(parameter: &str) -> String {
    match parameter.split_once('=') {
        Some((name, _)) if name.contains("password") => format!("{name}=***"),
        _ => parameter.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        for (url, shown) in [
            ("postgres://u:p%40s@h:5432/d", "postgres://u:***@h:5432/d"),
            ("postgres://u:p@w@h/d", "postgres://u:***@h/d"),
            ("postgres://u@h/d", "postgres://u@h/d"),
            ("postgres://h/d?user=u&password=p", "postgres://h/d?user=u&password=***"),
            ("sqlite:./cxc-data/cxc.db", "sqlite:./cxc-data/cxc.db"),
        ] {
            assert_eq!(without_password(url), shown);
        }
    }

    #[test]
    fn what_is_shown_is_toml_that_says_the_same() {
        let config = Config::default();
        let text = check(&config, &Origin::new());
        let table: toml::Table = text.parse().unwrap();
        assert_eq!(table["http"]["port"].as_integer(), Some(3000));
        assert_eq!(table["component"]["dial-manager"]["metrics_port"].as_integer(), Some(3109));
    }

    #[test]
    fn every_setting_is_in_the_reference() {
        let reference = include_str!("../../../../docs/configuration.md");
        for key in keys() {
            let row = key.split_once("component.").map_or(key.clone(), |(_, rest)| {
                rest.split_once('.').map_or(String::new(), |(_, field)| format!("component.NAME.{field}"))
            });
            assert!(reference.contains(&format!("`{row}`")), "docs/configuration.md says what {row} is");
        }
    }
}
