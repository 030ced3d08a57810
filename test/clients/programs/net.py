# Small servers and callers for the deeds about forwarding.
#
#   net.py free                     a port of the lane that nothing listens on, another one each time
#   net.py echo FILE [SOCKET]       echoes on a port, which it writes to FILE, or on SOCKET (FILE tells that it is there)
#   net.py ask PORT|SOCKET [SOCKS]  sends a mebibyte and an end, reads it back; through a SOCKS5 proxy to port SOCKS
#   net.py reach PORT|SOCKET [SOCKS]  waits until a byte comes back: a server listens before its client knows of it (-R)
#   net.py deaf FILE                accepts, reads ten bytes and closes
import errno
import os
import random
import socket
import sys
import threading
import time

MEBIBYTE = os.urandom(1 << 20)
PATIENCE_SECONDS = 20


def announce(path, text):
    with open(path + ".part", "w") as file:
        file.write(text)
    os.rename(path + ".part", path)


def free():
    """Lanes have ports of their own, which nobody gets who asks for any: it is still free when somebody listens there at last."""
    least, beyond = (int(word) for word in os.environ["PORTS"].split())
    record = os.environ["LANE"] + "/port"
    if os.path.exists(record):
        with open(record) as file:
            port = int(file.read())
    else:
        port = random.randrange(least, beyond)
    while True:
        port = port + 1 if port + 1 < beyond else least
        try:
            socket.create_server(("127.0.0.1", port)).close()
            break
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
    announce(record, str(port))
    return port


def listen(where, path):
    if path is None:
        server = socket.create_server(("127.0.0.1", 0), backlog=64)
        announce(where, str(server.getsockname()[1]))
    else:
        server = socket.socket(socket.AF_UNIX)
        server.bind(path)
        server.listen(64)
        announce(where, path)
    return server


def echo(connection):
    with connection:
        try:
            while data := connection.recv(65536):
                connection.sendall(data)
        except OSError:
            pass


def deaf(connection):
    with connection:
        connection.recv(10)


def serve(server, answer):
    while True:
        connection, _ = server.accept()
        threading.Thread(target=answer, args=(connection,), daemon=True).start()


def connect(to):
    # Whoever forwards may not listen yet.
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        caller = socket.socket(socket.AF_INET if to.isdigit() else socket.AF_UNIX)
        try:
            caller.connect(("127.0.0.1", int(to)) if to.isdigit() else to)
            return caller
        except OSError as error:
            caller.close()
            if time.monotonic() > deadline:
                sys.exit(f"nobody listens: {error.strerror}")
            time.sleep(0.05)


def socks(caller, port):
    caller.sendall(b"\x05\x01\x00")
    assert caller.recv(2) == b"\x05\x00"
    caller.sendall(b"\x05\x01\x00\x03\x09localhost" + port.to_bytes(2, "big"))
    answer = caller.recv(10)
    assert answer[1] == 0, f"SOCKS refused: {answer[1]}"


def reach(to, through):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        with connect(to) as caller:
            try:
                if through is not None:
                    socks(caller, int(through))
                caller.sendall(b"x")
                if caller.recv(1) == b"x":
                    return
            except (OSError, AssertionError, IndexError):
                pass
        if time.monotonic() > deadline:
            sys.exit("nobody answers")
        time.sleep(0.05)


def ask(to, through):
    with connect(to) as caller:
        if through is not None:
            socks(caller, int(through))

        def send():
            try:
                caller.sendall(MEBIBYTE)
                caller.shutdown(socket.SHUT_WR)
            except OSError:
                pass

        threading.Thread(target=send, daemon=True).start()
        back = b""
        try:
            while data := caller.recv(65536):
                back += data
        except OSError as error:
            print("after", len(back), "bytes:", error.strerror)
    print("echo right" if back == MEBIBYTE else f"echo wrong: {len(back)} bytes")


def main(command, *words):
    if command == "free":
        print(free())
    elif command == "reach":
        reach(words[0], words[1] if len(words) > 1 else None)
    elif command == "ask":
        ask(words[0], words[1] if len(words) > 1 else None)
    elif command in ("echo", "deaf"):
        serve(listen(words[0], words[1] if len(words) > 1 else None), echo if command == "echo" else deaf)


main(*sys.argv[1:])
