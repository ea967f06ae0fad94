"""Xero's spellings on the wire: dates, numbers, identifiers (provider_facts A5)."""

import re
import uuid
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

from ..common.clock import EPOCH
from ..common.numbers import CENT, round_to

ZERO_GUID = "00000000-0000-0000-0000-000000000000"
FOUR = Decimal("0.0001")
SIX = Decimal("0.000001")
TEN = Decimal("0.0000000001")
GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def new_guid():
    return str(uuid.uuid4())


def as_guid(value):
    """The lower-case GUID in ``value``, or None."""
    text = str(value).strip().strip("{}") if isinstance(value, str) else ""
    return text.lower() if GUID.fullmatch(text) else None


def money(value):
    return round_to(Decimal(value), CENT)


def ms_date(day):
    """``2019-07-22`` → ``/Date(1563753600000+0000)/``."""
    value = datetime.combine(date.fromisoformat(day), datetime.min.time(), timezone.utc)
    return f"/Date({int((value - EPOCH).total_seconds()) * 1000}+0000)/"


def date_string(day):
    return f"{day}T00:00:00"


def ms_time(milliseconds):
    return f"/Date({milliseconds}+0000)/"


def ms_time_bare(milliseconds):
    """Without ``+0000``: DateTimeUTC, Organisation.CreatedDateUTC, Items.UpdatedDateUTC."""
    return f"/Date({milliseconds})/"


def to_datetime(milliseconds):
    return EPOCH + timedelta(milliseconds=milliseconds)


def time_string(milliseconds):
    """``2019-03-11T17:58:46Z``: UpdatedDateUTCString (A5)."""
    return to_datetime(milliseconds).strftime("%Y-%m-%dT%H:%M:%SZ")


def seven_digits(milliseconds):
    """``2020-03-18T21:20:07.7179250``: the times of /connections, seven digits and no zone (A1)."""
    return to_datetime(milliseconds).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0"


def parse_day(value):
    """A date as clients send it → ``YYYY-MM-DD``; None when it is no date."""
    if not isinstance(value, str):
        return None
    match = re.fullmatch(r"/Date\((-?\d+)([+-]\d{4})?\)/", value.strip())
    if match:
        return to_datetime(int(match[1])).date().isoformat()
    match = re.fullmatch(r"(\d{4}-\d\d-\d\d)([T ].*)?", value.strip())
    if not match:
        return None
    try:
        return date.fromisoformat(match[1]).isoformat()
    except ValueError:
        return None


def parse_since(value):
    """If-Modified-Since in RFC 1123 or ISO form → milliseconds, or None when it is neither (A4, C3)."""
    if not value:
        return None
    text = value.strip()
    try:
        moment = datetime.strptime(text, "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=timezone.utc)
    except ValueError:
        text = re.sub(
            r"(\.\d{6})\d+", r"\1", text.replace("Z", "+00:00").replace(" ", "T" if "T" not in text else "+")
        )
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=timezone.utc)
    return int((moment - EPOCH).total_seconds() * 1000)
