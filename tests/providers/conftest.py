"""Plain tests of the providers."""

import os
import secrets
import socket
from pathlib import Path

import provider_kit
import pytest

from fieldpromax_accounting.providers import base, registry


@pytest.fixture(scope='session')
def server():
    """The Xero simulator, in this process."""
    module = pytest.importorskip('simulators.xero.server')
    with module.start_in_thread() as running:
        yield running


@pytest.fixture
def sim(server):
    """The simulator with its demo data, without faults, tokens and a minute's limit."""
    simulator = provider_kit.Simulator(server)
    simulator.control('POST', '/_sim/reset', {'seed': 'demo'})
    simulator.control('POST', '/_sim/limits', {'minute': None})
    return simulator


@pytest.fixture
def make_provider():
    """``make_provider(base_url, app=…, …)``: short time-outs, everything else as in production."""

    def make(base_url, app=provider_kit.APP, **values):
        values = {'connect_timeout': 2.0, 'read_timeout': 5.0, **values}
        return registry.get('xero')(base.ProviderConfig(app=app, base_url=base_url, **values))

    return make


@pytest.fixture
def provider(sim, make_provider):
    return make_provider(sim.base_url)


@pytest.fixture
def tenants(sim):
    """Country → tenant id."""
    found = sim.control('GET', '/_sim/state?counts=1')['organisations']
    return {value['CountryCode']: key for key, value in found.items()}


@pytest.fixture
def us(sim, make_provider, tenants):
    """The provider bound to the American organisation."""
    provider = make_provider(sim.base_url)
    return provider.for_organization(tenants['US'], sim.issue()['access_token'])


@pytest.fixture
def when(sim, make_provider, tenants, us):
    """``when(fault)``: the provider to make the faulted call with: one that soon gives up reading if the fault is to
    wait for, else ``us``, so that a busy machine does not look like a fault."""

    def choose(fault):
        if not fault.startswith('timeout'):
            return us
        provider = make_provider(sim.base_url, read_timeout=0.2)
        return provider.for_organization(tenants['US'], us._access_token)

    return choose


@pytest.fixture
def browser():
    return provider_kit.Browser()


@pytest.fixture
def verifier():
    return secrets.token_urlsafe(48)


@pytest.fixture
def raw_server():
    """``raw_server(*answers)``: see :class:`RawServer`."""
    running = []

    def start(*answers):
        running.append(provider_kit.RawServer(*answers))
        return running[-1]

    yield start
    for server in running:
        server.stop()


@pytest.fixture(name='http')
def http_fixture():
    return provider_kit.http


@pytest.fixture
def closed_port():
    """A base URL where nobody listens."""
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]
    return f'http://127.0.0.1:{port}'


@pytest.fixture(scope='session')
def specs():
    """The folder of Xero's OpenAPI files; tests that need it are skipped where it is absent."""
    folder = Path(
        os.environ.get('FIELDPROMAX_SPECS') or Path(__file__).resolve().parents[3] / 'shared' / 'specs'
    )
    if not (folder / 'xero_checker.py').exists():
        pytest.skip("Xero's OpenAPI files are not here (set FIELDPROMAX_SPECS).")
    return folder
