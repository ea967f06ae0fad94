"""One suite for every provider: what the rest of the addon relies on, tried against the provider's simulator.

The providers come from the registry. Each has an adapter beside this file, ``books_<name>.py`` with a class ``Books``,
which knows how its simulator is driven; the tests know neither. ``@pytest.mark.needs(…)`` names what a test takes for
granted: a capability or an operation of the provider, or something that the adapter says an organization has. Only
who declares it gets the test; none is skipped while it runs.
"""

import ledger as ledger_module
import pytest
from books import PROVIDERS, adapter, features


def pytest_configure(config):
    config.addinivalue_line('markers', 'needs(*features): what provider and organization must declare')


def pytest_generate_tests(metafunc):
    """``books`` runs for every provider, ``ledger`` for every organization of every provider, ``outcome`` for all that
    can go wrong there."""
    if 'books' not in metafunc.fixturenames and 'ledger' not in metafunc.fixturenames:
        return
    needed = {need for mark in metafunc.definition.iter_markers('needs') for need in mark.args}
    every = 'ledger' in metafunc.fixturenames
    cases = [
        (name, tag)
        for name in PROVIDERS
        for tag in list(adapter(name).organizations)[: None if every else 1]
        if needed <= features(name, tag)
    ]
    assert cases, f'{metafunc.function.__name__} needs what no provider has: {", ".join(sorted(needed))}'
    ids = ['-'.join(case) if every else case[0] for case in cases]
    if 'outcome' in metafunc.fixturenames:
        pairs = [(case, outcome) for case in cases for outcome in adapter(case[0]).outcomes]
        ids = ['-'.join((*case, outcome)) for case, outcome in pairs]
        metafunc.parametrize(('case', 'outcome'), pairs, ids=ids, scope='session')
    else:
        metafunc.parametrize('case', cases, ids=ids, scope='session')


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
