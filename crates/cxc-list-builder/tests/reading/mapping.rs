//! Which column feeds which field.
use cxc_core::device::DeviceKind;
use cxc_core::enumerations::ContactType;
use cxc_list_builder::file::{FileReader, ReadOptions, RecordStatus, open};
use cxc_list_builder::mapping::{
    DataMapping, MappedRow, Mapping, MappingError, Plan, Purpose, Specification, header_key,
};

use crate::support::{corpus, file, open_default};

fn plan(reader: &FileReader) -> Plan {
    Plan::new(reader, Mapping::Auto, Purpose::Contacts).unwrap()
}

/// Opens text; a temporary file may go once it is open.
fn opened(text: &str) -> FileReader {
    open_default(file(text.as_bytes()).path()).unwrap()
}

fn fields(plan: &Plan) -> Vec<String> {
    plan.columns().iter().map(|c| c.field.key().into_owned()).collect()
}

/// Maps every data record and looks at the rows.
fn rows(reader: &mut FileReader, plan: &Plan, mut look: impl FnMut(usize, MappedRow<'_>)) {
    let mut at = 0;
    while let Some(batch) = reader.next_batch(100).unwrap() {
        for record in batch.records().filter(|r| r.status() == RecordStatus::Data) {
            look(at, plan.map(record).unwrap());
            at += 1;
        }
    }
}

#[test]
fn headers_in_several_languages_are_understood() {
    for (text, expected) in [
        ("First Name,LAST_NAME,e-mail,Mobile\na,b,a@example.com,+12025550101\n", "firstName,lastName,device1,device2"),
        (
            "Kunden-Nr.;Vorname;Name;Handy;PLZ;Ort\n1;a;b;+49;1;x\n",
            "clientId,firstName,lastName,device1,postalCode,custom:Ort",
        ),
        (
            "Prénom;Nom;Téléphone;Code postal;Pays\na;b;+33155501001;75001;FR\n",
            "firstName,lastName,device1,postalCode,country",
        ),
        (
            "customer id,phone,phone2,state,time zone\n1,+1,+1,NY,America/New_York\n",
            "clientId,device1,device2,state,timeZone",
        ),
        ("id,account number,tel\n1,2,+12025550101\n", "custom:id,clientId,device1"),
        ("id,Device1,phone,Device1\n1,+12025550101,+12025550102,+12025550103\n", "clientId,device1,device2,device3"),
        ("device2,phone,other7\n+12025550101,+12025550102,x\n", "device2,device1,other7"),
        ("number,street,phone\n12,Main,+12025550101\n14,Main,+12025550102\n", "custom:number,custom:street,device1"),
        ("Name,Phone\nAnn,+12025550101\n", "custom:Name,device1"),
    ] {
        assert_eq!(fields(&plan(&opened(text))).join(","), expected, "{text}");
    }
}

#[test]
fn a_row_has_its_fields_devices_and_custom_fields() {
    let text = "customer id,first name,mobile,email,shoe size,country,company\n\
        '007,\u{a0}Ann ,+12025550101,ann@example.com,42,US,ACME\n8,,=\"+12025550102\",n/a,,,\n";
    let mut reader = opened(text);
    let plan = plan(&reader);
    rows(&mut reader, &plan, |at, row| {
        let devices: Vec<_> = row.devices().iter().map(|d| (d.position, d.text, d.hint.kind)).collect();
        if at == 0 {
            assert_eq!((row.client_id, row.first_name, row.country, row.company), ("007", "Ann", "US", "ACME"));
            let (phone, email) = (Some(DeviceKind::Phone), Some(DeviceKind::Email));
            assert_eq!(devices, [(1, "+12025550101", phone), (2, "ann@example.com", email)]);
            assert_eq!(row.devices()[0].hint.contact_type, ContactType::Mobile);
            assert_eq!(row.custom().collect::<Vec<_>>(), [("shoe size", "42")]);
        } else {
            assert_eq!((devices.len(), devices[0].1, row.custom().count()), (1, "+12025550102", 0));
        }
    });
}

#[test]
fn a_file_without_a_header_is_mapped_by_its_contents() {
    let reader = open_default(&corpus("no_header.csv")).unwrap();
    let plan = plan(&reader);
    assert_eq!(fields(&plan), ["clientId", "custom:column 2", "device1", "device2"]);
    assert!(plan.notes()[2].contains("\"column 3\" is device1, by what its values look like"), "{:?}", plan.notes());
    let text = "4000000001,(202) 555-0101\n4000000002,(202) 555-0102\n";
    assert_eq!(fields(&self::plan(&opened(text))), ["clientId", "device1"]);
}

#[test]
fn a_device_that_no_header_names_is_found_by_its_values() {
    let text = "who,reach at,since\nAnn,(202) 555-0101,2024-01-01\nBob,(202) 555-0102,2024-01-02\n";
    assert_eq!(fields(&plan(&opened(text))), ["custom:who", "device1", "custom:since"]);
}

#[test]
fn without_a_device_the_error_says_what_to_do() {
    let reader = opened("first name,city\nAnn,Rome\nBob,Oslo\n");
    let error = Plan::new(&reader, Mapping::Auto, Purpose::Contacts).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no column looks like a phone number or an email address; columns found: \"first name\", \"city\"; \
         name one device1 or give a mapping"
    );
}

