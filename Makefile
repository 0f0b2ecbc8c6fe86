# SPDX-License-Identifier: GPL-2.0
#
# The front door: "make help".

ifeq ($(filter undefine,$(.FEATURES)),)
$(error GNU make 4 is needed)
endif

TOP   := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))
SHELL := /bin/bash

BUILD       ?= build
CACHE       ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/kvm-arm64-rust
# The benchmark takes two machines if none is named, long runs those of the run that goes on.
comma := ,
SOAK_MACHINE := $(if $(filter undefined,$(origin MACHINE)),,$(MACHINE))
BENCH_MACHINE := $(if $(filter undefined,$(origin MACHINE)),vhe$(comma)nvhe,$(MACHINE))
MACHINE     ?= vhe
INTERACTIVE ?=
VARIANT     ?= rust
VMM         ?= qemu
LKVM        ?=
TO          ?=
ONLY        ?=
EVERY       ?= 1
KDIR        ?=
LINUX_TARBALL ?=
KUT         ?=
BENCH       ?=
J           ?= $(shell nproc)
V           ?=
FORCE       ?=
OPS         ?=
OP          ?=
KIND        ?=
REPS        ?= 5
SERIES      ?=
RAISE       ?=
TIME        ?=
SEED        ?=
RESUME      ?=
REPEAT      ?=

# A relative path is meant from where make was called.
override BUILD := $(abspath $(BUILD))
override CACHE := $(abspath $(CACHE))
ifneq ($(KDIR),)
override KDIR := $(abspath $(KDIR))
endif
ifneq ($(LINUX_TARBALL),)
override LINUX_TARBALL := $(abspath $(LINUX_TARBALL))
endif
ifneq ($(KUT),)
override KUT := $(abspath $(KUT))
endif
ifneq ($(LKVM),)
override LKVM := $(abspath $(LKVM))
endif
export BUILD CACHE MACHINE INTERACTIVE KDIR LINUX_TARBALL KUT LKVM J V FORCE

SETUP   := $(TOP)/tools/setup
TESTING := $(TOP)/tools/testing

# The scripts hold locks and call the kernel's make with jobs of its own.
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory

.PHONY: help
help:
	@sed "1d; s|@KERNELS@|$$($(SETUP)/parts.py names 2>/dev/null || echo c rust)|" $(SETUP)/help.txt

# These end with a table of what took how long.
STEP := $(SETUP)/steps run
run test test-all: export STEPS := $(BUILD)/.steps

.PHONY: begin
begin:
	@$(SETUP)/steps begin

# --- set-up -------------------------------------------------------------------

.PHONY: toolchain source tree userspace setup
toolchain:
	@$(STEP) "tools" $(SETUP)/toolchain

source: toolchain
	@$(STEP) "kernel source" $(SETUP)/source

tree: source
	@$(STEP) "overlay" $(SETUP)/overlay sync $(BUILD)/linux

userspace: toolchain
	@$(STEP) "arm64 user space" $(SETUP)/userspace

setup: tree userspace

# --- kernels ------------------------------------------------------------------

.PHONY: kernels selftests menuconfig
kernel-%: name-% tree
	@$(STEP) "$* kernel" $(SETUP)/kernel $*

# A slip of the pen shows before a tree is fetched.
name-%: toolchain
	@$(SETUP)/parts.py name $* >/dev/null

kernels: kernel-c kernel-rust

selftests: tree
	@$(STEP) "selftests" $(SETUP)/selftests

menuconfig: tree
	@$(SETUP)/kernel $(VARIANT) --config
	@$(SETUP)/kernel $(VARIANT) menuconfig

# --- run and test -------------------------------------------------------------

.PHONY: run vmm-name vmm migrate test test-all
# A slip of the pen shows before anything is built.
vmm-name:
	@$(SETUP)/vmm --check "$(VMM)"

vmm: toolchain
	@$(STEP) "$(VMM)" $(SETUP)/vmm "$(VMM)"

RUN_KERNEL := $(if $(filter-out rust,$(VARIANT)),--image $(BUILD)/$(VARIANT)/arch/arm64/boot/Image --expect $(if $(filter c,$(VARIANT)),c,any))

run: vmm-name begin kernel-$(VARIANT) userspace vmm
	@rc=0; $(STEP) "machine and guest" $(TESTING)/qemu/run-guest --machine $(MACHINE) --vmm $(VMM) $(RUN_KERNEL) $(if $(filter-out 0,$(INTERACTIVE)),--interactive) || rc=$$?; \
	$(SETUP)/steps table; exit $$rc

migrate: kernels userspace
	@$(TESTING)/qemu/run-migrate --machine $(MACHINE) $(if $(TO),--to $(TO))

test: begin kernels selftests userspace
	@$(SETUP)/steps table
	@set -f; $(TESTING)/run-tests $(if $(ONLY),--only $(ONLY))

test-all: begin kernels selftests userspace
	@$(SETUP)/steps table
	@set -f; $(TESTING)/run-tests --all $(if $(ONLY),--only $(ONLY))

# A run of several hours: a slip of the pen shows before anything is built.
SOAK := $(TESTING)/soak $(if $(SOAK_MACHINE),--machine "$(SOAK_MACHINE)") $(if $(TIME),--time "$(TIME)") \
	$(if $(SEED),--seed "$(SEED)") $(if $(filter-out 0,$(RESUME)),--resume) $(if $(REPEAT),--repeat "$(REPEAT)")

