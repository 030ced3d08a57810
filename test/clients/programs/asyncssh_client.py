# asyncssh as a client: each command is a word of the deeds, or a deed.
#
#   asyncssh_client.py COMMAND WORD…
import asyncio
import hashlib
import os
import sys
import warnings

warnings.filterwarnings("ignore")
import asyncssh  # noqa: E402

HOST = "127.0.0.1"
PATIENCE_SECONDS = 20
# After wrong passwords, of whatever client, the agent takes its time with the next one.
LOGIN_PATIENCE_SECONDS = 60
FAR = os.environ["FAR"]


def connect(**options):
    settings = {
        "port": int(os.environ["PORT"]),
        "client_keys": [os.environ["KEY"]],
        "known_hosts": None,
        "username": os.environ["USER"],
        "agent_path": None,
        "config": None,
        "connect_timeout": PATIENCE_SECONDS,
        "login_timeout": LOGIN_PATIENCE_SECONDS,
        **options,
    }
    return asyncssh.connect(HOST, **settings)


def status(result):
    if result.exit_signal:
        print("signal", result.exit_signal[0])
    sys.stdout.flush()
    # Not sys.exit: that waits for the thread that reads a terminal.
    os._exit(254 if result.exit_status is None or result.exit_status < 0 else result.exit_status)


async def run(command, connection=None, **options):
    """Standard input goes along, as fast as it is taken."""
    connection = connection or await connect()
    async with connection:
        process = await connection.create_process(command, encoding=None, **options)

        async def send():
            loop = asyncio.get_running_loop()
            try:
                while data := await loop.run_in_executor(None, os.read, 0, 32768):
                    process.stdin.write(data)
                    await process.stdin.drain()
                process.stdin.write_eof()
            except (OSError, asyncssh.Error):
                pass

        async def receive(source, to):
            while data := await source.read(32768):
                to.buffer.write(data)
                to.flush()

        sending = asyncio.create_task(send())
        await asyncio.gather(receive(process.stdout, sys.stdout), receive(process.stderr, sys.stderr))
        result = await process.wait()
        sending.cancel()
    status(result)


async def on_tty(command):
    size = os.get_terminal_size(1) if os.isatty(1) else os.terminal_size((80, 24))
    await run(command, term_type="xterm", term_size=(size.columns, size.lines))


async def quick(connection, command, data=b""):
    result = await asyncio.wait_for(
        connection.run(command, input=data, encoding=None), timeout=PATIENCE_SECONDS
    )
    return result.stdout, result.exit_status


def count(right, wanted):
    print(wanted, "right" if right == wanted else f"were asked, {right} right")


async def twenty():
    async with connect() as connection:

        async def one(number):
            data = os.urandom(number * 5000)
            answer, code = await quick(connection, f"sleep 0.3; sha256sum | cut -c 1-64; exit {number}", data)
            return answer.decode().strip() == hashlib.sha256(data).hexdigest() and code == number

        count(sum(await asyncio.gather(*[one(number) for number in range(1, 21)])), 20)


async def two_hundred():
    async with connect() as connection:
        right = 0
        for number in range(200):
            answer = await quick(connection, f"echo {number}; exit {number % 7}")
            right += answer == (f"{number}\n".encode(), number % 7)
        count(right, 200)


async def unread():
    data = open("large", "rb").read()
    async with connect() as connection:
        for _ in range(5):
            print(await quick(connection, "head -c 10 >/dev/null; exit 3", data))
        print((await quick(connection, "echo still there"))[0].decode().strip())


async def rekey():
    data = open("large", "rb").read()
    async with connect(rekey_bytes=1 << 20) as connection:
        back, _ = await quick(connection, "cat", data)
        print("equal" if back == data else f"DIFFERENT: {len(data)} and {len(back)} bytes")
        async with connection.start_sftp_client() as sftp:
            await sftp.put("large", FAR + "/large")
            await sftp.get(FAR + "/large", "back")


async def tunnel(kind, spec):
    async with connect() as connection:
        words = spec.split(":")
        if kind == "-L":
            listener = await connection.forward_local_port(words[0], int(words[1]), words[2], int(words[3]))
        elif kind == "-R":
            listener = await connection.forward_remote_port(words[0], int(words[1]), words[2], int(words[3]))
        else:
            listener = await connection.forward_socks(words[0], int(words[1]))
        await listener.wait_closed()


