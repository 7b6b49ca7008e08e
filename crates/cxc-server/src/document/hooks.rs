//! What a kind of document gets to see around its changes, inside their transaction.
use cxc_core::TenantNo;
use cxc_store::Tx;
use serde_json::{Map, Value};

use super::Stored;
use crate::App;
use crate::principal::Principal;

/// A document that is being stored.
pub struct Write<'a, D> {
    /// The application.
    pub app: &'a App,
    /// The transaction.
    pub tx: &'a mut Tx,
    /// Who writes.
    pub principal: &'a Principal,
    /// The document so far; `None` when it is new.
    pub before: Option<&'a Stored<D>>,
    /// The document that is stored.
    pub after: Stored<D>,
    /// Members that are shown in this answer only, such as a client's secret.
    pub shown: Map<String, Value>,
}

/// A document that is being deleted.
pub struct Removal<'a, D> {
    /// The application.
    pub app: &'a App,
    /// The transaction.
    pub tx: &'a mut Tx,
    /// Who deletes.
    pub principal: &'a Principal,
    /// The document.
    pub document: &'a Stored<D>,
}

/// Documents that are being answered.
pub struct Extras<'a, D> {
    /// The application.
    pub app: &'a App,
    /// The transaction.
    pub tx: &'a mut Tx,
    /// Their tenant.
    pub tenant: TenantNo,
    /// The documents.
    pub documents: &'a [Stored<D>],
}
