//! What a script must be. It is bounded, every way leads to a step, and none goes round without waiting for the person.
use std::collections::{BTreeMap, BTreeSet};

use super::{CallScript, GatherStep, MAX_CHOICES, MAX_DIGITS, MAX_STEPS, ScriptStep};
use crate::call_prompts::is_prompt_name;
use crate::enumerations::CallResult;
use crate::field_error::FieldError;

/// What a script may give a call as its result. Others are those of calls that came to an agent, or to nobody.
const RESULTS: [CallResult; 4] =
    [CallResult::Ok, CallResult::AnsweringMachine, CallResult::WrongParty, CallResult::WrongNumber];

struct Check {
    at: String,
    problems: Vec<FieldError>,
}

impl Check {
    fn must(&mut self, holds: bool, member: &str, code: &'static str, detail: &str) {
        if !holds {
            self.problems.push(FieldError::new(format!("{}/{member}", self.at), code, detail));
        }
    }

    fn within(&mut self, number: u32, range: std::ops::RangeInclusive<u32>, member: &str) {
        let detail = format!("{} to {}", range.start(), range.end());
        self.must(range.contains(&number), member, "out_of_range", &detail);
    }
}

impl CallScript {
    /// What is wrong with a script of calls that come in, with pointers below `at`.
    pub fn inbound_problems(&self, at: &str) -> Vec<FieldError> {
        let not_yet = |step: &ScriptStep| matches!(step, ScriptStep::Transfer {} | ScriptStep::Record { .. });
        let detail = "a call that comes in is not recorded by a script yet, and comes to agents by the step agent";
        let mut problems = self.problems(at);
        problems.extend(self.step_errors(at, not_yet, detail));
        problems
    }

    /// What is wrong with a script of calls that are placed, with pointers below `at`.
    pub fn outbound_problems(&self, at: &str) -> Vec<FieldError> {
        let comes_in = |step: &ScriptStep| matches!(step, ScriptStep::CallBack { .. } | ScriptStep::Agent { .. });
        let mut problems = self.problems(at);
        let detail = "call_back and agent are steps of scripts for calls that come in";
        problems.extend(self.step_errors(at, comes_in, detail));
        problems
    }

    fn step_errors(&self, at: &str, is_bad: impl Fn(&ScriptStep) -> bool, detail: &str) -> Vec<FieldError> {
        let bad = self.steps.iter().filter(|(_, step)| is_bad(step));
        bad.map(|(name, _)| FieldError::new(format!("{at}/steps/{}", escaped(name)), "not_allowed", detail)).collect()
    }

    /// What is wrong, with pointers below `at`.
    pub fn problems(&self, at: &str) -> Vec<FieldError> {
        let mut check = Check { at: at.to_owned(), problems: Vec::new() };
        check.within(self.max_seconds, 10..=1_800, "maxSeconds");
        if self.steps.is_empty() || self.steps.len() > MAX_STEPS {
            check.must(false, "steps", "too_many", "a script has 1 to 50 steps");
            return check.problems;
        }
        check.must(self.steps.contains_key(&self.start), "start", "unknown_step", "the first step is one of the steps");
        for (name, step) in &self.steps {
            check.at = format!("{at}/steps/{}", escaped(name));
            let is_name = is_word(name, 32);
            if !is_name {
                check.must(false, "", "bad_name", "a step is named by 1 to 32 letters, digits, _ or -");
            }
            self.step_problems(step, &mut check);
        }
        check.at = at.to_owned();
        if check.problems.is_empty() {
            self.way_problems(&mut check);
        }
        check.problems
    }

    fn step_problems(&self, step: &ScriptStep, check: &mut Check) {
        for (member, to) in step.ways() {
            check.must(self.steps.contains_key(to), &member, "unknown_step", "there is no such step");
        }
        for prompt in step.prompts() {
            check.must(
                is_prompt_name(prompt),
                "prompt",
                "bad_name",
                "a prompt is named by 1 to 64 letters, digits, _ or -",
            );
        }
        match step {
            ScriptStep::Gather(gather) => gather.problems(check),
            ScriptStep::Branch { of, choices, .. } => {
                let is_gather = matches!(self.steps.get(of), Some(ScriptStep::Gather(_)));
                check.must(is_gather, "of", "unknown_step", "digits are those of a gather step");
                choice_problems(choices, MAX_DIGITS, check);
            }
            ScriptStep::Record { max_seconds, .. } => check.within(*max_seconds, 1..=300, "maxSeconds"),
            ScriptStep::Agent { max_seconds, .. } => check.within(*max_seconds, 5..=1_800, "maxSeconds"),
            ScriptStep::HangUp { result, disposition, .. } => {
                let detail = "a script ends with result 0, 9, 40 or 53";
                check.must(RESULTS.contains(result), "result", "not_allowed", detail);
                let is_code = disposition.as_deref().is_none_or(|code| is_word(code, 64));
                check.must(is_code, "disposition", "bad_name", "a disposition has 1 to 64 letters, digits, _ or -");
            }
            ScriptStep::Prompt { .. }
            | ScriptStep::Transfer {}
            | ScriptStep::OptOut { .. }
            | ScriptStep::CallBack { .. } => (),
        }
    }

