# paramiko as a client: each command is a word of the deeds, or a deed.
#
#   paramiko_client.py COMMAND WORD…
import hashlib
import os
import socket
import stat
import sys
import threading
import warnings

warnings.filterwarnings("ignore")
import paramiko  # noqa: E402
from paramiko.agent import AgentRequestHandler  # noqa: E402

HOST = "127.0.0.1"
PATIENCE_SECONDS = 20
# After wrong passwords, of whatever client, the agent takes its time with the next one.
LOGIN_PATIENCE_SECONDS = 60
USER = os.environ["USER"]
NEAR = os.environ["NEAR"]
FAR = os.environ["FAR"]


def connect(**options):
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    settings = {"key_filename": os.environ["KEY"], "port": int(os.environ["PORT"]), **options}
    client.connect(
        HOST,
        username=USER,
        look_for_keys=False,
        allow_agent=False,
        timeout=PATIENCE_SECONDS,
        auth_timeout=LOGIN_PATIENCE_SECONDS,
        **settings,
    )
    return client


def pump(channel):
    """Standard input goes along; returns the exit status."""

    def send():
        try:
            while data := os.read(0, 32768):
                channel.sendall(data)
            channel.shutdown_write()
        except (OSError, EOFError):
            pass

    def receive(read, to):
        try:
            while data := read(32768):
                to.buffer.write(data)
                to.flush()
        except BrokenPipeError:
            # Whoever reads has left, and so does this program.
            os._exit(141)

    threads = [
        threading.Thread(target=receive, args=(channel.recv, sys.stdout)),
        threading.Thread(target=receive, args=(channel.recv_stderr, sys.stderr)),
    ]
    threading.Thread(target=send, daemon=True).start()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return channel.recv_exit_status()


def run(client, command, terminal=False, environment=None, forward_agent=False):
    channel = client.get_transport().open_session()
    if forward_agent:
        AgentRequestHandler(channel)
    if terminal:
        size = os.get_terminal_size(1) if os.isatty(1) else os.terminal_size((80, 24))
        channel.get_pty(term="xterm", width=size.columns, height=size.lines)
    for name, value in (environment or {}).items():
        channel.set_environment_variable(name, value)
    if command is None:
        channel.invoke_shell()
    else:
        channel.exec_command(command)
    return pump(channel)


def ask(channel, data):
    def send():
        try:
            channel.sendall(data)
            channel.shutdown_write()
        except OSError:
            pass

    threading.Thread(target=send, daemon=True).start()
    back = b""
    while piece := channel.recv(65536):
        back += piece
    return back


def quick(client, command, data=b""):
    channel = client.get_transport().open_session()
    channel.settimeout(PATIENCE_SECONDS)
    channel.exec_command(command)
    try:
        answer = ask(channel, data)
    except socket.timeout:
        return b"no answer", -2
    return answer, channel.recv_exit_status()


def count(right, wanted):
    print(wanted, "right" if right == wanted else f"were asked, {right} right")


def twenty():
    client = connect()
    results = []

    def one(number):
        data = os.urandom(number * 5000)
        answer, code = quick(client, f"sleep 0.3; sha256sum | cut -c 1-64; exit {number}", data)
        results.append(answer.decode().strip() == hashlib.sha256(data).hexdigest() and code == number)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(1, 21)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    count(sum(results), 20)


def two_hundred():
    client = connect()
    right = 0
    for number in range(200):
        right += quick(client, f"echo {number}; exit {number % 7}") == (f"{number}\n".encode(), number % 7)
    count(right, 200)


def unread():
    client = connect()
    data = open("large", "rb").read()
    for _ in range(5):
        print(quick(client, "head -c 10 >/dev/null; exit 3", data))
    print(quick(client, "echo still there")[0].decode().strip())


def rekey():
    client = connect()
    transport = client.get_transport()
    with open("large", "rb") as file:
        data = file.read()
    channel = transport.open_session()
    channel.exec_command("cat")
    stop = threading.Event()

    def renew():
        while not stop.wait(0.3):
            transport.renegotiate_keys()

    thread = threading.Thread(target=renew)
    thread.start()
    back = ask(channel, data)
    stop.set()
    thread.join()
    print("equal" if back == data else f"DIFFERENT: {len(data)} and {len(back)} bytes")


def forward(local):
    """-L, for one connection after the other."""
    _, here, there, port = local.split(":")
    transport = connect().get_transport()
    server = socket.create_server((HOST, int(here)))

    def serve(accepted, origin):
        try:
            channel = transport.open_channel("direct-tcpip", (there, int(port)), origin)
        except paramiko.ChannelException:
            accepted.close()
            return
        both_ways(accepted, channel)

    while True:
        threading.Thread(target=serve, args=server.accept(), daemon=True).start()


