// SPDX-License-Identifier: GPL-2.0

//! The model alone: traces that it has to accept, and what it has to refuse of them.

use crate::{
    edges::config,
    script::Run,
    script_events::{script, About},
};
use gic_model::{parse, replay};
use proptest::prelude::*;

/// Two vCPUs, one SPI on its way to the second.
const SPI: &str = "config 3 3 1 2 64 0
0 0 write gicd 0x0 4 0x2 ->
1 0 write gicd 0x104 4 0x3 ->
2 0 write gicd 0x6100 8 0x1 ->
3 1 enter -> hcr 0x1
4 0 line 32 1 -> kick 0x2
5 1 exit ->
6 1 enter -> hcr 0x4001 lr 0x5000000000000020
7 1 ack -> 0x20
8 1 end ->
9 0 read gicd 0x204 4 -> 0x0
10 1 exit ->
";

/// The trace with another line in a place.
fn with(place: &str, line: &str) -> String {
    assert!(SPI.contains(place));
    SPI.replace(place, line)
}

fn refused(trace: &str, why: &str) {
    let error = replay(trace).expect_err(why);

    assert!(error.contains(why), "{error}");
}

#[test]
fn a_trace_as_it_should_be() {
    assert_eq!(replay(SPI), Ok(11));
}

#[test]
fn nobody_is_told() {
    refused(
        &with("line 32 1 -> kick 0x2", "line 32 1 ->"),
        "is not told",
    );
    // The other one is.
    refused(
        &with("line 32 1 -> kick 0x2", "line 32 1 -> kick 0x1"),
        "is not told",
    );
}

#[test]
fn what_is_shown_at_entry() {
    const ENTRY: &str = "6 1 enter -> hcr 0x4001 lr 0x5000000000000020";

    refused(&with(ENTRY, "6 1 enter -> hcr 0x4001"), "left out");
    refused(
        &with(ENTRY, "6 0 enter -> hcr 0x4001 lr 0x5000000000000020"),
        "another vCPU's",
    );
    // Another priority, another group, not pending, active, disabled.
    for (lr, why) in [
        ("0x5008000000000020", "another priority"),
        ("0x4000000000000020", "another group"),
        ("0x1000000000000020", "neither pending nor active"),
        ("0x9000000000000020", "active or not"),
        ("0x5000000000000021", "another vCPU's"),
        ("0x5000000000000003", "not pending"),
        ("0x5000000000000022", "disabled"),
        ("0x7000000000000020", "not mapped to a physical one"),
        ("0x5000000000000400", "no such interrupt"),
    ] {
        let line = format!("6 1 enter -> hcr 0x4001 lr {lr}");

        refused(&with(ENTRY, &line), why);
    }
    refused(
        &with(
            ENTRY,
            "6 1 enter -> hcr 0x4001 lr 0x5000000000000020 lr 0x5000000000000020",
        ),
        "more list registers",
    );
    refused(
        &with(ENTRY, "6 1 enter -> hcr 0x4000 lr 0x5000000000000020"),
        "is off",
    );
}

#[test]
fn what_comes_twice_or_not_at_all() {
    // The edge was taken.
    let again = format!("{SPI}11 1 enter -> hcr 0x4001 lr 0x5000000000000020\n");
    refused(&again, "not pending");
    // It was not.
    let lost = with(
        "7 1 ack -> 0x20\n8 1 end ->\n9 0 read gicd 0x204 4 -> 0x0\n",
        "",
    ) + "11 1 enter -> hcr 0x4001\n";
    refused(&lost, "left out");
    refused(
        &with("read gicd 0x204 4 -> 0x0", "read gicd 0x304 4 -> 0x1"),
        "read",
    );
}

#[test]
fn what_cannot_be_read() {
    for text in ["", "config 3 3 1 2", "config 3 3 1 2 64 0\n0 0 nothing ->"] {
        assert!(replay(text).is_err(), "{text}");
    }
}

proptest! {
    #![proptest_config(config(200))]

    /// What is written is what is read, and what the model said is what it says.
    #[test]
    fn text(
        script in prop_oneof![script(About::V3, 1..40), script(About::V2, 1..40), script(About::Its, 1..40)],
    ) {
        let mut run = Run::new(script.config, true);
        let mut trace = format!("{}\n", script.config);

        for (vcpu, event) in &script.events {
            run.step(*vcpu, *event).expect("as before");
        }
        for (seq, line) in run.lines().enumerate() {
            let text = format!("{seq} {line}");

            prop_assert_eq!(parse(&text), Ok(Some(line.clone())), "{}", text);
            trace += &(text + "\n");
        }
        prop_assert_eq!(replay(&trace), Ok(run.events));
    }
}
