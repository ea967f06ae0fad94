"""QuickBooks' spellings on the wire: numbers, days, times (provider_facts B4–B6)."""

import re
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

PACIFIC = ZoneInfo("America/Los_Angeles")  # recorded times carry its offset, summer and winter
ZERO = Decimal(0)
MOMENT = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(\.\d+)?)?)?\s*(Z|[+-]\d\d:?\d\d)?", re.IGNORECASE
)


def plain(value):
    """A Decimal as the API writes it: ``40`` and ``362.1``, without needless zeros and never with an exponent."""
    value = Decimal(value)
    if value == value.to_integral_value():
        return int(value)
    return Decimal(f"{value:f}".rstrip("0"))


def parse_day(value):
    """``YYYY-MM-DD``, with or without a time behind it; None when it is no day."""
    match = MOMENT.fullmatch(value.strip()) if isinstance(value, str) else None
    if not match:
        return None
    try:
        return date.fromisoformat(match[1]).isoformat()
    except ValueError:
        return None


def moment(value):
    """Seconds since the epoch of an ISO time; one without a zone is Pacific. None when it is no time."""
    match = MOMENT.fullmatch(value.strip()) if isinstance(value, str) else None
    if not match:
        return None
    day, hour, minute, second, fraction, zone = match.groups()
    if zone is None:
        zone = PACIFIC
    elif zone.upper() == "Z":
        zone = timezone.utc
    else:
        minutes = int(zone[1:3]) * 60 + int(zone[-2:])
        zone = timezone(timedelta(minutes=minutes if zone[0] == "+" else -minutes))
    try:
        start = date.fromisoformat(day)
        when = datetime(
            start.year,
            start.month,
            start.day,
            int(hour or 0),
            int(minute or 0),
            int(second or 0),
            tzinfo=zone,
        )
    except ValueError:
        return None
    return when.timestamp() + float(fraction or 0)


def stamp(seconds):
    """``2023-05-31T00:26:45-07:00``: the times of MetaData, whole seconds."""
    return datetime.fromtimestamp(int(seconds), PACIFIC).isoformat()


def answer_time(milliseconds):
    """``2023-05-31T00:26:45.123-07:00``: the time of an answer."""
    return datetime.fromtimestamp(milliseconds / 1000, PACIFIC).isoformat(timespec="milliseconds")


def add_days(day, days):
    return (date.fromisoformat(day) + timedelta(days=days)).isoformat()


def ref(value, name=None):
    """A ReferenceType."""
    return {"value": str(value)} if name is None else {"value": str(value), "name": name}


def ref_value(reference):
    return reference.get("value") if isinstance(reference, dict) else None
