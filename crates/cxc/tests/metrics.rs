//! Every component serves the series that the specification names, with their types, on a port of its own.
use std::collections::BTreeMap;
use std::time::Duration;

use cxc_test::{Cxc, Signal};

/// service, name, type, labels, meaning
const SPECIFIED: &str = include_str!("../../../docs/metrics.tsv");
const COMPONENTS: [&str; 6] =
    ["api-aggregator", "list-builder", "list-manager", "campaign-manager", "compliance-manager", "dial-manager"];

#[test]
fn every_specified_series_is_served_with_its_type_by_its_component() {
    let mut cxc = Cxc::embedded(env!("CARGO_BIN_EXE_cxc")).unwrap();
    cxc.up().unwrap();
    let mut wrong = Vec::new();
    for component in COMPONENTS {
        let served = types(&cxc.metrics(component).unwrap());
        let specified = SPECIFIED.lines().skip(1).filter_map(|line| {
            let mut cells = line.split('\t');
            let (service, name, kind) = (cells.next()?, cells.next()?, cells.next()?);
            (service == component).then_some((name, kind))
        });
        let mut count = 0;
        for (name, kind) in specified {
            count += 1;
            match served.get(name) {
                Some(found) if found == kind => {}
                found => wrong.push(format!("{component} {name}: specified {kind}, served {found:?}")),
            }
        }
        assert!(count > 5, "{component} has specified series");
    }
    cxc.end(Signal::Term, Duration::from_secs(20)).unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn types(text: &str) -> BTreeMap<String, String> {
    let line = |line: &str| {
        let (name, kind) = line.strip_prefix("# TYPE ")?.split_once(' ')?;
        Some((name.to_owned(), kind.to_owned()))
    };
    text.lines().filter_map(line).collect()
}
