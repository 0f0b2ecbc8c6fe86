// SPDX-License-Identifier: GPL-2.0
//! Measures: boots of all machines and kernels, as many side by side as there are CPUs for.

use crate::boot::{self, Boot, Order};
use crate::kernels;
use crate::operations::{Catalogue, Selection};
use crate::results::{Boots, Machine, Results};
use crate::site::{put, Site};
use crate::{chart, sizes, table};
use anyhow::{bail, Context, Result};
use nix::fcntl::{Flock, FlockArg};
use std::collections::VecDeque;
use std::fs::{self, File};
use std::sync::Mutex;
use std::time::{Instant, SystemTime};

#[derive(clap::Args, Debug, Clone)]
pub struct Settings {
    /// Repetitions of each operation in one boot
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub reps: u32,
    /// Boots at a time
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub jobs: u32,
    /// Seconds for one boot (default: by the number of repetitions)
    #[arg(long, value_name = "S")]
    pub timeout: Option<u32>,
}

#[derive(clap::Args, Debug)]
pub struct What {
    /// Machines, with commas
    #[arg(long, default_value = "vhe,nvhe")]
    pub machine: String,
    /// Operations and groups of them, with commas; all if none is named
    #[arg(long, default_value = "")]
    pub ops: String,
}

#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    pub what: What,
    #[command(flatten)]
    pub settings: Settings,
}

impl What {
    pub fn find(&self, site: &Site) -> Result<(Vec<String>, Selection)> {
        let selection = Catalogue::load()?.select(&self.ops)?;
        Ok((site.machines(&self.machine)?, selection))
    }
}

/// Only whether there is what is named.
pub fn check(what: &What) -> Result<u8> {
    what.find(&Site::find()?).map(|_| 0)
}

/// What to measure, once it is known that it can be.
pub struct Plan<'a> {
    pub site: &'a Site,
    pub machines: Vec<String>,
    pub selection: &'a Selection,
    pub settings: Settings,
    /// How often C is booted: the second time tells whether the first is to be trusted.
    pub c_boots: u32,
}

/// At least that many repetitions make a median worth the name.
const FEW: u32 = 5;

pub fn main(args: Args) -> Result<u8> {
    let site = Site::find()?;
    let (machines, selection) = args.what.find(&site)?;
    let plan = Plan {
        site: &site,
        machines,
        selection: &selection,
        settings: args.settings,
        c_boots: 2,
    };
    site.check_builds(&boot::programs(&selection))?;
    let sizes = sizes::compare(&site)?;
    let mut results = plan.measure()?;
    results.sizes = Some(sizes);
    save(&site, &results)?;
    print!("\n{}", table::render(&results));
    if plan.settings.reps < FEW {
        println!("Fewer than {FEW} repetitions: medians and spreads say little.");
    }
    let folder = site.results();
    println!(
        "{0}/table.txt, {0}/chart.svg and {0}/results.json",
        folder.display()
    );
    Ok(u8::from(results.failures() > 0))
}

/// Table and chart of results that are there already.
pub fn show() -> Result<u8> {
    let site = Site::find()?;
    let results = Results::read(&site.results().join("results.json"))?;
    save(&site, &results)?;
    print!("{}", table::render(&results));
    Ok(0)
}

fn save(site: &Site, results: &Results) -> Result<()> {
    let folder = site.results();
    put(&folder.join("table.txt"), &table::render(results))?;
    put(&folder.join("chart.svg"), &chart::render(results)?)?;
    put(&folder.join("results.json"), &results.json()?)
}

impl Plan<'_> {
    pub fn measure(&self) -> Result<Results> {
        let qemu = self.site.qemu_version()?;
        self.site.check_builds(&boot::programs(self.selection))?;
        let kernels = kernels::describe_both(self.site)?;
        let _lock = lock(self.site)?;
        let machines = self.boot_all()?;
        Ok(Results {
            date: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
            qemu,
            reps: self.settings.reps,
            kernels,
            machines,
            sizes: None,
        })
    }

    fn orders(&self) -> VecDeque<Order<'_>> {
        let mut found = VecDeque::new();
        for machine in &self.machines {
            let mut add = |kernel, round| {
                found.push_back(Order {
                    machine,
                    kernel,
                    round,
                    reps: self.settings.reps,
                    timeout: self
                        .settings
                        .timeout
                        .unwrap_or(300 + 120 * self.settings.reps),
                    selection: self.selection,
                });
            };
            add("c", 1);
            add("rust", 1);
            (2..=self.c_boots).for_each(|round| add("c", round));
        }
        found
    }

    fn boot_all(&self) -> Result<Vec<Machine>> {
        let started = Instant::now();
        let orders = Mutex::new(self.orders());
        let done: Mutex<Vec<(Order, Boot)>> = Mutex::default();
        let failed = Mutex::new(None);
        let work = || loop {
            let next = orders.lock().expect("no panic").pop_front();
            let Some(order) = next else { return };
            match self.boot(&order, started) {
                Ok(boot) => done.lock().expect("no panic").push((order, boot)),
                Err(why) => {
                    // Nothing further is begun.
                    orders.lock().expect("no panic").clear();
                    failed.lock().expect("no panic").get_or_insert(why);
                }
            }
        };
        std::thread::scope(|scope| {
            (0..self.settings.jobs).for_each(|_| drop(scope.spawn(work)));
        });
        if let Some(why) = failed.into_inner().expect("no panic") {
            return Err(why);
        }
        Ok(self.sort(done.into_inner().expect("no panic")))
    }

    fn boot(&self, order: &Order, started: Instant) -> Result<Boot> {
        eprintln!(
            "[{:5.1} s] {}",
            started.elapsed().as_secs_f32(),
            order.name()
        );
        let boot = order.boot(self.site)?;
        kernels::check_running(self.site, order.kernel, &boot.config)?;
        let took = boot.took.as_secs_f32();
        eprintln!(
            "[{:5.1} s] {}: {took:.1} s",
            started.elapsed().as_secs_f32(),
            order.name()
        );
        Ok(boot)
    }

    fn sort(&self, mut done: Vec<(Order, Boot)>) -> Vec<Machine> {
        done.sort_by_key(|(order, _)| order.round);
        let mut found = Vec::new();
        for name in &self.machines {
            let mut boots = Boots::default();
            let ours: Vec<_>;
            (ours, done) = done.into_iter().partition(|(o, _)| o.machine == name);
            for (order, boot) in ours {
                match order.kernel {
                    "c" => boots.c.push(boot),
                    _ => boots.rust.push(boot),
                }
            }
            found.push(Machine::new(name, self.selection, &boots));
        }
        found
    }
}

/// One measurement at a time in a build folder; what an interrupted one left behind goes.
fn lock(site: &Site) -> Result<Flock<File>> {
    let folder = site.results();
    let path = folder.join(".lock");
    fs::create_dir_all(&folder)
        .and_then(|()| File::create(&path))
        .and_then(|file| {
            Flock::lock(file, FlockArg::LockExclusiveNonblock).or_else(|(file, _)| {
                eprintln!("waiting for another measurement in {}", folder.display());
                Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, e)| e.into())
            })
        })
        .with_context(|| format!("cannot write to {}", folder.display()))
        .and_then(|lock| remove_left_over(site).map(|()| lock))
}

fn remove_left_over(site: &Site) -> Result<()> {
    for entry in fs::read_dir(site.results())? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("boot-") {
            if let Err(why) = fs::remove_dir_all(entry.path()) {
                bail!("cannot remove {}: {why}", entry.path().display());
            }
        }
    }
    Ok(())
}
