//! The course of a simulation as an SVG chart: occupancy above, abandoned calls below.
use std::fmt::Write as _;

use super::report::{Course, Report};

const WIDTH: f64 = 760.0;
const LEFT: f64 = 50.0;
const RIGHT: f64 = 20.0;

/// A panel: its place, its greatest value and the distance of its lines.
struct Panel {
    top: f64,
    height: f64,
    most: f64,
    step: f64,
}

impl Panel {
    fn y(&self, value: f64) -> f64 {
        self.top + self.height * (1.0 - value.clamp(0.0, self.most) / self.most)
    }

    fn grid(&self, svg: &mut String) {
        let mut value = 0.0;
        while value <= self.most + 1e-9 {
            let y = self.y(value);
            let _ =
                writeln!(svg, r#"<line class="grid" x1="{LEFT}" x2="{:.1}" y1="{y:.1}" y2="{y:.1}"/>"#, WIDTH - RIGHT);
            let _ =
                writeln!(svg, r#"<text x="{:.1}" y="{:.1}" text-anchor="end">{value} %</text>"#, LEFT - 6.0, y + 4.0);
            value += self.step;
        }
    }

    fn level(&self, svg: &mut String, class: &str, value: f64) {
        let y = self.y(value);
        let _ =
            writeln!(svg, r#"<line class="{class}" x1="{LEFT}" x2="{:.1}" y1="{y:.1}" y2="{y:.1}"/>"#, WIDTH - RIGHT);
    }

    fn curve(&self, svg: &mut String, class: &str, course: &[Course], value: impl Fn(&Course) -> f64) {
        let hours = course.last().map_or(1.0, |last| last.hours.max(1e-9));
        let mut points = String::new();
        for part in course {
            let x = LEFT + (WIDTH - LEFT - RIGHT) * part.hours / hours;
            let _ = write!(points, "{x:.1},{:.1} ", self.y(value(part)));
        }
        let _ = writeln!(svg, r#"<polyline class="{class}" points="{}"/>"#, points.trim_end());
    }
}

/// A whole SVG document.
pub fn svg(report: &Report) -> String {
    let target = report.settings.target;
    let highest = report.course.iter().map(|part| part.abandon_percent).fold(target, f64::max);
    let most = (highest * 1.2).ceil().max(1.0);
    let occupancy = Panel { top: 56.0, height: 220.0, most: 100.0, step: 20.0 };
    let abandoned = Panel { top: 320.0, height: 110.0, most, step: (most / 4.0).ceil() };
    let mut svg = head(report);
    occupancy.grid(&mut svg);
    occupancy.level(&mut svg, "limit", report.optimum_percent);
    occupancy.curve(&mut svg, "progressive", &report.course, |part| part.progressive_percent);
    occupancy.curve(&mut svg, "ours", &report.course, |part| part.occupancy_percent);
    abandoned.grid(&mut svg);
    abandoned.level(&mut svg, "limit", target);
    abandoned.curve(&mut svg, "ours", &report.course, |part| part.abandon_percent);
    hours(&mut svg, report, &abandoned);
    svg.push_str("</svg>\n");
    svg
}

fn head(report: &Report) -> String {
    let settings = &report.settings;
    let mut svg = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} 470" role="img" font-family="sans-serif" font-size="11">
<title>Simulated pacing of {agents} agents</title>
<style>
svg{{background:#fff}} text{{fill:#333}} polyline,line{{fill:none}}
.grid{{stroke:#ddd}} .ours{{stroke:#0b62a4;stroke-width:1.8}} .progressive{{stroke:#999;stroke-width:1.4}}
.limit{{stroke:#c0392b;stroke-width:1.2;stroke-dasharray:5 4}}
</style>
"#,
        agents = settings.agents
    );
    let lines = [
        (
            18.0,
            format!(
                "{} agents, answer rate {}, handle time {} s, {}: occupancy {:.1} %, progressive {:.1} %, optimum {:.1} % (dashed)",
                settings.agents,
                settings.answer_rate,
                settings.handle_mean,
                settings.scenario,
                report.occupancy_percent,
                report.progressive_percent,
                report.optimum_percent
            ),
        ),
        (44.0, "Busy time of agents; grey: one call for each idle agent".to_owned()),
        (
            308.0,
            format!(
                "Abandoned since the start: {:.2} % of live answers, at most {} % (dashed)",
                report.abandon_percent, settings.target
            ),
        ),
    ];
    for (y, line) in lines {
        let _ = writeln!(svg, r#"<text x="{LEFT}" y="{y}">{line}</text>"#);
    }
    svg
}

fn hours(svg: &mut String, report: &Report, panel: &Panel) {
    let y = panel.top + panel.height + 16.0;
    let all = report.settings.hours;
    for part in 0..=4 {
        let share = f64::from(part) / 4.0;
        let x = LEFT + (WIDTH - LEFT - RIGHT) * share;
        let _ = writeln!(svg, r#"<text x="{x:.1}" y="{y:.1}" text-anchor="middle">{:.1} h</text>"#, all * share);
    }
}
