"""Files attached to invoices: the multipart upload, what it refuses, and where the files show."""

import json

import pytest
from qbo_kit import sales_line

from simulators.common import jsonio

PDF = b"%PDF-1.7 made up \x00\xff\xfe\r\nmore\n%%EOF"


@pytest.fixture
def invoice(qbo_us):
    (customer,) = qbo_us.query("select * from Customer where DisplayName = 'Town Council'")["Customer"]
    return qbo_us.post("Invoice", {"CustomerRef": {"value": customer["Id"]}, "Line": [sales_line(10)]})


def metadata(invoice, **values):
    reference = {"EntityRef": {"type": "Invoice", "value": invoice["Id"]}, "IncludeOnSend": True}
    return {"FileName": "INV 1.pdf", "ContentType": "application/pdf", "AttachableRef": [reference], **values}


def upload(company, *files, **params):
    """``files``: pairs of metadata (or None) and content."""
    parts = []
    for number, (values, content) in enumerate(files, 1):
        if values is not None:
            parts.append((f"file_metadata_{number:02d}", (None, json.dumps(values), "application/json")))
        parts.append((f"file_content_{number:02d}", ("sent.pdf", content, "application/pdf")))
    address = f"{company.server.base_url}/v3/company/{company.realm}/upload"
    return company.session.post(address, files=parts, params=params, timeout=10)


def test_a_file_of_an_invoice(qbo_us, invoice):
    answer = upload(qbo_us, (metadata(invoice), PDF))
    assert answer.status_code == 200, answer.text
    (entry,) = jsonio.loads(answer.content)["AttachableResponse"]
    file = entry["Attachable"]
    assert (file["FileName"], file["ContentType"], file["Size"]) == ("INV 1.pdf", "application/pdf", len(PDF))
    assert file["AttachableRef"][0]["EntityRef"] == {"value": invoice["Id"], "type": "Invoice"}
    assert file["AttachableRef"][0]["IncludeOnSend"] is True
    assert qbo_us.get(f"attachable/{file['Id']}")["Attachable"] == file
    query = f"select * from Attachable where AttachableRef.EntityRef.value = '{invoice['Id']}'"  # noqa: S608, our own
    assert qbo_us.query(query)["Attachable"] == [file]
    purposes = [entry["purpose"] for entry in qbo_us.server.control("GET", "/_sim/requests")["requests"]]
    assert "attachables.create" in purposes


def test_several_at_once_and_without_metadata(qbo_us, invoice):
    answer = upload(qbo_us, (metadata(invoice, FileName="a.pdf"), b"one"), (None, b"two")).json()
    first, second = (entry["Attachable"] for entry in answer["AttachableResponse"])
    assert (first["FileName"], first["Size"]) == ("a.pdf", 3)
    assert (second["FileName"], second["AttachableRef"]) == ("sent.pdf", [])


def test_a_repeated_requestid_attaches_once(qbo_us, invoice):
    answers = [upload(qbo_us, (metadata(invoice), PDF), requestid="file-1").content for _ in range(2)]
    assert answers[0] == answers[1]
    assert len(qbo_us.query("select * from Attachable")["Attachable"]) == 1


def test_what_is_refused(qbo_us, invoice):
    unknown = [{"EntityRef": {"type": "Invoice", "value": "999999"}}]
    assert qbo_us.fault(upload(qbo_us, (metadata(invoice, AttachableRef=unknown), PDF)))[0] == "2500"
    assert qbo_us.fault(upload(qbo_us, (metadata(invoice, FileName=" "), PDF)))[0] == "2020"
    assert qbo_us.fault(upload(qbo_us, (metadata(invoice, FileName="x" * 1001), PDF)))[0] == "2050"
    assert qbo_us.fault(upload(qbo_us, (metadata(invoice), b"")))[0] == "6000"
    assert qbo_us.fault(upload(qbo_us, (metadata(invoice, Nonsense="1"), PDF)))[0] == "2010"
    assert qbo_us.fault(qbo_us.call("POST", "upload", b"no multipart"))[0] == "2010"
    assert qbo_us.refused("Attachable", metadata(invoice))[0] == "500"
    assert "Attachable" not in qbo_us.query("select * from Attachable")


def test_it_is_taken_away(qbo_us, invoice):
    answer = upload(qbo_us, (metadata(invoice), PDF)).json()
    file = answer["AttachableResponse"][0]["Attachable"]
    changed = qbo_us.post("Attachable", {"Id": file["Id"], "SyncToken": file["SyncToken"], "Note": "final"})
    assert changed["Note"] == "final"
    wanted = {"Id": file["Id"], "SyncToken": changed["SyncToken"]}
    assert qbo_us.post("Attachable", wanted, operation="delete")["status"] == "Deleted"
    assert "Attachable" not in qbo_us.query("select * from Attachable")
