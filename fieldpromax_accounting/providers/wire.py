"""JSON of providers: exact numbers out, what came in read with care.

Written here because the standard library's encoder cannot write a Decimal as a number, and the SDKs make floats of
them.
"""

from __future__ import annotations

import json
import re
from datetime import date, datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal

from . import errors

#: beyond it a number is damage, not money
_MAX_EXPONENT = 40
# 2019-07-22T00:00:00, with up to 9 fractional digits, with or without a zone
_ISO_DATE = re.compile(
    r'(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?)?\s*(Z|[+-]\d\d:?\d\d)?', re.IGNORECASE
)


class Unreadable(errors.ProtocolError, ValueError):
    """A record of the provider that cannot be used; its text says why, in words that continue "…,
    because".

    Whoever reads several records tells it by its class and goes on; where nobody does, it is an answer that cannot be
    read.
    """

    def __init__(self, reason):
        super().__init__(reason, code='unreadable')
        self.message = f'The provider sent a record that cannot be read: {reason}.'


def encode(value) -> str:
    """JSON text of ``value``, ASCII only (so it survives any storage), keys in the order given, Decimals as
    exact numbers.

    :raise TypeError: for a float, or anything else that is not exact.
    """
    if isinstance(value, dict):
        return '{' + ','.join(f'{json.dumps(key)}:{encode(item)}' for key, item in value.items()) + '}'
    if isinstance(value, (list, tuple)):
        return '[' + ','.join(encode(item) for item in value) + ']'
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise TypeError(f'{value} is not a number that can be sent')
        return format(value, 'f') if value else '0'
    if value is None or isinstance(value, (str, bool, int)):
        return json.dumps(value)
    raise TypeError(f'{type(value).__name__} is not sent to a provider')


def rounded(value: Decimal, digits: int) -> Decimal:
    """Half away from zero, as both providers round."""
    return value.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)


def text(element: dict, key: str) -> str:
    """A text, '' for null or absent (a null is never the word None). Numbers are taken as text."""
    value = element.get(key)
    if value is None:
        return ''
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
        raise Unreadable(f'{key} is not a text')
    return str(value)


def flag(element: dict, key: str, default: bool = False) -> bool:
    value = element.get(key)
    if isinstance(value, str) and value.lower() in ('true', 'false'):
        return value.lower() == 'true'
    return value if isinstance(value, bool) else default


def number(element: dict, key: str) -> Decimal | None:
    """A number, None for null or absent."""
    value = element.get(key)
    if value is None or value == '':
        return None
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
        raise Unreadable(f'{key} is not a number')
    try:
        result = Decimal(value)
    except ArithmeticError:
        result = None
    if result is None or not result.is_finite() or (result and abs(result.adjusted()) > _MAX_EXPONENT):
        raise Unreadable(f'{key} is not a number')
    return result


def required_number(element: dict, key: str) -> Decimal:
    value = number(element, key)
    if value is None:
        raise Unreadable(f'{key} is missing')
    return value


def objects(element: dict, key: str) -> list[dict]:
    """The objects in a list, [] for null, absent or something else."""
    value = element.get(key)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def nested(element: dict, key: str) -> dict:
    value = element.get(key)
    return value if isinstance(value, dict) else {}


def filled(values: dict) -> dict:
    """Without what is empty: an empty text would erase at the provider what Odoo merely does not know."""
    return {key: value for key, value in values.items() if value not in ('', None)}


def at_most(value: Decimal | None, digits: int) -> Decimal | None:
    """``value`` with at most ``digits`` decimals; what has fewer stays as it is."""
    if value is None:
        return None
    return rounded(value, digits) if -value.as_tuple().exponent > digits else value


def iso_moment(value) -> datetime | None:
    """A point in time in UTC: ISO 8601 with up to 9 fractional digits (no zone = UTC).

    None for null, absent, or what cannot be read: no time is worth losing a record for.
    """
    if not isinstance(value, str):
        return None
    found = _ISO_DATE.fullmatch(value.strip())
    if not found:
        return None
    day, clock, fraction, zone = found.groups()
    try:
        result = datetime.fromisoformat(f'{day}T{clock or "00:00:00"}').replace(
            microsecond=int((fraction or '0')[:6].ljust(6, '0')), tzinfo=timezone.utc
        )
        if zone and zone.upper() != 'Z':
            hours, minutes = int(zone[1:3]), int(zone[-2:])
            offset = timedelta(hours=hours, minutes=minutes)
            result += offset if zone[0] == '-' else -offset
    except (ValueError, OverflowError):
        return None
    return result


def iso_day(element: dict, key: str) -> date | None:
    """A calendar day as it is written, whatever zone stands behind it."""
    value = element.get(key)
    found = _ISO_DATE.match(value.strip()) if isinstance(value, str) else None
    try:
        return date.fromisoformat(found[1]) if found else None
    except ValueError:
        return None
