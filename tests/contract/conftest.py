"""One suite for every provider: what the rest of the addon relies on, tried against the provider's simulator.

The providers come from the registry. Each has an adapter beside this file, ``books_<name>.py`` with a class ``Books``,
which knows how its simulator is driven; the tests know neither. A test is left out only where a provider declares that
it lacks something: a capability, or an operation.
"""

import sys
import types
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))
if 'fieldpromax_accounting' not in sys.modules:
    # Importing the addon itself would run Odoo: its name is registered as a bare package with its path.
    _package = types.ModuleType('fieldpromax_accounting')
    _package.__path__ = [str(ROOT / 'fieldpromax_accounting')]
    sys.modules['fieldpromax_accounting'] = _package

import ledger as ledger_module  # noqa: E402
from books import PROVIDERS, adapter  # noqa: E402


def pytest_generate_tests(metafunc):
    """``books`` runs for every provider, ``ledger`` for every organization of every provider."""
    if 'ledger' in metafunc.fixturenames:
        cases = [(name, tag) for name in PROVIDERS for tag in adapter(name).organizations]
        metafunc.parametrize('case', cases, ids=['-'.join(case) for case in cases], scope='session')
    elif 'books' in metafunc.fixturenames:
        cases = [(name, adapter(name).organizations[0]) for name in PROVIDERS]
        metafunc.parametrize('case', cases, ids=PROVIDERS, scope='session')


@pytest.fixture(scope='session')
def running():
    """Name → the adapter of a running simulator."""
    started = {name: adapter(name)() for name in PROVIDERS}
    yield started
    for books in started.values():
        books.server.stop()


@pytest.fixture
def books(running, case):
    """The adapter, its simulator with demo data, without faults and limits."""
    found = running[case[0]]
    found.reset()
    return found


@pytest.fixture
def provider(books):
    return books.make_provider()


@pytest.fixture
def ledger(books, case):
    """One organization with everything that documents need."""
    return ledger_module.Ledger(books, case[1])
