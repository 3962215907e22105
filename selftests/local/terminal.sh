#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 120
#
# scripts/amdhost on a terminal: the shell has one of its own, with our size and job control, and
# every key reaches it.

exec python3 - <<'END'
import fcntl, os, pty, select, struct, sys, termios, time

def size(rows, cols):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))

def expect(text):
    """Text that the terminal shows, within 30 s."""
    global seen
    end = time.monotonic() + 30
    while text not in seen:
        if not select.select([fd], [], [], max(0, end - time.monotonic()))[0]:
            return False
        try:
            seen += os.read(fd, 4096)
        except OSError:
            return False
    seen = seen.split(text, 1)[1]
    return True

def result(good, name):
    global number, failed
    number += 1
    failed |= not good
    if not good:
        print("# the terminal shows %r" % seen[-400:])
    print("%sok %d %s" % ("" if good else "not ", number, name), flush=True)

number, failed, seen = 0, False, b""
print("1..6", flush=True)
pid, fd = pty.fork()
if pid == 0:
    os.execv("scripts/amdhost", ["scripts/amdhost", "--no-module"])
size(33, 101)
before = termios.tcgetattr(fd)
expect(b"# ")
os.write(fd, b"stty size; tty\r")
result(expect(b"33 101") and expect(b"/dev/pts/"), "the window's size")
os.write(fd, b"sleep 1000\r")
time.sleep(2)
os.write(fd, b"\x03")
time.sleep(1)
os.write(fd, b"echo status $?\r")
result(expect(b"status 130"), "Ctrl-C interrupts the command in the host")
size(40, 120)
time.sleep(1)
os.write(fd, b"stty size\r")
result(expect(b"40 120"), "a change of the window's size")
os.write(fd, b"stty raw -echo; dd bs=1 count=4 2>/dev/null | od -An -tx1; stty sane\r")
time.sleep(2)
os.write(fd, b"\x01\x03\x1a\x11")
result(expect(b"01 03 1a 11"), "control keys arrive in a raw terminal")
os.write(fd, b"exit 9\r")
status = os.waitpid(pid, 0)[1]
result(os.waitstatus_to_exitcode(status) == 9, "the shell's status")
result(termios.tcgetattr(fd) == before, "our terminal is as it was")
sys.exit(failed)
END
