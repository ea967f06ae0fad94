"""Plain tests of the providers: no Odoo in this process.

Importing the addon itself would run its ``__init__`` and with it Odoo, so its name is registered as a bare
package whose ``__path__`` leads to the real one: ``fieldpromax_accounting.providers`` then imports by itself.
"""

import sys
import types
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
if 'fieldpromax_accounting' not in sys.modules:
    _package = types.ModuleType('fieldpromax_accounting')
    _package.__path__ = [str(ROOT / 'fieldpromax_accounting')]
    sys.modules['fieldpromax_accounting'] = _package


@pytest.fixture(scope='session')
def _simulator():
    server = pytest.importorskip('simulators.xero.server', reason='The Xero simulator is not there')
    simulator = server.start_in_thread()
    yield simulator
    simulator.stop()