#[test]
fn an_error_that_names_columns_stays_short() {
    let wide: Vec<String> = (0..400).map(|n| format!("a rather long name of the column with the number {n}")).collect();
    // the second is a header that was split by the wrong sign: one name of thousands of characters
    for text in [format!("{}\nx\n", wide.join(",")), format!("{}\nx\n", wide.join("#"))] {
        let error = Plan::new(&opened(&text), Mapping::Auto, Purpose::Contacts).unwrap_err();
        assert!(error.to_string().len() < 800, "{error}");
    }
    let columns = format!(r#"{{"columns":[{{"column":"{}","field":"device1"}}]}}"#, "x".repeat(5_000));
    let document = DataMapping::parse(&columns).unwrap();
    let error = Plan::new(&opened("a,b\nx,y\n"), Mapping::Document(&document), Purpose::Contacts).unwrap_err();
    assert!(error.code() == "column_missing" && error.to_string().len() < 300, "{error}");
}

#[test]
fn duplicate_headers_are_two_columns() {
    let reader = open_default(&corpus("duplicate_headers.csv")).unwrap();
    assert_eq!(fields(&plan(&reader)), ["device1", "device2", "custom:Note", "custom:note", "ignore"]);
    let reader = opened("phone,Note,Note\n+12025550101,a,b\n");
    assert_eq!(fields(&plan(&reader)), ["device1", "custom:Note", "custom:Note (column 3)"]);
    let long = "n".repeat(200);
    let reader = opened(&format!("phone,{long},{long}\n+12025550101,a,b\n"));
    let names: Vec<usize> = plan(&reader).custom_names().map(str::len).collect();
    assert_eq!(names, [100, 91]);
}

#[test]
fn an_eleventh_device_is_kept_as_a_custom_field() {
    let header: Vec<String> = (1..=11).map(|i| format!("phone {i}")).collect();
    let reader = opened(&format!("{}\n{}\n", header.join(","), ["+12025550101"; 11].join(",")));
    let plan = plan(&reader);
    assert_eq!((fields(&plan)[9].as_str(), fields(&plan)[10].as_str()), ("device10", "custom:phone 11"));
}

#[test]
fn a_mapping_document_decides() {
    let json = r#"{"columns":[{"column":"MOBILE","field":"device1","deviceType":4,"country":"de"},
        {"column":1,"field":"custom:Who"},{"field":"country","default":"DE"},{"column":"note","field":"ignore"}],
        "keepUnmapped":false}"#;
    let document = DataMapping::parse(json).unwrap();
    let mut reader = opened("name,mobile,note,rest\nAnn,0155 5000100,x,y\n");
    let plan = Plan::new(&reader, Mapping::Document(&document), Purpose::Contacts).unwrap();
    assert_eq!(fields(&plan), ["custom:Who", "device1", "ignore", "ignore"]);
    rows(&mut reader, &plan, |_, row| {
        assert_eq!((row.country, row.devices()[0].country), ("DE", "DE"));
        assert_eq!(row.custom().collect::<Vec<_>>(), [("Who", "Ann")]);
    });
    let missing = DataMapping::parse(r#"{"columns":[{"column":"Handy","field":"device1"}]}"#).unwrap();
    let error = Plan::new(&reader, Mapping::Document(&missing), Purpose::Contacts).unwrap_err();
    assert!(matches!(error, MappingError::NoColumn { .. }), "{error}");
}

#[test]
fn a_fixed_position_document_reads_and_maps() {
    let json = r#"{"kind":"fixed","columns":[{"start":1,"length":4,"field":"clientId"},
        {"start":5,"length":10,"field":"firstName"},{"column":"tel","start":15,"length":14,"field":"device1"},
        {"start":29,"length":2,"field":"country","default":"GB"}]}"#;
    let document = DataMapping::parse(json).unwrap();
    let options = document.read_options(ReadOptions::default()).unwrap();
    let mut reader = open(&corpus("fixed_positions.txt"), &options).unwrap();
    let plan = Plan::new(&reader, Mapping::Document(&document), Purpose::Contacts).unwrap();
    let mut seen = Vec::new();
    rows(&mut reader, &plan, |_, row| {
        seen.push(format!("{}/{}/{}/{}", row.client_id, row.first_name, row.devices()[0].text, row.country));
    });
    assert_eq!(seen, ["0001/Jürgen/+4915550001001/DE", "0002/Ann/+12025550101/US", "0003/Bob/+12025550102/GB"]);
}

