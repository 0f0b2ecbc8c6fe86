// SPDX-License-Identifier: GPL-2.0
//! What the programs print.

use serde::{Deserialize, Serialize};

/// One repetition: a loop, and beside it the same loop with the operation left out.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Rep {
    pub rep: u32,
    pub iterations: u64,
    pub ns: u64,
    pub base_ns: u64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cycles: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub base_cycles: Option<u64>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Line {
    Rep { op: String, rep: Rep },
    Skip { op: String, reason: String },
    Memory { what: String, bytes: i64 },
    Operation { name: String, title: String },
}

impl Rep {
    /// Of one operation; less than zero where the loop costs more than the operation.
    pub fn value(&self) -> f64 {
        (self.ns as f64 - self.base_ns as f64) / self.iterations as f64
    }
}

/// Lines that are not for us are None, those that are and make no sense an error.
pub fn parse(line: &str) -> Result<Option<Line>, String> {
    let line = line.trim();
    let Some((kind, rest)) = line.split_once(": ") else {
        return Ok(None);
    };
    let found = match kind {
        "bench" => bench(rest),
        "memory" => memory(rest),
        "operation" => operation(rest),
        _ => return Ok(None),
    };
    found.map(Some).map_err(|why| format!("{why} in '{line}'"))
}

struct Fields<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Fields<'a> {
    fn new(text: &'a str) -> Result<Self, String> {
        let mut found: Vec<(&str, &str)> = Vec::new();
        for word in text.split_whitespace() {
            let (key, value) = word
                .split_once('=')
                .ok_or(format!("'{word}' is no field"))?;
            if found.iter().any(|(k, _)| *k == key) {
                return Err(format!("{key} twice"));
            }
            found.push((key, value));
        }
        Ok(Self(found))
    }

    fn get(&self, key: &str) -> Option<&'a str> {
        self.0.iter().find(|(k, _)| *k == key).map(|(_, v)| *v)
    }

    fn text(&self, key: &str) -> Result<String, String> {
        match self.get(key) {
            Some(value) if !value.is_empty() => Ok(value.to_string()),
            _ => Err(format!("no {key}")),
        }
    }

    fn maybe<T: std::str::FromStr>(&self, key: &str) -> Result<Option<T>, String> {
        let number = |v: &str| v.parse().map_err(|_| format!("{key} is no number"));
        self.get(key).map(number).transpose()
    }

    fn number<T: std::str::FromStr>(&self, key: &str) -> Result<T, String> {
        self.maybe(key)?.ok_or(format!("no {key}"))
    }
}

fn bench(rest: &str) -> Result<Line, String> {
    let fields = Fields::new(rest)?;
    let op = fields.text("op")?;
    if fields.get("skip").is_some() {
        return Ok(Line::Skip {
            op,
            reason: fields.text("skip")?,
        });
    }
    let rep = Rep {
        rep: fields.number("rep")?,
        iterations: fields.number("iterations")?,
        ns: fields.number("ns")?,
        base_ns: fields.number("base_ns")?,
        cycles: fields.maybe("cycles")?,
        base_cycles: fields.maybe("base_cycles")?,
    };
    if rep.iterations == 0 {
        return Err("no iteration".into());
    }
    Ok(Line::Rep { op, rep })
}

fn memory(rest: &str) -> Result<Line, String> {
    let fields = Fields::new(rest)?;
    Ok(Line::Memory {
        what: fields.text("what")?,
        bytes: fields.number("bytes")?,
    })
}

fn operation(rest: &str) -> Result<Line, String> {
    let (name, title) = rest.split_once(char::is_whitespace).ok_or("no title")?;
    Ok(Line::Operation {
        name: name.into(),
        title: title.trim().into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rep(line: &str) -> Rep {
        match parse(line) {
            Ok(Some(Line::Rep { rep, .. })) => rep,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn repetitions() {
        let found = rep("bench: op=hvc rep=1 iterations=2000 ns=3692000 base_ns=8000");
        assert_eq!(found.value(), 1842.0);
        assert_eq!(found.cycles, None);
        let line = "bench: op=hvc rep=2 iterations=10 ns=50 base_ns=0 cycles=70 base_cycles=1\r";
        assert_eq!(rep(line).cycles, Some(70));
    }

    #[test]
    fn dearer_empty_loop() {
        assert!(rep("bench: op=x rep=1 iterations=10 ns=5 base_ns=15").value() < 0.0);
    }

    #[test]
    fn others() {
        let skip = Line::Skip {
            op: "sve".into(),
            reason: "no-SVE".into(),
        };
        assert_eq!(parse("bench: op=sve skip=no-SVE"), Ok(Some(skip)));
        let memory = Line::Memory {
            what: "vm".into(),
            bytes: 4096,
        };
        assert_eq!(parse("memory: what=vm bytes=4096"), Ok(Some(memory)));
        let listed = Line::Operation {
            name: "hvc".into(),
            title: "a hypercall".into(),
        };
        assert_eq!(parse("operation: hvc a hypercall"), Ok(Some(listed)));
    }

    #[test]
    fn not_ours() {
        for line in [
            "",
            "# hvc: 1842.0 ns (spread 0.1 %) hypercall",
            "[    1.0] bench",
            "bench:",
        ] {
            assert_eq!(parse(line), Ok(None), "{line}");
        }
    }

    #[test]
    fn garbage() {
        for line in [
            "bench: op=hvc",
            "bench: op= rep=1 iterations=2 ns=3 base_ns=4",
            "bench: rep=1 iterations=2 ns=3 base_ns=4",
            "bench: op=hvc rep=1 iterations=0 ns=3 base_ns=4",
            "bench: op=hvc rep=1 iterations=2 ns=-3 base_ns=4",
            "bench: op=hvc rep=1 iterations=2 ns=3[    1.2] oops base_ns=4",
            "bench: op=hvc rep=1 iterations=2 ns=99999999999999999999999 base_ns=4",
            "bench: op=hvc rep=1 rep=2 iterations=2 ns=3 base_ns=4",
            "bench: op=hvc rep=1 iterations=2 ns=3",
            "bench: op=hvc rep=1 iterations=2 ns=3 base_ns=4 cycles=x",
            "bench: op=sve skip=",
            "memory: what=vm bytes=",
            "operation: hvc",
        ] {
            let error = parse(line).expect_err(line);
            assert!(error.contains(line), "{error}");
        }
    }
}
