// SPDX-License-Identifier: GPL-2.0
//! Where everything is, and what must be there before anything is measured.

use anyhow::{anyhow, bail, Context, Result};
use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub const KERNELS: [&str; 2] = ["c", "rust"];

pub struct Site {
    pub build: PathBuf,
    pub repo: PathBuf,
    tools: BTreeMap<String, String>,
}

impl Site {
    /// BUILD= of the environment, else the folder "build" of the repository.
    pub fn find() -> Result<Self> {
        let repo = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../..")
            .canonicalize()?;
        let build = env::var_os("BUILD")
            .filter(|b| !b.is_empty())
            .map(PathBuf::from);
        let build = std::path::absolute(build.unwrap_or_else(|| repo.join("build")))?;
        let settings = fs::read_to_string(build.join("toolchain.env")).unwrap_or_default();
        Ok(Self {
            build,
            repo,
            tools: parse_settings(&settings),
        })
    }

    /// A tool of the environment, else as the set-up found it.
    pub fn tool(&self, key: &str) -> Option<String> {
        let given = env::var(key).ok().filter(|v| !v.is_empty());
        given.or_else(|| self.tools.get(key).filter(|v| !v.is_empty()).cloned())
    }

    pub fn results(&self) -> PathBuf {
        self.build.join("bench")
    }

    pub fn kernel(&self, kernel: &str) -> PathBuf {
        self.build.join(kernel)
    }

    pub fn image(&self, kernel: &str) -> PathBuf {
        self.kernel(kernel).join("arch/arm64/boot/Image")
    }

    pub fn program(&self, name: &str) -> PathBuf {
        self.build.join("selftests/arm64").join(name)
    }

    pub fn gate(&self) -> PathBuf {
        self.repo.join("tools/bench/gate.toml")
    }

    pub fn run_machine(&self) -> PathBuf {
        let given = env::var_os("KVM_BENCH_RUN_MACHINE").map(PathBuf::from);
        given.unwrap_or_else(|| self.repo.join("tools/testing/qemu/run-machine"))
    }

    /// Everything that a boot needs, the programs given included.
    pub fn check_builds(&self, programs: &[&str]) -> Result<()> {
        for kernel in KERNELS {
            let target = format!("kernel-{kernel}");
            need(
                &self.image(kernel),
                &format!("the {kernel} kernel"),
                &target,
            )?;
            need(
                &self.kernel(kernel).join(".config"),
                "its configuration",
                &target,
            )?;
        }
        need(
            &self.build.join("initramfs.cpio.gz"),
            "the machine's initramfs",
            "userspace",
        )?;
        for name in programs {
            need(
                &self.program(name),
                &format!("the program {name}"),
                "selftests",
            )?;
        }
        Ok(())
    }

    /// QEMU's version, so that it is also known to run.
    pub fn qemu_version(&self) -> Result<String> {
        let qemu = self
            .tool("QEMU")
            .unwrap_or_else(|| "qemu-system-aarch64".into());
        let hint = "'make toolchain' installs it";
        let done = Command::new(&qemu).arg("--version").output();
        let done = done.map_err(|e| anyhow!("{qemu} does not run: {e}; {hint}"))?;
        let text = String::from_utf8_lossy(&done.stdout);
        match text.lines().next() {
            Some(line) if done.status.success() => Ok(line.trim().to_string()),
            _ => bail!("{qemu} --version failed; {hint}"),
        }
    }

    /// The machines of a comma list, which must all exist.
    pub fn machines(&self, list: &str) -> Result<Vec<String>> {
        let known = self.known_machines()?;
        let mut found: Vec<String> = Vec::new();
        for word in crate::operations::words(list) {
            if !known.iter().any(|k| k == word) {
                bail!("no machine '{word}'; there are: {}", known.join(" "));
            }
            if !found.iter().any(|f| f == word) {
                found.push(word.to_string());
            }
        }
        if found.is_empty() {
            bail!("no machine is named; there are: {}", known.join(" "));
        }
        Ok(found)
    }

    fn known_machines(&self) -> Result<Vec<String>> {
        let done = Command::new("python3")
            .args([
                "-B",
                "-c",
                "from machines import MACHINES; print(*MACHINES)",
            ])
            .current_dir(self.repo.join("tools/testing/qemu"))
            .output()
            .context("python3 (Debian: apt-get install python3)")?;
        let text = String::from_utf8_lossy(&done.stdout);
        let names: Vec<String> = text.split_whitespace().map(String::from).collect();
        if !done.status.success() || names.is_empty() {
            bail!("tools/testing/qemu/machines.py names no machines");
        }
        Ok(names)
    }
}

fn need(path: &Path, what: &str, target: &str) -> Result<()> {
    if !path.is_file() {
        bail!("{what} is not built ({}): make {target}", path.display());
    }
    Ok(())
}

/// The shell's KEY=value lines, quotes taken off.
fn parse_settings(text: &str) -> BTreeMap<String, String> {
    let pair = |line: &str| {
        let (key, value) = line.split_once('=')?;
        let plain = key.chars().all(|c| c.is_ascii_uppercase() || c == '_');
        plain.then(|| (key.to_string(), value.trim_matches(['\'', '"']).to_string()))
    };
    text.lines().filter_map(pair).collect()
}

/// A file becomes the new one at once or not at all.
pub fn put(path: &Path, text: &str) -> Result<()> {
    let folder = path.parent().context("no folder")?;
    let write = || -> std::io::Result<()> {
        fs::create_dir_all(folder)?;
        let new = tempfile::NamedTempFile::new_in(folder)?;
        fs::write(new.path(), text)?;
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        fs::set_permissions(new.path(), mode)?;
        new.persist(path)?;
        Ok(())
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(build: &Path) -> Site {
        let repo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        Site {
            build: build.into(),
            repo,
            tools: BTreeMap::new(),
        }
    }

    #[test]
    fn settings() {
        let found = parse_settings("# x\nLLVM=-22\nTOOLS='a b'\nEMPTY=\nnot a line\n");
        assert_eq!(found["LLVM"], "-22");
        assert_eq!(found["TOOLS"], "a b");
        assert_eq!(found.len(), 3);
    }

    #[test]
    fn machines() {
        let folder = tempfile::tempdir().unwrap();
        let site = site(folder.path());
        assert_eq!(site.machines("nvhe,vhe,nvhe").unwrap(), ["nvhe", "vhe"]);
        let error = site.machines("vhe,hve").unwrap_err().to_string();
        assert!(
            error.contains("'hve'") && error.contains("gicv4"),
            "{error}"
        );
        assert!(site.machines(",").is_err());
    }

    #[test]
    fn what_is_missing_is_named_with_its_target() {
        let folder = tempfile::tempdir().unwrap();
        let site = site(folder.path());
        let missing = |s: &Site| s.check_builds(&["bench_exit"]).unwrap_err().to_string();
        for (path, target) in [
            ("c/arch/arm64/boot/Image", "make kernel-c"),
            ("c/.config", "make kernel-c"),
            ("rust/arch/arm64/boot/Image", "make kernel-rust"),
            ("rust/.config", "make kernel-rust"),
            ("initramfs.cpio.gz", "make userspace"),
            ("selftests/arm64/bench_exit", "make selftests"),
        ] {
            let error = missing(&site);
            assert!(error.ends_with(target), "{error}");
            put(&folder.path().join(path), "").unwrap();
        }
        site.check_builds(&["bench_exit"]).unwrap();
    }

    #[test]
    fn files_are_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b");
        put(&path, "one").unwrap();
        put(&path, "two").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }
}
