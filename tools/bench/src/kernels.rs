// SPDX-License-Identifier: GPL-2.0
//! What the two kernels are, and that they differ in our options only.

use crate::site::Site;
use anyhow::{bail, Context, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

const OURS: &str = "CONFIG_KVM_ARM64_RUST";

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Kernel {
    pub release: String,
    pub compiler: String,
    pub rustc: String,
    pub config_sha256: String,
    pub image_sha256: String,
    /// Our options that are on.
    pub options: Vec<String>,
}

/// Options that are set; "is not set" and absent are the same.
pub fn parse_config(text: &str) -> BTreeMap<&str, &str> {
    text.lines()
        .filter(|l| l.starts_with("CONFIG_"))
        .filter_map(|l| l.split_once('='))
        .collect()
}

fn ours(option: &str) -> bool {
    let rest = option.strip_prefix(OURS);
    rest.is_some_and(|r| r.is_empty() || r.starts_with('_'))
}

/// Options not ours in which two configurations differ.
pub fn differing<'a>(one: &'a str, other: &'a str) -> Vec<&'a str> {
    let (one, other) = (parse_config(one), parse_config(other));
    let names: BTreeSet<&str> = one.keys().chain(other.keys()).copied().collect();
    names
        .into_iter()
        .filter(|n| !ours(n) && one.get(n) != other.get(n))
        .collect()
}

pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect()
}

fn describe(site: &Site, name: &str) -> Result<(Kernel, String)> {
    let folder = site.kernel(name);
    let read = |path: &str| {
        let path = folder.join(path);
        fs::read_to_string(&path)
            .with_context(|| format!("no {}: make kernel-{name}", path.display()))
    };
    let config = read(".config")?;
    let options = parse_config(&config);
    let text = |option: &str| {
        options
            .get(option)
            .map_or("", |v| v.trim_matches('"'))
            .to_string()
    };
    let on = options.iter().filter(|(n, v)| ours(n) && **v == "y");
    let image = fs::read(site.image(name)).with_context(|| format!("make kernel-{name}"))?;
    let kernel = Kernel {
        release: read("include/config/kernel.release")?.trim().to_string(),
        compiler: text("CONFIG_CC_VERSION_TEXT"),
        rustc: text("CONFIG_RUSTC_VERSION_TEXT"),
        config_sha256: sha256(config.as_bytes()),
        image_sha256: sha256(&image),
        options: on
            .map(|(n, _)| n.trim_start_matches("CONFIG_").to_string())
            .collect(),
    };
    Ok((kernel, config))
}

/// Both kernels; an error if comparing them would not be honest.
pub fn describe_both(site: &Site) -> Result<BTreeMap<String, Kernel>> {
    let (c, c_config) = describe(site, "c")?;
    let (rust, rust_config) = describe(site, "rust")?;
    check_pair(&c, &c_config, &rust, &rust_config)?;
    Ok(BTreeMap::from([("c".into(), c), ("rust".into(), rust)]))
}

fn check_pair(c: &Kernel, c_config: &str, rust: &Kernel, rust_config: &str) -> Result<()> {
    let differ = differing(c_config, rust_config);
    if !differ.is_empty() {
        let names = differ.join(" ");
        bail!("the kernels differ in more than {OURS}*: {names}; make kernels builds both anew");
    }
    if c.release != rust.release {
        bail!(
            "the kernels are {} and {}: make kernels",
            c.release,
            rust.release
        );
    }
    if !c.options.is_empty() {
        bail!("the C kernel has {} on: make kernel-c", c.options.join(" "));
    }
    if rust.options.len() < 2 {
        bail!("the Rust kernel has no part in Rust: make kernel-rust");
    }
    Ok(())
}

/// The configuration that a running kernel tells must be the one that lies beside its image.
pub fn check_running(site: &Site, name: &str, running: &str) -> Result<()> {
    let config = fs::read_to_string(site.kernel(name).join(".config"))?;
    if parse_config(&config) != parse_config(running) {
        bail!("the {name} kernel is not built with its .config: make kernel-{name}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const C: &str = "CONFIG_A=y\n# CONFIG_B is not set\n# CONFIG_KVM_ARM64_RUST is not set\n";
    const RUST: &str = "CONFIG_A=y\nCONFIG_KVM_ARM64_RUST=y\nCONFIG_KVM_ARM64_RUST_TIMER=y\n";

    fn kernel(options: &[&str]) -> Kernel {
        Kernel {
            release: "7.2.12".into(),
            compiler: String::new(),
            rustc: String::new(),
            config_sha256: String::new(),
            image_sha256: String::new(),
            options: options.iter().map(|o| o.to_string()).collect(),
        }
    }

    #[test]
    fn our_options_may_differ() {
        assert!(differing(C, RUST).is_empty());
    }

    #[test]
    fn others_may_not() {
        assert_eq!(differing(C, "CONFIG_A=m\n"), ["CONFIG_A"]);
        assert_eq!(differing(C, "CONFIG_A=y\nCONFIG_B=y\n"), ["CONFIG_B"]);
        assert_eq!(differing(C, ""), ["CONFIG_A"]);
        let alike = format!("{C}CONFIG_KVM_ARM64_RUSTIC=y\n");
        assert_eq!(differing(C, &alike), ["CONFIG_KVM_ARM64_RUSTIC"]);
    }

    #[test]
    fn pairs() {
        let parts = ["KVM_ARM64_RUST", "KVM_ARM64_RUST_TIMER"];
        let (c, rust) = (kernel(&[]), kernel(&parts));
        check_pair(&c, C, &rust, RUST).unwrap();
        assert!(check_pair(&rust, C, &rust, RUST).is_err());
        assert!(check_pair(&c, C, &kernel(&parts[..1]), RUST).is_err());
        assert!(check_pair(&c, C, &rust, "CONFIG_A=m\n").is_err());
        let other = Kernel {
            release: "7.2.13".into(),
            ..rust
        };
        assert!(check_pair(&c, C, &other, RUST).is_err());
    }

    #[test]
    fn digest() {
        // The SHA-256 of nothing.
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(sha256(b""), empty);
    }
}
