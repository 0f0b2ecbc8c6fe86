#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Weakens, one after the other, what the loom tests are to watch over; each time a
test must fail.

    mutants.py [--all-tests] [NAME...]

A mutant is a change of a text that occurs once in its file, and the test that
finds it. With --all-tests every test is run, which takes long, and those that fail
are printed. The repository itself is not touched.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

REPO = Path(__file__).resolve().parents[4]
CODE = "arch/arm64/kvm/rust"
HOST = "tools/testing/host"
QUEUE = f"{CODE}/gic/queue.rs"
WORD = f"{CODE}/gic/atomic_word.rs"
LPI = f"{CODE}/gic/lpi.rs"
ENTRY = f"{CODE}/gic/entry.rs"
GATE = f"{CODE}/gic/gate.rs"
TRANSLATION = f"{CODE}/gic/translation.rs"
LINUX = f"{HOST}/src/linux.rs"
MACHINE = f"{HOST}/loom/src/machine.rs"

# What no code uses, for mutants to use.
WEAKER = """
                pub(crate) fn fetch_or_relaxed(&self, bits: $value) -> $value {
                    self.0.fetch_or(bits, Relaxed)
                }
                pub(crate) fn fetch_andnot_relaxed(&self, bits: $value) -> $value {
                    self.0.fetch_and(!bits, Relaxed)
                }
                pub(crate) fn fetch_sub_relaxed(&self, value: $value) -> $value {
                    self.0.fetch_sub(value, Relaxed)
                }
"""

