//! `/enumerations`: every numbered set, so that user interfaces need no copy.
use std::collections::BTreeMap;

use axum::response::{IntoResponse, Response};
use cxc_core::enumerations::{CallResult, ContactType, DialerRecordStatus, DialingMode, Numbered, RecordType};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;
use crate::error::ApiError;
use crate::extract::ApiJson;
use crate::principal::signed_in;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(signed_in(routes!(get)))
}

/// The numbered sets by name.
#[derive(Serialize, ToSchema)]
struct Enumerations(BTreeMap<&'static str, Vec<Numbered>>);

/// Every numbered set. Numbers never change their meaning.
#[utoipa::path(get, path = "/enumerations", tag = "Administration", operation_id = "getEnumerations",
    responses((status = OK, body = Enumerations), ApiError))]
async fn get() -> Response {
    macro_rules! set {
        ($type:ident) => {
            $type::ALL.iter().map(|m| Numbered { code: m.code(), name: m.name().to_owned() }).collect()
        };
    }
    let sets = BTreeMap::from([
        ("call_result", set!(CallResult)),
        ("contact_type", set!(ContactType)),
        ("dialing_mode", set!(DialingMode)),
        ("record_status", set!(DialerRecordStatus)),
        ("record_type", set!(RecordType)),
    ]);
    ApiJson(Enumerations(sets)).into_response()
}
