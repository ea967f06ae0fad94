"""Files attached to invoices and credit notes (provider_facts A10): raw bytes in, at most 10 to a document.

Messages marked (ours) have no source; clients are not to match on their words.
"""

import base64
import mimetypes
import re

from aiohttp import web

from .errors import NotFound, Refused
from .wire import as_guid

MAX_FILES, MAX_BYTES, MAX_NAME = 10, 10 * 1024 * 1024, 255
FORBIDDEN = re.compile(r'[<>:"/\\|?*+]')


def document_of(ledger, identifier):
    """Id of the invoice or credit note that files are attached to.

    :raise NotFound: there is none
    """
    key = as_guid(identifier)
    if key not in ledger.invoices and key not in ledger.credit_notes:
        raise NotFound
    return key


def of(ledger, document_id):
    """The files of a document, in the order in which they came."""
    return [ledger.attachments.get(key) for key in ledger.attachments_of.ids(document_id)]


def named(ledger, document_id, name):
    """The file of that name, or of that AttachmentID.

    :raise NotFound: there is none
    """
    for one in of(ledger, document_id):
        if one["FileName"].casefold() == name.casefold() or one["AttachmentID"] == as_guid(name):
            return one
    raise NotFound


def save(ledger, document_id, name, content, content_type, include_online):
    """Attach a file; one of the same name takes the place of the former one [GK].

    :raise Refused: its name, its size, or too many of them
    """
    messages = []
    if not name.strip() or len(name) > MAX_NAME or FORBIDDEN.search(name):
        messages.append('The file name must not be empty nor contain any of < > : " / \\ | ? * +')  # (ours)
    if not content:
        messages.append("The attachment is empty.")  # (ours)
    if len(content) > MAX_BYTES:
        messages.append("The attachment is larger than 10 MB.")  # (ours)
    same = next(
        (one for one in of(ledger, document_id) if one["FileName"].casefold() == name.casefold()), None
    )
    if same is None and len(ledger.attachments_of.ids(document_id)) >= MAX_FILES:
        messages.append(f"A document cannot have more than {MAX_FILES} attachments.")  # (ours)
    if messages:
        raise Refused(*messages)
    if content_type in ("", "application/octet-stream"):
        content_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    saved = {
        "AttachmentID": same["AttachmentID"] if same else ledger.new_id(),
        "DocumentID": document_id,
        "FileName": name,
        "MimeType": content_type,
        "ContentLength": len(content),
        "IncludeOnline": include_online,
        "Content": base64.b64encode(content).decode(),
    }
    ledger.attachments.put(saved["AttachmentID"], saved)
    return saved


def render(ledger, attachment, origin=""):
    kind = "Invoices" if attachment["DocumentID"] in ledger.invoices else "CreditNotes"
    return {
        "AttachmentID": attachment["AttachmentID"],
        "FileName": attachment["FileName"],
        "Url": f"{origin}/api.xro/2.0/{kind}/{attachment['DocumentID']}/Attachments/{attachment['FileName']}",
        "MimeType": attachment["MimeType"],
        "ContentLength": attachment["ContentLength"],
        "IncludeOnline": attachment["IncludeOnline"],
    }


def download(attachment):
    return web.Response(body=base64.b64decode(attachment["Content"]), content_type=attachment["MimeType"])
