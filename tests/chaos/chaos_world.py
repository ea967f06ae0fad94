"""Two companies in one database on a PostgreSQL of their own, a prefork server, and the books of both providers."""

import contextlib
import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import psycopg2
from chaos_people import Person

from bench import rig, steps
from devenv.settings import DEV

# Of the advisory locks that the addon takes; the second key is the connection.
LOCK_CLASS = 0x66706D78
WORKERS = ("--workers=2", "--max-cron-threads=2", "--limit-time-real=120")


@dataclass
class Books:
    """One connection, and where what it writes is seen."""

    provider: str
    simulator: rig.Simulator
    company: int
    connection: int
    # Paths of calls that write, each with how many such calls at most are let through first; their method; and the
    # paths of calls that read pages.
    writes: list
    method: str
    reads: str
    bank: str
    person: Person = None
    moves: list = None
    # What somebody changed in the books meanwhile: ``{id there: e-mail}``.
    changed: dict = field(default_factory=dict)

    def change_customer(self, number):
        """Somebody gives one of the customers that stood in the books another e-mail address, there."""
        key, name = ("ContactID", "Name") if self.provider == "xero" else ("Id", "DisplayName")
        generated = [one for one in self.simulator.entities("contacts") if one[name][-6:].isdecimal()]
        external_id = generated[number % len(generated)][key]
        email = f"changed{len(self.changed)}@example.com"
        address = (
            {"EmailAddress": email} if self.provider == "xero" else {"PrimaryEmailAddr": {"Address": email}}
        )
        self.simulator.control(
            "POST", "/_sim/organisations/US", {"contacts": [{key: external_id, **address}]}
        )
        self.changed[external_id] = email


BOOKS = {
    "xero": {
        "writes": [(f"/{kind}$", 0) for kind in ("Contacts", "Items", "Invoices", "Payments")],
        "method": "PUT",
        "reads": "/api.xro/2.0/(Contacts|Items)",
        "bank": "090",
    },
    "quickbooks": {
        # Customers, products and invoices go in batches, one after the other, payments last.
        "writes": [(r"/v3/company/\d+/(?!query)", 3)],
        "method": "POST",
        "reads": r"/v3/company/\d+/(query|cdc)",
        "bank": "1",
    },
}


class Database:
    """The database as somebody sees it who is no part of Odoo; connects again after PostgreSQL was restarted."""

    def __init__(self, name):
        self.name, self._connection = name, None

    def rows(self, sql, values=()):
        for attempt in range(60):
            try:
                if self._connection is None:
                    self._connection = self.connect()
                    self._connection.autocommit = True
                with self._connection.cursor() as cursor:
                    cursor.execute(sql, values)
                    return cursor.fetchall()
            except (psycopg2.OperationalError, psycopg2.InterfaceError):
                self._connection = None
                if attempt == 59:
                    raise
                time.sleep(0.5)

    def value(self, sql, values=()):
        ((value,),) = self.rows(sql, values)
        return value

    def connect(self):
        """A session; host and user come from the environment."""
        return psycopg2.connect(dbname=self.name, application_name="chaos")

    def close(self):
        if self._connection is not None:
            self._connection.close()


class Server(rig.Server):
    """A prefork server: a master that starts every killed worker again."""

    def __init__(self, database, key):
        super().__init__(database, key, *WORKERS, f"--gevent-port={rig.services.free_port()}")
        self._master = psutil.Process(self.service.process.pid)

    def _command(self, *arguments):
        # "-m odoo" is nothing that the master can start its process for live connections by.
        interpreter, _flag, _module, *rest = super()._command(*arguments)
        return [interpreter, str(Path(__file__).with_name("odoo_main.py")), *rest]

    def worker_behind(self, port):
        """The worker that talks to PostgreSQL from this local port; None when it is gone."""
        for worker in self.workers():
            with contextlib.suppress(psutil.Error):
                for one in psutil.Process(worker).net_connections("tcp"):
                    if one.laddr and one.laddr.port == port:
                        return worker
        return None

    def workers(self, kind=""):
        """Ids of the living workers; of one ``kind``: "WorkerCron" or "WorkerHTTP"."""
        alive = {child.pid for child in self._master.children() if child.status() != psutil.STATUS_ZOMBIE}
        if not kind:
            return sorted(alive)
        told = re.findall(rf"Worker {kind} \((\d+)\) alive", self.service.output())
        return sorted(alive & set(map(int, told)))


