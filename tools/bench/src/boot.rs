// SPDX-License-Identifier: GPL-2.0
//! One boot of one kernel, in which all programs run.

use crate::lines::{self, Line, Rep};
use crate::operations::Selection;
use crate::site::Site;
use anyhow::{bail, Context, Result};
use nix::sys::prctl;
use nix::sys::signal::Signal;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const MEMORY_PROGRAM: &str = "bench_memory";
const ALL_SKIPPED: i32 = 4;

#[derive(Clone, Copy)]
pub struct Order<'a> {
    pub machine: &'a str,
    pub kernel: &'a str,
    /// Tells boots of the same kernel apart.
    pub round: u32,
    pub reps: u32,
    pub timeout: u32,
    pub selection: &'a Selection,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Reps(Vec<Rep>),
    Skipped(String),
    Failed(String),
}

#[derive(Debug, Default)]
pub struct Boot {
    pub outcomes: BTreeMap<String, Outcome>,
    pub memory: BTreeMap<String, i64>,
    pub took: Duration,
    /// The kernel's own configuration.
    pub config: String,
}

impl Order<'_> {
    pub fn name(&self) -> String {
        format!("{}/{}-{}", self.machine, self.kernel, self.round)
    }

    pub fn programs(&self) -> Vec<&str> {
        programs(self.selection)
    }

    /// Everything runs from memory: the share is slow, and the clock goes on while it answers.
    fn script(&self) -> String {
        let mut text = String::from(concat!(
            "# Generated.\n",
            "run() {\n",
            "\tname=$1; shift\n",
            "\tcp \"$name\" \"$dir/\" && \"$dir/$name\" -l >\"$dir/list\" 2>&1\n",
            "\ttimeout -k 5 $limit \"$dir/$name\" \"$@\" >\"$dir/out\" 2>&1 </dev/null\n",
            "\techo $? >\"$name.status\"\n",
            "\tcp \"$dir/list\" \"$name.list\"; cp \"$dir/out\" \"$name.out\"\n",
            "\trm -f \"$dir\"/*\n",
            "}\n",
            "dir=$(mktemp -d)\n",
            "zcat /proc/config.gz >config 2>/dev/null\n",
        ));
        // Seconds of the machine's own: a hang must not cost the other programs' results.
        text += &format!("limit={}\n", 20 * (self.reps + 1));
        for (program, operations) in self.selection.programs() {
            text += &format!(
                "run {program} -r {} -o {}\n",
                self.reps,
                operations.join(",")
            );
        }
        if self.selection.memory {
            text += &format!("run {MEMORY_PROGRAM}\n");
        }
        text + "rmdir \"$dir\"\n"
    }

    pub fn boot(&self, site: &Site) -> Result<Boot> {
        let started = Instant::now();
        let share = tempfile::Builder::new()
            .prefix(&format!(
                "boot-{}-{}-{}.",
                self.machine, self.kernel, self.round
            ))
            .tempdir_in(site.results())
            .with_context(|| format!("cannot write to {}", site.results().display()))?;
        for name in self.programs() {
            fs::copy(site.program(name), share.path().join(name))?;
        }
        fs::write(share.path().join("bench.sh"), self.script())?;
        self.run_machine(site, share.path())?;
        let mut boot = self.read(share.path())?;
        boot.took = started.elapsed();
        Ok(boot)
    }

    fn run_machine(&self, site: &Site, share: &Path) -> Result<()> {
        let log = site.build.join("logs/bench").join(self.name() + ".log");
        let done = machine(site, self.machine, self.kernel, share, &log)
            .args(["--run", "bench.sh", "--timeout", &self.timeout.to_string()])
            .output()
            .with_context(|| format!("cannot run {}", site.run_machine().display()))?;
        if !done.status.success() {
            let text = String::from_utf8_lossy(&done.stderr);
            let last = text
                .lines()
                .last()
                .unwrap_or("run-machine failed")
                .to_string();
            let why = last.trim_start_matches("run-machine: ");
            bail!("{}: {why}; see {}", self.name(), log.display());
        }
        Ok(())
    }

    fn read(&self, share: &Path) -> Result<Boot> {
        let text = |name: &str| -> std::io::Result<String> {
            let bytes = fs::read(share.join(name))?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        let mut boot = Boot {
            config: text("config").unwrap_or_default(),
            ..Boot::default()
        };
        for (program, wanted) in self.selection.programs() {
            let read = |what: &str| {
                let missing = || format!("{}: {program} left no {what}", self.name());
                text(&format!("{program}.{what}")).with_context(missing)
            };
            check_list(program, &wanted, &read("list")?)?;
            let status = read("status")?.trim().parse().unwrap_or(-1);
            let ran = Ran {
                program,
                status,
                output: read("out")?,
            };
            boot.outcomes.extend(ran.outcomes(&wanted, self.reps));
        }
        if self.selection.memory {
            let output = text(&format!("{MEMORY_PROGRAM}.out")).unwrap_or_default();
            boot.memory = memory(&output).with_context(|| self.name())?;
        }
        Ok(boot)
    }
}

