"""Plain tests of the three-way merge: no Odoo in this process.

Importing the addon itself would run its ``__init__`` and with it Odoo, so its name is registered as a bare package
whose ``__path__`` leads to the real one.
"""

import sys
import types
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))
if 'fieldpromax_accounting' not in sys.modules:
    _package = types.ModuleType('fieldpromax_accounting')
    _package.__path__ = [str(ROOT / 'fieldpromax_accounting')]
    sys.modules['fieldpromax_accounting'] = _package
