//! Patterns of digits as an automaton: one pass over a number answers which of up to 32 patterns it fits.
//!
//! The patterns are those of the phone metadata: digits, `\d`, classes, groups, alternatives and counts.
use std::collections::HashMap;

const DEAD: u16 = u16::MAX;
/// Bounds for a faulty pattern; the largest of the metadata has a tenth of it.
const MAX_STATES: usize = 20_000;

/// A pattern that is not of the metadata's kind, or is too large.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BadPattern;

/// A deterministic automaton over digits.
#[derive(Debug)]
pub(super) struct Automaton {
    next: Vec<[u16; 10]>,
    accepts: Vec<u32>,
}

impl Automaton {
    /// Compiles patterns; the nth is bit n of an answer.
    pub fn new<'a>(patterns: impl Iterator<Item = &'a str>) -> Result<Self, BadPattern> {
        let mut graph = Graph::default();
        let start = graph.state();
        for (bit, pattern) in patterns.enumerate() {
            let bit = u32::try_from(bit).ok().and_then(|bit| 1u32.checked_shl(bit)).ok_or(BadPattern)?;
            let mut reader = Reader { text: pattern.as_bytes(), at: 0 };
            let (first, last) = reader.alternatives(&mut graph)?;
            if reader.at != pattern.len() {
                return Err(BadPattern);
            }
            graph.link(start, first);
            graph.accepts[usize::from(last)] = bit;
        }
        graph.determine(start)
    }

    /// Which patterns fit all of these digits.
    pub fn whole(&self, digits: &[u8]) -> u32 {
        self.walk(digits).last().unwrap_or(0)
    }

    /// Which patterns fit a beginning of these digits.
    pub fn beginning(&self, digits: &[u8]) -> u32 {
        self.accepts[0] | self.walk(digits).fold(0, |seen, accepts| seen | accepts)
    }

    /// What is accepted after each digit; after a dead end nothing.
    fn walk<'a>(&'a self, digits: &'a [u8]) -> impl Iterator<Item = u32> + 'a {
        let mut state = 0;
        digits.iter().map(move |digit| {
            let branch = usize::from(digit.wrapping_sub(b'0'));
            state = self.next.get(usize::from(state)).and_then(|next| next.get(branch)).copied().unwrap_or(DEAD);
            self.accepts.get(usize::from(state)).copied().unwrap_or(0)
        })
    }
}

/// The undetermined automaton: free steps, and one step by a set of digits for each state.
#[derive(Default)]
struct Graph {
    free: Vec<Vec<u16>>,
    step: Vec<Option<(u16, u16)>>,
    accepts: Vec<u32>,
}

impl Graph {
    fn state(&mut self) -> u16 {
        self.free.push(Vec::new());
        self.step.push(None);
        self.accepts.push(0);
        u16::try_from(self.free.len() - 1).unwrap_or(DEAD)
    }

    fn link(&mut self, from: u16, to: u16) {
        self.free[usize::from(from)].push(to);
    }

    /// Adds all states that are reached without a digit; sorts.
    fn close(&self, states: &mut Vec<u16>) {
        let mut at = 0;
        while at < states.len() {
            let reached = &self.free[usize::from(states[at])];
            for state in reached {
                if !states.contains(state) {
                    states.push(*state);
                }
            }
            at += 1;
        }
        states.retain(|s| self.step[usize::from(*s)].is_some() || self.accepts[usize::from(*s)] != 0);
        states.sort_unstable();
    }

    fn determine(&self, start: u16) -> Result<Automaton, BadPattern> {
        let mut first = vec![start];
        self.close(&mut first);
        let mut numbers = HashMap::from([(first.clone(), 0u16)]);
        let mut sets = vec![first];
        let mut made = Automaton { next: Vec::new(), accepts: Vec::new() };
        while made.next.len() < sets.len() {
            let set = sets[made.next.len()].clone();
            let mut row = [DEAD; 10];
            for (digit, place) in row.iter_mut().enumerate() {
                let mut reached = self.after(&set, digit);
                self.close(&mut reached);
                if !reached.is_empty() {
                    *place = match numbers.get(&reached) {
                        Some(number) => *number,
                        None => {
                            let number = u16::try_from(sets.len()).map_err(|_| BadPattern)?;
                            numbers.insert(reached.clone(), number);
                            sets.push(reached);
                            number
                        }
                    };
                }
            }
            made.next.push(row);
            made.accepts.push(set.iter().fold(0, |all, s| all | self.accepts[usize::from(*s)]));
            if sets.len() > MAX_STATES {
                return Err(BadPattern);
            }
        }
        Ok(made)
    }

    fn after(&self, set: &[u16], digit: usize) -> Vec<u16> {
        let mut reached: Vec<u16> = set
            .iter()
            .filter_map(|s| self.step[usize::from(*s)].filter(|(digits, _)| digits >> digit & 1 == 1).map(|(_, to)| to))
            .collect();
        reached.sort_unstable();
        reached.dedup();
        reached
    }
}

/// A reader of one pattern, which adds to the graph; every method answers the first and last state of its part.
struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