/// A machine with a kernel that counts instructions and has a folder of ours, as a command that
/// lacks what to run there.
pub fn machine(site: &Site, machine: &str, kernel: &str, share: &Path, log: &Path) -> Command {
    let mut command = Command::new(site.run_machine());
    command
        .args(["--machine", machine])
        .args(["--icount", "--quiet", "--check-log"])
        .arg("--share")
        .arg(share)
        .arg("--image")
        .arg(site.image(kernel))
        .arg("--log")
        .arg(log)
        .env("BUILD", &site.build)
        .stdin(Stdio::null());
    end_with_us(&mut command);
    command
}

/// However this process ends, no machine stays behind.
fn end_with_us(command: &mut Command) {
    let tie = || prctl::set_pdeathsig(Signal::SIGTERM).map_err(Into::into);
    // SAFETY: one system call, which a child may make between fork and exec.
    unsafe { command.pre_exec(tie) };
}

pub fn programs(selection: &Selection) -> Vec<&str> {
    let mut found: Vec<&str> = selection.programs().iter().map(|(p, _)| *p).collect();
    if selection.memory {
        found.push(MEMORY_PROGRAM);
    }
    found
}

/// What a program lists must include what is wanted of it.
fn check_list(program: &str, wanted: &[&str], list: &str) -> Result<()> {
    let mut listed = Vec::new();
    for line in list.lines() {
        match lines::parse(line) {
            Ok(Some(Line::Operation { name, .. })) => listed.push(name),
            Ok(_) => {}
            Err(why) => bail!("{program} -l: {why}"),
        }
    }
    match wanted.iter().find(|w| !listed.iter().any(|l| l == *w)) {
        Some(unknown) => bail!(
            "operations.toml has '{unknown}', {program} has not; it lists: {}: make selftests",
            listed.join(" ")
        ),
        None => Ok(()),
    }
}

/// A program that has run.
struct Ran<'a> {
    program: &'a str,
    status: i32,
    output: String,
}

/// What it said of one operation.
#[derive(Default)]
struct Said {
    reps: Vec<Rep>,
    skip: Option<String>,
}

impl Ran<'_> {
    fn outcomes(&self, wanted: &[&str], reps: u32) -> BTreeMap<String, Outcome> {
        let mut said: BTreeMap<String, Said> = BTreeMap::new();
        let mut garbage = None;
        for line in self.output.lines() {
            match lines::parse(line) {
                Ok(Some(Line::Rep { op, rep })) => said.entry(op).or_default().reps.push(rep),
                Ok(Some(Line::Skip { op, reason })) => {
                    said.entry(op).or_default().skip = Some(reason);
                }
                Ok(_) => {}
                Err(why) => garbage = Some(why),
            }
        }
        let mut found = BTreeMap::new();
        for op in wanted {
            let said = said.remove(*op).unwrap_or_default();
            let outcome = self.outcome(said, reps, garbage.as_deref());
            found.insert(op.to_string(), outcome);
        }
        self.check_status(&mut found);
        found
    }

    fn outcome(&self, said: Said, reps: u32, garbage: Option<&str>) -> Outcome {
        let whole = said.reps.iter().map(|r| r.rep).eq(1..=reps);
        match said {
            Said { reps, skip: None } if whole => Outcome::Reps(reps),
            Said {
                reps,
                skip: Some(why),
            } if reps.is_empty() => Outcome::Skipped(why),
            Said { reps: some, .. } => {
                let count = format!("{} of {reps} repetitions", some.len());
                Outcome::Failed(format!("{count}: {}", garbage.unwrap_or(&self.complaint())))
            }
        }
    }

    /// A program that failed after its last line has failed all the same.
    fn check_status(&self, found: &mut BTreeMap<String, Outcome>) {
        let all_skipped = found.values().all(|o| matches!(o, Outcome::Skipped(_)));
        let told = found.values().any(|o| matches!(o, Outcome::Failed(_)));
        if self.status == 0 || told || (self.status == ALL_SKIPPED && all_skipped) {
            return;
        }
        for outcome in found.values_mut() {
            *outcome = Outcome::Failed(self.complaint());
        }
    }

    /// The last thing it said that is no result.
    fn complaint(&self) -> String {
        let text = |l: &&str| !l.trim().is_empty() && lines::parse(l) == Ok(None);
        let last = self
            .output
            .lines()
            .rfind(text)
            .unwrap_or("it says nothing")
            .trim();
        let short: String = last.chars().take(160).collect();
        format!(
            "{} ended with status {}: {short}",
            self.program, self.status
        )
    }
}