MUTANTS = {
    # The queue
    "push-private-relaxed": (QUEUE, "self.private.fetch_or_release(bit)",
                             "self.private.fetch_or_relaxed(bit)",
                             "tests_queue::push_publishes_private"),
    "push-leaf-relaxed": (QUEUE, "word.fetch_or_release(bit)", "word.fetch_or_relaxed(bit)",
                          "tests_queue::push_publishes_spi"),
    "push-summary-relaxed": (QUEUE, """be cleared.
                self.summary.fetch_or_release(summary)""", """be cleared.
                self.summary.fetch_or_relaxed(summary)""", "tests_queue::summary_is_kept"),
    "push-summary-first": (QUEUE, "word.fetch_or_release(bit);",
                           "self.summary.fetch_or_release(summary);word.fetch_or_release(bit);"
                           "if true { return }",
                           "tests_queue::summary_is_kept"),
    "push-summary-if-clear": (QUEUE, """                // be about to be cleared.
""", """                // be about to be cleared.
                if self.summary.load_relaxed() & summary != 0 { return }
""", "tests_queue::summary_is_kept"),
    "clear-private-relaxed": (QUEUE, "self.queue.private.fetch_andnot_acquire(bit)",
                              "self.queue.private.fetch_andnot_relaxed(bit)",
                              "tests_queue::push_publishes_private"),
    "clear-leaf-relaxed": (QUEUE, "word.fetch_andnot_acquire(bit)",
                           "word.fetch_andnot_relaxed(bit)",
                           "tests_queue::push_publishes_lpi"),
    "tidy-relaxed": (QUEUE, "self.queue.summary.fetch_andnot_acquire(summary)",
                     "self.queue.summary.fetch_andnot_relaxed(summary)",
                     "tests_queue::summary_is_kept"),
    "tidy-without-look": (QUEUE, """        if !is_clear(leaf) {
            self.queue.summary""", """        if false {
            self.queue.summary""", "tests_queue::summary_is_kept"),
    "tidy-with-short-look": (QUEUE, """    let mut all = 0;

    while""", """    let mut all = 0;

    leaf = &leaf[1..];
    while""",
                             "tests_queue::summary_is_kept_for_another_word"),
    "tidy-unseen-leaf": (QUEUE, """else {
                continue;
            };
""", """else {
                self.queue.summary.fetch_andnot_acquire(1 << index);
                continue;
            };
""", "tests_queue::leaf_is_seen_late"),
    "prune-without-tidy": (QUEUE, """        self.tidy();
""", "", "tests_queue::summary_is_tidied"),
    "clear-after-release": (QUEUE, """        let left = self.clear(intid);
""", "", "        if settled == Settled::Stays {", """        let left = self.clear(intid);
        if settled == Settled::Stays {""", "tests_queue::claim_against_settle_of_a_claim"),
    "release-claim-first": (QUEUE, """        let others = self.clear(intid);

        // After the bit, as in `settle()`.
        if !word.replace(from, to) {
            self.queue.push(intid, self.lpis);
            return false;
        }
""", """        if !word.replace(from, to) {
            return false;
        }
        let others = self.clear(intid);
""", "tests_queue::claim_against_release"),
    "release-without-bit": (QUEUE, """            self.queue.push(intid, self.lpis);
            return false;""", "            return false;", "tests_queue::claim_against_release"),
    "stays-without-bit": (QUEUE, "self.queue.push(intid, self.lpis);\n        } else",
                          "} else",
                          "tests_queue::claim_against_settle_of_a_claim"),
    "stray-without-look": (QUEUE, "            if word.queued() != here {",
                           "            if now.queued() != here {",
                           "tests_queue::claim_against_settle_of_a_stray"),
    # The word
    "update-without-barrier": (WORD, "                smp_mb();\n", "",
                               "tests_queue::edge_upon_edge"),
    "update-without-second-look": (WORD, "old = self.0.load_relaxed();\n                continue;",
                                   "continue;", "tests_queue::edge_upon_edge"),
    "change-no-barrier": (LINUX, """Relaxed)?;
                    smp_mb();""", "Relaxed)?;", "tests_queue::edge_upon_edge"),
    "change-no-acquire": (LINUX, "compare_exchange(old, new, AcqRel, Relaxed)?;\n"
                          "                    smp_mb();",
                          "compare_exchange(old, new, Release, Relaxed)?;",
                             "tests_queue::edge_upon_edge"),
    # LPIs
    "pulse-of-any-life": (LPI, "        if self.life().get() != life.get() {", "        if false {",
                          "tests_machine::lpi_and_late_message"),
    "life-before-change": (MACHINE, """.update(|word| word.pulse_of(life));
""", """.update(|word| match before == life {
            true => word.pulse(),
            false => (word, transition::Action::NOTHING),
        });
""", "        self.sent.lock().unwrap().push(", "        let before = self.word(intid).unwrap().read()"
         ".life();\n        self.sent.lock().unwrap().push(",
         "tests_machine::lpi_and_late_message"),
    "map-without-stale": (LPI, """            .set(Self::OnLr, self.has(Self::OnLr))
            .set(Self::Stale, self.has(Self::OnLr))
""", """            .set(Self::OnLr, self.has(Self::OnLr))
""", "tests_machine::lpi_and_late_message"),
    "fold-what-is-stale": (ENTRY, "let stale = self.has(Self::Stale);", "let stale = false;",
                           "tests_machine::lpi_and_late_message"),
    # The gate
    "gate-open-relaxed": (GATE, "self.0.fetch_sub_release(1)", "self.0.fetch_sub_relaxed(1)",
                          "tests_machine::gate"),
    "gate-after-request": (MACHINE, """        vcpu.gate.close();
        // kvm_make_vcpus_request_mask(KVM_REQUEST_NO_WAKEUP)
        vcpu.request(UPDATE);
""", """        vcpu.request(UPDATE);
        vcpu.gate.close();
""", "tests_machine::gate"),
    "gate-without-wait": (MACHINE, "        while vcpu.gate.is_closed() {",
                          "        while false {", "tests_machine::gate"),
    "gate-signal-without-request": (MACHINE, """                vcpu.request(UPDATE);
                return;""", "                return;", "tests_machine::gate_and_signal"),
    "gate-mode-relaxed": (MACHINE, "vcpu.mode.load(Acquire) == OUTSIDE",
                          "vcpu.mode.load(Relaxed) == OUTSIDE", "tests_machine::gate"),
    "outside-relaxed": (MACHINE, """            self.sync(own);
            vcpu.set_mode(OUTSIDE, Release);""", """            self.sync(own);
            vcpu.set_mode(OUTSIDE, Relaxed);""", "tests_machine::gate"),
    # Translations
    "lookup-generation-relaxed": (TRANSLATION, "self.generation.load_acquire()",
                                  "self.generation.load_relaxed()",
                                  "tests_translation::generations_come_again"),
    "lookup-table-first": (TRANSLATION, """        let key = Slot::key(device, event)?;
        // Acquire""", """        let key = Slot::key(device, event)?;
        let table = table();
        // Acquire""", "candidates(table(), key)", "candidates(table, key)",
                           "tests_translation::generations_come_again_after_growth"),
    "insert-relaxed": (TRANSLATION, "place.store_release(", "place.store_relaxed(",
                       "tests_translation::what_is_remembered_is_there"),
    "invalidate-relaxed": (TRANSLATION, "self.generation.store_release(next)",
                           "self.generation.store_relaxed(next)",
                           "tests_translation::generations_come_again"),
    "invalidate-without-change": (TRANSLATION, "now => now.wrapping_add(1),", "now => now,",
                                  "tests_translation::what_is_forgotten_is_gone"),
    "invalidate-before-clearing": (TRANSLATION, "Self::LAST_GENERATION => {\n",
                                   "Self::LAST_GENERATION => {\n"
                                   "self.generation.store_release(1);\n",
                                   "tests_translation::generations_come_again"),
    "wrap-without-clearing": (TRANSLATION, "slot.store_relaxed(0);", "let _ = slot;",
                              "tests_translation::generations_come_again"),
    # Requests and kicks
    "request-without-barrier": (MACHINE, "        fence(Release);\n", "",
                             "tests_machine::one_injector_at_a_nested_guest"),
    "request-if-clear": (MACHINE, "        fence(Release);\n",
                         "        fence(Release);\n"
                         "        if self.requests.load(Relaxed) & request != 0 { return }\n",
                         "tests_machine::injector_and_kick_at_a_nested_guest"),
    "kick-without-barrier": (MACHINE, "        smp_mb();\n        let _ = self.mode",
                             "        let _ = self.mode", "tests_machine::gate"),
    "in-without-barrier": (MACHINE, """        vcpu.set_mode(IN, Relaxed);
        smp_mb();""", "        vcpu.set_mode(IN, Relaxed);", "tests_machine::one_injector"),
    "in-without-look": (MACHINE, "        if vcpu.requests.load(Relaxed) != 0 {",
                        "        if false {", "tests_machine::one_injector_at_a_nested_guest"),
    "check-without-barrier": (MACHINE, """        self.requests.fetch_and(!request, Relaxed);
        smp_mb();""", "        self.requests.fetch_and(!request, Relaxed);",
                             "tests_machine::one_injector_at_a_nested_guest"),
    "request-before-bit": (MACHINE, """                self.vcpu(vcpu).push(intid);
                self.vcpu(vcpu).notify();""", """                self.vcpu(vcpu).notify();
                self.vcpu(vcpu).push(intid);""", "tests_machine::one_injector"),
    "no-kick-if-queued": (MACHINE, "            Action::Kick(vcpu) => self.vcpu(vcpu).notify(),",
                          "            Action::Kick(_) => (),", "tests_machine::two_edges"),
    "wake-without-barrier": (MACHINE, """        smp_mb();
        if self.blocked""", "        if self.blocked", "tests_machine::sleeper"),
    "block-without-barrier": (MACHINE, """        vcpu.blocked.store(1, Relaxed);
        smp_mb();
        if self.pending""", """        vcpu.blocked.store(1, Relaxed);
        if self.pending""", "tests_machine::sleeper"),
    "move-without-push": (MACHINE, """Settled::Moved(vcpu) = settled {
                    self.act(intid, Action::Push(vcpu));""", """Settled::Moved(vcpu) = settled {
                    self.act(intid, Action::Kick(vcpu));""", "tests_machine::retarget"),
    "move-without-kick": (MACHINE, """Settled::Moved(vcpu) = settled {
                    self.act(intid, Action::Push(vcpu));""", """Settled::Moved(vcpu) = settled {
                    self.vcpu(vcpu).push(intid);""", "tests_machine::retarget"),
    "at-once-from-list-register": (MACHINE, "let held = word.has(IrqWord::OnLr) || "
                                   "word.has(IrqWord::Active);", "let held = false;",
                             "tests_machine::retarget_from_a_list_register"),
}


