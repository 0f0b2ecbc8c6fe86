// SPDX-License-Identifier: GPL-2.0

//! Traces: what has happened somewhere, with what came of it, held against the model.

use crate::{event::parse, model::Config, model::Model};

/// Holds a trace against the model: how many events it has. Its first line is what
/// [`Config`] is shown as.
///
/// # Errors
///
/// The first line that can't be read or can't be, and why.
pub fn replay(text: &str) -> Result<u64, String> {
    let mut lines = text.lines().zip(1..);
    let (first, _) = lines.next().ok_or("nothing there")?;
    let config = Config::parse(first).ok_or("line 1: no configuration")?;
    let mut model = Model::new(config);
    let mut events = 0;

    for (text, number) in lines {
        let place = |error| format!("line {number}: {text}: {error}");
        let Some(line) = parse(text).map_err(place)? else {
            continue;
        };
        let outcome = line
            .outcome
            .ok_or_else(|| place("nothing came of it".into()))?;

        if line.vcpu >= config.vcpus {
            return Err(place("no such vCPU".into()));
        }
        model
            .observe(line.vcpu, line.event, &outcome)
            .map_err(place)?;
        events += 1;
    }
    Ok(events)
}
