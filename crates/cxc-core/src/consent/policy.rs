//! What a tenant decided about consents and opt-outs: whether files may lift an opt-out, and shorter terms than the law's.
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::RevocationTerms;

/// What a tenant decided. Terms can only be shortened: the earlier of the law's and the tenant's holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ConsentPolicy {
    /// A consent of a file lifts an opt-out that it is later than, if it is express. Otherwise no file ever does.
    #[schema(default = false)]
    pub files_lift_opt_outs: bool,
    /// An opt-out must hold within so many days, if the law allows more.
    #[schema(minimum = 0, maximum = 30)]
    pub revocation_days: Option<u16>,
    /// The one confirmation of an opt-out goes out within so many minutes or not at all, if the law allows more. 0: none
    /// is sent.
    #[schema(minimum = 0, maximum = 60)]
    pub confirm_minutes: Option<u16>,
}

impl ConsentPolicy {
    /// The terms of a revocation: the law's, or the tenant's where those are shorter.
    #[must_use]
    pub fn shorten(&self, law: RevocationTerms, received: Timestamp) -> RevocationTerms {
        let days = self.revocation_days.and_then(|days| received.checked_add((i64::from(days) * 24).hours()).ok());
        let minutes = self.confirm_minutes.and_then(|m| received.checked_add(i64::from(m).minutes()).ok());
        RevocationTerms {
            deadline: days.map_or(law.deadline, |own| own.min(law.deadline)),
            confirm_until: minutes.map_or(law.confirm_until, |own| own.min(law.confirm_until)),
            reach: law.reach,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::RevocationReach;
    use super::*;

    #[test]
    fn a_tenant_shortens_the_terms_and_never_lengthens_them() {
        let received: Timestamp = "2026-11-20T15:00:00Z".parse().unwrap();
        let law = RevocationTerms {
            deadline: "2026-12-08T00:00:00Z".parse().unwrap(),
            confirm_until: "2026-11-20T15:05:00Z".parse().unwrap(),
            reach: RevocationReach::AsSaid,
        };
        let with = |days, minutes| {
            let policy = ConsentPolicy { revocation_days: days, confirm_minutes: minutes, ..ConsentPolicy::default() };
            let terms = policy.shorten(law, received);
            (terms.deadline.to_string(), terms.confirm_until.to_string())
        };
        let own = |deadline: &str, confirm: &str| (deadline.to_owned(), confirm.to_owned());
        assert_eq!(with(None, None), own("2026-12-08T00:00:00Z", "2026-11-20T15:05:00Z"));
        assert_eq!(with(Some(2), Some(1)), own("2026-11-22T15:00:00Z", "2026-11-20T15:01:00Z"));
        assert_eq!(with(Some(0), Some(0)), own("2026-11-20T15:00:00Z", "2026-11-20T15:00:00Z"));
        assert_eq!(with(Some(30), Some(60)), own("2026-12-08T00:00:00Z", "2026-11-20T15:05:00Z"), "not longer");
    }
}
