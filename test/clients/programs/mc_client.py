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
# Letters that a dialog did not take are typed again after this time.
AGAIN_SECONDS = 2
SELECT_ALL, ENTER, COPY, QUIT, BACKSPACE = b"*", b"\r", b"\x1b5", b"\x1b0", b"\x7f"
# No button of a dialog is chosen by any of these.
LETTERS = b"zqv"

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


def at_the_panels():
    """What is typed appears behind the prompt, and not before mc has done what it was told: a dialog has no use for these letters."""
    global screen
    screen = b""
    asked = []

    def answers():
        if not asked or time.monotonic() - asked[-1] > AGAIN_SECONDS:
            os.write(master, LETTERS)
            asked.append(time.monotonic())
        return LETTERS in screen

    until(answers, "the prompt")
    os.write(master, BACKSPACE * len(LETTERS) * len(asked))


until(lambda: b"Quit" in screen, "the panels")
at_the_panels()
screen = b""
os.write(master, SELECT_ALL + COPY)
until(lambda: b"ackground ]" in screen, "the question")
os.write(master, ENTER)
at_the_panels()
until(lambda: all(os.path.lexists(file) for file in files), "the files")
os.write(master, QUIT)
until(lambda: os.waitpid(pid, os.WNOHANG)[0] == pid, "its end")
print("copied")
