// SPDX-License-Identifier: GPL-2.0
//! The whole command, with shell scripts for programs and for the machine.

use object::write::Object;
use object::{Architecture, BinaryFormat, Endianness};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

const CONFIG: &str = "CONFIG_A=y\nCONFIG_CC_VERSION_TEXT=\"clang 22\"\n";
/// A part of which Kbuild has no object, as these kernels have none.
const OURS: &str = "CONFIG_KVM_ARM64_RUST=y\nCONFIG_KVM_ARM64_RUST_FAKE=y\n";

/// Runs the script here; /proc/config.gz is the build folder's.
const MACHINE: &str = r#"#!/bin/sh
while [ $# -gt 0 ]; do
    case $1 in
    --share) share=$2 ;;
    --run) script=$2 ;;
    --image) image=$2 ;;
    esac
    shift
done
build=${image%/arch/*}
[ -z "$FAKE_BROKEN" ] || { echo "run-machine: Kernel panic" >&2; exit 125; }
cd "$share" && KERNEL=${build##*/} sh "$script"
cp "${FAKE_CONFIG:-$build/.config}" config
"#;

/// bench_exit with the costs of COST_c and COST_rust.
const PROGRAM: &str = r#"#!/bin/sh
[ "$1" != -l ] || { echo "operation: hvc hypercall"; exit 0; }
eval "cost=\${COST_$KERNEL:-1000}"
for rep in $(seq "$2"); do
    echo "bench: op=hvc rep=$rep iterations=10 ns=$((cost * 10 + 50)) base_ns=50"
done
exit "${FAKE_STATUS:-0}"
"#;

/// bench_scale, whose operations cost as much as their size on C, and a thing on Rust.
const SCALE: &str = r#"#!/bin/sh
if [ "$1" = -l ]; then
    for size in 1 10 100 1000; do echo "operation: devices-mapti-$size MAPTI"; done
    exit
fi
for op in $(echo "$4" | tr , ' '); do
    cost=${op##*-}
    [ $KERNEL = c ] || cost=7
    for rep in $(seq "$2"); do
        echo "bench: op=$op rep=$rep iterations=10 ns=$((cost * 10 + 50)) base_ns=50"
    done
done
"#;

struct Fake(TempDir);

impl Fake {
    fn new() -> Self {
        let fake = Self(tempfile::tempdir().unwrap());
        for (kernel, options) in [("c", ""), ("rust", OURS)] {
            let put = |path: &str, data: &[u8]| fake.put(&format!("{kernel}/{path}"), data);
            put(".config", format!("{CONFIG}{options}").as_bytes());
            put("arch/arm64/boot/Image", kernel.as_bytes());
            put("arch/arm64/kvm/built-in.a", b"!<thin>\n");
            put("include/config/kernel.release", b"7.2.12\n");
            let elf = Object::new(BinaryFormat::Elf, Architecture::Aarch64, Endianness::Little);
            put("vmlinux", &elf.write().unwrap());
        }
        fake.put("initramfs.cpio.gz", b"");
        fake.script("selftests/arm64/bench_exit", PROGRAM);
        fake.script("selftests/arm64/bench_scale", SCALE);
        fake.script("run-machine", MACHINE);
        fake.script("qemu", "#!/bin/sh\necho QEMU emulator version 10\n");
        fake
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn put(&self, path: &str, data: &[u8]) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, data).unwrap();
    }

    fn script(&self, path: &str, text: &str) {
        self.put(path, text.as_bytes());
        fs::set_permissions(self.path().join(path), PermissionsExt::from_mode(0o755)).unwrap();
    }

    fn command(&self, words: &[&str], environment: &[(&str, &str)]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kvm-bench"));
        command
            .args(words)
            .env("BUILD", self.path())
            .env("KVM_BENCH_RUN_MACHINE", self.path().join("run-machine"))
            .env("QEMU", self.path().join("qemu"))
            .envs(environment.iter().copied());
        command
    }

    fn run(&self, words: &[&str], environment: &[(&str, &str)]) -> Output {
        self.command(words, environment).output().unwrap()
    }

    fn hvc(&self, environment: &[(&str, &str)]) -> Output {
        self.run(
            &["run", "--machine", "vhe,nvhe", "--ops", "hvc"],
            environment,
        )
    }

    /// One line on standard error, and status 2.
    fn refused(&self, environment: &[(&str, &str)], says: &str) {
        let done = self.hvc(environment);
        let text = String::from_utf8_lossy(&done.stderr).into_owned();
        let lines: Vec<&str> = text.lines().filter(|l| !l.starts_with('[')).collect();
        assert_eq!(done.status.code(), Some(2), "{text}");
        assert_eq!(lines.len(), 1, "{text}");
        assert!(
            lines[0].starts_with("kvm-bench: ") && lines[0].contains(says),
            "{text}"
        );
        assert!(!self.path().join("bench/results.json").exists());
    }
}

#[test]
fn measures_and_writes() {
    let fake = Fake::new();
    let done = fake.hvc(&[("COST_rust", "1100")]);
    let text = String::from_utf8_lossy(&done.stdout);
    assert_eq!(done.status.code(), Some(0), "{text}");
    assert_eq!(text.matches("1.100").count(), 2, "{text}");
    let read = |name: &str| fs::read_to_string(fake.path().join("bench").join(name)).unwrap();
    let json: serde_json::Value = serde_json::from_str(&read("results.json")).unwrap();
    let hvc = &json["machines"][1]["operations"][0];
    assert_eq!(json["machines"][1]["name"], "nvhe");
    assert_eq!(hvc["c"].as_array().unwrap().len(), 2);
    assert_eq!(hvc["rust"][0].as_array().unwrap().len(), 5);
    assert_eq!(hvc["summary"]["c"]["median"], 1000.0);
    assert_eq!(json["kernels"]["rust"]["compiler"], "clang 22");
    assert!(text.contains(read("table.txt").trim_end()));
    assert!(roxmltree::Document::parse(&read("chart.svg")).is_ok());
    let left = fs::read_dir(fake.path().join("bench")).unwrap();
    let left: Vec<_> = left.map(|e| e.unwrap().file_name()).collect();
    assert!(
        !left
            .iter()
            .any(|n| n.to_string_lossy().starts_with("boot-")),
        "{left:?}"
    );
}