class Mutants:
    """A copy of what the tests are made of, weakened and mended in turn."""

    def __init__(self, root, target):
        self.root = root
        self.target = target
        for part in (CODE, HOST):
            shutil.copytree(REPO / part, root / part,
                            ignore=shutil.ignore_patterns("target"))
        linux = root / LINUX
        text = linux.read_text()
        mark = "                pub(crate) fn load_relaxed("
        assert text.count(mark) == 1
        linux.write_text(text.replace(mark, WEAKER + mark))

    def run(self, test):
        """The tests that fail, `test` or all; None if it does not compile."""
        # Of files outside the crate cargo remembers where they were when it built last.
        (self.root / HOST / "loom/src/lib.rs").touch()
        command = ["cargo", "test", "--release", "--locked", "--no-fail-fast", "--color=never"]
        env = {**os.environ, "CARGO_TARGET_DIR": str(self.target), "RUST_BACKTRACE": "0"}
        done = subprocess.run(command + (["--", "--exact", test] if test else []),
                              cwd=self.root / HOST / "loom", env=env, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if not re.search(r"^running [1-9]", done.stdout, re.M):
            print(done.stdout)
            return None
        return re.findall(r"^test (\S+) \.\.\. FAILED$", done.stdout, re.M)

    def mutant(self, file, *changes):
        *changes, test = changes
        path = self.root / file
        healthy = text = path.read_text()
        for old, new in zip(changes[::2], changes[1::2]):
            if text.count(old) != 1:
                return f"{text.count(old)} times in {file}: {old!r}", []
            text = text.replace(old, new)
        path.write_text(text)
        try:
            failed = self.run(test)
        finally:
            path.write_text(healthy)
        if failed is None:
            return "does not compile", []
        return "" if failed else "survives", failed


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--all-tests", action="store_true")
    parser.add_argument("--target-dir", type=Path, help="where cargo builds")
    parser.add_argument("name", nargs="*", help="mutants; all if none is given")
    args = parser.parse_args()
    bad = 0
    with tempfile.TemporaryDirectory() as root:
        mutants = Mutants(Path(root), args.target_dir or Path(root) / "target")
        for name in args.name or MUTANTS:
            *mutant, test = MUTANTS[name]
            problem, failed = mutants.mutant(*mutant, "" if args.all_tests else test)
            bad += bool(problem)
            print(f"{'NOT FOUND' if problem else 'found'} {name}: "
                  f"{problem or ' '.join(failed)}", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
