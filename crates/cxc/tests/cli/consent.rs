//! `cxc consent`: files in and out, undo, convenient times; and what `cxc suppress` means for the ledger.
use serde_json::Value;

use crate::support::Desk;

fn desk() -> Desk {
    let desk = Desk::new();
    desk.run(&["tenant", "add", "Acme"]).ok();
    desk
}

#[test]
fn a_file_of_consents_goes_in_out_and_back() {
    let desk = desk();
    desk.write(
        "c.csv",
        "device,client_id,consent_kind,consent_date,consent_source,action\n\
         +12125550123,,express,2026-01-05,form,\n,C-7,ebr_purchase,2026-01-06,order,\n\
         +12125550124,,,2026-02-01,,revoke\n+12125550125,,agreed,2026-01-05,form,\n",
    );
    let done: Value = serde_json::from_str(&desk.run(&["consent", "import", "--json", "c.csv"]).ok().out).unwrap();
    let of = |name: &str| done[name].as_i64();
    assert_eq!(
        [of("lines"), of("imported"), of("rejected"), of("consents"), of("opt_outs")],
        [4, 3, 1, 2, 1].map(Some)
    );
    let rejects = std::fs::read_to_string(desk.path().join(done["rejects_file"].as_str().unwrap())).unwrap();
    assert!(rejects.contains("bad_consent") && rejects.contains("a kind of consent is one of"), "{rejects}");
    assert!(desk.run(&["consent", "show", "+12125550123"]).ok().out.contains("express on every channel (form)"));
    assert!(desk.run(&["consent", "show", "+12125550124"]).ok().out.contains("opted out of voice, sms"));
    desk.run(&["consent", "import", "c.csv"]).failed(1, "no line of the file could be taken");
    desk.run(&["consent", "export", "--output", "ledger.csv"]).ok();
    let ledger = std::fs::read_to_string(desk.path().join("ledger.csv")).unwrap();
    assert!(ledger.contains("+12125550123,,express,give,2026-01-05T00:00:00Z,,form"), "{ledger}");
    let number = done["import"].as_str().unwrap();
    desk.run(&["consent", "undo", number]).failed(2, "say why, in 1 to 500 characters");
    desk.run(&["consent", "undo", number, "--reason", "the wrong file"]).ok();
    desk.run(&["consent", "show", "+12125550123"]).failed(1, "the ledger has nothing");
    desk.run(&["consent", "undo", "4711"]).failed(1, "import of consents");
}

#[test]
fn convenient_times_are_recorded_shown_and_ended() {
    let desk = desk();
    let add = ["consent", "times", "add", "C-1", "--not-before", "10:00", "--not-on", "fri", "--note", "by phone"];
    let told = desk.run(&add).ok().out;
    assert!(told.contains("mon 10:00-24:00") && !told.contains("fri"), "{told}");
    desk.run(&["consent", "times", "add", "C-1", "--hours", "mon-fri=09:00-12:00", "--hours", "sat=10:00-11:00"]).ok();
    desk.run(&["consent", "times", "add", "C-1"]).failed(2, "say when");
    desk.run(&["consent", "times", "add", "C-1", "--hours", "9 to 5"]).failed(2, "mon-fri=09:00-12:00");
    let shown = desk.run(&["consent", "times", "show", "C-1"]).ok().out;
    assert!(shown.lines().count() == 2 && shown.contains("(by phone)"), "{shown}");
    let id = shown.split_whitespace().next().unwrap();
    desk.run(&["consent", "times", "end", "C-1", id, "--reason", "changed jobs"]).ok();
    desk.run(&["consent", "times", "end", "C-1", id, "--reason", "changed jobs"]).failed(1, "no statement");
    assert_eq!(desk.run(&["consent", "times", "show", "C-1"]).ok().out.lines().count(), 1);
    let data = desk.run(&["export", "--person", "C-1"]).ok().out;
    assert!(data.contains("changed jobs") && data.contains("\"declaredTimes\""), "{data}");
}

#[test]
fn who_is_suppressed_for_good_has_opted_out_and_a_list_of_another_name_is_just_a_list() {
    let desk = desk();
    assert!(desk.run(&["suppress", "+12125550123"]).ok().out.contains("it is an opt-out"));
    assert!(desk.run(&["consent", "show", "+12125550123"]).ok().out.contains("opted out of voice, sms, email"));
    desk.run(&["suppress", "+12125550124", "--until", "2200-01-31"]).ok();
    desk.run(&["consent", "show", "+12125550124"]).failed(1, "the ledger has nothing");
    assert!(!desk.run(&["suppress", "+12125550125", "--list", "Court"]).ok().out.contains("opt-out"));
    desk.run(&["consent", "show", "+12125550125"]).failed(1, "the ledger has nothing");
}
