//! Permissions. A scope bounds a program; a role is a set of scopes that a user has.
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

macro_rules! scopes {
    ($($variant:ident $text:tt $meaning:literal;)*) => {
        /// One permission.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
        #[expect(missing_docs, reason = "each is explained by its meaning")]
        pub enum Scope { $(#[serde(rename = $text)] $variant),* }

        impl Scope {
            /// Every scope.
            pub const ALL: &'static [Scope] = &[$(Scope::$variant),*];

            /// The scope as it travels, such as `lists:read`.
            pub fn as_str(self) -> &'static str {
                match self { $(Scope::$variant => $text),* }
            }

            /// What it allows, for people.
            pub fn meaning(self) -> &'static str {
                match self { $(Scope::$variant => $meaning),* }
            }
        }
    };
}

scopes! {
    CampaignsRead "campaigns:read" "See campaign groups, their accounting and records";
    CampaignsWrite "campaigns:write" "Edit campaign templates and groups";
    CampaignsControl "campaigns:control" "Load, start, pause and stop campaign groups";
    ProfilesRead "profiles:read" "See dialing profiles, session profiles and channel accounts";
    ProfilesWrite "profiles:write" "Edit dialing profiles, session profiles and channel accounts";
    AgentsWork "agents:work" "Take calls as an agent";
    AgentsSupervise "agents:supervise" "See what agents do, log them out, make them ready or not";
    SchedulesRead "schedules:read" "See schedules and sequences";
    SchedulesWrite "schedules:write" "Edit schedules and sequences";
    ListsRead "lists:read" "See contact lists and contacts";
    ListsWrite "lists:write" "Edit and import contact lists";
    ListsExport "lists:export" "Export contact lists";
    SuppressionRead "suppression:read" "See suppression lists";
    SuppressionWrite "suppression:write" "Edit and import suppression lists";
    SuppressionExport "suppression:export" "Export suppression lists";
    ComplianceRead "compliance:read" "See compliance rules and attempts";
    ComplianceWrite "compliance:write" "Edit compliance rules";
    ComplianceRequired "compliance:required" "Edit rules and lists that are required";
    ComplianceValidate "compliance:validate" "Ask before each attempt and report attempts (dialers, gateways)";
    ComplianceEmergency "compliance:emergency" "Name emergency as the purpose of an attempt, which no hours of the law hold back";
    ContentRead "content:read" "See message content";
    ContentWrite "content:write" "Edit message content";
    AutomationRead "automation:read" "See list automation";
    AutomationWrite "automation:write" "Edit list automation";
    AutomationRun "automation:run" "Run list automation now";
    SettingsRead "settings:read" "See settings";
    SettingsWrite "settings:write" "Edit settings";
    UsersRead "users:read" "See users, roles and API clients";
    UsersWrite "users:write" "Edit users, roles and API clients";
    AnalyticsRead "analytics:read" "See analytics";
    AuditRead "audit:read" "See the audit log";
    PrivacyAdmin "privacy:admin" "Find, export and erase people's data; see whom evidence and attempts are about";
    TenantsAdmin "tenants:admin" "Manage tenants (operators only)";
}

impl std::str::FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        Scope::ALL.iter().copied().find(|s| s.as_str() == text).ok_or(UnknownScope)
    }
}

/// A text that is no scope.
#[derive(Debug, thiserror::Error)]
#[error("a scope is one of those listed in the API description, such as lists:read")]
pub struct UnknownScope;

/// A set of scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scopes(u64);

impl Scopes {
    /// Every scope but that of operators.
    pub fn of_administrator() -> Self {
        Scope::ALL.iter().copied().filter(|s| *s != Scope::TenantsAdmin).collect()
    }

    /// Whether it holds every scope of an administrator.
    pub fn is_administrator(self) -> bool {
        let all = Self::of_administrator();
        self.0 & all.0 == all.0
    }

    /// Whether the scope is in the set.
    pub fn has(self, scope: Scope) -> bool {
        self.0 & (1 << scope as u64) != 0
    }

    /// Both sets together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What both sets have.
    #[must_use]
    pub fn within(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether nothing is in the set.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The scopes, in their fixed order.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.iter().copied().filter(move |s| self.has(*s))
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<T: IntoIterator<Item = Scope>>(iter: T) -> Self {
        Self(iter.into_iter().fold(0, |bits, s| bits | 1 << s as u64))
    }
}

/// The roles that every tenant has. Their permissions come with the program and can't be edited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names of the field")]
pub enum BuiltInRole {
    Administrator,
    CampaignManager,
    ListManager,
    ComplianceOfficer,
    Analyst,
    Auditor,
    Agent,
    /// Of the system tenant only: manages tenants.
    Operator,
}

impl BuiltInRole {
    /// The roles of an ordinary tenant.
    pub const OF_TENANT: &'static [BuiltInRole] = &[
        Self::Administrator,
        Self::CampaignManager,
        Self::ListManager,
        Self::ComplianceOfficer,
        Self::Analyst,
        Self::Auditor,
        Self::Agent,
    ];

    /// The name that people see.
    pub fn title(self) -> &'static str {
        match self {
            Self::Administrator => "Administrator",
            Self::CampaignManager => "Campaign Manager",
            Self::ListManager => "List Manager",
            Self::ComplianceOfficer => "Compliance Officer",
            Self::Analyst => "Analyst",
            Self::Auditor => "Auditor",
            Self::Agent => "Agent",
            Self::Operator => "Operator",
        }
    }

    /// What the role may do.
    pub fn scopes(self) -> Scopes {
        use Scope as S;
        const SEEING: [Scope; 8] = [
            S::CampaignsRead,
            S::ProfilesRead,
            S::SchedulesRead,
            S::ListsRead,
            S::SuppressionRead,
            S::ComplianceRead,
            S::ContentRead,
            S::AnalyticsRead,
        ];
        let more: &[Scope] = match self {
            Self::Administrator => return Scopes::of_administrator(),
            Self::Operator => return Scope::ALL.iter().copied().collect(),
            Self::Agent => return [S::CampaignsRead, S::AgentsWork].into_iter().collect(),
            Self::CampaignManager => &[
                S::CampaignsWrite,
                S::CampaignsControl,
                S::AgentsSupervise,
                S::ProfilesWrite,
                S::SchedulesWrite,
                S::ContentWrite,
                S::AutomationRead,
                S::SettingsRead,
            ],
            Self::ListManager => &[
                S::ListsWrite,
                S::ListsExport,
                S::SuppressionWrite,
                S::SuppressionExport,
                S::AutomationRead,
                S::AutomationWrite,
                S::AutomationRun,
                S::SettingsRead,
            ],
            Self::ComplianceOfficer => &[
                S::ComplianceWrite,
                S::ComplianceRequired,
                S::SuppressionWrite,
                S::SuppressionExport,
                S::AuditRead,
                S::PrivacyAdmin,
                S::SettingsRead,
            ],
            Self::Analyst => &[],
            Self::Auditor => &[S::AuditRead, S::AutomationRead, S::SettingsRead, S::UsersRead],
        };
        SEEING.iter().chain(more).copied().collect()
    }
}
