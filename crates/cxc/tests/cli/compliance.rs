//! `cxc compliance`: questions by the shipped rules, exit codes, signed files.
use crate::support::Desk;

/// A live call to somebody with an eastern number and a western postal code.
fn question(at: &str) -> String {
    format!(
        r#"{{"at":"{at}","channel":"voice","purpose":"informational","tech":"live","guard_seconds":0,
        "contact":{{"postal_code":"90001","country":"US","devices":["+12125550123"]}}}}"#
    )
}

#[test]
fn a_question_is_answered_in_json_or_in_sentences_and_by_the_exit_code() {
    let desk = Desk::new();
    let args = ["compliance", "evaluate", "--shipped", "-"];
    let allowed = desk.run_with(&args, &question("2026-12-01T17:00:00Z")).ok().out;
    assert!(allowed.contains(r#""decision": "allow""#), "{allowed}");
    let early = desk.run_with(&args, &question("2026-12-01T13:30:00Z"));
    assert_eq!(early.code, 3, "{early:?}");
    assert!(early.out.contains(r#""notBefore": "2026-12-01T16:00:00Z""#), "{early:?}");
    assert!(early.err.contains("defer: contact times"), "{early:?}");
    desk.write("q.json", question("2026-12-01T13:30:00Z"));
    let said = desk.run(&["compliance", "evaluate", "--shipped", "--explain", "q.json"]);
    assert_eq!(said.code, 3);
    assert!(said.out.contains("the postal code of the contact tells the zones America/Los_Angeles"), "{said:?}");
    assert!(said.out.contains("at 2026-12-01T13:30:00Z it is Tuesday 2026-12-01 08:30:00 in America/New_York"));
    assert!(said.out.contains("the earliest legal instant is 2026-12-01T16:00:00Z"), "{said:?}");
    assert!(!desk.path().join("cxc-data").exists(), "no database is needed");
    let of_law = question("2026-12-01T17:00:00Z").replacen('{', r#"{"ruleSet":"shipped","device":"0","#, 1);
    assert!(desk.run_with(&["compliance", "evaluate", "-"], &of_law).ok().out.contains(r#""decision": "allow""#));
    let none = desk.run_with(&["compliance", "evaluate", "-"], &question("2026-12-01T17:00:00Z"));
    none.failed(2, "there is no database at ");
    desk.run(&["compliance", "replay", "20260301-1f-12-0"]).failed(2, "--data");
    assert!(!desk.path().join("cxc-data").exists(), "who only reads makes none");
}

#[test]
fn a_document_that_is_refused_ends_with_two_and_says_where() {
    let desk = Desk::new();
    let args = ["compliance", "evaluate", "--shipped", "-"];
    desk.run_with(&args, "{").failed(2, "not JSON");
    desk.run_with(&args, r#"{"contact":{"devices":["nonsense"]}}"#).failed(2, "/contact/devices/0");
    desk.run_with(&args, r#"{"contact":{"devices":["+12125550123"]},"purpose":"fun"}"#).failed(2, "/purpose");
    desk.run(&["compliance", "evaluate", "--shipped", "missing.json"]).failed(2, "missing.json");
}

#[test]
fn a_tenant_s_own_rules_answer_and_exports_verify() {
    let desk = Desk::new();
    desk.run(&["tenant", "add", "Acme"]).ok();
    let answer = desk.run_with(&["compliance", "evaluate", "-"], &question("2026-12-01T17:00:00Z")).ok().out;
    assert!(answer.contains(r#""ruleSetVersion": 0"#), "{answer}");
    assert!(desk.run(&["compliance", "clock"]).ok().out.contains("not behind any decision"));
    desk.run(&["compliance", "export", "--person", "+12025550123", "--output", "e.zip"]).ok();
    let key = desk.run(&["compliance", "key"]).ok().out;
    let said = desk.run(&["compliance", "verify", "e.zip", "--key", key.trim()]).ok().out;
    assert!(said.contains("whole and signed by the key that was given: 0 decisions"), "{said}");
    desk.run(&["compliance", "replay", "20260301-1f-12-0"]).failed(1, "there is no such decision");
    assert_eq!(desk.run(&["compliance", "digest", "20260301"]).ok().out, "no evidence is kept of 20260301\n");
    let missed = desk.run(&["compliance", "digest", "20260301", "--expect", "ab12"]);
    missed.failed(1, "the evidence of 20260301 is not what it was: ab12 was expected, it is none");
    assert_eq!(desk.run(&["compliance", "digest", "2026-03-01"]).ok().out, "no evidence is kept of 20260301\n");
    let wrong = desk.run(&["compliance", "digest", "20260230"]);
    assert!(wrong.code == 2 && wrong.err.contains("such as 2026-03-01"), "{wrong:?}");
    let mut bytes = std::fs::read(desk.path().join("e.zip")).unwrap();
    let middle = bytes.len() / 3;
    bytes[middle] ^= 0x55;
    desk.write("changed.zip", bytes);
    assert_eq!(desk.run(&["compliance", "verify", "changed.zip"]).code, 1);
}
