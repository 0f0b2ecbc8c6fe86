# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What all set-up scripts share: messages, progress, locks, and an apt of our own.
# To be sourced. Settings come from the environment: BUILD, CACHE (folders), J (jobs), V (1: no progress line).

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
: "${BUILD:=$TOP/build}"
: "${CACHE:=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/kvm-arm64-rust}"
: "${J:=$(nproc 2>/dev/null || echo 2)}"
: "${V:=}"
case $BUILD in /*) ;; *) BUILD=$PWD/$BUILD ;; esac
case $CACHE in /*) ;; *) CACHE=$PWD/$CACHE ;; esac
export BUILD CACHE J V
LOGS=$BUILD/logs
# Tools' messages are searched for words, so they must be in English.
export LC_ALL=C

# --- messages ---------------------------------------------------------------

ME=${0##*/}
LIVE=                             # a progress line stands on the terminal

tty_out() { [ -t 1 ] && [ "$V" != 1 ] && [ "${TERM:-dumb}" != dumb ]; }

clear_live() { if [ -n "$LIVE" ]; then printf '\r\033[K'; LIVE=; fi; }

say()  { clear_live; printf '%s\n' "$*"; }
warn() { clear_live; printf '%s: warning: %s\n' "$ME" "$*" >&2; }
die()  { clear_live; printf '%s: error: %s\n' "$ME" "$*" >&2; exit 1; }

# live TEXT: one line that is written over, on a terminal only
live() {
	tty_out || return 0
	local width
	width=${COLUMNS:-$(tput cols 2>/dev/null || echo 80)}
	printf '\r\033[K%s' "${1:0:width-1}"
	LIVE=1
}

elapsed() { printf '%d:%02d' $(($1 / 60)) $(($1 % 60)); }

have() { command -v "$1" >/dev/null 2>&1; }

# --- files ------------------------------------------------------------------

# need_space DIR MB WHAT: no half-done unpacking on a disk that is too small
need_space() {
	local dir=$1 free
	while [ ! -d "$dir" ]; do dir=$(dirname "$dir"); done
	free=$(df -Pm "$dir" | awk 'NR == 2 { print $4 }')
	[ "${free:-0}" -ge "$2" ] ||
		die "$3 needs $2 MB in $1, which has ${free:-0} MB left; free some space, or set BUILD= or CACHE= to a larger disk"
}

make_dir() {
	mkdir -p "$@" 2>/dev/null || die "cannot create $*; is the disk full or read-only?"
}

# put FILE: standard input becomes FILE at once or not at all; an equal FILE is left alone
put() {
	local tmp="$1.tmp.$$"
	make_dir "$(dirname "$1")"
	cat >"$tmp" || { rm -f "$tmp"; die "cannot write $1; is the disk full?"; }
	if cmp -s "$tmp" "$1"; then rm -f "$tmp"; else mv -f "$tmp" "$1"; fi
}

# hash of the standard input
digest() { sha256sum | cut -d' ' -f1; }

# lock NAME: one at a time of the steps that write the same thing; held until the script ends
lock() {
	local file=$BUILD/.lock.$1 fd
	make_dir "$BUILD"
	exec {fd}>"$file" || die "cannot write to $BUILD"
	have flock || return 0
	flock -n "$fd" && return 0
	say "waiting for another run in $BUILD ($1)"
	flock "$fd"
}

# --- long commands ----------------------------------------------------------

# The lines of a log that say why it ended: compilers', make's, apt's and cargo's errors.
log_errors() {
	local found
	found=$(grep -nE '(^|[ :])(error|fatal error|undefined symbol|Error [0-9]+)([ :[]|$)|^E: |No space left|^make.*\*\*\*|multiple definition|cannot find' "$1" |
		grep -vE '\*\*\* \[.*\] Error|warning: ' | head -n "${2:-12}" || true)
	[ -n "$found" ] || found=$(tail -n "${2:-12}" "$1")
	printf '%s\n' "$found" | sed 's/^/    /' | cut -c1-300
}

# progress SECONDS LINES: how far a command is, if it is known how many lines it prints (EXPECT)
progress() {
	local n=$2 left
	[ -n "${EXPECT:-}" ] || { printf '%d lines of log' "$n"; return; }
	# From one tenth on the time taken tells what is to come.
	if [ $((n * 10)) -lt "$EXPECT" ] || [ "$n" -ge "$EXPECT" ]; then
		printf '%d of about %d lines' "$n" "$EXPECT"
	else
		left=$(($1 * (EXPECT - n) / n))
		printf '%d of about %d lines, about %s left' "$n" "$EXPECT" "$(elapsed $left)"
	fi
}

