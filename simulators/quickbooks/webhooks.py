"""Webhooks of QuickBooks Online (B14) in both forms: ``classic`` (eventNotifications) and ``cloudevents``."""

import secrets
import uuid
from datetime import datetime, timezone

from .state import COLLECTIONS
from .wire import stamp

FORMS = ("cloudevents", "classic")
#: what there are webhooks for, of what is simulated
TOLD = ("Customer", "Vendor", "Employee", "Item", "Invoice", "CreditMemo", "Payment", "Account", "Term")
KINDS = {COLLECTIONS[kind]: kind for kind in TOLD}
#: operation of the classic form → word of a CloudEvents type
WORDS = {
    "Create": "created",
    "Update": "updated",
    "Delete": "deleted",
    "Void": "voided",
    "Emailed": "emailed",
    "Merge": "merged",
}


def events_of(changes, realms):
    """One event for each change, in companies of ``realms``; a merge is one event, told of the one that stays."""
    merged = {}  # (realm, id that stays) → ids that are gone
    for collection, _key, _old, new in changes:
        realm, _, name = collection.partition("/")
        if name == "deleted" and new and new.get("into"):
            merged.setdefault((realm, new["into"]), []).append(new["Id"])
    gone = {(realm, loser) for (realm, _winner), losers in merged.items() for loser in losers}
    events = []
    for collection, key, old, new in changes:
        realm, _, name = collection.partition("/")
        kind = KINDS.get(name)
        if realm not in realms or kind is None or (kind == "Customer" and (realm, key) in gone):
            continue
        event = {"realm": realm, "kind": kind, "id": key, "at": (new or old)["_updated"], "loser": None}
        losers = merged.get((realm, key), ()) if kind == "Customer" else ()
        events += [{**event, "operation": "Merge", "loser": loser} for loser in losers]
        operation = _operation(old, new)
        if operation and not losers:
            events.append({**event, "operation": operation})
    return events


def _operation(old, new):
    """What was done to a document; None when no more than a derived value changed."""
    if old is None:
        return "Create"
    if new is None:
        return "Delete"
    if old.get("SyncToken") == new.get("SyncToken"):
        return None
    if new.get("_void") and not old.get("_void"):
        return "Void"
    if new.get("EmailStatus") == "EmailSent" and old.get("EmailStatus") != "EmailSent":
        return "Emailed"
    return "Update"


def body_of(events, form):
    if form == "cloudevents":
        return [_cloud_event(event) for event in events]
    realms = dict.fromkeys(event["realm"] for event in events)
    return {
        "eventNotifications": [
            {
                "realmId": realm,
                "dataChangeEvent": {
                    "entities": [_entity(event) for event in events if event["realm"] == realm]
                },
            }
            for realm in realms
        ]
    }


def _entity(event):
    entity = {
        "name": event["kind"],
        "id": event["id"],
        "operation": event["operation"],
        "lastUpdated": stamp(event["at"]),
    }
    return {**entity, "deletedId": event["loser"]} if event["loser"] else entity


def _cloud_event(event):
    return {
        "specversion": "1.0",
        "id": str(uuid.uuid4()),
        "source": f"intuit.{secrets.token_urlsafe(32)}=",
        "type": f"qbo.{event['kind'].lower()}.{WORDS[event['operation']]}.v1",
        "datacontenttype": "application/json",
        "time": datetime.fromtimestamp(event["at"], timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "intuitentityid": event["id"],
        "intuitaccountid": event["realm"],
        "data": {"deletedid": event["loser"]} if event["loser"] else {},
    }
