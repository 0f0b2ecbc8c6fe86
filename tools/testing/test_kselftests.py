# SPDX-License-Identifier: GPL-2.0
"""The comparison from end to end, on a make-believe machine: a script that
runs the tests' programs here, and dies, hangs or complains as they ask."""

import io
import os
import tempfile
import unittest
from pathlib import Path

import events
import kselftests
import plan as plans
from context import Context
from results import Report, Selection

MACHINE = """#!/bin/sh
while [ $# -gt 0 ]; do
	case $1 in --share) share=$2 ;; --image) image=$2 ;; esac
	shift
done
case $image in */rust/*) KERNEL=rust ;; *) KERNEL=c ;; esac
export KERNEL
cd "$share" || exit 125
export STATE=$(dirname "$image")
[ ! -e "$STATE/no-boot" ] || { echo "run-machine: did not boot"; exit 125; }
boots=$(cat "$STATE/boots" 2>/dev/null || echo 0)
export BOOT=$boots
echo $((boots + 1)) >"$STATE/boots"
grep '^run ' run.sh | while read -r word id limit program args; do
	echo "[    1.000000] kvm-test: begin $id"
	echo 1 >"out/$id.begin"
	export COUNTS=out/$id.counts; : >$COUNTS
	./bin/"$program" $args >"out/$id.log" 2>"out/err"
	code=$?
	cat "out/err"
	[ $code != 99 ] || { echo "run-machine: Kernel panic - not syncing"; exit 125; }
	{ echo "$code 1.0 2.5"; cat $COUNTS; } >"out/$id.tmp"
	mv "out/$id.tmp" "out/$id.rc"
	echo "[    2.000000] kvm-test: end $id $code"
done
"""

PLAN = """
timeout = 60
[[machine]]
name = "vhe"
fast = true
[[machine]]
name = "counting"
base = "vhe"
count_events = true
[[allowed]]
test = "loud"
c = "fail"
rust = "pass"
c_kernel_log = true
reason = "C warns"

[[allowed]]
test = "known"
c = "fail"
rust = "pass"
reason = "bug of C"

[[allowed]]
test = "deadly"
c = "not run"
rust = "pass"
reason = "C hangs"
"""