class World:
    def __init__(self, database, key, simulators, sizes):
        self.database, self.key, self.sizes = Database(database), key, sizes
        self.name = database
        for provider, simulator in simulators.items():
            simulator.reset(
                seed="empty",
                contacts=sizes.records // 2,
                items=sizes.records // 2,
                **{rig.ORGANISATIONS[provider]: ["US"]},
            )
        with rig.Worker(database, key) as teller:
            made = {
                provider: teller.call(
                    steps.connect_company,
                    name=f"Crash Test {provider}",
                    provider=provider,
                    simulator=simulator.url,
                )
                for provider, simulator in simulators.items()
            }
            for tie in made.values():
                # All contacts, so that as many come as there are.
                teller.call(steps.pull_suppliers_too, connection=tie["connection"])
        self.books = [
            Books(provider=provider, simulator=simulator, **made[provider], **BOOKS[provider])
            for provider, simulator in simulators.items()
        ]
        self.server = Server(database, key)
        for books in self.books:
            books.person = Person(self.server, database, books.company, None)

    def draft(self):
        """What people will post: drafts of both companies; the mappings are settled."""
        with rig.Worker(self.name, self.key) as teller:
            for books in self.books:
                books.person._journal = teller.call(
                    steps.settle_mappings, connection=books.connection, bank=books.bank
                )
                books.moves = teller.call(
                    steps.own_drafts,
                    company=books.company,
                    prefix=books.provider.capitalize(),
                    count=self.sizes.invoices,
                    seconds=1800,
                )

    def driver(self, books):
        """The worker that talks to these books right now, because it holds their lock; None when nobody does."""
        rows = self.database.rows(
            """
            SELECT a.client_port
              FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
             WHERE l.locktype = 'advisory' AND l.granted AND l.classid = %s AND l.objid = %s
            """,
            (LOCK_CLASS, books.connection),
        )
        # A worker has the name of the master that opened the first connection; the port is its own.
        return self.server.worker_behind(rows[0][0]) if rows else None

    def sending(self, books):
        return self.database.value(
            "SELECT count(*) FROM fieldpromax_exchange WHERE connection_id = %s AND state = 'sending'",
            (books.connection,),
        )

    def is_held_up(self, holder):
        """Does somebody wait for a row that this session (psycopg2's) holds?"""
        return self.database.value(
            "SELECT count(*) FROM pg_stat_activity WHERE %s = ANY(pg_blocking_pids(pid))",
            (holder.get_backend_pid(),),
        )

    def close(self):
        self.database.close()
        self.server.stop()


@contextlib.contextmanager
def private_database(key):
    """A PostgreSQL server of its own with one database that has the addon; ``(server, name)``."""
    name = f"chaos_{os.getpid()}"
    folder = DEV / f"pg-chaos-{os.getpid()}"
    for left in DEV.glob("pg-chaos-*"):
        # Of a run that was killed itself.
        if not psutil.pid_exists(int(left.name.rpartition("-")[2])):
            rig.postgres.PrivateServer(left, 0).discard()
    dump = rig.LOGS / f"{name}.dump"
    store = rig.databases._filestore(name)
    program = rig.postgres.program
    try:
        with rig.postgres.lease(), rig.database("chaos_base") as base:
            _run([program("pg_dump"), "-Fc", "-Z1", "-d", base, "-f", dump])
            if rig.databases._filestore(base).is_dir():
                shutil.copytree(rig.databases._filestore(base), store)
        with rig.postgres.PrivateServer(folder, rig.services.free_port()) as server:
            rig.postgres.query(f'CREATE DATABASE "{name}"')
            _run([program("pg_restore"), "--no-owner", "-j2", "-d", name, dump])
            yield server, name
    finally:
        dump.unlink(missing_ok=True)
        shutil.rmtree(store, ignore_errors=True)


def _run(command):
    done = subprocess.run(
        command, env=rig.databases.odoo_environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