#[test]
fn a_specification_maps_by_expressions() {
    let spc = Specification::parse(
        "firstname = ^given\nclientid = (cust|acct).*no\ndevice1 = cell\ndevice2 = ^e.?mail\nother3=size",
    )
    .unwrap();
    let text = "Acct No,Given names,Cell ph.,Email,Shoe size,Rest\n1,Ann,+12025550101,a@example.com,42,x\n";
    let reader = opened(text);
    let plan = Plan::new(&reader, Mapping::Specification(&spc), Purpose::Contacts).unwrap();
    assert_eq!(fields(&plan), ["clientId", "firstName", "device1", "device2", "other3", "custom:Rest"]);
}

#[test]
fn text_over_its_limit_is_cut_or_rejects_the_line() {
    let text = format!(
        "id,first name,phone,note\n1,{},+12025550101,{}\n{},Ann,+12025550102,x\n3,Ann,{},x\n4,Ann,,x\n",
        "ü".repeat(70),
        "n".repeat(300),
        "9".repeat(65),
        "1".repeat(129)
    );
    let mut reader = opened(&text);
    let plan = plan(&reader);
    let batch = reader.next_batch(10).unwrap().unwrap();
    let row = plan.map(batch.get(0).unwrap()).unwrap();
    assert_eq!((row.first_name.chars().count(), row.cut, row.first_cut), (64, 2, Some(1)));
    assert_eq!(row.custom().next().unwrap().1.len(), 256);
    let reject = |i: usize| {
        let reject = plan.map(batch.get(i).unwrap()).unwrap_err();
        (reject.reason.code(), reject.column)
    };
    assert_eq!(reject(1), ("too_long", Some(0)));
    assert_eq!(reject(2), ("too_long", Some(2)));
    assert_eq!(reject(3), ("no_device", Some(2)));
}

#[test]
fn words_for_nothing_are_no_devices() {
    let mut reader = open_default(&corpus("null_words.csv")).unwrap();
    let plan = plan(&reader);
    let batch = reader.next_batch(10).unwrap().unwrap();
    let row = plan.map(batch.get(0).unwrap()).unwrap();
    assert_eq!(row.devices().iter().map(|d| (d.position, d.text)).collect::<Vec<_>>(), [(2, "+12025550101")]);
    assert_eq!(plan.map(batch.get(1).unwrap()).unwrap_err().reason.code(), "no_device");
}

#[test]
fn suppression_files_have_values_and_days() {
    let mut reader = open_default(&corpus("suppression.csv")).unwrap();
    let plan = Plan::new(&reader, Mapping::Auto, Purpose::SuppressDevices).unwrap();
    assert_eq!(fields(&plan), ["device1", "from", "till"]);
    rows(&mut reader, &plan, |at, row| {
        let expected = [("+12025550101", "2026-01-01", "2026-12-31"), ("+12025550102", "", "")][at];
        assert_eq!((row.devices()[0].text, row.from, row.till), expected);
    });
    let reader = opened("C-17\nC-18\n");
    let plan = Plan::new(&reader, Mapping::Auto, Purpose::SuppressClients).unwrap();
    assert_eq!(fields(&plan), ["clientId"]);
    let error =
        Plan::new(&opened("name,phone\nAnn,+12025550101\n"), Mapping::Auto, Purpose::SuppressClients).unwrap_err();
    assert_eq!(error.code(), "no_client_id_column");
}

#[test]
fn the_reasons_of_a_rejects_file_are_not_kept() {
    let reader = open_default(&corpus("rejects_again.csv")).unwrap();
    assert_eq!(fields(&plan(&reader)), ["device1", "custom:Name", "ignore", "ignore", "ignore", "ignore"]);
}

#[test]
fn a_plan_is_remembered_as_a_document() {
    let text = "id,phone,phone,note\n1,+12025550101,+12025550102,x\n";
    let reader = opened(text);
    let plan = plan(&reader);
    let json = serde_json::to_string(&plan.to_document(true)).unwrap();
    let document = DataMapping::parse(&json).unwrap();
    let again = Plan::new(&reader, Mapping::Document(&document), Purpose::Contacts).unwrap();
    assert_eq!(fields(&again), fields(&plan));
    let (a, b) = (["First Name", "Phone"], ["first_name", "PHONE"]);
    assert_eq!(header_key(&a.map(String::from)), header_key(&b.map(String::from)));
}
