"""What every write has in common: create, sparse and full update, SyncToken (provider_facts B6)."""

from .errors import Refused, missing, not_found
from .fields import is_empty

OURS = {"Id", "SyncToken", "MetaData", "domain", "sparse", "status"}
STALE = (
    "Stale Object Error : You and {user} were working on this at the same time. {user} finished before "
    "you did, so your work was "
    "not saved."
)


def existing(books, kind, values):
    """The document that an update, void or delete speaks of.

    :raise Refused: 610 when there is none, 2020 without SyncToken, 5010 when the SyncToken is an old one
    """
    document = books.of(kind).get(values["Id"])
    if document is None:
        raise not_found(
            "Another user has deleted this transaction."
            if f"{kind} {values['Id']}" in books.deleted
            else "Something "
            "you're trying to use has been made inactive. Check the fields with accounts, customers, items, "
            "vendors or employees."
        )
    if values.get("SyncToken") in (None, ""):
        raise missing("SyncToken")
    if values["SyncToken"] != document["SyncToken"]:
        raise Refused("5010", STALE.format(user="Casey Brook"))
    return document


def merged(document, values, read_only=()):
    """The new document: a sparse update changes what is sent, a full one drops every writable property that is
    not sent."""
    sent = {name: value for name, value in values.items() if name not in OURS and name not in read_only}
    if document is None:
        base = {}
    elif values.get("sparse") is True:
        base = document
    else:
        base = {
            name: value
            for name, value in document.items()
            if name.startswith("_") or name in OURS or name in read_only
        }
    return {name: value for name, value in {**base, **sent}.items() if name in OURS or not is_empty(value)}