# took LEVEL SECONDS WHAT: for the table at the end (steps), if one is wanted
took() { [ -z "${STEPS:-}" ] || printf '%d\t%d\t%s\n' "$@" >>"$STEPS" 2>/dev/null || true; }

# logged NAME WHAT COMMAND...: runs it with its output in $LOGS/NAME.log; shows that it lives; on failure says why.
# EXPECT=n in the environment: the number of output lines to come.
logged() {
	local name=$1 what=$2 log=$LOGS/$1.log pid rc=0 start=$SECONDS next=30 t last
	shift 2
	make_dir "$(dirname "$log")"
	say "$what ..."
	if [ "$V" = 1 ]; then
		"$@" 2>&1 | tee "$log" || rc=$?
	else
		# A process group of its own: an interrupted script must not leave its compiler behind.
		set -m
		"$@" >"$log" 2>&1 </dev/null &
		pid=$!
		set +m
		trap 'kill -- "-$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; clear_live; say "interrupted: $what; the same command goes on from here"; exit 130' INT TERM
		while kill -0 "$pid" 2>/dev/null; do
			t=$((SECONDS - start))
			if tty_out; then
				last=$(tail -c 400 "$log" | tail -n 1 | tr -d '\r' | sed 's/^ *//')
				live "  $(elapsed $t)  $(progress $t "$(wc -l <"$log")")  $last"
			elif [ $t -ge $next ]; then
				say "  $(elapsed $t)  $what, $(progress $t "$(wc -l <"$log")")"
				next=$((next + 60))
			fi
			sleep 0.3
		done
		wait "$pid" || rc=$?
		trap - INT TERM
		clear_live
	fi
	if [ $rc -ne 0 ]; then
		log_errors "$log" >&2
		! grep -q 'No space left on device' "$log" ||
			die "$what: the disk is full; free some space or set BUILD= or CACHE= to a larger one"
		die "$what failed (status $rc); the log is $log"
	fi
	t=$((SECONDS - start))
	took 2 $t "$what"
	[ $t -lt 2 ] || say "  done in $(elapsed $t)"
}

# --- root -------------------------------------------------------------------

# as_root COMMAND...: status 126 when that cannot be had without asking
as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif have sudo && sudo -n true 2>/dev/null; then
		sudo -n "$@"
	else
		return 126
	fi
}

can_be_root() { [ "$(id -u)" = 0 ] || { have sudo && sudo -n true 2>/dev/null; }; }

# --- apt --------------------------------------------------------------------

: "${OS_RELEASE:=/etc/os-release}" "${APT_ETC:=/etc/apt}"

is_debian() { have apt-get && have dpkg-deb && grep -qs '^ID=debian$' "$OS_RELEASE"; }

codename() { sed -n 's/^VERSION_CODENAME=//p' "$OS_RELEASE"; }