    /// Steps that nothing leads to, and branches that lead back to themselves.
    fn way_problems(&self, check: &mut Check) {
        let (mut reached, mut open) = (BTreeSet::new(), vec![&self.start]);
        while let Some(name) = open.pop() {
            if reached.insert(name) {
                open.extend(self.steps.get(name).iter().flat_map(|step| step.ways()).map(|(_, to)| to));
            }
        }
        for name in self.steps.keys().filter(|name| !reached.contains(name)) {
            check.must(false, &format!("steps/{name}"), "unreachable", "no step leads here");
        }
        for (name, step) in &self.steps {
            let (mut seen, mut open) = (BTreeSet::new(), branches(step));
            while let Some(to) = open.pop() {
                if seen.insert(to) {
                    open.extend(self.steps.get(to).map(branches).unwrap_or_default());
                }
            }
            let detail = "a branch does not lead back to itself by branches only";
            check.must(!seen.contains(name), &format!("steps/{name}"), "endless", detail);
        }
    }
}

/// Where a step leads at once.
fn branches(step: &ScriptStep) -> Vec<&String> {
    match step {
        ScriptStep::Branch { .. } => step.ways().into_iter().map(|(_, to)| to).collect(),
        _ => Vec::new(),
    }
}

impl GatherStep {
    fn problems(&self, check: &mut Check) {
        let most = MAX_DIGITS;
        check.must((1..=most).contains(&self.max_digits), "maxDigits", "out_of_range", "1 to 20 digits");
        let least = (1..=self.max_digits).contains(&self.min_digits);
        check.must(least, "minDigits", "out_of_range", "1 to as many digits as there may be");
        check.within(self.timeout_seconds, 1..=30, "timeoutSeconds");
        check.within(u32::from(self.retries), 0..=5, "retries");
        let detail = "a gather step has either choices or a next step";
        check.must(self.choices.is_empty() == self.next.is_some(), "next", "either_or", detail);
        choice_problems(&self.choices, self.max_digits, check);
        let is_long = |digits: &String| digits.len() >= usize::from(self.min_digits);
        check.must(self.choices.keys().all(is_long), "choices", "too_short", "an entry has minDigits or more");
    }
}

fn choice_problems(choices: &BTreeMap<String, String>, most: u8, check: &mut Check) {
    check.must(choices.len() <= MAX_CHOICES, "choices", "too_many", "a step has at most 30 choices");
    let is_key = |byte: u8| byte.is_ascii_digit() || byte == b'*';
    let is_entry = |text: &String| (1..=usize::from(most)).contains(&text.len()) && text.bytes().all(is_key);
    let detail = "an entry is made of the keys 0 to 9 and *, and has at most maxDigits";
    check.must(choices.keys().all(is_entry), "choices", "bad_entry", detail);
}

