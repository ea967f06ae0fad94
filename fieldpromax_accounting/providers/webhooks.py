"""Webhooks, as far as providers are alike: who rang is proved by a signature over the raw body, and what rang is a list
of names. A ring is no news by itself: what changed is read afterwards, through the API (facts A12, B14)."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import b64encode
from collections.abc import Mapping


def signature(body: bytes, key: str) -> str:
    """Base64 of the HMAC-SHA256 over the raw body: what Xero and Intuit send along."""
    return b64encode(hmac.new(key.encode('utf-8', 'replace'), body, hashlib.sha256).digest()).decode()


def is_signed(body: bytes, given: str, key: str) -> bool:
    """Is ``given`` the signature of ``body`` under ``key``? Compared in constant time, whatever ``given`` holds.

    Without a key, nothing is signed.
    """
    if not key:
        return False
    # As bytes: compare_digest refuses texts beyond ASCII, and a header may hold any.
    return hmac.compare_digest(signature(body, key).encode(), given.strip().encode('utf-8', 'replace'))


def header(headers: Mapping[str, str], name: str) -> str:
    """A header by its name, which has no case; '' when it is missing."""
    return next((value for key, value in headers.items() if key.lower() == name.lower()), '')


def parse(body: bytes):
    """The JSON in ``body``; None when it is none."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def dicts(value) -> list[dict]:
    """The objects of a list, [] for anything else."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def word(element: dict, key: str) -> str:
    """A text or a whole number as text; '' for anything else, so that one odd event spoils no other.

    Control characters and halves of characters are odd too: no database takes them.
    """
    value = element.get(key)
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return ''
    value = str(value).strip()
    return value if value.isprintable() else ''
