//! `cxc dialer`: the simulator at the command line.
use crate::support::Desk;

const QUICK: [&str; 6] = ["dialer", "simulate", "--agents", "6", "--hours", "2"];

#[test]
fn a_simulation_prints_members_for_programs_and_lines_for_people() {
    let desk = Desk::new();
    let json = desk.run(&[&QUICK[..], &["--json", "--svg", "c.svg", "--scenario", "drift"]].concat()).ok().out;
    let report: serde_json::Value = serde_json::from_str(&json).unwrap();
    for member in ["occupancy_percent", "abandon_percent", "progressive_percent", "optimum_percent"] {
        assert!(report[member].is_f64(), "{member}: {json}");
    }
    assert_eq!(report["settings"]["scenario"], "drift");
    assert_eq!(report["overdials_uncovered"], 0);
    let chart = std::fs::read_to_string(desk.path().join("c.svg")).unwrap();
    assert!(chart.starts_with("<svg") && chart.ends_with("</svg>\n"), "{chart}");
    let text = desk.run(&[&QUICK[..], &["--policy", "progressive"]].concat()).ok().out;
    assert!(text.contains("computed optimum") && text.contains("abandoned           0.00 %"), "{text}");
    assert!(!desk.path().join("cxc-data").exists(), "no database is needed");
}

#[test]
fn a_number_out_of_range_or_an_unknown_scenario_is_refused() {
    let desk = Desk::new();
    let refused = desk.run(&["dialer", "simulate", "--answer-rate", "30"]);
    assert!(refused.code == 2 && refused.err.contains("expected a number from 0.02 to 1"), "{refused:?}");
    let refused = desk.run(&["dialer", "simulate", "--scenario", "rain"]);
    assert!(refused.code == 2 && refused.err.contains("stationary, drift"), "{refused:?}");
    desk.run(&[&QUICK[..], &["--warm-up", "2"]].concat()).failed(2, "must be shorter than the run");
}
