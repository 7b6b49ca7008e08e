//! Making the demonstration, once: what is there already is left as it is.
use std::io::{BufWriter, Write as _};
use std::time::Duration;

use cxc_list_builder::import::{ImportMode, ImportSettings};
use cxc_list_builder::jobs::{ImportPayload, LIST_IMPORT, Source};
use cxc_server::access::random_password;
use cxc_server::principal::{Principal, SYSTEM_TENANT};
use cxc_server::provision::{self, NewTenant};
use cxc_server::resources::users::User;
use cxc_server::scope::BuiltInRole;
use cxc_server::{App, document};

use super::people::write_csv;
use super::{GROUPS, LIST, TENANT, USER, documents, phones};
use crate::commands::{Desk, jobs, lists, refused};
use crate::config::Config;
use crate::failure::Failure;
use crate::terminal;

/// Kept in the database once everything is made: what a person deletes is not made again.
const FACT: &str = "demo";
const FILE: &str = "demo-customers.csv";

/// Makes what the demonstration needs.
pub async fn make(config: &Config) -> Result<(), Failure> {
    let desk = Desk::open(config).await?;
    let made = make_in(config, &desk).await;
    desk.close().await;
    made
}

async fn make_in(config: &Config, desk: &Desk) -> Result<(), Failure> {
    let app = &desk.app;
    if app.db.read().await?.installation_get(FACT).await?.is_some() {
        let folder = config.data_dir.display();
        return terminal::say(&format!(
            "The demonstration goes on where it stood ({folder}).\n\
             A lost password is made anew by: cxc --data {folder} user reset-password '{TENANT}\\{USER}'"
        ));
    }
    let tenant = tenant(app).await?;
    let password = user(app, tenant).await?;
    if let Some(password) = password {
        terminal::say(&format!("Administrator: {TENANT}\\{USER}\nPassword (shown this once): {password}"))?;
    }
    let list = lists::find_or_make(app, tenant, LIST).await?;
    people(config, app, tenant, list).await?;
    documents::make(app, tenant, list, phones::free_port()?).await?;
    let mut tx = app.db.begin().await?;
    tx.installation_set(FACT, "made").await?;
    tx.commit().await?;
    terminal::say(&format!("Made: tenant {TENANT}, list {LIST}, campaign groups {}.", GROUPS.join(", ")))
}

/// The tenant; the demonstration keeps away from data of other people.
async fn tenant(app: &App) -> Result<i64, Failure> {
    let tenants = app.db.read().await?.tenant_all().await?;
    if let Some(demo) = tenants.iter().find(|t| t.domain == TENANT) {
        return Ok(demo.no);
    }
    if tenants.iter().any(|t| t.no != SYSTEM_TENANT) {
        return Err(Failure::usage(
            "this database has tenants already: --demo wants a folder of its own, such as --data ./demo",
        ));
    }
    let new = NewTenant {
        short_name: TENANT.into(),
        customer_name: "Demo Ltd".into(),
        domain: TENANT.into(),
        ccid: TENANT.into(),
    };
    Ok(provision::tenant(app, &Principal::system(SYSTEM_TENANT), &new).await.map_err(refused)?.no)
}

/// The administrator; answers the password if the user was made now.
async fn user(app: &App, tenant: i64) -> Result<Option<String>, Failure> {
    let mut tx = app.db.read().await?;
    let known = document::find::<User>(&mut tx, tenant, USER).await.map_err(refused)?;
    drop(tx);
    if known.is_some() {
        return Ok(None);
    }
    let password = random_password().map_err(refused)?;
    provision::user(app, tenant, USER, &password, &[BuiltInRole::Administrator]).await.map_err(refused)?;
    Ok(Some(password))
}

/// The people, through the same import as everybody's.
async fn people(config: &Config, app: &App, tenant: i64, list: uuid::Uuid) -> Result<(), Failure> {
    let path = config.data_dir.join(FILE);
    let mut file = BufWriter::new(std::fs::File::create(&path)?);
    write_csv(&mut file)?;
    file.flush()?;
    // update: an earlier start may have been ended on the way
    let settings = ImportSettings { file_name: FILE.into(), mode: ImportMode::Update, ..ImportSettings::default() };
    let payload = ImportPayload { source: Source::Path(std::fs::canonicalize(&path)?), settings };
    let job = jobs::run(app, &jobs::list_jobs(config, app).await?, tenant, LIST_IMPORT, list, payload).await?;
    match jobs::refusal(&job) {
        None => Ok(()),
        Some(why) => Err(Failure::refused(format!("the made-up people can't be imported: {why}"))),
    }
}

/// How often the status is looked at.
pub const LOOK: Duration = Duration::from_secs(1);
