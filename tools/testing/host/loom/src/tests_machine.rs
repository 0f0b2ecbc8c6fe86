// SPDX-License-Identifier: GPL-2.0

//! Injectors, those that enable, disable and move interrupts, and those that stop vCPUs, against
//! vCPUs in their run loop.

use crate::{
    gic::word::Life,
    imp::thread,
    machine::{edge, level, lpi, Machine, Own},
};
use std::sync::Arc;

const PRIVATE: u32 = 16;
const SPI: u32 = 100;
const LPI: u32 = 8192 + 100;

/// The life of the LPI that it begins with.
const FIRST: Life = Life::wrapping(1);

type Action = fn(&Machine);

/// What vCPU 0's thread does.
type Vcpu = fn(&Machine, &mut Own);

/// Runs vCPU 0 against threads, one an action each. Preemptions: how often a thread is interrupted
/// though it could go on, at most, unless the environment says otherwise.
fn run(
    preemptions: usize,
    machine: fn() -> (Machine, Vec<Own>),
    vcpu: Vcpu,
    actions: &'static [Action],
) {
    let mut builder = loom::model::Builder::new();

    builder.preemption_bound.get_or_insert(preemptions);
    builder.max_branches = 10_000;
    builder.check(move || {
        let (machine, mut own) = machine();
        let machine = Arc::new(machine);
        let threads: Vec<_> = actions
            .iter()
            .map(|action| {
                let machine = machine.clone();

                thread::spawn(move || action(&machine))
            })
            .collect();

        vcpu(&machine, &mut own[0]);
        for thread in threads {
            thread.join().unwrap();
        }
        machine.finish(&mut own);
        machine.assert_seen(&own);
    });
}

fn once(machine: &Machine, own: &mut Own) {
    machine.run(own);
}

/// In the guest, out and in again.
fn twice(machine: &Machine, own: &mut Own) {
    machine.run(own);
    machine.run(own);
}

/// The guest takes no interrupt when it is in it first.
fn masked(machine: &Machine, own: &mut Own) {
    own.masked = true;
    machine.run(own);
    own.masked = false;
    machine.run(own);
}

fn nested(machine: &Machine, own: &mut Own) {
    own.nested = true;
    twice(machine, own);
}

fn nested_once(machine: &Machine, own: &mut Own) {
    own.nested = true;
    machine.run(own);
}

fn sleeps(machine: &Machine, own: &mut Own) {
    machine.block(own);
}

fn runs_and_sleeps(machine: &Machine, own: &mut Own) {
    machine.run(own);
    machine.block(own);
}

/// Not left in the guest, where a thread that waits for it would wait for ever.
fn twice_and_out(machine: &Machine, own: &mut Own) {
    twice(machine, own);
    machine.leave(own);
}

/// Leaves for user space if it is stopped, and comes back.
fn signalled(machine: &Machine, own: &mut Own) {
    own.signal = true;
    twice_and_out(machine, own);
}

fn never(_: &Machine, own: &mut Own) {
    own.off = true;
}

fn private() -> (Machine, Vec<Own>) {
    Machine::new(1, false, &[(PRIVATE, edge(0))])
}

fn spi() -> (Machine, Vec<Own>) {
    Machine::new(1, false, &[(SPI, edge(0))])
}

fn line() -> (Machine, Vec<Own>) {
    let (machine, own) = Machine::new(1, false, &[(PRIVATE, level(0))]);

    machine.set_line(PRIVATE, true);
    (machine, own)
}

fn one_lpi() -> (Machine, Vec<Own>) {
    Machine::new(1, true, &[(LPI, lpi(0))])
}

fn one_pending_lpi() -> (Machine, Vec<Own>) {
    let (machine, own) = one_lpi();

    machine.send(LPI, FIRST);
    (machine, own)
}

/// The second sleeps.
fn two_with_a_pending_lpi() -> (Machine, Vec<Own>) {
    let (machine, own) = Machine::new(2, true, &[(LPI, lpi(0))]);

    machine.sleeps(1);
    machine.send(LPI, FIRST);
    (machine, own)
}

/// The second sleeps.
fn two(at_once: bool) -> (Machine, Vec<Own>) {
    let (machine, own) = Machine::new(2, at_once, &[(PRIVATE, edge(0))]);

    machine.sleeps(1);
    (machine, own)
}

fn two_by_owner() -> (Machine, Vec<Own>) {
    two(false)
}

fn two_at_once() -> (Machine, Vec<Own>) {
    two(true)
}

fn two_pending_at_once() -> (Machine, Vec<Own>) {
    let (machine, own) = two(true);

    machine.inject_edge(PRIVATE, 0);
    (machine, own)
}

fn inject_0(machine: &Machine) {
    machine.inject_edge(PRIVATE, 0);
}

fn inject_1(machine: &Machine) {
    machine.inject_edge(PRIVATE, 1);
}

fn inject_spi(machine: &Machine) {
    machine.inject_edge(SPI, 0);
}

fn send(machine: &Machine) {
    machine.send(LPI, FIRST);
}

fn send_data(machine: &Machine) {
    machine.send_data(LPI, FIRST, 0);
}

fn remap(machine: &Machine) {
    machine.unmap(LPI);
    machine.map(LPI, 0);
}

fn remap_and_send(machine: &Machine) {
    machine.unmap(LPI);
    let life = machine.map(LPI, 0);
    machine.send_data(LPI, life, 0);
}