# The machine's own package sources, a line each: URI TAB suite TAB components TAB option line (KEYS...).
# Reads both forms of apt's configuration; of deb822 the multi-line keys as well (line ends become \x01).
apt_sources() {
	local etc=$APT_ETC f
	for f in "$etc"/sources.list "$etc"/sources.list.d/*.list; do
		[ -f "$f" ] || continue
		awk '
		/^[ \t]*deb[ \t]/ {
			sub(/#.*/, ""); opts = ""
			if (match($0, /\[[^]]*\]/)) {
				o = substr($0, RSTART + 1, RLENGTH - 2)
				$0 = substr($0, 1, RSTART - 1) substr($0, RSTART + RLENGTH)
				n = split(o, a, /[ \t]+/)
				for (i = 1; i <= n; i++) {
					k = tolower(a[i]); v = a[i]; sub(/^[^=]*=/, "", v)
					if (k ~ /^signed-by=/) opts = opts "Signed-By: " v "\001"
					if (k ~ /^trusted=/) opts = opts "Trusted: " v "\001"
				}
			}
			comps = ""
			for (i = 4; i <= NF; i++) comps = comps (i > 4 ? " " : "") $i
			if (NF >= 4) print $2 "\t" $3 "\t" comps "\t" opts
		}' "$f"
	done
	for f in "$etc"/sources.list.d/*.sources; do
		[ -f "$f" ] || continue
		awk '
		function flush(   i, j, n, m, u, s) {
			if (types ~ /(^| )deb( |$)/ && enabled !~ /^no/) {
				n = split(uris, u, " "); m = split(suites, s, " ")
				for (i = 1; i <= n; i++) for (j = 1; j <= m; j++)
					print u[i] "\t" s[j] "\t" comps "\t" opts
			}
			types = uris = suites = comps = opts = enabled = field = ""
		}
		/^#/ { next }
		/^[ \t]*$/ { flush(); next }
		/^[ \t]/ {
			v = $0; sub(/^[ \t]+/, "", v)
			if (field == "uris") uris = uris " " v
			else if (field == "suites") suites = suites " " v
			else if (field == "components") comps = comps " " v
			else if (field == "signed-by") opts = opts " " v "\001"
			next
		}
		{
			field = tolower($0); sub(/:.*/, "", field)
			v = $0; sub(/^[^:]*:[ \t]*/, "", v)
			if (field == "types") types = v
			else if (field == "uris") uris = v
			else if (field == "suites") suites = v
			else if (field == "components") comps = v
			else if (field == "enabled") enabled = tolower(v)
			else if (field == "signed-by") opts = opts "Signed-By: " v "\001"
			else if (field == "trusted") opts = opts "Trusted: " v "\001"
		}
		END { flush() }' "$f"
	done
}

# The source that holds the machine's own release: its mirror has the other suites too.
apt_mirror() {
	local code
	code=$(codename)
	apt_sources | awk -F'\t' -v c="$code" '
		$3 !~ /(^| )main( |$)/ || $1 !~ /^[a-z+]+:/ || $1 ~ /^cdrom:/ { next }
		$2 == c || $2 == "stable" || $2 == "testing" || $2 == "unstable" || $2 == "sid" { print; exit }'
}

# apt_private NAME ARCH SUITE...: an apt with its own sources, lists and cache in $CACHE/apt/NAME, on the mirror
# the machine uses itself. Nothing of the machine's own apt changes. STATUS=machine: knows what is installed here
# (to install on this machine); otherwise it believes in an empty system (to fetch packages with all they need).
# Sets APT_PRIVATE for the functions below. Fetches lists older than half a day. Status 1: suite not to be had.
apt_private() {
	local name=$1 arch=$2 mirror uri opts suite dir status conf stamp
	shift 2
	is_debian || die "not Debian, so no packages can be fetched: $name"
	mirror=$(apt_mirror)
	[ -n "$mirror" ] || die "no Debian mirror in this machine's apt configuration (/etc/apt/sources.list*)"
	uri=$(cut -f1 <<<"$mirror")
	opts=$(cut -f4 <<<"$mirror")
	dir=$CACHE/apt/$name
	need_space "$CACHE" 200 "a package list"
	make_dir "$dir/lists/partial" "$dir/archives/partial" "$dir/sources.d"
	APT_PRIVATE=$dir
	: >"$dir/empty"
	status=$dir/empty
	[ "${STATUS:-}" != machine ] || status=/var/lib/dpkg/status
	{
		for suite; do
			printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nArchitectures: %s\n' "$uri" "$suite" "$arch"
			# A security archive is another place than the mirror of its release.
			printf '%s' "$opts" | tr '\001' '\n'
			printf '\n'
		done
		[ "${STATUS:-}" != machine ] || apt_sources | apt_security "$arch"
	} | put "$dir/sources.d/private.sources"
	apt_conf "$dir" "$arch" "$status" | put "$dir/apt.conf"
	stamp=$dir/lists/.fetched
	if [ "$stamp" -nt "$dir/sources.d/private.sources" ] && [ -z "$(find "$stamp" -mmin +720)" ]; then
		return 0
	fi
	conf=$LOGS/apt-$name.log
	make_dir "$LOGS"
	say "fetching the package list of $* ($arch)"
	if ! apt_run update >"$conf" 2>&1 || grep -q '^E: \|^W: Failed to fetch\|^Err:' "$conf"; then
		# Yesterday's lists are better than none.
		[ ! -e "$stamp" ] || { warn "cannot refresh the package lists of $*: working with those of $(date -r "$stamp" +%F)"; return 0; }
		return 1
	fi
	touch "$stamp"
}

