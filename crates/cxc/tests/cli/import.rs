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

#[test]
fn the_counts_are_told_also_where_every_line_is_a_duplicate() {
    let desk = desk();
    desk.write("a.csv", "ClientId,Mobile\nC-1,+12125550123\nC-2,+12125550124\n");
    desk.run(&["import", "--list", "spring", "a.csv"]).ok();
    let again = desk.run(&["import", "--list", "spring", "a.csv"]);
    assert_eq!(again.code, 1, "{again:?}");
    let counts = "spring: 2 lines = 0 imported + 0 updated + 2 duplicate + 0 rejected + 0 filtered + 0 blank";
    assert!(again.out.starts_with(counts) && again.out.contains("rejected and duplicate lines: "), "{again:?}");
    assert!(again.err.contains("no line of the file could be taken"), "{again:?}");
}

#[test]
fn what_was_left_out_and_what_has_no_name_is_told_with_the_way_out() {
    let desk = desk();
    desk.write("a.csv", "ClientId,Mobile,Phone2\nC-1,+12125550123,12\n");
    let done = desk.run(&["import", "--list", "spring", "--json", "a.csv"]).ok();
    let told = object(&done.out);
    let listed = std::fs::read_to_string(desk.path().join(told["warnings_file"].as_str().unwrap())).unwrap();
    assert!(listed.contains("2,Phone2,12,bad_device,"), "{listed}");
    assert_eq!((&told["warnings"][0]["kind"], &told["warnings"][0]["count"]), (&"bad_device".into(), &1.into()));
    let done = desk.run(&["import", "--list", "again", "a.csv"]).ok();
    assert!(done.out.contains("left out or changed in lines that were taken: "), "{done:?}");
    desk.write("b.csv", "C-1,Ann,+12125550123\nC-2,Bob,+12125550124\n");
    let done = desk.run(&["import", "--list", "bare", "b.csv"]).ok();
    assert!(done.err.starts_with("the first line is data and names no column: column 2 is kept"), "{done:?}");
    desk.write("c.csv", "ClientId,Mobile\nC-1,212 555 0123\nC-2,+12125550124\n");
    let done = desk.run(&["import", "--list", "national", "c.csv"]).ok();
    assert!(done.err.contains("give a default country"), "{done:?}");
}

#[test]
fn a_file_comes_by_a_named_pipe() {
    let desk = desk();
    let pipe = desk.path().join("list.pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let writer = std::thread::spawn({
        let pipe = pipe.clone();
        move || std::fs::write(pipe, FILE).unwrap()
    });
    let done = desk.run(&["import", "--list", "spring", "--json", "list.pipe"]).ok();
    writer.join().unwrap();
    assert_eq!(object(&done.out)["imported"], 2, "{done:?}");
    let left: Vec<_> = std::fs::read_dir(desk.path().join("cxc-data/uploads")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
    desk.run(&["import", "--list", "spring", "cxc-data"]).failed(2, "cxc-data is a folder");
}

/// Starts an import and waits until it reads lines.
fn under_way(desk: &Desk, file: &str) -> std::process::Child {
    let rejects = desk.path().join("cxc-data/rejects");
    let files = || std::fs::read_dir(&rejects).map_or(0, Iterator::count);
    let before = files();
    let mut command = desk.command(&["import", "--list", "big", "--mode", "replace", file]);
    let child = command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while files() == before {
        assert!(std::time::Instant::now() < until, "the import does not begin");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    child
}

fn big(lines: i64) -> String {
    (0..lines).fold("ClientId,Mobile\n".to_owned(), |text, n| text + &format!("C-{n},+1212555{:04}\n", n % 10_000))
}

#[test]
fn a_command_that_is_ended_takes_its_import_back_and_says_so() {
    let desk = desk();
    desk.write("big.csv", big(200_000));
    desk.write("a.csv", FILE);
    desk.run(&["import", "--list", "big", "a.csv"]).ok();
    for signal in ["-TERM", "-HUP"] {
        let child = under_way(&desk, "big.csv");
        let id = child.id().to_string();
        assert!(std::process::Command::new("kill").args([signal, &id]).status().unwrap().success());
        let ended = crate::support::ended(child.wait_with_output().unwrap());
        ended.failed(1, "cancelled; nothing of it stays in the list");
    }
    let left = desk.run(&["export", "--list", "big"]).ok().out;
    assert_eq!(left.lines().count(), 3, "{left}");
    // one that is killed is found by the next command once its lease is over, and not run again
    let mut child = under_way(&desk, "big.csv");
    child.kill().unwrap();
    child.wait().unwrap();
    desk.run(&["import", "--list", "big", "a.csv"]).failed(1, "if it was interrupted, in ");
    std::thread::sleep(std::time::Duration::from_secs(21));
    let next = desk.run(&["import", "--list", "big", "--mode", "update", "a.csv"]).ok();
    assert!(next.err.contains("the import of big.csv into big was interrupted"), "{next:?}");
    assert_eq!(desk.run(&["export", "--list", "big"]).ok().out.lines().count(), 3);
}
