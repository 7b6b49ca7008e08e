//! Stored rules that can't be used: those that name a place, zone or calendar that an upgrade of the data took away.
use axum::extract::State;
use cxc_core::compliance::RuleProblem;
use cxc_server::document::Page;
use cxc_server::{ApiError, App, Principal};

/// The stored rules that can't be used, such as those that name a place or a calendar that is not there any more
#[utoipa::path(get, path = "/compliance/rule-problems", tag = "Compliance", operation_id = "listRuleProblems",
    responses((status = OK, body = Page<RuleProblem>), ApiError))]
pub(crate) async fn problems(
    State(app): State<App>,
    principal: Principal,
) -> Result<axum::Json<Page<RuleProblem>>, ApiError> {
    let documents = app.rules.documents(&mut app.db.read().await?, principal.tenant).await?;
    Ok(axum::Json(Page::new(documents.problems(&app.rules.zones), None)))
}

/// Tells at start which tenants have such rules: of some of them nobody is contacted until they are mended.
pub(crate) async fn tell(app: &App) -> anyhow::Result<()> {
    let tenants = app.db.read().await?.tenant_all().await?;
    for tenant in tenants {
        let documents = app.rules.documents(&mut app.db.read().await?, tenant.no).await?;
        for problem in documents.problems(&app.rules.zones) {
            let RuleProblem { rule, kind, detail, stops } = problem;
            let effect = if stops { "nobody is contacted until it is mended" } else { "it has no effect" };
            tracing::error!("tenant {}: the {kind} {} can't be used, {effect}: {detail}", tenant.short_name, rule.id);
        }
    }
    Ok(())
}