class TestRun(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        root = Path(self.folder.name)
        self.build = root / "build"
        self.write(root / "tools/testing/qemu/run-machine", MACHINE)
        for kernel in kselftests.KERNELS:
            self.write(self.build / kernel / "arch/arm64/boot/Image", "")
        (root / "plan.toml").write_text(PLAN)
        self.plan = plans.load(root / "plan.toml")
        self.out = io.StringIO()
        self.context = Context(self.build, root, Report(out=self.out), repo=root)

    @staticmethod
    def write(path, text):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    def run_tests(self, machine="vhe", **scripts):
        for name, body in scripts.items():
            self.write(self.build / "selftests" / name, "#!/bin/sh\n" + body + "\n")
        (self.build / "selftests.list").write_text("\n".join(scripts))
        own = plans.own_tests
        plans.own_tests = lambda: set()
        try:
            kselftests.MachineRun(self.context, self.plan,
                                  self.plan.machine(machine)).run()
        finally:
            plans.own_tests = own
        return {r.name.removeprefix(f"selftests/{machine}/"): r
                for r in self.context.report.results}

    def statuses(self, **scripts):
        return {n: r.status for n, r in self.run_tests(**scripts).items()
                if not n.startswith("kernel-log")}

    def boots(self, kernel):
        return int((self.context.image(kernel).parent / "boots").read_text())

    def test_agreement(self):
        self.assertEqual(self.statuses(a="exit 0", b="exit 4", c="exit 1"),
                         {"a": "pass", "b": "skip", "c": "skip"})
        self.assertEqual(self.boots("c"), 1)

    def test_difference_persists(self):
        results = self.run_tests(a="exit 0", b='[ "$KERNEL" = c ]')
        self.assertEqual((results["a"].status, results["b"].status), ("pass", "fail"))
        self.assertIn("3 times of 3", results["b"].note)
        self.assertEqual(self.boots("rust"), 3)

    def test_noise_is_named_and_no_failure(self):
        results = self.run_tests(a='[ "$KERNEL" = c ] || [ "$BOOT" -gt 1 ]')
        self.assertEqual(results["a"].status, "pass")
        self.assertIn("unstable", results["a"].note)
        self.assertEqual(self.boots("c"), 3)

    def test_machine_dies_in_one_kernel(self):
        results = self.run_tests(a="exit 0", b='[ "$KERNEL" = c ] || exit 99', c="exit 0")
        self.assertEqual([results[n].status for n in "abc"], ["pass", "fail", "pass"])
        self.assertIn("panic", results["b"].note)

    def test_machine_dies_in_both_kernels(self):
        results = self.run_tests(a="exit 0", b="exit 99", c="exit 0")
        self.assertEqual([results[n].status for n in "abc"], ["pass", "fail", "pass"])

    def test_machine_does_not_boot(self):
        self.write(self.context.image("rust").parent / "no-boot", "")
        results = self.run_tests(a="exit 0", b="exit 0")
        self.assertEqual([results[n].status for n in "ab"], ["fail", "fail"])
        self.assertIn("did not boot", results["a"].note)

    def test_allowed_difference(self):
        self.assertEqual(self.statuses(known='[ "$KERNEL" = rust ]'), {"known": "pass"})

    def test_what_hangs_c_is_not_run_there(self):
        deadly = '[ "$KERNEL" = rust ] || exit 99'
        results = self.run_tests(a="exit 0", deadly=deadly, e="exit 0")
        self.assertEqual([results[n].status for n in ("a", "deadly", "e")], ["pass"] * 3)
        self.assertIn("not run", results["deadly"].note)
        self.assertEqual(self.boots("c"), 1)

    def test_what_hangs_c_must_pass_on_rust(self):
        self.assertEqual(self.statuses(a="exit 0", deadly="exit 1"),
                         {"a": "pass", "deadly": "fail"})

    def test_kernel_log(self):
        fault = 'echo "[    1.500000] WARNING: CPU: 0 PID: 1 at x.c:1" >&2'
        results = self.run_tests(a="exit 0", b=f'[ "$KERNEL" = c ] || {fault}')
        self.assertEqual(results["kernel-log/c"].status, "pass")
        self.assertEqual(results["kernel-log/rust"].status, "fail")
        self.assertIn("in b", results["kernel-log/rust"].note)
        self.assertEqual(results["kernel-log/rust"].rerun, "selftests/vhe/b")

    def test_kernel_log_of_a_known_bug_of_c(self):
        fault = 'echo "[    1.500000] WARNING: CPU: 0 PID: 1 at x.c:1" >&2'
        results = self.run_tests(a="exit 0", loud=f'[ "$KERNEL" = rust ] || {{ {fault}; exit 1; }}')
        self.assertEqual(results["loud"].status, "pass")
        self.assertEqual(results["kernel-log/c"].status, "pass")

        results = self.run_tests(a="exit 0", loud=f'{fault}; [ "$KERNEL" = rust ]')
        self.assertEqual(results["kernel-log/rust"].status, "fail")

    def test_kernel_log_is_kept_with_a_selection(self):
        self.context.report.selection = Selection(["selftests/vhe/a"])
        results = self.run_tests(a="exit 0", b="exit 0")
        self.assertEqual(set(results), {"a", "kernel-log/c", "kernel-log/rust"})

    def count(self, **scripts):
        """Results where the scripts name the counts that they leave."""
        self.write(self.build / "selftests" / events.TOOL, "")
        return self.run_tests("counting", **{
            name: f'for i in {counts}; do echo "$i" | tr = " "; done >$COUNTS'
            for name, counts in scripts.items()})

    def test_events_are_equal(self):
        results = self.count(a="kvm_hvc_arm64=3", b="kvm_hvc_arm64=0")
        self.assertEqual([results[n].status for n in "ab"], ["pass", "pass"])

    def test_events_differ(self):
        results = self.count(a="kvm_hvc_arm64=$((${#KERNEL} < 4))")
        self.assertEqual(results["a"].status, "fail")
        self.assertIn("kvm_hvc_arm64: C 1, Rust 0", results["a"].note)
        self.assertIn("3 times of 3", results["a"].note)

    def test_events_differ_once(self):
        results = self.count(a="kvm_hvc_arm64=$((${#KERNEL} < 4 && BOOT < 1))")
        self.assertEqual(results["a"].status, "pass")
        self.assertIn("unstable", results["a"].note)

    def test_events_were_not_counted(self):
        self.write(self.build / "selftests" / events.TOOL, "")
        results = self.run_tests("counting", a="exit 0")
        self.assertEqual(results["a"].status, "fail")
        self.assertIn("no counts of events on", results["a"].note)

    def test_nothing_counts_events(self):
        results = self.run_tests("counting", a="exit 0")
        self.assertIn("make selftests", results["selftests/counting"].note)

    def test_entry_for_events_that_is_not_needed(self):
        loaded = events.load
        events.load = lambda: events.Events({}, [], [], [events.Exempt(
            "varies", ["a"], ["kvm_*"], "noise", ["counting"])])
        self.addCleanup(setattr, events, "load", loaded)
        self.assertEqual(self.count(a="kvm_entry=1")["events.toml"].status, "pass")
        self.context.report.results.clear()
        results = self.count(a="kvm_entry=0")
        self.assertEqual(results["events.toml"].status, "fail")
        self.assertIn("noise", results["events.toml"].note)

    def test_everything_fails_alike(self):
        self.run_tests(a="exit 1", b="exit 4")
        failed = [r for r in self.context.report.results if r.status == "fail"]
        self.assertEqual([r.name for r in failed], ["selftests/vhe"])

    def test_nothing_built(self):
        self.run_tests()
        self.assertEqual([r.status for r in self.context.report.results], ["fail"])

    def test_no_kernel(self):
        os.unlink(self.context.image("rust"))
        self.run_tests(a="exit 0")
        result, = self.context.report.results
        self.assertEqual(result.status, "fail")
        self.assertIn("make kernel-rust", result.note)


if __name__ == "__main__":
    unittest.main()
