//! The engine that contacts people: content, channels, delivery results, opt-outs. Two components run it: the dial
//! manager sends SMS and email, the dialer places calls.

pub mod accounts;
pub mod agents;
pub mod channel;
pub mod content;
pub mod contents;
pub mod live;
pub mod metrics;
mod opt_out;
pub mod prompts;
pub mod sender;
mod unsubscribe;

use std::sync::Arc;

use cxc_core::compliance::Zones;
use cxc_core::opt_out::Keywords;
use cxc_server::{App, Scope, Service, crud, require};
use cxc_store::location::Locations;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use channel::voice::{CallKit, inbound, sharing};
use live::LiveMetrics;
use metrics::DialMetrics;
use sender::{EvidenceKit, SenderContext};

/// The dial manager: its routes, its metrics, its senders.
pub fn service(app: App, zones: Zones, locations: Arc<Locations>) -> anyhow::Result<Service> {
    let context = context(&app, zones, locations, None)?;
    Ok(working(Service::new("dial-manager", app, routes()).root(unsubscribe::routes()), context))
}

/// The dialer: places the calls of voice groups.
pub fn dialer(app: App, zones: Zones, locations: Arc<Locations>, kit: CallKit) -> anyhow::Result<Service> {
    let (hub, board) = (Arc::clone(&kit.agents), Arc::clone(&kit.live));
    let (caller_ids, own) = (Arc::clone(&kit.caller_ids), app.clone());
    let blocked = app.metrics.gauge(
        "cxc_dialer_caller_id_blocked",
        "Whether calls by a caller id are being blocked: 1 while it is left alone.",
        &["caller_id"],
    )?;
    let gauges = LiveMetrics::register(&app.metrics)?;
    let kit = Arc::new(kit);
    let context = context(&app, zones, locations, Some(Arc::clone(&kit)))?;
    let (reception, sharing) = (app.clone(), (app.clone(), Arc::clone(&board)));
    let routes = agents::routes(Arc::clone(&hub)).merge(prompts::routes());
    let service = Service::new("dialer", app, routes).work(move |stop| async move {
        let watched = caller_ids.keep(own, blocked, stop.clone());
        tokio::join!(agents::keep(hub, stop.clone()), gauges.keep(board, stop), watched);
        Ok(())
    });
    let service = service.work(move |stop| async move {
        sharing::share(sharing.0, sharing.1, stop).await;
        Ok(())
    });
    let service = match kit.inbound {
        Some(listen) => service.work(move |stop| inbound::serve(reception, kit, listen, stop)),
        None => service,
    };
    Ok(working(service, context))
}

fn context(
    app: &App,
    zones: Zones,
    locations: Arc<Locations>,
    calls: Option<Arc<CallKit>>,
) -> anyhow::Result<SenderContext> {
    let metrics = Arc::new(DialMetrics::register(&app.metrics)?);
    let holder = app.ids.next().to_string().into();
    let keywords = Arc::new(Keywords::default());
    let links = unsubscribe::key(app);
    let evidence = Arc::new(EvidenceKit::new(app, &zones)?);
    let app = app.clone();
    Ok(SenderContext { app, holder, zones, locations, keywords, links, evidence, metrics, calls })
}

fn working(service: Service, context: SenderContext) -> Service {
    let numbers = context.app.numbers.clone();
    service
        .work(move |stop| async move {
            stop.run_until_cancelled(numbers.watch()).await;
            Ok(())
        })
        .work(move |stop| async move {
            sender::supervise(context, stop).await;
            Ok(())
        })
}

/// The routes, below the base path.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(crud::<accounts::ChannelAccount>())
        .merge(crud::<content::Content>())
        .merge(live::routes())
        .routes(require(Scope::ContentRead, routes!(contents::render_content)))
        .routes(require(Scope::ContentWrite, routes!(contents::send_test)))
}
