# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The kernel's make, called the way it needs. To be sourced after lib.sh.

TREE=$BUILD/linux
TOOL_ENV=$BUILD/toolchain.env

load_tools() {
	[ -f "$TOOL_ENV" ] || "$TOP/tools/setup/toolchain"
	# shellcheck disable=SC1090
	. "$TOOL_ENV"
	export LIBCLANG_PATH
	# On make's command line: in the environment the kernel's Makefile overrides them.
	KMAKE=(ARCH=arm64 "LLVM=$LLVM" "RUSTC=$RUSTC" "RUSTDOC=$RUSTDOC" "BINDGEN=$BINDGEN" "RUST_LIB_SRC=$RUST_LIB_SRC")
	[ -z "$RUSTFMT" ] || KMAKE+=("RUSTFMT=$RUSTFMT")
	[ -z "$CLIPPY_DRIVER" ] || KMAKE+=("CLIPPY_DRIVER=$CLIPPY_DRIVER")
	# not HOSTCC: rustc takes it for the name of a linker, in one word
	[ -z "$CCACHE" ] || KMAKE+=("CC=ccache $CLANG" "HOSTCC=$CLANG")
}

# kmake DIR ARGUMENTS...: without what our own make was given on its command line
kmake() {
	local dir=$1
	shift
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u MAKEOVERRIDES -u V -u KBUILD_OUTPUT -u KDIR -u RUSTFLAGS \
		make -C "$dir" -j"$J" "${KMAKE[@]}" "$@"
}

# What a build of the tree rests on, in one line, of the overlay below the given folders only.
tree_state() {
	cat "$BUILD/linux.origin"
	if [ $# -eq 0 ] && [ -f "$TREE/.kvm-arm64-rust" ]; then
		digest <"$TREE/.kvm-arm64-rust"
	else
		"$TOP/tools/setup/overlay" digest "$@"
	fi
	echo "$STATE"
}