# Of the machine's sources on standard input those of security updates: a package fetched from the release alone
# may be older than what is installed here.
apt_security() {
	awk -F'\t' -v arch="$1" '
	$2 ~ /-security|-updates/ && $3 ~ /(^| )main( |$)/ && !seen[$1 $2]++ {
		gsub(/\001/, "\n", $4)
		printf "Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nArchitectures: %s\n%s\n", $1, $2, arch, $4
	}'
}

apt_conf() {
	# The machine's apt hooks clean the machine's caches or talk to its desktop: not for this one.
	cat <<-CONF
	#clear APT::Update::Post-Invoke;
	#clear APT::Update::Post-Invoke-Success;
	#clear APT::Architectures;
	#clear Acquire::IndexTargets::deb::DEP-11;
	#clear Acquire::IndexTargets::deb::DEP-11-icons;
	#clear Acquire::IndexTargets::deb::DEP-11-icons-small;
	#clear Acquire::IndexTargets::deb::DEP-11-icons-hidpi;
	#clear Acquire::IndexTargets::deb::DEP-11-icons-large;
	#clear Acquire::IndexTargets::deb::DEP-11-icons-large-hidpi;
	#clear Acquire::IndexTargets::deb::Contents-deb;
	APT::Architecture "$2";
	APT::Architectures { "$2"; };
	APT::Default-Release "";
	APT::Install-Recommends "false";
	APT::Sandbox::User "root";
	APT::Get::Assume-Yes "true";
	Acquire::Languages "none";
	Acquire::Retries "1";
	Acquire::http::Timeout "30";
	Dir::Etc::SourceList "/dev/null";
	Dir::Etc::SourceParts "$1/sources.d";
	Dir::Etc::Preferences "/dev/null";
	Dir::Etc::PreferencesParts "/dev/null";
	Dir::State::Lists "$1/lists";
	Dir::State::status "$3";
	Dir::Cache "$1";
	Dir::Cache::archives "$1/archives";
	Dir::Cache::pkgcache "pkgcache.bin";
	Dir::Cache::srcpkgcache "srcpkgcache.bin";
	CONF
	[ "$3" = /var/lib/dpkg/status ] || cat <<-CONF
	#clear DPkg::Pre-Invoke;
	#clear DPkg::Post-Invoke;
	#clear DPkg::Pre-Install-Pkgs;
	Dir::State::extended_states "$1/extended_states";
	Debug::NoLocking "true";
	CONF
}

apt_run() { apt-get -c "$APT_PRIVATE/apt.conf" -qq "$@"; }

# apt_version PACKAGE: the version the private apt would fetch, or nothing
apt_version() {
	apt-cache -c "$APT_PRIVATE/apt.conf" policy "$1" 2>/dev/null |
		awk '$1 == "Candidate:" && $2 != "(none)" { print $2; exit }'
}

# apt_fetch PACKAGE: that package alone; prints the path of the .deb
apt_fetch() {
	local version file
	version=$(apt_version "$1")
	[ -n "$version" ] || return 1
	# an empty folder: apt does not name what it has already
	make_dir "$APT_PRIVATE/none/partial"
	file=$(cd "$APT_PRIVATE/none" && apt_run --print-uris download "$1" 2>/dev/null | awk 'NR == 1 { print $2 }')
	[ -n "$file" ] || return 1
	if [ ! -s "$APT_PRIVATE/archives/$file" ]; then
		# apt checks the sum before the file gets its name.
		(cd "$APT_PRIVATE/archives" && apt_run download "$1") >&2 || return 1
	fi
	printf '%s\n' "$APT_PRIVATE/archives/$file"
}

# apt_fetch_all LIST PACKAGE...: the packages with everything they need into the archives folder (as of an empty
# system); their file names go into the file LIST
apt_fetch_all() {
	local list=$1 log=$LOGS/apt-fetch.log
	shift
	make_dir "$LOGS"
	make_dir "$APT_PRIVATE/none/partial"
	apt_run -o "Dir::Cache::archives=$APT_PRIVATE/none" --print-uris install "$@" >"$log" 2>&1 || { log_errors "$log" >&2; return 1; }
	awk '/^\047/ { print $2 }' "$log" | put "$list.names"
	[ -s "$list.names" ] || return 1
	# apt checks the sums and resumes partial files
	apt_run --download-only install "$@" >>"$log" 2>&1 || { log_errors "$log" >&2; return 1; }
	sed "s|^|$APT_PRIVATE/archives/|" "$list.names" | put "$list"
	rm -f "$list.names"
}
