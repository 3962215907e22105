#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# hosts: epyc-6.1 opteron-6.12
# timeout: 180
#
# Guests that say what the processor and the machine do (selftests/conformance), against what they say
# on the same model of processor without svmm. What differs is in conformance/differences, with the
# reason, or it is a failure; so is a difference there that is none any more.

. selftests/lib/tap.sh

# What the build has asked is the emulator of this host only if that is Debian's own.
model=$(cat /sys/class/dmi/id/product_version 2>/dev/null)
[ "$model" = pc-i440fx-7.2 ] || {
	echo "1..0 # SKIP the machine is ${model:-unknown}, and pc-i440fx-7.2 was asked"
	exit 4
}
case $(sed -n 's/^cpu family.*: //p' /proc/cpuinfo | head -n 1) in
23) cpu=epyc ;;
*) cpu=opteron ;;
esac
dir=out/selftests/conformance
shown="differs vmctl"

# compare GUEST WITHOUT WITH: all that a name has is one value
compare()
{
	awk -v guest="$1" -v cpu=$cpu -v list="$2" '
	BEGIN {
		while ((getline line < "selftests/conformance/differences") > 0) {
			split(line, f, " *[|] *")
			if (f[1] == guest && (f[2] == cpu || f[2] == "both"))
				known[f[3]] = 1
		}
		while ((getline line < list) > 0) {
			name = line
			sub(" .*", "", name)
			without[name] = without[name] substr(line, length(name) + 1)
		}
	}
	{ with[$1] = with[$1] substr($0, length($1) + 1) }
	function family(name) {
		if (!(name in known))
			sub("[.][^.]*$", ".*", name)
		return name
	}
	END {
		for (name in without)
			if (without[name] != with[name])
				differs[name] = 1
		for (name in with)
			if (without[name] != with[name])
				differs[name] = 1
		for (name in differs)
			if (family(name) in known)
				seen[family(name)] = 1
			else
				print name ": without svmm" without[name] "; with it" with[name]
		for (name in known)
			if (!(name in seen))
				print name ": does not differ, or is not said"
	}' "$3"
}

run_and_compare()
{
	timeout 30 vmctl run --mem 128M --cpus 1 --flat "$1" --exit-port 0xf4 --no-reboot \
		>"$tmp/said" 2>"$tmp/vmctl" </dev/null
	status=$?
	compare "$name" "$dir/$name.$cpu" "$tmp/said" >"$tmp/differs"
}

set -- "$dir"/*.bin
echo "1..$#"
for guest; do
	name=$(basename "$guest" .bin)
	run_and_compare "$guest"
	# An interrupt of the host's that comes in the shadow of an STI ends it, as this emulator's VMRUN
	# does not load it: seldom enough that it does not happen twice.
	! grep -q '^sti\.' "$tmp/differs" || run_and_compare "$guest"
	[ $status -eq 64 ] && [ -s "$tmp/said" ] && [ ! -s "$tmp/differs" ]
	result $? "$name: $(wc -l <"$tmp/said") lines"
done
exit $failed
