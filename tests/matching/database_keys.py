"""``python database_keys.py < texts.json``: the keys that ``matching.text_key`` gives to texts, as JSON.

A process of its own, because that module imports Odoo and the tests of this folder do not.
"""

import json
import sys

import conftest  # noqa: F401 registers the bare package

from fieldpromax_accounting.matching import text_key

json.dump([text_key(text) for text in json.load(sys.stdin)], sys.stdout)
