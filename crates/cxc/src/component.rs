//! The one table of components: names, ports, and which paths of the API are whose.
use std::fmt;

/// A part of the platform that can run in this process or in one of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Component {
    /// The only public API: sign-in, sessions, audit, settings.
    ApiAggregator,
    /// Import and export of files.
    ListBuilder,
    /// Contact lists, suppression lists, selection rules, labels.
    ListManager,
    /// Profiles, templates, campaign groups, pre-loading.
    CampaignManager,
    /// The rules of when who may be contacted.
    ComplianceManager,
    /// SMS and email.
    DialManager,
    /// Calls.
    Dialer,
}

struct Row {
    component: Component,
    name: &'static str,
    port: u16,
    metrics_port: u16,
}

const TABLE: [Row; 7] = [
    Row { component: Component::ApiAggregator, name: "api-aggregator", port: 3000, metrics_port: 9102 },
    Row { component: Component::ListBuilder, name: "list-builder", port: 3004, metrics_port: 3104 },
    Row { component: Component::ListManager, name: "list-manager", port: 3005, metrics_port: 3105 },
    Row { component: Component::CampaignManager, name: "campaign-manager", port: 3006, metrics_port: 3106 },
    Row { component: Component::ComplianceManager, name: "compliance-manager", port: 3007, metrics_port: 3107 },
    Row { component: Component::DialManager, name: "dial-manager", port: 3009, metrics_port: 3109 },
    Row { component: Component::Dialer, name: "dialer", port: 3010, metrics_port: 3110 },
];

/// The port of the internal backend, unless configured.
pub const INTERNAL_PORT: u16 = 8888;

impl Component {
    /// Every component, in the order in which they start.
    pub const ALL: [Component; 7] = [
        Component::ApiAggregator,
        Component::ListBuilder,
        Component::ListManager,
        Component::CampaignManager,
        Component::ComplianceManager,
        Component::DialManager,
        Component::Dialer,
    ];

    fn row(self) -> &'static Row {
        TABLE.iter().find(|row| row.component == self).unwrap_or(&TABLE[0])
    }

    /// Its name at the command line, in the configuration and in logs.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The component of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.name == name).map(|row| row.component)
    }

    /// Its HTTP port, unless configured.
    pub fn default_port(self) -> u16 {
        self.row().port
    }

    /// Its paths at the root of the public port, beside the API.
    pub fn root_paths(self) -> &'static [&'static str] {
        match self {
            Component::DialManager => &["/unsubscribe/{token}"],
            _ => &[],
        }
    }

    /// The port of its metrics, unless configured.
    pub fn default_metrics_port(self) -> u16 {
        self.row().metrics_port
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ports_are_those_of_the_specification() {
        let ports: Vec<(u16, u16)> =
            Component::ALL.iter().map(|c| (c.default_port(), c.default_metrics_port())).collect();
        let expected =
            [(3000, 9102), (3004, 3104), (3005, 3105), (3006, 3106), (3007, 3107), (3009, 3109), (3010, 3110)];
        assert_eq!(ports, expected);
    }

    #[test]
    fn the_name_at_the_command_line_is_the_name_in_the_table() {
        use clap::ValueEnum;
        for component in Component::ALL {
            assert_eq!(component.to_possible_value().unwrap().get_name(), component.name());
            assert_eq!(Component::from_name(component.name()), Some(component));
        }
        assert_eq!(Component::value_variants().len(), TABLE.len());
    }
}