async def sockets():
    async with connect() as connection:
        here = os.environ["LANE"] + "/home/here.sock"
        await connection.forward_local_path(here, FAR + "/echo.sock")
        await connection.forward_remote_path(FAR + "/back.sock", FAR + "/echo.sock")
        for path in (here, here, FAR + "/back.sock"):
            caller = await asyncio.create_subprocess_exec(
                "/usr/bin/python3", os.environ["PROGRAMS"] + "/net.py", "ask", path
            )
            await caller.wait()


async def sftp(work):
    async with connect() as connection, connection.start_sftp_client() as client:
        await work(client)


async def file_system():
    async def work(client):
        await client.chdir(FAR)
        await client.posix_rename("small", "moved")
        # Not relative: this version takes the new name as one in the server's own folder.
        await client.symlink("moved", FAR + "/pointer")
        print("pointer:", await client.readlink("pointer"), await client.realpath("pointer"))
        await client.link("moved", "twin")
        await client.mkdir("folder", asyncssh.SFTPAttrs(permissions=0o750))
        await client.chmod("moved", 0o640)
        await client.utime("moved", (1500000000, 1500000000))
        await client.truncate("moved", 5)
        for entry in sorted(await client.readdir("links"), key=lambda entry: entry.filename):
            print(entry.filename, oct(entry.attrs.permissions), entry.attrs.size)
        disk = await client.statvfs(".")
        print(disk.bsize, disk.frsize, disk.namemax, disk.blocks > disk.bfree)
        async with client.open("moved", "r+") as file:
            await file.write("XY", 2)
            await file.fsync()
            print(await file.read(10, 0))
        print(sorted(await client.glob("li*/*")), await client.isdir("links"), await client.islink("pointer"))
        for attempt in (
            client.rename("moved", "links"),
            client.remove("absent"),
            client.rmdir("links"),
            client.stat("no/such"),
            client.readlink("moved"),
            client.listdir("moved"),
        ):
            try:
                print(await attempt)
            except asyncssh.SFTPError as error:
                print(error.code)
        await client.rmtree("links")

    await sftp(work)


async def copy(near_or_far, other, **options):
    """put and get, with the largest parallelism that it has."""

    async def work(client):
        method = client.put if options.pop("up") else client.get
        await method(near_or_far, other, block_size=32768, max_requests=256, **options)

    await sftp(work)


async def with_password(command):
    await run(
        command,
        await connect(
            port=int(os.environ["PASSWORD_PORT"]), client_keys=None, password=os.environ["PASSWORD"]
        ),
    )


async def after_refusal(command):
    await run(
        command,
        await connect(
            port=int(os.environ["PASSWORD_PORT"]),
            client_keys=[os.environ["STRANGER_KEY"]],
            password=os.environ["PASSWORD"],
        ),
    )


async def stranger():
    try:
        await connect(client_keys=[os.environ["STRANGER_KEY"]])
        print("LET IN")
    except asyncssh.PermissionDenied as error:
        print("kept out")
        print(error.reason)


async def on_env(command):
    await run(command, env={"DEED": "done", "LANG": "C.UTF-8"})


async def on_agent(command):
    await run(command, await connect(agent_path=os.environ["SSH_AUTH_SOCK"], agent_forwarding=True))


async def rsa():
    await run("echo in by RSA", await connect(client_keys=[os.environ["RSA_KEY"]]))


COMMANDS = {
    "on": run,
    "on_tty": on_tty,
    "on_env": on_env,
    "on_agent": on_agent,
    "login": lambda: on_tty(None),
    "put": lambda near, far: copy(near, far, up=True),
    "get": lambda far, near: copy(far, near, up=False),
    "put_tree": lambda near, far: copy(near, far, up=True, recurse=True, preserve=True),
    "get_tree": lambda far, near: copy(far, near, up=False, recurse=True, preserve=True),
    "with_password": with_password,
    "after_refusal": after_refusal,
    "rsa": rsa,
    "stranger": stranger,
    "twenty": twenty,
    "two_hundred": two_hundred,
    "unread": unread,
    "rekey": rekey,
    "file_system": file_system,
    "sockets": sockets,
    "tunnel": tunnel,
}

try:
    command, *words = sys.argv[1:]
    asyncio.run(COMMANDS[command](*words))
except (asyncssh.Error, OSError, asyncio.TimeoutError) as error:
    print(error.__class__.__name__, error, file=sys.stderr)
    sys.exit(254)
