// SPDX-License-Identifier: GPL-2.0

//! Changes of a text that nest.

use std::ops::Range;

/// Texts around ranges, and instead of ranges.
#[derive(Default)]
pub(crate) struct Edits {
    /// From the outermost to the innermost, where two begin or end together.
    around: Vec<(Range<usize>, String, String)>,
    instead: Vec<(Range<usize>, String)>,
}

impl Edits {
    pub(crate) fn around(&mut self, range: Range<usize>, open: String, close: String) {
        self.around.push((range, open, close));
    }

    pub(crate) fn instead(&mut self, range: Range<usize>, text: &str) {
        self.instead.push((range, text.to_owned()));
    }

    pub(crate) fn apply(mut self, text: &str) -> String {
        let mut out = String::new();
        let mut places: Vec<usize> = self
            .around
            .iter()
            .flat_map(|(range, _, _)| [range.start, range.end])
            .chain(self.instead.iter().map(|(range, _)| range.start))
            .collect();
        let mut done = 0;

        places.sort_unstable();
        places.dedup();
        self.instead.sort_by_key(|(range, _)| range.start);
        for place in places {
            if place < done {
                continue;
            }
            out.push_str(&text[done..place]);
            done = place;
            for (_, _, close) in self.around.iter().rev().filter(|a| a.0.end == place) {
                out.push_str(close);
            }
            for (_, open, _) in self.around.iter().filter(|a| a.0.start == place) {
                out.push_str(open);
            }
            for (range, new) in self.instead.iter().filter(|i| i.0.start == place) {
                out.push_str(new);
                // Lines stay where they are.
                let lines = text[range.clone()].matches('\n').count();
                out.extend(std::iter::repeat_n('\n', lines));
                done = range.end;
            }
        }
        out.push_str(&text[done..]);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested() {
        let mut edits = Edits::default();

        edits.around(0..5, "(".into(), ")".into());
        edits.around(0..1, "[".into(), "]".into());
        edits.instead(2..3, ",");
        edits.around(4..5, "<".into(), ">".into());
        assert_eq!(edits.apply("a + b;"), "([a] , <b>);");
    }
}
