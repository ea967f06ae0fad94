"""Files attached to invoices, credit memos and customers: the upload endpoint and the Attachable entity.

Form of the upload and of its answer: python-quickbooks (``make_request`` with a file) and the XSD
(``AttachableResponse``).
Codes and words marked (ours) have no source; clients are not to match on their words.
"""

import base64
from email import message_from_bytes

from ..common import jsonio
from .errors import Refused, bad_reference, missing
from .fields import SHAPES, fit
from .state import metadata
from .wire import ref_value

MAX_BYTES, MAX_NAME = 100 * 1024 * 1024, 1000
ATTACHED_TO = ("Invoice", "CreditMemo", "Payment", "Customer", "Item")


def parts_of(body, content_type):
    """Name → (content type, bytes) of a multipart body; files and their metadata are told apart by their names.

    :raise Refused: it is none
    """
    message = message_from_bytes(f"Content-Type: {content_type}\n\n".encode("latin-1", "replace") + body)
    found = {}
    for part in message.get_payload() if message.is_multipart() else ():
        name = part.get_param("name", header="content-disposition")
        if name:
            found[str(name)] = (
                part.get_content_type(),
                part.get_payload(decode=True) or b"",
                part.get_filename(),
            )
    if not found:
        raise Refused(
            "2010", "Property Name:failed to parse multipart body; file_content_01 is expected"
        )  # (ours)
    return found


def upload(books, body, content_type):
    """The ``AttachableResponse`` of an upload: one entry for each file, in the order of their numbers."""
    parts = parts_of(body, content_type)
    numbers = sorted(name.removeprefix("file_content_") for name in parts if name.startswith("file_content_"))
    if not numbers:
        raise missing("file_content_01")
    return {
        "AttachableResponse": [
            {"Attachable": render(books, _save(books, parts, number))} for number in numbers
        ]
    }


def _save(books, parts, number):
    kind, content, file_name = parts[f"file_content_{number}"]
    values = {}
    if f"file_metadata_{number}" in parts:
        try:
            values = jsonio.loads(parts[f"file_metadata_{number}"][1].decode("utf-8-sig"))
        except (ValueError, RecursionError):
            raise Refused("2010", "Property Name:failed to parse json object; file_metadata") from None
        values = fit(values, SHAPES["Attachable"], "Attachable")
    name = values.get("FileName") or file_name or ""
    if not name.strip():
        raise missing("FileName")
    if len(name) > MAX_NAME:
        raise Refused("2050", f"FileName is longer than {MAX_NAME} characters.", "FileName")
    if not content or len(content) > MAX_BYTES:
        raise Refused("6000", "The file is empty or larger than 100 MB.", "file_content")  # (ours)
    return books.put(
        "Attachable",
        {
            "FileName": name,
            "ContentType": values.get("ContentType") or kind,
            "Note": values.get("Note", ""),
            "Size": len(content),
            "AttachableRef": _references(books, values),
            "_content": base64.b64encode(content).decode(),
        },
    )


def _references(books, values):
    references = []
    for entry in values.get("AttachableRef", []):
        target = entry.get("EntityRef", {})
        kind = next(
            (one for one in ATTACHED_TO if one.casefold() == str(target.get("type", "")).casefold()), None
        )
        if kind is None or ref_value(target) not in books.of(kind):
            raise bad_reference("Txn", ref_value(target), "AttachableRef")
        references.append(
            {
                "EntityRef": {"value": ref_value(target), "type": kind},
                "IncludeOnSend": bool(entry.get("IncludeOnSend", False)),
            }
        )
    return references


def save(books, values, document):
    """Change the note or what it is attached to; a file comes by :func:`upload` alone."""
    if document is None:
        raise Refused(
            "500", "Unsupported Operation : Attachable without a file cannot be created here."
        )  # (ours)
    changed = {**document}
    if "Note" in values:
        changed["Note"] = values["Note"]
    if "AttachableRef" in values:
        changed["AttachableRef"] = _references(books, values)
    return books.put("Attachable", changed)


def delete(books, document):
    books.remove("Attachable", document)


def of(books, kind, key):
    """The files of a document."""
    wanted = {"value": key, "type": kind}
    return [
        document
        for document in books.of("Attachable").values()
        if any(entry["EntityRef"] == wanted for entry in document["AttachableRef"])
    ]


def render(books, document):
    return {
        "domain": "QBO",
        "sparse": False,
        "Id": document["Id"],
        "SyncToken": document["SyncToken"],
        "MetaData": metadata(document),
        "FileName": document["FileName"],
        "ContentType": document["ContentType"],
        "Size": document["Size"],
        "FileAccessUri": f"/v3/company/{books.realm}/download/{document['Id']}",
        **({"Note": document["Note"]} if document["Note"] else {}),
        "AttachableRef": document["AttachableRef"],
    }


def attached_to(part):
    """Getter of ``AttachableRef.EntityRef.value`` or ``.type`` for queries: of the first document."""
    return lambda _books, document: next(
        (entry["EntityRef"][part] for entry in document["AttachableRef"]), None
    )
