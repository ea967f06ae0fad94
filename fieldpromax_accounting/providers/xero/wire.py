"""Xero's own ways in JSON: GUIDs, dates in .NET's form (provider_facts A5). The rest is :mod:`..wire`."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone

from ..wire import iso_moment, text

ZERO_GUID = '00000000-0000-0000-0000-000000000000'
_GUID = re.compile(r'[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}')
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
# /Date(1563753600000+0000)/, also without the offset; milliseconds are UTC whatever the offset says
_DOT_NET_DATE = re.compile(r'/Date\((-?\d{1,17})(?:[+-]\d{4})?\)/')


def guid(element: dict, key: str) -> str:
    """An id, '' for null, absent or the zero GUID (the id of what was not created, A6)."""
    value = text(element, key).strip()
    return '' if value == ZERO_GUID else value


def is_guid(value: str) -> bool:
    return bool(_GUID.fullmatch(value))


def moment(value) -> datetime | None:
    """A point in time in UTC: ``/Date(ms+0000)/``, or ISO 8601 with up to 7 fractional digits (no zone =
    UTC).

    None for null, absent, or what cannot be read: no time of Xero's is worth losing a record for.
    """
    found = _DOT_NET_DATE.fullmatch(value.strip()) if isinstance(value, str) else None
    if not found:
        return iso_moment(value)
    try:
        return _EPOCH + timedelta(milliseconds=int(found[1]))
    except OverflowError:
        return None


def day(element: dict, key: str) -> date | None:
    """A calendar day: the ``…String`` twin where there is one, else the ``/Date(…)/`` itself (midnight
    UTC)."""
    found = moment(element.get(f'{key}String')) or moment(element.get(key))
    return found.date() if found else None