fn memory(output: &str) -> Result<BTreeMap<String, i64>> {
    let mut found = BTreeMap::new();
    for line in output.lines() {
        match lines::parse(line) {
            Ok(Some(Line::Memory { what, bytes })) => found.insert(what, bytes),
            Ok(_) => continue,
            Err(why) => bail!("{MEMORY_PROGRAM}: {why}"),
        };
    }
    if found.is_empty() {
        let last = output.lines().last().unwrap_or("it says nothing");
        bail!("{MEMORY_PROGRAM} measured nothing: {last}");
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::Catalogue;

    fn ran(status: i32, output: &str) -> BTreeMap<String, Outcome> {
        let ran = Ran {
            program: "bench_x",
            status,
            output: output.to_string(),
        };
        ran.outcomes(&["a", "b"], 2)
    }

    fn lines(op: &str, reps: &[u32]) -> String {
        let line = |n: &u32| format!("bench: op={op} rep={n} iterations=10 ns=100 base_ns=0\n");
        reps.iter().map(line).collect()
    }

    fn failed(outcome: &Outcome, says: &str) {
        match outcome {
            Outcome::Failed(why) => assert!(why.contains(says), "{why}"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn complete() {
        let found = ran(
            0,
            &(lines("a", &[1, 2]) + "# a: 10 ns\n" + &lines("b", &[1, 2])),
        );
        assert!(matches!(&found["a"], Outcome::Reps(r) if r.len() == 2));
        assert!(matches!(&found["b"], Outcome::Reps(_)));
    }

    #[test]
    fn skips() {
        let found = ran(0, &(lines("a", &[1, 2]) + "bench: op=b skip=no-SVE\n"));
        assert!(matches!(&found["a"], Outcome::Reps(_)));
        assert_eq!(found["b"], Outcome::Skipped("no-SVE".into()));
        let found = ran(4, "bench: op=a skip=x\nbench: op=b skip=x\n");
        assert_eq!(found["a"], Outcome::Skipped("x".into()));
    }

    #[test]
    fn cut_short() {
        let found = ran(
            139,
            &(lines("a", &[1, 2]) + &lines("b", &[1]) + "# Oops: it fell\n"),
        );
        assert!(matches!(&found["a"], Outcome::Reps(_)));
        failed(&found["b"], "1 of 2");
        failed(&found["b"], "it fell");
        failed(&ran(1, "")["a"], "status 1");
    }

    #[test]
    fn wrong_repetitions() {
        failed(
            &ran(0, &(lines("a", &[1, 1]) + &lines("b", &[1, 2])))["a"],
            "2 of 2",
        );
        failed(
            &ran(0, &(lines("a", &[1, 2, 3]) + &lines("b", &[1, 2])))["a"],
            "3 of 2",
        );
        let both = lines("a", &[1, 2]) + "bench: op=a skip=x\n" + &lines("b", &[1, 2]);
        failed(&ran(0, &both)["a"], "2 of 2");
    }

    #[test]
    fn garbage_is_quoted() {
        let text = lines("a", &[1]) + "bench: op=a rep=2 iter[  1.0] x\n" + &lines("b", &[1, 2]);
        failed(&ran(0, &text)["a"], "iter[");
    }

    #[test]
    fn failure_at_the_end() {
        let all = lines("a", &[1, 2]) + &lines("b", &[1, 2]);
        failed(&ran(1, &all)["a"], "status 1");
        failed(&ran(4, &all)["b"], "status 4");
    }

    #[test]
    fn lists() {
        check_list("p", &["a"], "operation: a x\noperation: b y\n").unwrap();
        assert!(check_list("p", &["c"], "operation: a x\n").is_err());
        assert!(check_list("p", &["a"], "").is_err());
    }

    #[test]
    fn memory_lines() {
        let found = memory("# x\nmemory: what=vm bytes=10\nmemory: what=vcpu bytes=-2\n").unwrap();
        assert_eq!(
            found,
            BTreeMap::from([("vm".into(), 10), ("vcpu".into(), -2)])
        );
        assert!(memory("# no tracefs\n")
            .unwrap_err()
            .to_string()
            .contains("no tracefs"));
        assert!(memory("memory: what=vm bytes=x\n").is_err());
    }

    #[test]
    fn script_names_what_was_chosen() {
        let selection = Catalogue::load().unwrap().select("hvc,ipi").unwrap();
        let order = Order {
            machine: "vhe",
            kernel: "c",
            round: 1,
            reps: 7,
            timeout: 60,
            selection: &selection,
        };
        let script = order.script();
        assert!(script.contains("run bench_exit -r 7 -o hvc\n"), "{script}");
        assert!(script.contains("run bench_irq -r 7 -o ipi\n"), "{script}");
        assert!(!script.contains(MEMORY_PROGRAM));
        assert_eq!(order.programs(), ["bench_exit", "bench_irq"]);
    }
}
