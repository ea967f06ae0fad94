"""`make demo`: Odoo 19 with demo data, the addon and the simulators, until Ctrl-C; `make demo-reset` starts anew."""

import contextlib
import fcntl
import json
import signal
import time
from collections.abc import Iterator

from devenv import databases, postgres, services, setup
from devenv.settings import DEV, ROOT, SCRIPTS, SIMULATORS, port, present_addons
from devenv.steps import SetupError, digest, remove, say, stamp_path, step, together

DATABASE = "fieldpromax_demo"
WHAT_TO_CLICK = """
  1. Log in with admin / admin.
  2. Settings → FieldPromax Accounting: choose Xero or QuickBooks Online and click Connect, log in, consent, choose the
     organisation in USD.
  3. Invoicing → Accounting Sync → Overview: watch the first import, then confirm what is to be confirmed.
  4. Invoicing → Customers → Invoices: confirm an invoice; within a second or so it says Sent.
  5. Open it in the books with its smart button, or look at
{books}

Ctrl-C stops everything and keeps the data; make demo-reset starts anew.
"""


# Port of each simulator, and the environment variable that changes it.
BOOKS = {"xero": ("XERO_PORT", 8071), "quickbooks": ("QUICKBOOKS_PORT", 8072)}


def ports() -> dict[str, int]:
    return {
        "ODOO_PORT": port("ODOO_PORT", 8069),
        **{name: port(name, usual) for name, usual in BOOKS.values()},
    }


@contextlib.contextmanager
def only_demo() -> Iterator[None]:
    """One demo of this working tree at a time."""
    DEV.mkdir(exist_ok=True)
    with (DEV / "demo.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise SetupError(
                "make demo is running in this folder already: stop it with Ctrl-C first."
            ) from error
        yield


def addon_digest() -> str:
    """Changes with every file of our addons that Odoo reads when it installs or updates."""
    files = [
        (str(path.relative_to(ROOT)), path.stat().st_mtime_ns)
        for addon in present_addons()
        for path in sorted((ROOT / addon).rglob("*"))
        if path.is_file() and path.suffix != ".pyc" and "tests" not in path.parts
    ]
    return digest(json.dumps(files))


def _prepare_database(books: dict[str, str], odoo_url: str) -> None:
    name = databases.shared_name(DATABASE)

    def build(before: str | None) -> None:
        if before is None:
            databases.create(name, present_addons())
        else:
            databases.install(name, present_addons(), update=True)

    def fill_in(_before: str | None) -> None:
        script = (
            f"import sys; sys.path.insert(0, {str(SCRIPTS)!r}); import demo_data\n"
            f"demo_data.prepare(env, {books!r}, {odoo_url!r}); env.cr.commit()\n"
            f"{databases.WORK_PAGES_SCRIPT}"
        )
        together(
            lambda: fill("Filling in the demo data", script),
            lambda: fill("Preparing the login page", databases.LOGIN_PAGES_SCRIPT),
        )

    def fill(what: str, script: str) -> None:
        said = databases.run_shell(what, name, script)
        if "Traceback" in said:
            raise SetupError(f"{what} failed: {said.strip().splitlines()[-1]}")

    def is_there() -> bool:
        return databases.exists(name)

    if step(postgres.stamp_name("demo"), "Demo database", addon_digest(), build, is_there):
        stamp_path(postgres.stamp_name("demo-data")).unlink(missing_ok=True)
    told = digest(SCRIPTS / "demo_data.py", json.dumps(books), odoo_url)
    step(
        postgres.stamp_name("demo-data"), "Connection of the demo to the simulators", told, fill_in, is_there
    )


def start() -> int:
    chosen = ports()
    with only_demo(), contextlib.ExitStack() as running:
        services.check_ports(chosen)
        # Being terminated is treated like Ctrl-C, also where a shell started this in the background, deaf to it.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.default_int_handler)
        setup.set_up(develop=False)
        running.enter_context(postgres.lease())
        say("  Simulators …")
        books = {
            provider: running.enter_context(
                services.simulator(provider, chosen[variable], SIMULATORS / provider)
            )
            for provider, (variable, _usual) in BOOKS.items()
        }
        odoo_url = f"http://localhost:{chosen['ODOO_PORT']}"
        _prepare_database(books, odoo_url)
        say("  Odoo …")
        odoo = running.enter_context(
            services.odoo_server(databases.shared_name(DATABASE), chosen["ODOO_PORT"])
        )
        say(f"\nready: {odoo_url} (admin / admin)")
        say(WHAT_TO_CLICK.format(books="\n".join(f"     {url}/" for url in books.values())))
        with contextlib.suppress(KeyboardInterrupt):
            while True:
                odoo.check()
                time.sleep(1)
        say("\nStopping …")
    say("Stopped. The data is kept.")
    return 0


def reset() -> int:
    with only_demo():
        if stamp_path("pg").is_file() or postgres.is_external():
            with postgres.lease():
                databases.drop(databases.shared_name(DATABASE))
        for name in ("demo", "demo-data"):
            stamp_path(postgres.stamp_name(name)).unlink(missing_ok=True)
        remove(SIMULATORS)
    say("The demo's database and the simulators' books are gone: the next make demo starts anew.")
    return 0
