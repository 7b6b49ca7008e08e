//! Which component answers a path: by the paths of the API descriptions, the most literal one first.
use crate::component::Component;

/// The paths of every component.
#[derive(Debug, Default)]
pub struct Paths(Vec<Pattern>);

#[derive(Debug)]
struct Pattern {
    segments: Vec<Segment>,
    component: Component,
}

#[derive(Debug, PartialEq, Eq)]
enum Segment {
    Literal(String),
    Any,
}

impl Paths {
    /// Adds a component's path as the API description writes it: `/lists/{id}/actions/import`.
    pub fn add(&mut self, component: Component, path: &str) {
        let segments = path
            .trim_matches('/')
            .split('/')
            .map(|part| if part.starts_with('{') { Segment::Any } else { Segment::Literal(part.to_owned()) });
        self.0.push(Pattern { segments: segments.collect(), component });
    }

    /// Whose a path is.
    pub fn owner(&self, path: &str) -> Option<Component> {
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let fitting = self.0.iter().filter(|pattern| pattern.fits(&parts));
        fitting.max_by_key(|pattern| pattern.literals()).map(|pattern| pattern.component)
    }
}

impl Pattern {
    fn fits(&self, parts: &[&str]) -> bool {
        let fits = |(segment, part): (&Segment, &&str)| match segment {
            Segment::Literal(text) => text == part,
            Segment::Any => !part.is_empty(),
        };
        self.segments.len() == parts.len() && self.segments.iter().zip(parts).all(fits)
    }

    /// How literal it is; a literal further left weighs more.
    fn literals(&self) -> Vec<bool> {
        self.segments.iter().map(|s| *s != Segment::Any).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths() -> Paths {
        let mut paths = Paths::default();
        paths.add(Component::ListManager, "/contact-lists/{id}");
        paths.add(Component::ListBuilder, "/contact-lists/{id}/actions/import");
        paths.add(Component::ListBuilder, "/contact-lists/imports");
        paths
    }

    #[test]
    fn one_noun_may_be_shared_by_two_components() {
        assert_eq!(paths().owner("/contact-lists/1"), Some(Component::ListManager));
        assert_eq!(paths().owner("/contact-lists/1/actions/import"), Some(Component::ListBuilder));
        assert_eq!(paths().owner("/contact-lists/imports"), Some(Component::ListBuilder));
    }

    #[test]
    fn a_path_of_nobody_has_no_owner() {
        for path in ["", "/", "/contact-lists", "/contact-lists/", "/contact-lists/1/actions", "/other/1"] {
            assert_eq!(paths().owner(path), None, "{path}");
        }
    }
}
