//! `cxc import` and what can be done with what it took.
use serde_json::Value;

use crate::support::Desk;

const FILE: &str = "ClientId,FirstName,Mobile,Email\n\
    C-1,Ann,+1 212 555 0123,ann@example.com\n\
    C-2,Ben,not a number,\n\
    C-1,Ann,+1 212 555 0124,\n\
    \n\
    C-3,Cat,+44 7700 900123,\n";

fn desk() -> Desk {
    let desk = Desk::new();
    desk.run(&["tenant", "add", "Acme"]).ok();
    desk
}

fn object(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn every_line_is_accounted_for_in_one_json_object() {
    let desk = desk();
    desk.write("a.csv", FILE);
    let done = desk.run(&["import", "--list", "spring", "--json", "a.csv"]).ok();
    assert_eq!(done.err, "", "no progress bar in a pipe");
    assert_eq!(done.out.lines().count(), 1);
    let object = object(&done.out);
    let names: Vec<&String> = object.as_object().unwrap().keys().collect();
    assert_eq!(
        names,
        ["lines", "imported", "updated", "duplicate", "rejected", "filtered", "blank", "devices", "rejects_file"]
    );
    let count = |name: &str| object[name].as_i64().unwrap();
    assert_eq!((count("imported"), count("duplicate"), count("rejected"), count("devices")), (2, 1, 1, 3), "{object}");
    let parts = ["imported", "updated", "duplicate", "rejected", "filtered", "blank"];
    assert_eq!(count("lines"), parts.iter().map(|p| count(p)).sum::<i64>(), "{object}");
    let rejects = std::fs::read_to_string(desk.path().join(object["rejects_file"].as_str().unwrap())).unwrap();
    assert!(rejects.contains("not a number"), "{rejects}");
}

#[test]
fn an_import_goes_to_the_list_that_is_there() {
    let desk = desk();
    desk.write("a.csv", FILE);
    desk.run(&["import", "--list", "spring", "a.csv"]).ok();
    desk.write("b.csv", "ClientId,FirstName,Mobile\nC-1,Anna,+12125550123\nC-9,Zoe,+12125550199\n");
    let done = desk.run(&["import", "--list", "Spring", "--mode", "update", "--json", "b.csv"]).ok();
    let object = object(&done.out);
    assert_eq!((object["updated"].as_i64(), object["imported"].as_i64()), (Some(1), Some(1)), "{object}");
}

#[test]
fn a_refused_file_is_exit_code_1_and_still_one_object() {
    let desk = desk();
    desk.write("empty.csv", "");
    let done = desk.run(&["import", "--list", "spring", "--json", "empty.csv"]);
    assert_eq!(done.code, 1, "{done:?}");
    assert_eq!(object(&done.out)["imported"], 0);
    desk.write("bad.csv", b"\x00\x01\x02\x7fELF\x00\x00");
    desk.run(&["import", "--list", "spring", "bad.csv"]).failed(1, "bad.csv: ");
}

#[test]
fn a_refused_file_leaves_no_list_that_was_made_for_it() {
    let desk = desk();
    desk.write("none.csv", "ClientId,Mobile\nC-1,12\n");
    let done = desk.run(&["import", "--list", "spring", "--json", "none.csv"]);
    assert_eq!(done.code, 1, "{done:?}");
    let rejects = object(&done.out)["rejects_file"].as_str().unwrap().to_owned();
    assert!(desk.path().join(rejects).exists(), "what was wrong can still be read");
    desk.run(&["export", "--list", "spring"]).failed(1, "there is no list spring");
    desk.write("a.csv", FILE);
    desk.run(&["import", "--list", "spring", "a.csv"]).ok();
    assert_eq!(desk.run(&["import", "--list", "spring", "--json", "none.csv"]).code, 1);
    desk.run(&["export", "--list", "spring"]).ok();
}

#[test]
fn a_file_comes_by_standard_input() {
    let desk = desk();
    let done = desk.run_with(&["import", "--list", "spring", "--json", "-"], FILE).ok();
    assert_eq!(object(&done.out)["imported"], 2, "{done:?}");
    let header = "ClientId,FirstName,Mobile,Email\n";
    let refused = desk.run_with(&["import", "--list", "spring", "-"], header);
    refused.failed(1, "standard input: the file has a header and no line of data");
}

#[test]
fn mistakes_of_the_command_are_exit_code_2() {
    let desk = Desk::new();
    desk.write("a.csv", FILE);
    desk.run(&["import", "--list", "l", "a.csv"]).failed(2, "there is no tenant yet");
    desk.run(&["tenant", "add", "Acme"]).ok();
    desk.run(&["import", "--list", "l", "none.csv"]).failed(2, "none.csv can't be read");
    desk.run(&["import", "--list", "l", "--default-country", "Utopia", "a.csv"]).failed(2, "--default-country Utopia");
    desk.run(&["import", "--list", "l", "--tenant", "none", "a.csv"]).failed(2, "there is no tenant none");
    desk.write("m.json", "{\"colums\":[]}");
    desk.run(&["import", "--list", "l", "--mapping", "m.json", "a.csv"]).failed(2, "m.json is no mapping document");
    desk.run(&["tenant", "add", "Other"]).ok();
    desk.run(&["import", "--list", "l", "a.csv"]).failed(2, "there are several tenants");
}

#[test]
fn a_person_is_exported_and_then_erased() {
    let desk = desk();
    desk.write("a.csv", FILE);
    desk.run(&["import", "--list", "spring", "a.csv"]).ok();
    let data = object(&desk.run(&["export", "--person", "Ann@Example.com"]).ok().out);
    assert_eq!(data["contacts"][0]["clientId"], "C-1", "{data}");
    assert_eq!(data["addresses"].as_array().unwrap().len(), 2, "{data}");
    desk.run(&["erase", "C-1"]).failed(2, "give --yes");
    let erased = desk.run(&["erase", "C-1", "--yes"]).ok().out;
    assert!(erased.starts_with("erased: 1 contacts, 2 devices"), "{erased}");
    desk.run(&["export", "--person", "ann@example.com"]).failed(1, "nothing is known of");
    desk.run(&["erase", "C-1", "--yes"]).failed(1, "nothing is known of");
}