#[test]
fn show_gives_the_same_again() {
    let fake = Fake::new();
    assert_eq!(fake.run(&["show"], &[]).status.code(), Some(2));
    let first = fake.hvc(&[]);
    let second = fake.run(&["show"], &[]);
    let (first, second) = (first.stdout, String::from_utf8(second.stdout).unwrap());
    assert!(String::from_utf8_lossy(&first).contains(&second));
    assert!(second.contains("hvc"));
}

#[test]
fn series_are_measured_and_drawn() {
    let fake = Fake::new();
    let words = ["series", "--series", "devices", "--reps", "2"];
    let done = fake.run(&words, &[]);
    let text = String::from_utf8(done.stdout).unwrap();
    assert_eq!(done.status.code(), Some(0), "{text}");
    let row = |size: &str| {
        text.lines()
            .find(|l| l.starts_with(size))
            .unwrap_or_default()
    };
    let cells: Vec<&str> = row("1000 ").split_whitespace().collect();
    assert_eq!(cells, ["1000", "1000", "7.00", "0.00700"], "{text}");
    let read = |name: &str| fs::read_to_string(fake.path().join("bench").join(name)).unwrap();
    assert!(text.contains(&read("series.txt")));
    assert!(roxmltree::Document::parse(&read("series.svg")).is_ok());
    // What a plain run has found stays.
    assert!(!fake.path().join("bench/results.json").exists());
    let again = fake.run(&["series", "--series", "devices", "--show"], &[]);
    assert_eq!(String::from_utf8(again.stdout).unwrap(), text);
}

#[test]
fn a_failed_program_is_told() {
    let done = Fake::new().hvc(&[("FAKE_STATUS", "1")]);
    let text = String::from_utf8_lossy(&done.stdout);
    assert_eq!(done.status.code(), Some(1), "{text}");
    assert!(
        text.contains("FAILED: Rust: bench_exit ended with status 1"),
        "{text}"
    );
}

#[test]
fn bad_input() {
    let fake = Fake::new();
    for words in [
        &["run", "--ops", "hcv"][..],
        &["run", "--machine", "hve"],
        &["run", "--reps", "0"],
        &["run", "--ops", "ipi"],
        &["gate", "check", "--ops", "hvc-pending-64"],
        &["series", "--series", "hvc"],
        &["series", "--check", "--machine", "hve"],
    ] {
        let done = fake.run(words, &[]);
        assert_eq!(done.status.code(), Some(2), "{words:?}");
        assert!(!done.stderr.is_empty());
    }
}

#[test]
fn a_machine_that_fails() {
    Fake::new().refused(&[("FAKE_BROKEN", "1")], "Kernel panic; see ");
}

fn wait_for<T>(what: &str, get: impl Fn() -> Option<T>) -> T {
    for _ in 0..600 {
        if let Some(found) = get() {
            return found;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("no {what}");
}

#[test]
fn no_machine_stays_behind() {
    let fake = Fake::new();
    fake.script(
        "run-machine",
        "#!/bin/sh\necho $$ >\"$BUILD/pid\"\nexec sleep 600\n",
    );
    let mut running = fake
        .command(&["run", "--machine", "vhe", "--ops", "hvc"], &[])
        .spawn()
        .unwrap();
    let read = || {
        fs::read_to_string(fake.path().join("pid"))
            .ok()?
            .trim()
            .parse::<u32>()
            .ok()
    };
    let machine = wait_for("machine", read);
    running.kill().unwrap();
    running.wait().unwrap();
    // Whoever adopts it may take a while to reap it.
    wait_for("end of the machine", || {
        let stat = fs::read_to_string(format!("/proc/{machine}/stat"));
        let ended = stat.map_or(true, |s| s.contains(") Z "));
        ended.then_some(())
    });
    // And what was left does not hinder the next run.
    fake.script("run-machine", MACHINE);
    assert_eq!(fake.hvc(&[]).status.code(), Some(0));
}

#[test]
fn no_qemu() {
    Fake::new().refused(&[("QEMU", "/nonexistent/qemu")], "make toolchain");
}

#[test]
fn kernels_that_are_not_alike() {
    let fake = Fake::new();
    fake.put(
        "rust/.config",
        format!("CONFIG_B=y\n{CONFIG}{OURS}").as_bytes(),
    );
    fake.refused(&[], "CONFIG_B");
}

#[test]
fn an_image_of_another_configuration() {
    let fake = Fake::new();
    fake.put("other", b"CONFIG_A=m\n");
    let other = fake.path().join("other");
    fake.refused(&[("FAKE_CONFIG", other.to_str().unwrap())], "make kernel-");
}

#[test]
fn a_program_that_lacks_the_operation() {
    let fake = Fake::new();
    fake.script(
        "selftests/arm64/bench_exit",
        "#!/bin/sh\necho operation: other x\n",
    );
    fake.refused(&[], "operations.toml has 'hvc'");
}

#[test]
fn a_missing_build() {
    let fake = Fake::new();
    fs::remove_file(fake.path().join("rust/arch/arm64/boot/Image")).unwrap();
    fake.refused(&[], "make kernel-rust");
}