/// A name as a part of a pointer.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn is_word(text: &str, most: usize) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    (1..=most).contains(&text.len()) && text.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn menu() -> Value {
        json!({"start": "menu", "steps": {
            "menu": {"type": "gather", "prompt": "menu", "choices": {"1": "agents", "9": "never", "5": "say"}, "otherwise": "bye"},
            "agents": {"type": "transfer"},
            "never": {"type": "opt_out", "next": "bye", "otherwise": "agents"},
            "say": {"type": "record", "prompt": "after-tone", "next": "which", "otherwise": "bye"},
            "which": {"type": "branch", "of": "menu", "choices": {"5": "bye"}, "otherwise": "menu"},
            "bye": {"type": "hang_up", "prompt": "bye", "result": 0, "disposition": "HEARD"},
        }})
    }

    fn problems(document: &Value) -> Vec<(String, &'static str)> {
        let script: CallScript = serde_json::from_value(document.clone()).unwrap();
        script.problems("/s").into_iter().map(|problem| (problem.pointer, problem.code)).collect()
    }

    fn with(pointer: &str, value: Value) -> Vec<(String, &'static str)> {
        let mut document = menu();
        let (above, member) = pointer.rsplit_once('/').unwrap();
        document.pointer_mut(above).unwrap().as_object_mut().unwrap().insert(member.to_owned(), value);
        problems(&document)
    }

    #[test]
    fn a_good_script_has_no_problem_and_says_what_it_needs() {
        assert_eq!(problems(&menu()), []);
        let script: CallScript = serde_json::from_value(menu()).unwrap();
        assert!(script.has_transfer() && script.has_record());
        assert_eq!((script.prompts(), script.max_seconds), (vec!["after-tone", "bye", "menu"], 300));
        assert_eq!(serde_json::from_value::<CallScript>(serde_json::to_value(&script).unwrap()).unwrap(), script);
    }

    #[test]
    fn a_call_that_comes_in_has_steps_of_its_own() {
        let steps = json!({"a": {"type": "call_back", "next": "b", "otherwise": "c"}, "b": {"type": "hang_up"}, "c": {"type": "transfer"}});
        let script: CallScript = serde_json::from_value(json!({"start": "a", "steps": steps})).unwrap();
        let pointers = |problems: Vec<FieldError>| problems.into_iter().map(|p| p.pointer).collect::<Vec<_>>();
        assert_eq!(pointers(script.outbound_problems("/s")), ["/s/steps/a"]);
        assert_eq!(pointers(script.inbound_problems("/s")), ["/s/steps/c"]);
        let agent = |seconds: u32| {
            let steps = json!({"a": {"type": "agent", "prompt": "wait", "maxSeconds": seconds, "otherwise": "b"}, "b": {"type": "hang_up"}});
            serde_json::from_value::<CallScript>(json!({"start": "a", "steps": steps})).unwrap()
        };
        assert_eq!(pointers(agent(60).inbound_problems("/s")), [""; 0]);
        assert_eq!(agent(60).prompts(), ["wait"]);
        assert_eq!(pointers(agent(60).outbound_problems("/s")), ["/s/steps/a"]);
        assert_eq!(pointers(agent(4).inbound_problems("/s")), ["/s/steps/a/maxSeconds"]);
    }

    #[test]
    fn the_script_of_the_manual_is_a_good_one() {
        let manual = include_str!("../../../../docs/dialer.md");
        let document = manual.split("```json script").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
        assert_eq!(problems(&serde_json::from_str(document).unwrap()), []);
    }

    #[test]
    fn what_is_wrong_is_pointed_at() {
        let at = |pointer: &str, code| vec![(format!("/s/{pointer}"), code)];
        assert_eq!(with("/start", json!("nowhere")), at("start", "unknown_step"));
        assert_eq!(with("/maxSeconds", json!(9)), at("maxSeconds", "out_of_range"));
        assert_eq!(with("/steps/menu/otherwise", json!("x")), at("steps/menu/otherwise", "unknown_step"));
        assert_eq!(with("/steps/menu/retries", json!(6)), at("steps/menu/retries", "out_of_range"));
        assert_eq!(with("/steps/menu/next", json!("bye")), at("steps/menu/next", "either_or"));
        assert_eq!(with("/steps/menu/choices", json!({"a": "bye"}))[0], at("steps/menu/choices", "bad_entry")[0]);
        assert_eq!(with("/steps/bye/result", json!(33)), at("steps/bye/result", "not_allowed"));
        assert_eq!(with("/steps/bye/prompt", json!("../../etc/passwd")), at("steps/bye/prompt", "bad_name"));
        assert_eq!(with("/steps/which/of", json!("bye")), at("steps/which/of", "unknown_step"));
        assert_eq!(with("/steps/alone", json!({"type": "transfer"})), at("steps/alone", "unreachable"));
        assert_eq!(with("/steps/which/otherwise", json!("which")), at("steps/which", "endless"));
        let many: serde_json::Map<String, Value> =
            (0..51).map(|n| (format!("s{n}"), json!({"type": "transfer"}))).collect();
        assert_eq!(problems(&json!({"start": "s0", "steps": many})), at("steps", "too_many"));
        let text = r#"{"start":"a","steps":{"a":{"type":"transfer","more":1}}}"#;
        assert!(serde_json::from_str::<CallScript>(text).is_err(), "what nobody knows is refused");
    }
}
