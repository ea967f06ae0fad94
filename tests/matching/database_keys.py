"""``python database_keys.py < texts.json``: the keys that ``matching.text_key`` gives to texts, as JSON.

A process of its own, because that module imports Odoo and the tests of this folder do not.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import without_odoo

without_odoo.register()

from fieldpromax_accounting.matching import text_key  # noqa: E402 the package is known only now

json.dump([text_key(text) for text in json.load(sys.stdin)], sys.stdout)