.PHONY: soak soak-names
soak-names: toolchain
	@set -f; $(SOAK) $(if $(ONLY),--only $(ONLY)) --check

soak: soak-names kernels selftests userspace
	@set -f; $(SOAK) $(if $(ONLY),--only $(ONLY))

.PHONY: kvm-unit-tests kut-names kut-build
# A slip of the pen shows before anything is built.
kut-names: toolchain
	@$(TESTING)/kvm-unit-tests --check --machine "$(MACHINE)"

kut-build: toolchain
	@$(STEP) "kvm-unit-tests" $(SETUP)/kvm-unit-tests

kvm-unit-tests: kut-names kut-build kernels userspace
	@set -f; $(TESTING)/kvm-unit-tests --machine "$(MACHINE)" $(if $(ONLY),--only $(ONLY)) $(if $(filter-out 0,$(BENCH)),--bench)

# Small faults in the code, one at a time: which host test finds it?
.PHONY: mutants
mutants: tree
	@set -f; $(TESTING)/mutants.py -j $(J) --every $(EVERY) $(foreach name,$(ONLY),--only '$(name)')

# --- measure ------------------------------------------------------------------

BENCH_TOOL := $(TOP)/tools/bench/bench

.PHONY: bench bench-gate bench-gate-update bench-build profile registers bench-names profile-name
# A slip of the pen shows before anything is built.
bench-names: toolchain
	@$(BENCH_TOOL) check --machine "$(BENCH_MACHINE)" --ops "$(OPS)"
	@$(if $(SERIES),$(BENCH_TOOL) series --check --machine "$(MACHINE)" --series "$(SERIES)")

bench: bench-names kernels selftests userspace
ifeq ($(SERIES),)
	@$(BENCH_TOOL) run --machine "$(BENCH_MACHINE)" --ops "$(OPS)" --reps "$(REPS)"
else
	@$(BENCH_TOOL) series --machine "$(MACHINE)" --series "$(SERIES)" --reps "$(REPS)"
endif

bench-gate: bench-names kernels selftests userspace
	@$(BENCH_TOOL) gate check --machine "$(BENCH_MACHINE)" --ops "$(OPS)" --reps "$(REPS)"

bench-gate-update: bench-names kernels selftests userspace
	@$(BENCH_TOOL) gate update --machine "$(BENCH_MACHINE)" --ops "$(OPS)" --reps "$(REPS)" $(if $(filter-out 0,$(RAISE)),--raise)

bench-build: kernels
	@$(BENCH_TOOL) build-time

profile-name: toolchain
	@[ -n "$(OP)" ] || { echo "make: which operation? OP=hvc" >&2; exit 2; }
	@$(BENCH_TOOL) check --machine "$(MACHINE)" --ops "$(OP)"

profile: profile-name kernels selftests userspace
	@$(BENCH_TOOL) profile --op "$(OP)" --machine "$(MACHINE)"

registers: kernels selftests userspace
	@$(BENCH_TOOL) registers --kind "$(KIND)" --machine "$(MACHINE)"

# --- a tree of your own -------------------------------------------------------

.PHONY: apply unapply patch need-kdir
need-kdir:
	@[ -n "$(KDIR)" ] || { echo "make: which kernel tree? KDIR=/path/to/linux" >&2; exit 2; }
	@command -v python3 >/dev/null || { echo "make: python3 is missing (Debian: apt-get install python3)" >&2; exit 2; }

apply: need-kdir
	@$(SETUP)/overlay apply "$(KDIR)"

unapply: need-kdir
	@$(SETUP)/overlay unapply "$(KDIR)"

# Made against KDIR, or else against our own tree.
patch: $(if $(KDIR),need-kdir,source)
	@$(SETUP)/patch

# --- drift ----------------------------------------------------------------------

OLD      ?=
UPSTREAM ?=
NAMES    ?=

.PHONY: drift drift-ack
drift: need-kdir
	@$(TOP)/tools/drift/drift show "$(KDIR)" $(if $(OLD),--old "$(abspath $(OLD))") $(if $(filter-out 0,$(UPSTREAM)),--upstream) $(if $(filter-out 0,$(V)),-v)

drift-ack: need-kdir
	@$(TOP)/tools/drift/drift ack "$(KDIR)" $(NAMES)

# --- the code -----------------------------------------------------------------

.PHONY: fmt fmt-check clippy
fmt: toolchain
	@$(SETUP)/style fmt

fmt-check: toolchain
	@$(SETUP)/style fmt-check

clippy: tree
	@$(SETUP)/style clippy

# --- away with it -------------------------------------------------------------

.PHONY: clean distclean
# The kernel tree, the user space and what was fetched stay; a kernel is a folder with a configuration.
clean:
	@cd $(BUILD) 2>/dev/null || exit 0; \
	find . -mindepth 2 -maxdepth 2 -name '.config*' ! -path './linux/*' -printf '%h\0' | xargs -0 -r rm -rf; \
	rm -rf unchanged.stamp *.seed selftests selftests.hdr selftests.list .selftests.built \
	kvm-unit-tests kvm-unit-tests.list .kvm-unit-tests.built vmm logs results soak host bench patches bindgen mutants .lines.*

distclean:
	@[ "$(BUILD)" != "$(TOP)" ] && [ "$(BUILD)" != / ] && [ "$(BUILD)" != "$(HOME)" ] || { echo "make: not removing BUILD=$(BUILD)" >&2; exit 2; }
	@rm -rf $(BUILD)
	@echo "downloads stay in $(CACHE)"