type Part = Result<(u16, u16), BadPattern>;

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn take(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn alternatives(&mut self, graph: &mut Graph) -> Part {
        let (first, last) = (graph.state(), graph.state());
        loop {
            let (start, end) = self.sequence(graph)?;
            graph.link(first, start);
            graph.link(end, last);
            if self.peek() != Some(b'|') {
                return Ok((first, last));
            }
            self.at += 1;
        }
    }

    fn sequence(&mut self, graph: &mut Graph) -> Part {
        let first = graph.state();
        let mut last = first;
        while self.peek().is_some_and(|byte| !matches!(byte, b'|' | b')')) {
            let (start, end) = self.repeated(graph)?;
            graph.link(last, start);
            last = end;
        }
        if graph.free.len() > MAX_STATES { Err(BadPattern) } else { Ok((first, last)) }
    }

    /// An atom and its count. A count reads the atom again for each time.
    fn repeated(&mut self, graph: &mut Graph) -> Part {
        let atom = self.at;
        let (first, mut last) = self.atom(graph)?;
        let after_atom = self.at;
        let (least, most) = self.count()?;
        let after_count = self.at;
        let end = graph.state();
        if least == 0 {
            graph.link(first, end);
        }
        for n in 1..most {
            if n >= least {
                graph.link(last, end);
            }
            self.at = atom;
            let (start, next) = self.atom(graph)?;
            debug_assert_eq!(self.at, after_atom);
            graph.link(last, start);
            last = next;
        }
        graph.link(last, end);
        self.at = after_count;
        Ok((first, end))
    }

    fn atom(&mut self, graph: &mut Graph) -> Part {
        let digits = match self.take().ok_or(BadPattern)? {
            b'(' => {
                if self.text[self.at..].starts_with(b"?:") {
                    self.at += 2;
                }
                let part = self.alternatives(graph)?;
                return if self.take() == Some(b')') { Ok(part) } else { Err(BadPattern) };
            }
            b'[' => self.class()?,
            b'\\' if self.take() == Some(b'd') => 0b11_1111_1111,
            digit @ b'0'..=b'9' => 1 << (digit - b'0'),
            _ => return Err(BadPattern),
        };
        let (first, last) = (graph.state(), graph.state());
        graph.step[usize::from(first)] = Some((digits, last));
        Ok((first, last))
    }

    fn class(&mut self) -> Result<u16, BadPattern> {
        let mut digits = 0;
        loop {
            let low = match self.take().ok_or(BadPattern)? {
                b']' => return Ok(digits),
                byte => value(byte)?,
            };
            let high = if self.peek() == Some(b'-') {
                self.at += 1;
                value(self.take().ok_or(BadPattern)?)?
            } else {
                low
            };
            digits |= (low..=high).fold(0, |set, digit| set | 1 << digit);
        }
    }

    fn count(&mut self) -> Result<(u16, u16), BadPattern> {
        match self.peek() {
            Some(b'?') => {
                self.at += 1;
                Ok((0, 1))
            }
            Some(b'{') => {
                let end = self.text[self.at..].iter().position(|b| *b == b'}').ok_or(BadPattern)? + self.at;
                let text = std::str::from_utf8(&self.text[self.at + 1..end]).map_err(|_| BadPattern)?;
                self.at = end + 1;
                let (least, most) = text.split_once(',').unwrap_or((text, text));
                let [least, most] = [least, most].map(|n| n.parse().ok().filter(|n| *n <= 20).ok_or(BadPattern));
                Ok((least?, most?))
            }
            Some(b'*' | b'+') => Err(BadPattern),
            _ => Ok((1, 1)),
        }
    }
}

fn value(byte: u8) -> Result<u8, BadPattern> {
    if byte.is_ascii_digit() { Ok(byte - b'0') } else { Err(BadPattern) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(patterns: &[&str], digits: &str) -> u32 {
        Automaton::new(patterns.iter().copied()).unwrap().whole(digits.as_bytes())
    }

    #[test]
    fn one_pass_answers_which_patterns_fit() {
        let patterns = [r"[2-9]\d{3}", "22(?:0[13]|5)?5{0,2}", "1|2", r"(?:2\d){2,3}"];
        assert_eq!(whole(&patterns, "2255"), 0b1011 & !0b1000);
        assert_eq!(whole(&patterns, "2424"), 0b1001);
        assert_eq!(whole(&patterns, "242424"), 0b1000);
        assert_eq!(whole(&patterns, "22035"), 0b0010);
        assert_eq!(whole(&patterns, "2"), 0b0100);
        for digits in ["", "9", "24242424", "220355555", "22x5"] {
            assert_eq!(whole(&patterns, digits), 0, "{digits}");
        }
    }

    #[test]
    fn a_beginning_fits_whatever_follows() {
        let automaton = Automaton::new(["20|7", "", "204"].into_iter()).unwrap();
        assert_eq!([&b"2079"[..], b"204", b"9", b""].map(|d| automaton.beginning(d)), [0b011, 0b111, 0b010, 0b010]);
    }

    #[test]
    fn what_is_no_pattern_of_digits_is_refused() {
        for pattern in ["(", ")", "[", "[a]", "1*", "1+", "a", "1{2", "1{99}", r"\w", "(?=1)"] {
            assert_eq!(Automaton::new([pattern].into_iter()).unwrap_err(), BadPattern, "{pattern}");
        }
    }
}
