"""Makes the addon's plain modules importable in a process that has no Odoo.

Importing the addon itself would run its ``__init__`` and with it Odoo, so its name is registered as a bare package
whose ``__path__`` leads to the real one: ``fieldpromax_accounting.providers`` then imports by itself.
"""

import sys
import types
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def register():
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    if 'fieldpromax_accounting' not in sys.modules:
        package = types.ModuleType('fieldpromax_accounting')
        package.__path__ = [str(ROOT / 'fieldpromax_accounting')]
        sys.modules['fieldpromax_accounting'] = package
