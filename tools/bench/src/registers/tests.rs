// SPDX-License-Identifier: GPL-2.0

use super::compare::{usual, Pair};
use super::report::{documentation, Outcome, Report};
use super::rules::Rules;
use super::trace::{Access, Phase};
use super::*;

const RULES: &str = r#"
[machines]
vhe = true
[sets]
all = ["user", "hvc"]
[[ignored]]
accesses = ["MRS DAIF"]
reason = "x"
[[varying]]
registers = ["CVAL"]
reason = "x"
[[varying]]
registers = ["HCR"]
bits = 0x6
reason = "x"
[[difference]]
title = "moved"
reason = "because"
[[difference.hunk]]
machines = ["vhe"]
kinds = ["@all", "-hvc"]
phases = ["load"]
c = ["MSR A", "MSR B{1..0}", "ISB"]
rust = ["MSR B{1..0}", "MSR A", "ISB"]
"#;

/// `X = 1` is a write, else it is an access without a value.
fn phase(text: &str) -> Phase {
    let access = |word: &str| match word.trim().split_once(" = ") {
        Some((register, value)) => Access {
            what: format!("MSR {register}"),
            value: Some(value.parse().unwrap()),
            place: "f".into(),
        },
        None => Access {
            what: word.trim().into(),
            value: None,
            place: "f".into(),
        },
    };
    Phase {
        name: "load",
        accesses: text.split(',').map(access).collect(),
    }
}

fn problems(kind: &str, c: &str, rust: &str) -> Vec<String> {
    problems_by(RULES, kind, c, rust)
}

fn problems_by(rules: &str, kind: &str, c: &str, rust: &str) -> Vec<String> {
    let (c, rust) = ([phase(c)], [phase(rust)]);
    let pair = Pair {
        machine: "vhe",
        kind,
        c: &c,
        rust: &rust,
    };
    pair.judge(&Rules::parse(rules).unwrap()).problems
}

#[test]
fn order_and_values() {
    assert!(problems("user", "A = 1, ISB, C = 2", "A = 1, ISB, C = 2").is_empty());
    assert!(problems("user", "CVAL = 1, HCR = 2", "CVAL = 9, HCR = 4").is_empty());
    for (c, rust) in [
        ("A = 1, C = 2", "C = 2, A = 1"),
        ("A = 1, ISB, C = 2", "A = 1, C = 2"),
        ("A = 1, C = 2, ISB", "A = 1, ISB, C = 2"),
        ("A = 1", "A = 1, C = 2"),
        ("A = 1", "A = 2"),
        ("HCR = 1", "HCR = 8"),
    ] {
        assert!(!problems("user", c, rust).is_empty(), "{c}: {rust}");
    }
}

#[test]
fn a_hunk_allows_nothing_else() {
    let c = "Z = 1, A = 1, B1 = 2, B0 = 3, ISB, C = 4";
    let rust = "Z = 1, B1 = 2, B0 = 3, A = 1, ISB, C = 4";
    assert!(problems("user", c, rust).is_empty());
    assert!(!problems("hvc", c, rust).is_empty());
    for wrong in [
        "Z = 1, B0 = 3, B1 = 2, A = 1, ISB, C = 4",
        "Z = 1, B1 = 2, B0 = 3, A = 1, C = 4",
        "Z = 1, B1 = 2, B0 = 3, A = 9, ISB, C = 4",
        "B1 = 2, Z = 1, B0 = 3, A = 1, ISB, C = 4",
        "Z = 1, B1 = 2, B0 = 3, A = 1, C = 4, ISB",
    ] {
        let found = problems("user", c, wrong);
        assert!(!found.is_empty(), "{wrong}");
        assert!(found[0].starts_with("load, after"), "{found:?}");
    }
}

#[test]
fn a_register_by_another_name() {
    let text = RULES.to_string()
        + "[[named]]\nmachines = [\"hvhe\"]\nregisters = { A_EL1 = \"A_EL2\" }\nreason = \"x\"\n";
    let meant = |machine: &str, place: &str| {
        let access = Access {
            what: "MSR A_EL1".into(),
            value: None,
            place: place.into(),
        };
        let phases = vec![Phase {
            name: "load",
            accesses: vec![access],
        }];
        let rules = Rules::parse(&text).unwrap().on(machine);
        rules.meant(phases)[0].accesses[0].what.clone()
    };
    assert_eq!(meant("hvhe", "__kvm_nvhe_f"), "MSR A_EL2");
    assert_eq!(meant("hvhe", "f"), "MSR A_EL1");
    assert_eq!(meant("vhe", "__kvm_nvhe_f"), "MSR A_EL1");
}

