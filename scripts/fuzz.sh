#!/bin/sh
# fuzz.sh TIME [PACKAGE...]: run every fuzz target of the module, or of the
# named packages (./proxy/pgwire), each for TIME: "30s", "500x" (executions),
# or "total=40s" to share that time among all targets, one second each at least.
# The targets are found in the sources, so none is forgotten.
set -eu
cd "$(dirname "$0")/.."

time=${1:?usage: fuzz.sh TIME [PACKAGE...]}
shift
# targets: lines "./folder FuzzName"
targets=$(
	git ls-files -co --exclude-standard -- '*_test.go' | sort | while read -r f; do
		[ -f "$f" ] || continue
		dir=./$(dirname "$f")
		if [ $# -gt 0 ]; then
			case " $* " in *" $dir "*) ;; *) continue ;; esac
		fi
		sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$f" | sed "s|^|$dir |"
	done
)
count=$(printf '%s' "$targets" | grep -c . || :)
if [ "$count" -eq 0 ]; then
	echo "fuzz: no fuzz target found: expected functions named Fuzz... in *_test.go" >&2
	exit 1
fi
case $time in
total=*s)
	seconds=${time#total=}
	seconds=${seconds%s}
	seconds=$((seconds / count))
	[ "$seconds" -ge 1 ] || seconds=1
	time=${seconds}s
	;;
esac
echo "fuzz: $count targets, $time each"

# So few executions that building and starting is most of the work: a package a
# core, a worker a target.
workers=$(getconf _NPROCESSORS_ONLN) kept=yes
case $time in
*x)
	workers=1 kept=
	if [ $# -eq 0 ]; then
		printf '%s\n' "$targets" | cut -d' ' -f1 | uniq |
			xargs -P "$(getconf _NPROCESSORS_ONLN)" -n 1 scripts/fuzz.sh "$time" || exit 1
		exit 0
	fi
	;;
esac

bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
built=
# One instrumented binary for each package, then its targets one by one.
printf '%s\n' "$targets" >"$bin/targets"
# What longer runs found is kept and played again, but not in a short one.
cache=$(go env GOCACHE)/fuzz/$(go list -m)
[ -n "$kept" ] || cache=$bin/cache
while read -r dir name; do
	if [ "$dir" != "$built" ]; then
		go test -c -fuzz="^$name\$" -o "$bin/fuzz.test" "$dir"
		built=$dir
	fi
	mkdir -p "$cache/$dir"
	if ! (cd "$dir" && "$bin/fuzz.test" -test.run='^$' -test.fuzz="^$name\$" -test.fuzztime="$time" \
		-test.parallel="$workers" -test.fuzzcachedir="$cache/$dir" -test.fuzzminimizetime=10s </dev/null >"$bin/log" 2>&1); then
		cat "$bin/log"
		echo "fuzz: $dir $name failed; a failing input is in $dir/testdata/fuzz/$name: keep it as a test case" >&2
		exit 1
	fi
	printf 'ok  %-26s %-36s %s\n' "$dir" "$name" "$(grep -o 'execs: [0-9]*' "$bin/log" | tail -1)"
done <"$bin/targets"
