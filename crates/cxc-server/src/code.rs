//! The stable codes of problem documents.
use axum::http::StatusCode;

macro_rules! codes {
    ($($variant:ident $text:literal $status:literal $title:literal;)*) => {
        /// What went wrong, as a stable code for programs. A code is never renamed, only added.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "each is explained by its title")]
        pub enum Code { $($variant),* }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Code] = &[$(Code::$variant),*];

            /// The code as it travels, such as `group_running`.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$variant => $text),* }
            }

            /// The HTTP status that goes with it.
            pub fn status(self) -> StatusCode {
                let number = match self { $(Code::$variant => $status),* };
                StatusCode::from_u16(number).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
            }

            /// A short text for people, the same for every problem of this code.
            pub fn title(self) -> &'static str {
                match self { $(Code::$variant => $title),* }
            }
        }
    };
}

codes! {
    MalformedRequest "malformed_request" 400 "The request can't be read";
    BadCursor "bad_cursor" 400 "The cursor is not valid for this query";
    BadFilter "bad_filter" 400 "A query parameter is not valid";
    Unauthenticated "unauthenticated" 401 "Sign in first";
    TokenExpired "token_expired" 401 "The session or token has expired";
    Forbidden "forbidden" 403 "Not allowed";
    ScopeMissing "scope_missing" 403 "A permission is missing";
    CsrfFailed "csrf_failed" 403 "The CSRF token is missing or wrong";
    NotFound "not_found" 404 "Not found";
    MethodNotAllowed "method_not_allowed" 405 "The method is not allowed here";
    NameTaken "name_taken" 409 "The name is taken";
    InUse "in_use" 409 "The object is in use";
    LastAdministrator "last_administrator" 409 "Nobody could manage the users any more";
    GroupRunning "group_running" 409 "Campaign group is running";
    GroupNotLoaded "group_not_loaded" 409 "Campaign group is not loaded";
    PreloadInProgress "preload_in_progress" 409 "Campaign group is loading";
    UnloadInProgress "unload_in_progress" 409 "Campaign group is unloading";
    UndoBlocked "undo_blocked" 409 "The import can't be undone";
    JobFinished "job_finished" 409 "The job has ended";
    VersionGone "version_gone" 409 "A version that is needed is not there any more";
    EvidenceBroken "evidence_broken" 409 "Kept evidence was changed";
    IdempotencyInProgress "idempotency_in_progress" 409 "The first request with this key is still running";
    EtagMismatch "etag_mismatch" 412 "The object has changed";
    BodyTooLarge "body_too_large" 413 "The body is too large";
    TooManyItems "too_many_items" 413 "Too many items";
    UnsupportedMediaType "unsupported_media_type" 415 "The content type is not supported";
    ValidationFailed "validation_failed" 422 "Some values are not valid";
    IdempotencyKeyReused "idempotency_key_reused" 422 "The idempotency key belongs to another request";
    GroupWithoutList "group_without_list" 422 "Campaign group has no list";
    GroupWithoutAgents "group_without_agents" 422 "Campaign group has no agents";
    SessionProfileInvalid "session_profile_invalid" 422 "The session profile is not valid";
    ScriptUnavailable "script_unavailable" 422 "The script is not available";
    ContentMissing "content_missing" 422 "The content is missing";
    ListImporting "list_importing" 422 "The list is being imported";
    EscalationNeedsNextInChain "escalation_needs_next_in_chain" 422 "Device escalation needs next in chain";
    RulesUnanswered "rules_unanswered" 422 "Legal rules are not decided";
    ContentIncomplete "content_incomplete" 422 "The content lacks what the law asks for";
    DncNotLoaded "dnc_not_loaded" 422 "A list of numbers is not loaded";
    RequiredItem "required_item" 422 "The item is required";
    IfMatchRequired "if_match_required" 428 "If-Match is required";
    RateLimited "rate_limited" 429 "Too many requests";
    Internal "internal" 500 "Internal error";
    DependencyUnavailable "dependency_unavailable" 503 "A dependency is not available";
    DialerUnreachable "dialer_unreachable" 503 "The dialer can't be reached";
}
