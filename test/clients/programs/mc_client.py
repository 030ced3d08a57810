# Midnight Commander, which has no batch mode: keys are typed at its terminal.
#
#   mc_client.py FROM TO FILE…    copies all files of the panel of FROM into that of TO, until every FILE is there
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

PATIENCE_SECONDS = 40
SELECT_ALL, ENTER, COPY, QUIT = b"*", b"\r", b"\x1b5", b"\x1b0"

source, target, *files = sys.argv[1:]
pid, master = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 160, 0, 0))
    os.execvp("mc", ["mc", "--nosubshell", "--nocolor", "--stickchars", source, target])

screen = b""
deadline = time.monotonic() + PATIENCE_SECONDS


def until(condition, what):
    """Reads what appears until `condition` holds."""
    global screen
    while not condition():
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
            sys.exit(f"mc: not in time: {what}\n{screen[-3000:]!r}")
        if select.select([master], [], [], 0.1)[0]:
            try:
                screen += os.read(master, 65536)
            except OSError:
                return


def quiet():
    """Nothing has appeared for a while: mc waits for a key."""
    global screen
    while select.select([master], [], [], 0.5)[0]:
        try:
            screen += os.read(master, 65536)
        except OSError:
            return


until(lambda: b"Quit" in screen, "the panels")
quiet()
for keys in (SELECT_ALL, COPY, ENTER):
    os.write(master, keys)
    quiet()
until(lambda: all(os.path.lexists(file) for file in files), "the files")
quiet()
os.write(master, QUIT)
until(lambda: os.waitpid(pid, os.WNOHANG)[0] == pid, "its end")
print("copied")