#[test]
fn what_may_be_missing_is_so_on_both_sides() {
    let rules = RULES.replace("\"ISB\"", "\"ISB?\"");
    let found = |c: &str, rust: &str| problems_by(&rules, "user", c, rust);
    let (c, rust) = ("A = 1, B1 = 2, B0 = 3", "B1 = 2, B0 = 3, A = 1");
    assert!(found(c, rust).is_empty());
    assert!(found(&format!("{c}, ISB"), &format!("{rust}, ISB")).is_empty());
    assert!(!found(&format!("{c}, ISB"), rust).is_empty());
    assert!(!found(c, &format!("{rust}, ISB")).is_empty());
}

#[test]
fn what_is_not_needed_is_an_error() {
    let rules = Rules::parse(RULES).unwrap();
    let judged = |rust: &str| {
        let (c, rust) = ([phase("A = 1, B1 = 2, B0 = 3, ISB")], [phase(rust)]);
        let pair = Pair {
            machine: "vhe",
            kind: "user",
            c: &c,
            rust: &rust,
        };
        let mut report = Report::new(&rules, true);
        report.add("vhe", "user", Outcome::Compared(pair.judge(&rules)));
        report.machine_done("vhe");
        (report.failed(), report.text(true))
    };
    assert!(!judged("B1 = 2, B0 = 3, A = 1, ISB").0);
    let (failed, text) = judged("A = 1, B1 = 2, B0 = 3, ISB");
    assert!(failed && text.contains("ok 1 - user\n"), "{text}");
    assert!(
        text.contains("# nothing is like it: moved, hunk 1: user"),
        "{text}"
    );
    assert!(text.contains("not ok 2 - registers.toml\n"), "{text}");
}

#[test]
fn noise_is_outvoted() {
    let rules = Rules::parse(RULES).unwrap();
    let good = || vec![phase("MRS DAIF, A = 1, CVAL = 7")];
    let noise = || vec![phase("A = 1, X = 3")];
    let found = usual(vec![good(), noise(), good()], &rules).unwrap();
    assert_eq!(found[0].accesses.len(), 2);
    assert!(usual(vec![good(), noise()], &rules).is_err());
    assert!(usual(vec![vec![], vec![]], &rules).is_err());
    assert!(usual(vec![], &rules).is_err());
}

#[test]
fn rules_that_say_too_little() {
    let error = |from: &str, to: &str| {
        let text = RULES.replace(from, to);
        assert_ne!(text, RULES);
        format!("{:#}", Rules::parse(&text).unwrap_err())
    };
    assert!(error("because", " ").contains("no reason"));
    assert!(error(r#"rust = ["MSR B{1..0}", "MSR A", "ISB"]"#, "rust = []").contains("both sides"));
    assert!(error("@all", "@none").contains("no set none"));
    assert!(error("vhe = true", "nvhe = true").contains("no vhe"));
    assert!(error("phases = [\"load\"]", "phases = []").contains("phases"));
    assert!(error("reason = \"because\"", "").contains("reason"));
}

#[test]
fn lines_of_the_program() {
    assert!(matches!(
        said("trace: kind=user windows=16"),
        Some(("user", Ok(16)))
    ));
    assert!(matches!(
        said("trace: kind=sve skip=no-SVE"),
        Some(("sve", Err("no-SVE")))
    ));
    assert!(said("trace: kind=sve").is_none() && said("# user").is_none());
}

/// No difference without its reason in the documentation, and none there that is no more.
#[test]
fn documented() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let rules = Rules::read(&top.join("registers.toml")).unwrap();
    let path = top.join("../../Documentation/virt/kvm/arm/rust/registers.rst");
    let text = fs::read_to_string(path).unwrap();
    let listed = documentation(&rules);
    assert!(
        text.contains(&listed),
        "registers.rst wants the output of tools/bench/bench registers --doc:\n{listed}"
    );
}
