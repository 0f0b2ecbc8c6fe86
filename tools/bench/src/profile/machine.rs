// SPDX-License-Identifier: GPL-2.0
//! Runs one operation once on one kernel, with the plugin in QEMU.

use super::counts::Counts;
use crate::boot;
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

/// Runs a program in the machine.
pub fn script(program: &str, arguments: &str) -> String {
    // From memory: the share is slow, and the clock goes on while it answers.
    format!(
        "# Generated.\n\
         dir=$(mktemp -d) && cp {program} \"$dir/\" || exit 1\n\
         \"$dir/{program}\" {arguments} >\"$dir/out\" 2>&1 </dev/null\n\
         status=$?\n\
         cp \"$dir/out\" out\n\
         exit $status\n"
    )
}

/// One boot, with the plugin, that runs a script.
pub struct Job<'a> {
    pub site: &'a Site,
    pub machine: &'a str,
    pub kernel: &'a str,
    /// Whose script it is, and whose log.
    pub tool: &'a str,
    pub name: &'a str,
    pub program: &'a str,
    pub script: &'a str,
    /// The plugin's argument that takes the name of the file it writes, and the others.
    pub file: &'a str,
    pub more: &'a str,
}

pub struct Done {
    pub status: std::process::ExitStatus,
    pub stderr: Vec<u8>,
    pub output: String,
    /// What the plugin wrote, if it did.
    pub written: Option<String>,
    pub log: PathBuf,
}

impl Job<'_> {
    pub fn run(&self) -> Result<Done> {
        let Self { site, tool, .. } = self;
        fs::create_dir_all(site.results())
            .with_context(|| format!("cannot write to {}", site.results().display()))?;
        let folder = tempfile::Builder::new()
            .prefix(&format!("{tool}."))
            .tempdir_in(site.results())?;
        let share = folder.path();
        fs::copy(site.program(self.program), share.join(self.program))?;
        let script = format!("{tool}.sh");
        fs::write(share.join(&script), self.script)?;
        let file = share.join("written");
        let log = site.build.join(format!(
            "logs/{tool}/{}/{}-{}.log",
            self.machine, self.name, self.kernel
        ));
        let done = boot::machine(site, self.machine, self.kernel, share, &log)
            .args(["--run", &script, "--timeout", TIMEOUT])
            .arg("--plugin")
            .arg(format!(
                "{},{}={}{}",
                plugin()?.display(),
                self.file,
                file.display(),
                self.more
            ))
            .output()
            .with_context(|| format!("cannot run {}", site.run_machine().display()))?;
        Ok(Done {
            status: done.status,
            stderr: done.stderr,
            output: fs::read_to_string(share.join("out")).unwrap_or_default(),
            written: fs::read_to_string(file).ok(),
            log,
        })
    }
}

impl Done {
    /// Why it failed, by whoever said something last.
    pub fn reason(&self, program: &str) -> String {
        let text = String::from_utf8_lossy(&self.stderr);
        if let Some(last) = text.lines().last() {
            return last.trim_start_matches("run-machine: ").to_string();
        }
        let last = self.output.lines().last().unwrap_or("it says nothing");
        format!("{program} failed: {last}")
    }
}

pub fn run(site: &Site, machine: &str, kernel: &str, operation: &Operation) -> Result<Ran> {
    let Operation { name, program, .. } = operation;
    let done = Job {
        site,
        machine,
        kernel,
        tool: "profile",
        name,
        program,
        script: &script(program, &format!("-o {name} -r 1 -m")),
        file: "out",
        more: "",
    }
    .run()?;
    let said = repetition(&done.output, name);
    if !done.status.success() && !matches!(said, Ok(Said::Skip(_))) {
        bail!("{}; see {}", done.reason(program), done.log.display());
    }
    match said? {
        Said::Skip(why) => bail!("the machine {machine} can't do {name}: {why}"),
        Said::Rep(rep) => Ok(Ran {
            rep,
            counts: read(done.written.as_deref(), &done.log)?,
        }),
    }
}

fn read(written: Option<&str>, log: &Path) -> Result<Counts> {
    let text =
        written.with_context(|| format!("the plugin left no counts; see {}", log.display()))?;
    let counts = Counts::parse(text)?;
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
        let error = |t| format!("{:#}", read(t, Path::new("LOG")).unwrap_err());
        assert!(error(None).contains("see LOG"));
        let empty = "kvm-bench-counts 1\nregions 0\nstray 0\nend\n";
        assert!(error(Some(empty)).contains("marks"));
    }
}
