//! Each component's service: the only place that knows them all.
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use cxc_compliance_data::LiveData;
use cxc_compliance_data::client::{Client, ProviderSettings};
use cxc_core::compliance::Zones;
use cxc_core::phone::PhoneParser;
use cxc_dial_manager::channel::voice::{CallKit, DeskBoard, Prompt, PromptShelf, Recorder, keep_recordings};
use cxc_list_builder::Folders;
use cxc_list_builder::import::Checkers;
use cxc_list_manager::{ComplianceData, Readers};
use cxc_server::rule_data::RuleData;
use cxc_server::service::{Parts, Service};
use cxc_server::{App, access, openapi, resources};
use cxc_store::location::Locations;
use utoipa::openapi::OpenApi;

use crate::component::Component;
use crate::config::Config;
use crate::failure::Failure;
use crate::{store, tzdb};

/// What the services of one process share.
pub struct Shared {
    /// The time zone database: that of the configuration, else the bundled one.
    pub zones: Zones,
    /// Interned locations.
    pub locations: Arc<Locations>,
    /// Reads phone numbers.
    pub phones: Arc<PhoneParser>,
    /// The data in use: finds places.
    pub live: Arc<LiveData>,
}

impl Shared {
    /// What the services of a process need.
    pub fn new(config: &Config) -> anyhow::Result<Self> {
        let data = &config.compliance_data;
        let zones = tzdb::zones(data.tzdb_directory.as_deref())?;
        if let Some(too_old) = zones.too_old() {
            tracing::error!("nobody is contacted: {too_old}");
        }
        let cdp = &data.cdp_ng;
        let (wanted, key, folder) = (cdp.rule_set.clone(), cdp.public_key.clone(), cdp.folder(&config.data_dir)?);
        let live = LiveData::new(zones.clone(), data.outlying_zones, wanted, key, folder)
            .context("compliance_data.tzdb_directory")?
            .with_downloads(cdp.url.is_some());
        live.read_folder();
        Ok(Self { locations: Arc::new(Locations::new()), phones: PhoneParser::shared()?, live: Arc::new(live), zones })
    }

    /// What the list builder checks lines with.
    pub fn checkers(&self, app: &App) -> Checkers {
        let (phones, tables) = (Arc::clone(&self.phones), self.live.tables.clone());
        Checkers { phones, tables, hash_key: app.hash_key }
    }

    /// What the list manager reads contacts with.
    fn readers(&self) -> Readers {
        let (phones, tables) = (Arc::clone(&self.phones), self.live.tables.clone());
        Readers { phones, tables, locations: Arc::clone(&self.locations) }
    }

    /// What calls are placed with.
    fn call_kit(&self, config: &Config) -> anyhow::Result<CallKit> {
        let voice = &config.voice;
        let prompt = |key: &'static str, file: &Option<PathBuf>| {
            let read = file.as_deref().map(|file| {
                let bytes = std::fs::read(file).with_context(|| format!("{} can't be read", file.display()))?;
                Prompt::from_wav(&bytes).with_context(|| format!("{} is no usable WAV file", file.display()))
            });
            read.transpose().context(key)
        };
        if let Some(folder) = voice.prompts.as_deref().filter(|folder| !folder.is_dir()) {
            return Err(anyhow::anyhow!("voice.prompts: there is no folder {}", folder.display()));
        }
        store::make_recordings(config).context("voice.recordings")?;
        Ok(CallKit {
            phones: Arc::clone(&self.phones),
            message: prompt("voice.abandon_message", &voice.abandon_message)?,
            machine_message: prompt("voice.machine_message", &voice.machine_message)?,
            recording_notice: prompt("voice.recording_notice", &voice.recording_notice)?,
            prompts: voice.prompts.clone(),
            shelf: PromptShelf::default(),
            hold_prompt: prompt("voice.hold_prompt", &voice.hold_prompt)?,
            recorder: Recorder::start(&config.recordings()).context("recordings can't be written")?,
            media_ports: voice.media_ports.clone(),
            public: voice.public_address,
            inbound: voice.inbound_listen,
            agents: Arc::default(),
            live: Arc::default(),
            desks: DeskBoard::default(),
            caller_ids: Arc::default(),
        })
    }

    /// The data in use, and who renews it.
    fn compliance_data(&self, app: &App, config: &Config) -> anyhow::Result<ComplianceData> {
        let cdp = &config.compliance_data.cdp_ng;
        let settings = cdp.provider(&config.data_dir)?;
        let holder = format!("list-manager {}", app.ids.next());
        let client = |settings: ProviderSettings| Client::new(settings, Arc::clone(&app.clock), holder);
        let client = settings.map(client).transpose()?.map(Arc::new);
        Ok(ComplianceData::new(Arc::clone(&self.live), client, cdp.refresh))
    }
}

/// The legal rules and calendars that are shipped. Without all of them nothing starts.
pub fn rule_data(zones: &Zones) -> Result<RuleData, Failure> {
    let read = RuleData::shipped(zones).context("the shipped legal rules can't be read");
    read.map_err(Failure::start)
}

/// A component with its own metrics, not started.
pub fn build(component: Component, app: &App, shared: &Shared, config: &Config) -> anyhow::Result<Service> {
    let app = app.for_component();
    let (zones, locations) = (shared.zones.clone(), Arc::clone(&shared.locations));
    match component {
        Component::ApiAggregator => api_aggregator(app),
        Component::CampaignManager => cxc_campaign_manager::service(app, zones, locations),
        Component::ComplianceManager => {
            let (phones, tables) = (Arc::clone(&shared.phones), shared.live.tables.clone());
            cxc_compliance_manager::service_with(app, cxc_compliance_manager::Kit { zones, phones, tables })
        }
        Component::DialManager => cxc_dial_manager::service(app, zones, locations),
        Component::Dialer => {
            let (kit, clock, folder) = (shared.call_kit(config)?, Arc::clone(&app.clock), config.recordings());
            let service = cxc_dial_manager::dialer(app, zones, locations, kit)?;
            Ok(service.work(move |stop| async move {
                stop.run_until_cancelled(keep_recordings(clock, folder)).await;
                Ok(())
            }))
        }
        Component::ListBuilder => {
            let checkers = shared.checkers(&app);
            cxc_list_builder::service(app, checkers, locations, Folders::below(&config.data_dir))
        }
        Component::ListManager => {
            let data = shared.compliance_data(&app, config)?;
            cxc_list_manager::service_with(app, shared.readers(), data)
        }
    }
}

/// Administration: who may do what, settings, tenants, audit, jobs, events.
fn api_aggregator(app: App) -> anyhow::Result<Service> {
    let (events, sweeper) = (app.clone(), app.clone());
    Ok(Service::new(Component::ApiAggregator.name(), app, resources::routes())
        .work(move |stop| resources::dispatch_events(events, stop))
        .work(move |stop| async move {
            access::sweep(sweeper, stop).await;
            Ok(())
        }))
}

/// The description of the whole API, in the order of the components.
pub fn describe(all: &BTreeMap<Component, Parts>) -> OpenApi {
    openapi::assemble(all.values().map(|parts| parts.openapi.clone()))
}
