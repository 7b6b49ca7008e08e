//! A summary: the crate has the wire form but no such metric.
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use prometheus::core::{Collector, Desc};
use prometheus::proto::{LabelPair, Metric, MetricFamily, MetricType, Quantile, Summary};

const WINDOW: usize = 1024;
const QUANTILES: [f64; 3] = [0.5, 0.9, 0.99];

/// Quantiles of the last 1,024 values of each label set.
#[derive(Clone)]
pub struct SummaryVec {
    desc: Arc<Desc>,
    seen: Arc<Mutex<BTreeMap<Vec<String>, Seen>>>,
}

#[derive(Default)]
struct Seen {
    count: u64,
    sum: f64,
    last: VecDeque<f64>,
}

impl SummaryVec {
    pub(super) fn new(name: &str, help: &str, labels: &[&str]) -> Result<Self, prometheus::Error> {
        let labels = labels.iter().map(|&l| l.to_owned()).collect();
        let desc = Desc::new(name.to_owned(), help.to_owned(), labels, HashMap::new())?;
        Ok(Self { desc: Arc::new(desc), seen: Arc::default() })
    }

    /// Adds a value to the label set; missing labels are empty.
    pub fn observe(&self, labels: &[&str], value: f64) {
        let mut key: Vec<String> = labels.iter().map(|&l| l.to_owned()).collect();
        key.resize(self.desc.variable_labels.len(), String::new());
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = seen.entry(key).or_default();
        seen.count += 1;
        seen.sum += value;
        if seen.last.len() == WINDOW {
            seen.last.pop_front();
        }
        seen.last.push_back(value);
    }

    fn metric(&self, labels: &[String], seen: &Seen) -> Metric {
        let mut sorted: Vec<f64> = seen.last.iter().copied().collect();
        sorted.sort_by(f64::total_cmp);
        let quantiles = QUANTILES.iter().filter_map(|&q| {
            let rank = (q * sorted.len() as f64).ceil() as usize;
            let value = *sorted.get(rank.saturating_sub(1))?;
            let mut quantile = Quantile::default();
            quantile.set_quantile(q);
            quantile.set_value(value);
            Some(quantile)
        });
        let mut summary = Summary::default();
        summary.set_quantile(quantiles.collect());
        summary.set_sample_count(seen.count);
        summary.set_sample_sum(seen.sum);
        let pairs = self.desc.variable_labels.iter().zip(labels).map(|(name, value)| {
            let mut pair = LabelPair::default();
            pair.set_name(name.clone());
            pair.set_value(value.clone());
            pair
        });
        let mut metric = Metric::from_label(pairs.collect());
        metric.set_summary(summary);
        metric
    }
}

impl Collector for SummaryVec {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.desc]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut family = MetricFamily::default();
        family.set_name(self.desc.fq_name.clone());
        family.set_help(self.desc.help.clone());
        family.set_field_type(MetricType::SUMMARY);
        family.set_metric(seen.iter().map(|(labels, seen)| self.metric(labels, seen)).collect());
        vec![family]
    }
}

#[cfg(test)]
mod tests {
    use crate::metrics::Metrics;

    #[test]
    fn a_summary_prints_quantiles_sum_and_count() {
        let metrics = Metrics::new();
        let summary = metrics.summary("cxc_s", "S.", &["path"]).unwrap();
        for value in 1..=100 {
            summary.observe(&["/lists"], f64::from(value));
        }
        let text = metrics.render();
        assert!(text.contains("cxc_s{path=\"/lists\",quantile=\"0.9\"} 90\n"), "{text}");
        assert!(
            text.contains("cxc_s_sum{path=\"/lists\"} 5050\n") && text.contains("cxc_s_count{path=\"/lists\"} 100\n")
        );
    }
}
