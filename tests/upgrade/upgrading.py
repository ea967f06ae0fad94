"""A database that an earlier version left is taken over by this one; what has to be true then."""

import ast
import lzma
import subprocess
from pathlib import Path

import checks
import inside_upgraded

from bench import rig
from devenv import databases, postgres
from devenv.settings import LOGS, ROOT


def name_of(dump: Path) -> str:
    return dump.name.removesuffix(".sql.xz")


def _version(text: str) -> list[int]:
    return [int(part) for part in text.split(".")]


MANIFEST = ast.literal_eval((ROOT / rig.ADDON / "__manifest__.py").read_text())
# Of earlier versions, the last one at the end: the dump of this version is for those to come.
DUMPS = sorted(
    (
        dump
        for dump in Path(__file__).parent.glob("*.sql.xz")
        if _version(name_of(dump)) < _version(MANIFEST["version"])
    ),
    key=lambda dump: _version(name_of(dump)),
)
# What a person relies on: it was there before, and is there afterwards.
KEPT = {
    "connections": "SELECT count(*) FROM fieldpromax_connection",
    "tokens": "SELECT count(*) FROM fieldpromax_credential",
    "links": "SELECT string_agg(kind || external_id || external_name, ',' ORDER BY id) FROM fieldpromax_link",
    "mappings": "SELECT string_agg(key || state, ',' ORDER BY id) FROM fieldpromax_mapping",
    "counterparts": "SELECT string_agg(reference_id::text, ',' ORDER BY id) FROM fieldpromax_mapping",
    "history": "SELECT string_agg(kind || state, ',' ORDER BY id) FROM fieldpromax_exchange",
    "matches": "SELECT count(*) FROM fieldpromax_match",
    "crons": "SELECT string_agg(r.cron_name, ',' ORDER BY r.id) FROM ir_cron r JOIN fieldpromax_connection c"
    " ON r.id IN (c.push_cron_id, c.pull_cron_id)",
}


def restore(dump: Path, database: str) -> None:
    postgres.query(f'CREATE DATABASE "{database}"')
    subprocess.run(
        [postgres.program("psql"), "--quiet", "--no-psqlrc", "--output=/dev/null", database],
        input=lzma.decompress(dump.read_bytes()),
        env=databases.odoo_environment(),
        stderr=subprocess.DEVNULL,  # an older server does not know every setting that a newer one writes
        check=True,
    )


def take_over(dump: Path, database: str) -> None:
    restore(dump, database)
    before = {what: postgres.query(sql, database) for what, sql in KEPT.items()}
    assert all(before.values()), before
    log = LOGS / f"upgrade-{dump.name}.log"
    databases.install(database, [rig.ADDON], update=True, log=log)
    assert checks.logs(log) == ""
    assert {what: postgres.query(sql, database) for what, sql in KEPT.items()} == before
    with rig.Worker(database, rig.new_key()) as worker:
        found = worker.call(inside_upgraded.states)
        assert found == [["posted", "sent"]] * 3 + [["draft", "not_sent"]]
        assert worker.call(inside_upgraded.views) > 5
