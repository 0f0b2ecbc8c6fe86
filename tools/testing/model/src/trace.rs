// SPDX-License-Identifier: GPL-2.0

//! Traces: what has happened somewhere, with what came of it, held against the model.

use crate::{
    event::{parse, Line},
    model::{Config, Model},
};

/// What there is to say of a trace that can be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Judgement {
    /// How many events it has.
    pub events: u64,
    /// How many of these, after one that is unpredictable, nothing could be said of.
    pub open: u64,
}

/// Holds a trace against the model: how many events it has. Its first line is what
/// [`Config`] is shown as.
///
/// # Errors
///
/// The first line that can't be read or can't be, and why.
pub fn replay(text: &str) -> Result<u64, String> {
    let mut events = 0;

    each(text, |model, line| {
        events += 1;
        observe(model, line)
    })?;
    Ok(events)
}

/// Likewise; but it is of somebody who did not stop at what the specifications call unpredictable.
///
/// # Errors
///
/// The first line that can't be read or can't be, and why.
pub fn judge(text: &str) -> Result<Judgement, String> {
    let mut judgement = Judgement::default();

    each(text, |model, line| {
        let tamed = model.tame(line.vcpu, line.event) == Some(line.event);

        judgement.events += 1;
        if judgement.open == 0 && tamed {
            observe(model, line)
        } else {
            judgement.open += 1;
            Ok(())
        }
    })?;
    Ok(judgement)
}

fn observe(model: &mut Model, line: &Line) -> Result<(), String> {
    let outcome = line.outcome.as_ref().ok_or("nothing came of it")?;

    model.observe(line.vcpu, line.event, outcome)
}

fn each(
    text: &str,
    mut see: impl FnMut(&mut Model, &Line) -> Result<(), String>,
) -> Result<(), String> {
    let mut lines = text.lines().zip(1..);
    let (first, _) = lines.next().ok_or("nothing there")?;
    let config = Config::parse(first).ok_or("line 1: no configuration")?;
    let mut model = Model::new(config);

    for (text, number) in lines {
        let place = |error| format!("line {number}: {text}: {error}");
        let Some(line) = parse(text).map_err(place)? else {
            continue;
        };

        if line.vcpu >= config.vcpus {
            return Err(place("no such vCPU".into()));
        }
        see(&mut model, &line).map_err(place)?;
    }
    Ok(())
}