fn remap_to_1_and_send(machine: &Machine) {
    machine.unmap(LPI);
    let life = machine.map(LPI, 1);
    machine.send_data(LPI, life, 0);
}

fn move_lpi_to_1(machine: &Machine) {
    machine.move_lpi(LPI, 1);
}

/// For something that is not of interest here.
fn kick(machine: &Machine) {
    machine.kick(0);
}

fn to_1(machine: &Machine) {
    machine.retarget(PRIVATE, 1);
}

fn to_1_and_back(machine: &Machine) {
    machine.retarget(PRIVATE, 1);
    machine.retarget(PRIVATE, 0);
}

fn stop(machine: &Machine) {
    machine.stop(0, usize::MAX);
}

/// Two that wait for the same vCPU, which waits for both, are too much for loom.
fn stop_soon(machine: &Machine) {
    machine.stop(0, 2);
}

#[test]
fn one_injector() {
    run(4, private, twice, &[inject_0]);
}

#[test]
fn one_injector_of_an_spi() {
    run(4, spi, twice, &[inject_spi]);
}

#[test]
fn one_injector_at_a_masked_guest() {
    run(3, private, masked, &[inject_0]);
}

#[test]
fn one_injector_at_a_nested_guest() {
    run(4, private, nested, &[inject_0]);
}

#[test]
fn injector_and_kick_at_a_nested_guest() {
    run(3, private, nested_once, &[kick, inject_0]);
}

#[test]
fn two_injectors() {
    run(2, private, twice, &[inject_0, inject_1]);
}

#[test]
fn two_edges() {
    run(
        3,
        private,
        twice,
        &[|machine| {
            inject_0(machine);
            inject_1(machine);
        }],
    );
}

#[test]
fn line_and_disable() {
    run(
        2,
        line,
        twice,
        &[
            |machine| {
                machine.set_line(PRIVATE, false);
                machine.set_line(PRIVATE, true);
            },
            |machine| {
                machine.set_enabled(PRIVATE, false);
                machine.set_enabled(PRIVATE, true);
            },
        ],
    );
}

#[test]
fn disable() {
    run(
        3,
        line,
        twice,
        &[|machine| {
            machine.set_enabled(PRIVATE, false);
            machine.set_enabled(PRIVATE, true);
        }],
    );
}

#[test]
fn retarget() {
    run(2, two_by_owner, twice, &[inject_0, to_1]);
    run(2, two_by_owner, twice, &[inject_0, to_1_and_back]);
}

#[test]
fn retarget_at_once() {
    run(2, two_at_once, twice, &[inject_0, to_1]);
    run(2, two_at_once, twice, &[inject_0, to_1_and_back]);
}

/// While a list register holds it, it stays, pending again or not.
#[test]
fn retarget_from_a_list_register() {
    run(2, two_pending_at_once, once, &[inject_1, to_1]);
}

/// Away from a vCPU that does not run.
#[test]
fn retarget_from_one_that_is_off() {
    run(3, two_pending_at_once, never, &[to_1, inject_1]);
}

#[test]
fn one_message() {
    run(4, one_lpi, twice, &[send_data]);
    run(3, one_lpi, runs_and_sleeps, &[send_data]);
}

/// Whether a list register, a queue or nobody has it in its former life.
#[test]
fn lpi_in_a_new_life() {
    run(3, one_pending_lpi, twice, &[remap_and_send]);
    run(3, one_pending_lpi, masked, &[remap_and_send]);
    run(3, one_lpi, twice, &[remap_and_send]);
}

/// A message of a former life is of no effect in a new one, nor is what a list register holds.
#[test]
fn lpi_and_late_message() {
    run(3, one_pending_lpi, masked, &[remap]);
    run(2, one_lpi, twice, &[remap, send]);
    run(2, one_pending_lpi, masked, &[remap, send]);
}

#[test]
fn lpi_in_a_new_life_elsewhere() {
    run(3, two_with_a_pending_lpi, masked, &[remap_to_1_and_send]);
    run(
        2,
        two_with_a_pending_lpi,
        masked,
        &[remap_to_1_and_send, send],
    );
    run(2, two_with_a_pending_lpi, never, &[remap_to_1_and_send]);
}

#[test]
fn lpi_moves() {
    run(2, two_with_a_pending_lpi, once, &[send_data, move_lpi_to_1]);
}

/// A vCPU takes no LPIs any more, but for those that come later, as if it took them again.
#[test]
fn lpis_retire() {
    run(
        3,
        one_pending_lpi,
        masked,
        &[|machine| {
            machine.retire(0);
            send_data(machine);
        }],
    );
    run(
        2,
        one_pending_lpi,
        twice,
        &[|machine| machine.retire(0), send],
    );
}

#[test]
fn sleeper() {
    run(3, private, sleeps, &[inject_0]);
    run(3, private, runs_and_sleeps, &[inject_0]);
}

#[test]
fn gate() {
    run(3, private, twice_and_out, &[stop]);
}

#[test]
fn gate_and_signal() {
    run(3, private, signalled, &[stop]);
}

#[test]
fn two_gates() {
    run(2, private, twice_and_out, &[stop_soon, stop_soon]);
}

#[test]
fn gate_and_injector() {
    run(2, private, twice_and_out, &[stop, inject_0]);
}
