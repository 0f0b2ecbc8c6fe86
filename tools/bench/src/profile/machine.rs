// SPDX-License-Identifier: GPL-2.0
//! Runs one operation once on one kernel, with the plugin in QEMU.

use super::counts::Counts;
use crate::lines::{self, Line, Rep};
use crate::operations::Operation;
use crate::site::Site;
use anyhow::{bail, Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const PLUGIN: &str = "libkvm_bench_plugin.so";
const TIMEOUT: &str = "600";

pub struct Ran {
    pub rep: Rep,
    pub counts: Counts,
}

/// Cargo puts the plugin beside the program.
pub fn plugin() -> Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name(PLUGIN);
    if !path.is_file() {
        bail!(
            "the plugin {} is not built: make profile builds it",
            path.display()
        );
    }
    if path.to_string_lossy().contains(',') {
        bail!(
            "{}: QEMU takes no commas in a plugin's path",
            path.display()
        );
    }
    Ok(path)
}

/// QEMU can be built without plugins, and says so only when asked for one.
pub fn check_qemu(site: &Site) -> Result<()> {
    let qemu = site
        .tool("QEMU")
        .unwrap_or_else(|| "qemu-system-aarch64".into());
    let asked = Command::new(&qemu)
        .args(["-plugin", "help"])
        .stdin(Stdio::null())
        .output();
    let asked =
        asked.with_context(|| format!("{qemu} does not run; 'make toolchain' installs it"))?;
    if !asked.status.success() {
        bail!("{qemu} is built without plugins (--enable-plugins); QEMU= names another one");
    }
    Ok(())
}

fn script(operation: &Operation) -> String {
    let Operation { program, name, .. } = operation;
    // From memory: the share is slow, and the clock goes on while it answers.
    format!(
        "# Generated.\n\
         dir=$(mktemp -d) && cp {program} \"$dir/\" || exit 1\n\
         \"$dir/{program}\" -o {name} -r 1 -m >\"$dir/out\" 2>&1 </dev/null\n\
         status=$?\n\
         cp \"$dir/out\" out\n\
         exit $status\n"
    )
}

pub fn run(site: &Site, machine: &str, kernel: &str, operation: &Operation) -> Result<Ran> {
    fs::create_dir_all(site.results())
        .with_context(|| format!("cannot write to {}", site.results().display()))?;
    let folder = tempfile::Builder::new()
        .prefix("profile.")
        .tempdir_in(site.results())?;
    let share = folder.path();
    fs::copy(
        site.program(&operation.program),
        share.join(&operation.program),
    )?;
    fs::write(share.join("profile.sh"), script(operation))?;
    let counts = share.join("counts");
    let log = site.build.join(format!(
        "logs/profile/{machine}/{}-{kernel}.log",
        operation.name
    ));
    let done = Command::new(site.run_machine())
        .args(["--machine", machine, "--icount", "--quiet", "--check-log"])
        .args(["--run", "profile.sh", "--timeout", TIMEOUT])
        .arg("--plugin")
        .arg(format!("{},out={}", plugin()?.display(), counts.display()))
        .arg("--share")
        .arg(share)
        .arg("--image")
        .arg(site.image(kernel))
        .arg("--log")
        .arg(&log)
        .env("BUILD", &site.build)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run {}", site.run_machine().display()))?;
    let output = fs::read_to_string(share.join("out")).unwrap_or_default();
    let said = repetition(&output, &operation.name);
    if !done.status.success() && !matches!(said, Ok(Said::Skip(_))) {
        bail!(
            "{}; see {}",
            reason(&done.stderr, &output, operation),
            log.display()
        );
    }
    match said? {
        Said::Skip(why) => bail!("the machine {machine} can't do {}: {why}", operation.name),
        Said::Rep(rep) => Ok(Ran {
            rep,
            counts: read(&counts, &log)?,
        }),
    }
}

fn reason(stderr: &[u8], output: &str, operation: &Operation) -> String {
    let text = String::from_utf8_lossy(stderr);
    if let Some(last) = text.lines().last() {
        return last.trim_start_matches("run-machine: ").to_string();
    }
    let last = output.lines().last().unwrap_or("it says nothing");
    format!("{} failed: {last}", operation.program)
}

fn read(path: &Path, log: &Path) -> Result<Counts> {
    let text = fs::read_to_string(path)
        .with_context(|| format!("the plugin left no counts; see {}", log.display()))?;
    let counts = Counts::parse(&text)?;
    if counts.regions == 0 || counts.instructions() == 0 {
        bail!("the program executed no pair of marks: make selftests");
    }
    Ok(counts)
}

enum Said {
    Rep(Rep),
    Skip(String),
}

fn repetition(output: &str, name: &str) -> Result<Said> {
    for line in output.lines() {
        match lines::parse(line) {
            Ok(Some(Line::Rep { op, rep })) if op == name => return Ok(Said::Rep(rep)),
            Ok(Some(Line::Skip { op, reason })) if op == name => return Ok(Said::Skip(reason)),
            Ok(_) => {}
            Err(why) => bail!("the program's output: {why}"),
        }
    }
    bail!(
        "the program did not report {name}: {}",
        output.lines().last().unwrap_or("no output")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_says() {
        let text = "# chatter\nbench: op=ipi rep=1 iterations=9 ns=9 base_ns=0\n\
            bench: op=hvc rep=1 iterations=2000 ns=2744000 base_ns=8000\n";
        match repetition(text, "hvc").unwrap() {
            Said::Rep(rep) => assert_eq!((rep.iterations, rep.ns), (2000, 2_744_000)),
            Said::Skip(_) => panic!(),
        }
        match repetition("bench: op=sve-exit skip=no-SVE\n", "sve-exit").unwrap() {
            Said::Skip(why) => assert_eq!(why, "no-SVE"),
            Said::Rep(_) => panic!(),
        }
        assert!(repetition(text, "hvc-pending-1").is_err());
        assert!(repetition("", "hvc").is_err());
    }

    #[test]
    fn counts_without_marks() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("counts");
        let error = |p: &Path| format!("{:#}", read(p, Path::new("LOG")).unwrap_err());
        assert!(error(&path).contains("see LOG"));
        fs::write(&path, "kvm-bench-counts 1\nregions 0\nstray 0\nend\n").unwrap();
        assert!(error(&path).contains("marks"));
    }
}
