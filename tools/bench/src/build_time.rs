// SPDX-License-Identifier: GPL-2.0
//! How long the two kernels take to build, from nothing and without a compiler cache.

use crate::kernels;
use crate::site::{put, Site, KERNELS};
use anyhow::{bail, Context, Result};
use nix::sys::resource::{getrusage, UsageWho};
use nix::sys::time::TimeValLike;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The kernel's make as the set-up calls it, but for ccache.
const MAKE: &str = r#"set -euo pipefail
. "$1/lib.sh"; . "$1/kmake.sh"; load_tools
need_space "$2" 1500 "a kernel build"
kmake "$BUILD/linux" O="$2" CC="$CLANG" HOSTCC="$CLANG" "$3""#;

#[derive(clap::Args, Debug)]
pub struct Args {
    /// Builds of each kernel; the fastest counts
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub rounds: u32,
}

#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Time {
    wall_s: f64,
    cpu_s: f64,
}

pub fn main(args: Args) -> Result<u8> {
    let site = Site::find()?;
    site.check_builds(&[])?;
    kernels::describe_both(&site)?;
    let mut times: BTreeMap<&str, Vec<Time>> = BTreeMap::new();
    for round in 1..=args.rounds {
        for kernel in KERNELS {
            eprintln!(
                "building the {kernel} kernel, {round} of {}, without ccache",
                args.rounds
            );
            times.entry(kernel).or_default().push(build(&site, kernel)?);
        }
    }
    let text = table(&times);
    put(
        &site.results().join("build-time.json"),
        &(serde_json::to_string_pretty(&times)? + "\n"),
    )?;
    put(&site.results().join("build-time.txt"), &text)?;
    print!("{text}");
    Ok(0)
}

fn build(site: &Site, kernel: &str) -> Result<Time> {
    let folder = site.results().join("build");
    let log = site
        .build
        .join("logs/bench")
        .join(format!("build-{kernel}.log"));
    remove(&folder)?;
    fs::create_dir_all(&folder)?;
    fs::create_dir_all(log.parent().context("no folder")?)?;
    fs::copy(site.kernel(kernel).join(".config"), folder.join(".config"))?;
    make(site, &folder, &log, "olddefconfig")?;
    let (cpu, started) = (children_cpu()?, Instant::now());
    make(site, &folder, &log, "Image")?;
    let time = Time {
        wall_s: started.elapsed().as_secs_f64(),
        cpu_s: (children_cpu()? - cpu).as_secs_f64(),
    };
    // What was timed must be the kernel that is measured elsewhere.
    let built = fs::read_to_string(folder.join(".config"))?;
    kernels::check_running(site, kernel, &built)?;
    remove(&folder)?;
    Ok(time)
}

fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            bail!("cannot remove {}: {e}", folder.display())
        }
        _ => Ok(()),
    }
}

fn make(site: &Site, folder: &Path, log: &Path, target: &str) -> Result<()> {
    let out = File::create(log).with_context(|| log.display().to_string())?;
    let status = Command::new("bash")
        .args(["-c", MAKE, "kvm-bench"])
        .arg(site.repo.join("tools/setup"))
        .arg(folder)
        .arg(target)
        .env("BUILD", &site.build)
        .stdin(Stdio::null())
        .stderr(out.try_clone()?)
        .stdout(out)
        .status()?;
    if !status.success() {
        bail!("make {target} failed; the log is {}", log.display());
    }
    Ok(())
}

/// User and system time of all children that have ended.
fn children_cpu() -> Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Ok(Duration::from_micros(micros.try_into()?))
}

/// The fastest round of each: whatever else the machine does can only add.
fn fastest(times: &[Time]) -> Time {
    let least = |get: fn(&Time) -> f64| times.iter().map(get).fold(f64::MAX, f64::min);
    Time {
        wall_s: least(|t| t.wall_s),
        cpu_s: least(|t| t.cpu_s),
    }
}

fn table(times: &BTreeMap<&str, Vec<Time>>) -> String {
    let of = |kernel: &str| times.get(kernel).map_or_else(Time::default, |t| fastest(t));
    let (c, rust) = (of("c"), of("rust"));
    let line =
        |what: &str, c: f64, rust: f64| format!("{what:24} {c:8.1} {rust:8.1} {:8.3}\n", rust / c);
    format!(
        "{:24} {:>8} {:>8} {:>8}\n",
        "clean build, seconds", "C", "Rust", "ratio"
    ) + &line("CPU", c.cpu_s, rust.cpu_s)
        + &line("wall clock", c.wall_s, rust.wall_s)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fastest_counts() {
        let time = |wall_s, cpu_s| Time { wall_s, cpu_s };
        let times = BTreeMap::from([
            ("c", vec![time(10.0, 40.0), time(12.0, 30.0)]),
            ("rust", vec![time(11.0, 33.0)]),
        ]);
        let text = table(&times);
        let cpu = text.lines().find(|l| l.starts_with("CPU")).unwrap();
        assert_eq!(
            cpu.split_whitespace().collect::<Vec<_>>(),
            ["CPU", "30.0", "33.0", "1.100"]
        );
    }

    #[test]
    fn cpu_time_of_children() {
        let before = children_cpu().unwrap();
        let spin = "i=0; while [ $i -lt 100000 ]; do i=$((i + 1)); done";
        assert!(Command::new("sh")
            .args(["-c", spin])
            .status()
            .unwrap()
            .success());
        assert!(children_cpu().unwrap() > before);
    }

    #[test]
    fn only_folders_that_are_there() {
        let folder = tempfile::tempdir().unwrap();
        remove(&folder.path().join("none")).unwrap();
        fs::create_dir(folder.path().join("some")).unwrap();
        remove(&folder.path().join("some")).unwrap();
        assert!(!folder.path().join("some").exists());
    }
}
