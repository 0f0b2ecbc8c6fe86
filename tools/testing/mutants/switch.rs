// SPDX-License-Identifier: GPL-2.0

//! Which mutant is alive. mutants.py puts this file into its copy of the host tests.

use std::{
    env,
    fs::File,
    io::Write,
    sync::{
        atomic::{AtomicBool, Ordering::Relaxed},
        Mutex, OnceLock,
    },
};

/// What `MUTANT` asks for.
enum Plan {
    Alive(usize),
    /// All are dead; a file is told which ones were asked for.
    Record(Mutex<File>),
}

static PLAN: OnceLock<Plan> = OnceLock::new();
static REACHED: [AtomicBool; 1 << 16] = [const { AtomicBool::new(false) }; 1 << 16];

fn plan() -> Plan {
    let wanted = env::var("MUTANT").unwrap_or_default();

    match wanted.strip_prefix("record:") {
        Some(path) => Plan::Record(Mutex::new(File::create(path).unwrap())),
        None => Plan::Alive(wanted.parse().unwrap_or(0)),
    }
}

fn now(number: usize) -> bool {
    match PLAN.get_or_init(plan) {
        Plan::Alive(alive) => *alive == number,
        Plan::Record(file) => {
            if !REACHED[number].load(Relaxed) && !REACHED[number].swap(true, Relaxed) {
                writeln!(file.lock().unwrap(), "{number}").unwrap();
            }
            false
        }
    }
}

const fn never(_: usize) -> bool {
    false
}

/// Whether a mutant is alive. None is where the compiler evaluates.
#[inline(always)]
pub(crate) const fn on(number: usize) -> bool {
    core::intrinsics::const_eval_select((number,), never, now)
}
