#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# hosts: epyc-6.1
# timeout: 180
#
# The screen of a VM: a real-mode program's text and what it draws, by the linear frame buffer where it
# is and where the guest moves it, and by the window; Linux's boot messages; and what there is without
# a screen.

. selftests/lib/manage.sh
shown="out err said want got"
png=out/selftests/tools/png
cp out/selftests/guests/vga.bin "$tmp/vga"

# picture STEP: 64 by 48 pixels, each STEP more than the one before
picture()
{
	awk -v step="$1" 'BEGIN {
		printf "64 48"
		for (i = 0; i < 64 * 48; i++)
			printf "%s%06x", i % 64 ? "" : "\n", i * step % 16777216
		print ""
	}'
}
# shows NAME STEP: it does
shows()
{
	picture "$2" >"$tmp/want"
	vmctl screenshot "$1" "$tmp/$1.png" 2>"$tmp/err" && $png "$tmp/$1.png" >"$tmp/got" &&
		cmp -s "$tmp/want" "$tmp/got"
}
prints() { vmctl screen "$1" >"$tmp/said" 2>"$tmp/err" && grep -q -- "$2" "$tmp/said"; }

echo "1..17"
detach vga vga --vga
result $? "a program with a screen"
within 10 prints vga '█'
result $? "it is printed when the program has written"
row=$(printf '  it writes, \342\230\272 and \342\224\214\342\224\200\342\224\220')
bar=$(awk 'BEGIN { for (i = 0; i < 80; i++) printf "█" }')
printf '\n%s\n\n%s\n' "$row" "$row" >"$tmp/want"
printf '\n%.0s' 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 >>"$tmp/want"
printf '%s\n' "$bar" >>"$tmp/want"
cmp "$tmp/want" "$tmp/said"
result $? "all its text, at its places, and no more"
vmctl screenshot vga "$tmp/text.png" 2>"$tmp/err" && $png "$tmp/text.png" >"$tmp/got" &&
	[ "$(head -n 1 "$tmp/got")" = "720 400" ] && [ "$(wc -l <"$tmp/got")" = 401 ] &&
	[ "$(sed -n '18p' "$tmp/got" | cut -c109-120)" = 0000aa0000aa ] &&
	[ "$(sed -n '2p' "$tmp/got" | tr -d 0)" = "" ]
result $? "a picture of it has its colours"
vmctl nmi vga && within 10 shows vga 197895
result $? "it draws by the linear frame buffer"
fails 1 'graphics mode, 64 x 48; vmctl screenshot vga FILE.png' vmctl screen vga
vmctl nmi vga && within 10 shows vga 724241
result $? "which it moves"
vmctl nmi vga && within 10 shows vga 65793
result $? "and by the window"
fails 1 'screenshot /no/such/file.png: No such file' vmctl screenshot vga /no/such/file.png
fails 2 'screenshot: give one file' vmctl screenshot vga
says stop --timeout 0 vga
(
	ulimit -f 1
	detach limited vga --vga
)
fails 1 'screenshot: cannot write the pixels: File too large' vmctl screenshot limited "$tmp/x.png"
$ask /run/svmm/limited.sock '{"command":"screenshot"}' >"$tmp/said" 2>"$tmp/err"
grep -q '"error":"screenshot: send one regular file, open for writing' "$tmp/said"
result $? "pixels go to a file alone"
says stop --timeout 0 limited
detach plain halt
fails 1 'screen: the VM has no screen; run it with --vga' vmctl screen plain
fails 1 'screenshot: the VM has no screen' vmctl screenshot plain "$tmp/x.png"
[ ! -e "$tmp/x.png" ]
result $? "no file is left"
says stop --timeout 0 plain

vmctl run --detach --name linux --kernel out/guest/vmlinuz --initrd out/guest/initrd.img --vga \
	--append 'console=ttyS0 console=tty0 svmm.quiet svmm.run="sleep 1000"' >"$tmp/out" 2>"$tmp/err" </dev/null
within 100 prints linux 'Run /init as init'
result $? "Linux says on its screen what it does"
[ "$(wc -l <"$tmp/said")" = 25 ] && grep -q '^\[ *[0-9]*\.[0-9]*\] ' "$tmp/said"
result $? "25 lines of it"
says stop --timeout 0 linux
exit $failed
