//! What lines become.
use cxc_core::location::Location;
use cxc_list_builder::import::{ImportMode, ImportSettings, WARNING_COLUMNS, WarningKind};

use crate::support::{World, settings};

#[tokio::test(flavor = "multi_thread")]
async fn a_line_becomes_a_contact_with_normalised_devices_and_places() {
    let world = World::start().await;
    let file = "Client ID,First Name,Last Name,Mobile,Email,Country,State,Zip,Other1,Shoe Size,Time Zone\n\
        c-1,Ann,O'Hara,(212) 555-0100 x12,Ann.O@Example.com,US,Texas,75201,gold,38,America/New_York\n\
        \n\
        c-2,Bob,,+44 20 7946 0123,,,,,\"a \"\"quoted\"\"\nvalue\",,\n";
    let outcome = world.import(file, settings(ImportMode::Append)).await;
    assert_eq!((outcome.lines, outcome.imported, outcome.blank, outcome.devices), (3, 2, 1, 3));
    assert_eq!((outcome.encoding.as_str(), outcome.delimiter.as_deref()), ("UTF-8", Some(",")));
    assert!(outcome.rejects_file.is_none() && outcome.outcome == "published");
    let contacts = world.contacts().await;
    let ann = &contacts[0];
    assert_eq!(ann.contact.client_id.as_deref(), Some("c-1"));
    assert_eq!(ann.contact.region.as_deref(), Some("TX"));
    assert_eq!(ann.contact.zone.as_deref(), Some("America/New_York"));
    assert_eq!(ann.contact.custom.as_deref(), Some(r#"{"c_other1":"gold","Shoe Size":"38"}"#));
    let devices: Vec<_> = ann.devices.iter().map(|d| (d.position, d.kind, d.address.as_str())).collect();
    assert_eq!(devices, [(1, 1, "+12125550100"), (2, 2, "Ann.O@Example.com")]);
    assert_eq!(ann.devices[0].extension.as_deref(), Some("12"));
    assert_eq!((ann.devices[0].area_code.as_deref(), ann.devices[0].country.as_deref()), (Some("212"), Some("US")));
    assert_eq!(ann.devices[1].address_hash, world.app.hash_key.hash(1, "ann.o@example.com"));
    let places = [ann.contact.location, ann.devices[0].location, ann.devices[1].location];
    let keys = world.app.db.read().await.unwrap().location_keys(&places).await.unwrap();
    let place = |number: i64| keys.iter().find(|k| k.0 == number).map(|k| Location::parse_key(&k.1).unwrap());
    assert_eq!(place(places[0]).unwrap().key(), "e|US|US-TX|America/Chicago,America/New_York");
    assert_eq!(place(places[1]).unwrap().zones(), ["America/New_York".into()]);
    assert_eq!(place(places[2]), None);
    let bob = &contacts[1];
    assert_eq!(bob.devices[0].address, "+442079460123");
    assert_eq!(bob.contact.custom.as_deref(), Some(r#"{"c_other1":"a \"quoted\"\nvalue"}"#));
    assert_eq!(bob.contact.country.as_deref(), Some("GB"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_that_is_not_taken_is_in_the_rejects_file_with_its_reason() {
    let world = World::start().await;
    let long = "x".repeat(65);
    let file = format!(
        "clientid,device1,device2,country,tz\n\
         ok,2125550100,,,\n\
         a,,,,\n\
         b,12,,,\n\
         c,2125550101,,Atlantis,\n\
         d,2125550102,,,Mars/Olympus\n\
         {long},2125550103,,,\n\
         e,2125550104\n\
         ok,2125550105,,,\n\
         f,123,2125550106,,\n"
    );
    let outcome = world.import(&file, settings(ImportMode::Append)).await;
    assert_eq!((outcome.lines, outcome.imported, outcome.duplicate, outcome.rejected), (9, 2, 1, 6));
    let rejects = world.rejects(&outcome);
    assert_eq!(
        rejects[0],
        ["clientid", "device1", "device2", "country", "tz", "line_number", "column", "reason_code", "reason_text"]
    );
    let reasons: Vec<_> = rejects[1..].iter().map(|r| (r[5].as_str(), r[7].as_str())).collect();
    assert_eq!(
        reasons,
        [
            ("3", "no_device"),
            ("4", "bad_device"),
            ("5", "bad_country"),
            ("6", "unknown_timezone"),
            ("7", "too_long"),
            ("8", "column_count"),
            ("9", "duplicate_in_file"),
        ]
    );
    assert_eq!(outcome.warnings.len(), 1);
    assert_eq!((outcome.warnings[0].kind, outcome.warnings[0].first_line), (WarningKind::BadDevice, 10));
    assert_eq!(world.row().await.rejects, 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_filters_lines_before_they_are_imported() {
    let world = World::start().await;
    let rule = r#"{"conditionSets":[[{"field":"cd_area_code","type":"area_code","operator":"equal","value":"415"}],
        [{"field":"c_other1","type":"numeric","operator":"greater_than","value":5}]]}"#;
    let rule = Some(serde_json::from_str(rule).unwrap());
    let file = "device1,device2,other1\n2125550100,4155550100,1\n2125550101,,6\n2125550102,,5\n";
    let outcome = world.import(file, ImportSettings { rule, ..settings(ImportMode::Append) }).await;
    assert_eq!((outcome.lines, outcome.imported, outcome.filtered), (3, 2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn other_encodings_and_the_line_itself_are_kept() {
    let world = World::start().await;
    let file = b"Vorname;Telefon;Land\nJ\xFCrgen;030 23125 100;DE\n";
    let outcome = world.import(file, ImportSettings { keep_original: true, ..settings(ImportMode::Append) }).await;
    assert_eq!((outcome.encoding.to_lowercase().as_str(), outcome.delimiter.as_deref()), ("iso-8859-1", Some(";")));
    let contact = &world.contacts().await[0];
    assert_eq!(contact.contact.first_name.as_deref(), Some("Jürgen"));
    assert_eq!(contact.contact.original.as_deref(), Some("Jürgen;030 23125 100;DE"));
    assert_eq!(contact.devices[0].address, "+493023125100");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_out_of_lines_that_are_taken_is_listed_line_by_line() {
    let world = World::start().await;
    let file = "clientid,state,mobile,phone2,email\n\
        1,TX,2125550101,12,not-an-address\n\
        1,TX,2125550102,13,\n\
        2,Utopia,2125550103,(212) 555-0103,=b@example.com\n\
        3,TX,2125550104,,\n";
    let outcome = world.import(file, settings(ImportMode::Append)).await;
    assert_eq!((outcome.lines, outcome.imported, outcome.duplicate, outcome.rejected), (4, 3, 1, 0));
    let path = world.folder.path().join("rejects").join(outcome.warnings_file.as_ref().unwrap());
    let mut reader = csv::Reader::from_path(path).unwrap();
    assert_eq!(reader.headers().unwrap(), &WARNING_COLUMNS[..]);
    let rows: Vec<Vec<String>> = reader.records().map(|r| r.unwrap().iter().map(str::to_owned).collect()).collect();
    let listed: Vec<[&str; 4]> = rows.iter().map(|r| [&r[0], &r[1], &r[2], &r[3]].map(String::as_str)).collect();
    assert_eq!(
        listed,
        [
            ["2", "phone2", "12", "bad_device"],
            ["2", "email", "not-an-address", "bad_device"],
            ["4", "phone2", "(212) 555-0103", "repeated_device"],
            ["4", "", "Utopia", "unknown_state"],
        ]
    );
    assert!(rows.iter().all(|r| !r[4].is_empty()));
    // a line that was not taken is among the rejects, and in no warning
    assert_eq!(outcome.warnings.iter().map(|w| w.count).sum::<u64>(), 4);
    assert_eq!(world.rejects(&outcome).len(), 2);
    let outcome = world.import("clientid,mobile\n7,2125550107\n", settings(ImportMode::Append)).await;
    assert_eq!(outcome.warnings_file, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_without_a_line_of_names_says_what_it_loses() {
    let world = World::start().await;
    let file = "C-1,Ann,Smith,2125550101\nC-2,Bob,Jones,2125550102\nC-3,Cid,Brown,2125550103\n";
    let outcome = world.import(file, settings(ImportMode::Append)).await;
    assert_eq!(outcome.imported, 3);
    let warning = &outcome.warnings[0];
    assert_eq!((warning.kind, outcome.warnings.len()), (WarningKind::NoHeader, 1));
    for said in ["column 2, column 3", "ClientId,FirstName,LastName,Mobile,Email", "mapping"] {
        assert!(warning.text.contains(said), "{}", warning.text);
    }
    // nothing is lost of a plain list of numbers, nor where a mapping says what is what
    let outcome = world.import("2125550104\n2125550105\n", settings(ImportMode::Append)).await;
    assert!(outcome.warnings.is_empty(), "{:?}", outcome.warnings);
    let mapping = r#"{"header":"no","columns":[{"column":1,"field":"clientId"},{"column":2,"field":"firstName"},{"column":4,"field":"device1"}]}"#;
    let mapped =
        ImportSettings { mapping: Some(serde_json::from_str(mapping).unwrap()), ..settings(ImportMode::Update) };
    let outcome = world.import(file, mapped).await;
    assert!(outcome.warnings.is_empty(), "{:?}", outcome.warnings);
    assert!(world.names().await.contains(&("C-1".into(), "Ann".into())));
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_without_any_country_are_told_of_with_the_way_out() {
    let world = World::start().await;
    let file = "clientid,mobile\n1,+12125550101\n2,2125550102\n3,2125550103\n";
    let outcome = world.import(file, ImportSettings { default_country: None, ..settings(ImportMode::Append) }).await;
    assert_eq!((outcome.imported, outcome.rejected), (1, 2));
    let warning = &outcome.warnings[0];
    assert_eq!((warning.kind, warning.count, warning.first_line), (WarningKind::NoCountry, 2, 3));
    assert!(warning.text.contains("default country") && warning.text.contains("settings"), "{}", warning.text);
}
