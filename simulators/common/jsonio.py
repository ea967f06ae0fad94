"""JSON that keeps money exact: numbers become Decimal when read, Decimals are written digit by digit."""

import json
from decimal import Decimal

import simplejson


def loads(text):
    """Parse JSON text or bytes; fractions come back as Decimal. NaN and Infinity are no JSON: ValueError."""

    def refuse(name):
        raise ValueError(f"{name} is not JSON")

    return json.loads(text, parse_float=Decimal, parse_constant=refuse)


def dumps(value, **options):
    """Serialise; Decimal("40.00") is written as ``40.00``."""
    options.setdefault("separators", (",", ":"))
    return simplejson.dumps(value, use_decimal=True, ensure_ascii=False, **options)
