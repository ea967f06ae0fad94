"""Xero's webhooks (A12): contacts, invoices and credit notes; nothing for items, accounts and payments."""

import secrets
import string

from .wire import to_datetime

CATEGORIES = {
    "contacts": ("CONTACT", "Contacts", "ContactID"),
    "invoices": ("INVOICE", "Invoices", "InvoiceID"),
    "credit_notes": ("CREDITNOTE", "CreditNotes", "CreditNoteID"),
}


def events_of(changes, tenants):
    """One event for each document that is new or whose UpdatedDateUTC moved, in organisations of ``tenants``."""
    events = []
    for collection, _key, old, new in changes:
        tenant, _, name = collection.partition("/")
        if tenant not in tenants or name not in CATEGORIES or new is None:
            continue
        if old is not None and old["UpdatedDateUTC"] == new["UpdatedDateUTC"]:
            continue
        category, path, id_field = CATEGORIES[name]
        moment = to_datetime(new["UpdatedDateUTC"])
        events.append(
            {
                "resourceUrl": f"https://api.xero.com/api.xro/2.0/{path}/{new[id_field]}",
                "resourceId": new[id_field],
                "tenantId": tenant,
                "tenantType": "ORGANISATION",
                "eventCategory": category,
                "eventType": "CREATE" if old is None else "UPDATE",
                "eventDateUtc": moment.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3],
            }
        )
    return events


def body_of(events, meta):
    """The body that carries them, with the next sequence numbers; without events these are 0 (intent to receive)."""
    first = last = 0
    if events:
        first = (meta.get("webhook_sequence") or {}).get("last", 0) + 1
        last = first + len(events) - 1
        meta.put("webhook_sequence", {"last": last})
    return {
        "events": events,
        "firstEventSequence": first,
        "lastEventSequence": last,
        "entropy": "".join(secrets.choice(string.ascii_uppercase) for _letter in range(20)),
    }
