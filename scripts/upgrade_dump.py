"""Keep a small dump of a database as this version leaves it: connected, imported, invoices sent. Later versions are
tested to upgrade it.

    python3 scripts/dev.py run -- python scripts/upgrade_dump.py xero|quickbooks

writes tests/upgrade/<version>.sql.xz (plain SQL: `xz -dc … | psql`). Its tokens are the simulator's, encrypted with a
key that is thrown away.
"""

import ast
import lzma
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

from bench import rig, steps  # noqa: E402
from devenv import databases, postgres  # noqa: E402
from devenv.steps import run  # noqa: E402

FOLDER = ROOT / "tests" / "upgrade"


def send_invoices(env, connection):
    """Two customers, three invoices in the books, one draft."""
    partners = steps.make_customers(env, 2)
    products = steps.make_products(env, 1)
    moves = steps.draft_invoices(env, partners, products, 4)
    env["account.move"].browse(moves[:3]).action_post()
    env.cr.commit()
    steps.push(env, connection)


def main(provider):
    manifest = ast.literal_eval((ROOT / rig.ADDON / "__manifest__.py").read_text())
    name = f"upgrade_dump_{os.getpid()}"
    with postgres.lease(), rig.Simulator("upgrade", provider) as simulator:
        try:
            postgres.query(f'CREATE DATABASE "{name}"')
            options = [
                "-d",
                name,
                "-i",
                f"account,{rig.ADDON}",
                "--without-demo",
                "--no-http",
                "--stop-after-init",
            ]
            run(
                databases.odoo_command("server", *options),
                "Installing the addon without demo data",
                env=databases.odoo_environment(),
            )
            with rig.Worker(name, rig.new_key()) as worker:
                worker.call(steps.prepare, simulator=simulator.url, provider=provider)
                connection = worker.call(steps.connect, provider=provider)
                worker.call(steps.pull, connection=connection)
                worker.call(steps.confirm_mappings, connection=connection)
                worker.call(send_invoices, connection=connection)
            dump = subprocess.run(
                [postgres.program("pg_dump"), "--no-owner", "--no-privileges", name],
                env=databases.odoo_environment(),
                capture_output=True,
                check=True,
            ).stdout
        finally:
            databases.drop(name)
    FOLDER.mkdir(parents=True, exist_ok=True)
    target = FOLDER / f"{manifest['version']}.sql.xz"
    target.write_bytes(lzma.compress(dump, preset=9))
    print(f"{target.relative_to(ROOT)}: {target.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main(sys.argv[1])
