"""``make faults``: the matrix of the providers, then the one of the exchanges on a database of Odoo of its own.

Prints ``faults.cells`` and ``faults.wrong`` of both together, and names the wrong ones.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'scripts'), str(ROOT / 'tests' / 'faults')]

import levels  # noqa: E402

from devenv import databases, postgres  # noqa: E402

EXCHANGES = 'fieldpromax_accounting/tests/exchange_faults.py'


def say(text):
    sys.stdout.write(f'{text}\n')
    sys.stdout.flush()


def of_the_providers(arguments):
    """(cells, wrong ones) of the matrix of the providers, which runs without Odoo."""
    command = [sys.executable, str(ROOT / 'tests' / 'faults' / 'fault_matrix.py'), *arguments]
    figures = {}
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            name, _colon, value = line.strip().partition(': ')
            if name in ('faults.cells', 'faults.wrong', 'faults.seconds'):
                figures[name] = int(value)
            else:
                say(line.rstrip())
    # A run that broke off has no figures.
    return figures.get('faults.cells', 0), figures.get('faults.wrong', 1)


def of_the_exchanges(only):
    """(cells, wrong ones) of the exchanges."""
    database = f'faults_{os.getpid()}'
    with postgres.lease(), tempfile.TemporaryDirectory() as folder:
        report, output = Path(folder) / 'report', Path(folder) / 'output'
        try:
            databases.create(database, ['fieldpromax_accounting'])
            environment = {**databases.odoo_environment(), 'FIELDPROMAX_FAULTS_REPORT': str(report)}
            databases.run_shell('Preparing the database', database, levels.PREPARE_SCRIPT)
            command = [sys.executable, '-m', 'pytest', '-q', '--tb=short', EXCHANGES]
            command += [f'--odoo-config={databases.write_configuration()}', f'--odoo-database={database}']
            command += ['--odoo-http', *(['-k', only] if only else [])]
            with output.open('w') as file:
                ended = subprocess.run(
                    command, cwd=ROOT, env=environment, stdout=file, stderr=subprocess.STDOUT, check=False
                ).returncode
            lines = report.read_text().splitlines() if report.exists() else []
            wrong = [line.removeprefix('wrong ') for line in lines if line.startswith('wrong ')]
            cells = sum(int(line) for line in lines if line.isdigit())
            for line in wrong:
                say(line)
            if ended and not wrong:
                # Something else went wrong than a cell.
                say(output.read_text())
                wrong = ['pytest']
            return cells, len(wrong)
        finally:
            databases.drop(database)


def main():
    parser = argparse.ArgumentParser(description='Every remote operation and every exchange × every fault')
    parser.add_argument('--only', default='', help='a part of the name of the operations that are tried')
    parser.add_argument('--part', choices=['providers', 'exchanges'], help='one half alone')
    args = parser.parse_args()
    began, cells, wrong = time.monotonic(), 0, 0
    if args.part != 'exchanges':
        found = of_the_providers(['--only', args.only] if args.only else [])
        cells, wrong = cells + found[0], wrong + found[1]
    if args.part != 'providers':
        found = of_the_exchanges(args.only.replace('.', '_'))
        cells, wrong = cells + found[0], wrong + found[1]
    say(f'faults.seconds: {time.monotonic() - began:.0f}')
    say(f'faults.cells: {cells}')
    say(f'faults.wrong: {wrong}')
    return 1 if wrong or not cells else 0


if __name__ == '__main__':
    sys.exit(main())