def both_ways(near, channel):
    def up():
        try:
            while data := near.recv(32768):
                channel.sendall(data)
            channel.shutdown_write()
        except OSError:
            pass

    def down():
        try:
            while data := channel.recv(32768):
                near.sendall(data)
            near.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    ways = [threading.Thread(target=way, daemon=True) for way in (up, down)]
    for way in ways:
        way.start()
    for way in ways:
        way.join()
    near.close()
    channel.close()


def file_system():
    sftp = connect().open_sftp()
    sftp.chdir(FAR)
    sftp.posix_rename("small", "moved")
    sftp.symlink("moved", "pointer")
    print("pointer:", sftp.readlink("pointer"), sftp.lstat("pointer").st_mode, sftp.normalize("pointer"))
    sftp.mkdir("folder", 0o750)
    sftp.chmod("moved", 0o640)
    sftp.utime("moved", (1500000000, 1500000000))
    sftp.truncate("moved", 5)
    for entry in sorted(sftp.listdir_attr("links"), key=lambda entry: entry.filename):
        print(entry.filename, stat.filemode(entry.st_mode), entry.st_size)
    with sftp.open("moved", "r+") as file:
        file.seek(2)
        file.write(b"XY")
        print(file.stat().st_size, file.read())
    with sftp.open("moved", "a") as file:
        file.write(b"appended")
    with sftp.open("moved") as file:
        print(list(file.readv([(0, 3), (4, 2), (1, 100)])))
    for attempt in (
        lambda: sftp.rename("moved", "links"),
        lambda: sftp.remove("absent"),
        lambda: sftp.rmdir("links"),
        lambda: sftp.open("fresh", "x").close(),
        lambda: sftp.open("fresh", "x"),
        lambda: sftp.stat("no/such"),
        lambda: sftp.readlink("moved"),
        lambda: sftp.open("links"),
        lambda: sftp.listdir("moved"),
    ):
        try:
            attempt()
            print("done")
        except OSError as error:
            # The words are each server's own; what the number of a status became is not.
            print(error.__class__.__name__, error.errno)
    sftp.rmdir("folder")


def with_password(command):
    port = int(os.environ["PASSWORD_PORT"])
    client = connect(port=port, key_filename=None, password=os.environ["PASSWORD"])
    sys.exit(run(client, command))


def after_refusal(command):
    transport = paramiko.Transport((HOST, int(os.environ["PASSWORD_PORT"])))
    transport.start_client(timeout=PATIENCE_SECONDS)
    transport.auth_timeout = LOGIN_PATIENCE_SECONDS
    try:
        transport.auth_publickey(USER, paramiko.Ed25519Key.from_private_key_file(os.environ["STRANGER_KEY"]))
        print("THE STRANGER WAS LET IN")
    except paramiko.AuthenticationException as error:
        print("refused:", error.__class__.__name__, file=sys.stderr)
    transport.auth_password(USER, os.environ["PASSWORD"])
    client = paramiko.SSHClient()
    client._transport = transport
    sys.exit(run(client, command))


def stranger():
    try:
        connect(key_filename=os.environ["STRANGER_KEY"])
        print("LET IN")
    except paramiko.AuthenticationException as error:
        print("kept out")
        print(error)


COMMANDS = {
    "on": lambda command: sys.exit(run(connect(), command)),
    "on_tty": lambda command: sys.exit(run(connect(), command, terminal=True)),
    "on_env": lambda command: sys.exit(
        run(connect(), command, environment={"DEED": "done", "LANG": "C.UTF-8"})
    ),
    "on_agent": lambda command: sys.exit(run(connect(), command, forward_agent=True)),
    "login": lambda: sys.exit(run(connect(), None, terminal=True)),
    "put": lambda near, far: connect().open_sftp().put(near, far),
    "get": lambda far, near: connect().open_sftp().get(far, near),
    "rsa": lambda: sys.exit(run(connect(key_filename=os.environ["RSA_KEY"]), "echo in by RSA")),
    "with_password": with_password,
    "after_refusal": after_refusal,
    "stranger": stranger,
    "twenty": twenty,
    "two_hundred": two_hundred,
    "unread": unread,
    "rekey": rekey,
    "file_system": file_system,
    "tunnel": lambda _kind, spec: forward(spec),
}

try:
    command, *words = sys.argv[1:]
    COMMANDS[command](*[os.fsencode(word) if command.startswith("on") else word for word in words])
except (paramiko.SSHException, OSError, EOFError) as error:
    print(error.__class__.__name__, error, file=sys.stderr)
    sys.exit(254)
sys.stdout.flush()
os._exit(0)
