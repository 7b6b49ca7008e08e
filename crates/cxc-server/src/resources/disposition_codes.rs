//! `/disposition-codes`: what agents say of a call that is over.
use cxc_core::field_error::FieldError;
use cxc_core::kind;
use cxc_store::object_query::ObjectField;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Scope;
use crate::document::{self, Document, NoExtra, Write};
use crate::error::ApiError;

/// A business outcome that an agent may give a call. Treatments can be for it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DispositionCode {
    /// What is kept with the attempt: 1 to 64 letters, digits, `_` or `-`; used once in the tenant, in whatever case.
    #[schema(min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9_-]+$")]
    pub code: String,
    /// Whether it says that the person wants no more calls: the number is suppressed at once.
    #[serde(default)]
    pub do_not_call: bool,
}

impl Document for DispositionCode {
    const KIND: &'static str = kind::DISPOSITION_CODE;
    const NOUN: &'static str = "disposition code";
    const PATH: &'static str = "/disposition-codes";
    const TAG: &'static str = "Agents";
    const READ: Scope = Scope::CampaignsRead;
    const WRITE: Scope = Scope::CampaignsWrite;
    const FILTERS: &'static [ObjectField] = &[ObjectField::Text("code")];
    type Extra = NoExtra;

    fn validate(&self) -> Vec<FieldError> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if (1..=64).contains(&self.code.len()) && self.code.bytes().all(fits) {
            return Vec::new();
        }
        vec![FieldError::new("/code", "invalid", "a code has 1 to 64 letters, digits, _ or -")]
    }

    async fn before_write(write: &mut Write<'_, Self>) -> Result<(), ApiError> {
        let others = document::get_all::<Self>(write.tx, write.principal.tenant).await?;
        let code = &write.after.body.code;
        match others.iter().any(|other| other.id != write.after.id && other.body.code.eq_ignore_ascii_case(code)) {
            true => Err(ApiError::invalid("/code", "used_twice", format!("{code} is the code of another disposition"))),
            false => Ok(()),
        }
    }
}
