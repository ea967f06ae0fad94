"""Files attached to invoices and credit notes (provider_facts A10): raw bytes, names, sizes, how many, the scope."""

import contract
import pytest

from simulators.common import jsonio

PDF = b"%PDF-1.7 made up\n%%EOF"


@pytest.fixture
def attach(us):
    def send(document, name, content=PDF, kind="Invoices", method="PUT", mime="application/pdf", **params):
        return us.session.request(
            method,
            f"{us.server.base_url}/api.xro/2.0/{kind}/{document}/Attachments/{name}",
            data=content,
            params=params,
            headers={"Content-Type": mime},
            timeout=10,
        )

    return send


def messages(answer):
    assert answer.status_code == 400, answer.text
    return [error["Message"] for error in answer.json()["Elements"][0]["ValidationErrors"]]


def test_a_file_of_an_invoice(us, attach, invoice):
    made = us.put("Invoices", invoice())[0]
    answer = attach(made["InvoiceID"], "INV-1%20final.pdf", IncludeOnline="true")
    assert answer.status_code == 200, answer.text
    body = jsonio.loads(answer.content)
    form = {**contract.ENVELOPE, "Attachments": [contract.ATTACHMENT]}
    assert contract.violations(body, form) == []
    one = body["Attachments"][0]
    assert (one["FileName"], one["MimeType"], one["ContentLength"]) == (
        "INV-1 final.pdf",
        "application/pdf",
        len(PDF),
    )
    assert one["IncludeOnline"] is True
    listed = us.get(f"Invoices/{made['InvoiceID']}/Attachments")["Attachments"]
    assert listed == [one]
    got = us.call("GET", f"Invoices/{made['InvoiceID']}/Attachments/INV-1%20final.pdf")
    assert (got.content, got.headers["Content-Type"]) == (PDF, "application/pdf")
    again = us.get(f"Invoices/{made['InvoiceID']}")["Invoices"][0]
    assert again["HasAttachments"] is True
    assert [file["AttachmentID"] for file in again["Attachments"]] == [one["AttachmentID"]]
    purposes = [entry["purpose"] for entry in us.server.control("GET", "/_sim/requests")["requests"]]
    assert purposes[-4:] == ["attachments.create", "attachments.list", "attachments.read", "invoices.read"]


def test_a_file_of_a_credit_note_takes_the_place_of_its_namesake(us, attach, invoice):
    note = us.put("CreditNotes", invoice(Type="ACCRECCREDIT", DueDate=None))[0]
    assert note["HasAttachments"] is False
    first = attach(note["CreditNoteID"], "a.txt", b"one", kind="CreditNotes", mime="").json()["Attachments"][
        0
    ]
    second = attach(note["CreditNoteID"], "A.TXT", b"second", kind="CreditNotes", method="POST").json()
    assert second["Attachments"][0]["AttachmentID"] == first["AttachmentID"]
    assert "/CreditNotes/" in first["Url"]
    assert us.get(f"CreditNotes/{note['CreditNoteID']}")["CreditNotes"][0]["HasAttachments"] is True
    got = us.call("GET", f"CreditNotes/{note['CreditNoteID']}/Attachments/{first['AttachmentID']}")
    assert got.content == b"second"


def test_what_is_refused(us, attach, invoice):
    made = us.put("Invoices", invoice())[0]["InvoiceID"]
    assert "file name" in messages(attach(made, "a%2Ab.pdf"))[0]
    assert "empty" in messages(attach(made, "empty.pdf", b""))[0]
    for number in range(10):
        assert attach(made, f"{number}.pdf").status_code == 200
    assert "more than 10" in messages(attach(made, "11.pdf"))[0]
    assert attach(made, "3.pdf", b"another").status_code == 200
    assert attach("00000000-0000-0000-0000-000000000001", "a.pdf").status_code == 404
    assert us.call("GET", f"Invoices/{made}/Attachments/none.pdf").status_code == 404
    assert us.call("DELETE", f"Invoices/{made}/Attachments/1.pdf").status_code == 405
    assert us.call("GET", "Attachments").status_code == 404


def test_without_the_scope(us, connect, invoice):
    made = us.put("Invoices", invoice())[0]["InvoiceID"]
    other = connect("US", email="owner@example.com", scopes=["accounting.invoices"])
    answer = other.call("PUT", f"Invoices/{made}/Attachments/a.pdf", "x")
    assert answer.status_code == 401
    assert answer.json()["Detail"] == "AuthorizationUnsuccessful"


def test_a_repeated_key_attaches_once(us, invoice):
    made = us.put("Invoices", invoice())[0]["InvoiceID"]
    address = f"{us.server.base_url}/api.xro/2.0/Invoices/{made}/Attachments/a.pdf"
    headers = {"Idempotency-Key": "attach-1", "Content-Type": "application/pdf"}
    answers = [us.session.put(address, data=PDF, headers=headers, timeout=10) for _ in range(2)]
    assert answers[0].content == answers[1].content
    assert us.session.put(address, data=b"other", headers=headers, timeout=10).status_code == 400


def test_the_state_lists_them(us, attach, invoice):
    made = us.put("Invoices", invoice())[0]["InvoiceID"]
    attach(made, "INV-1.pdf")
    state = us.server.control("GET", "/_sim/state?tenant=US&entities=attachments")
    assert [one["FileName"] for one in next(iter(state["organisations"].values()))["attachments"]] == [
        "INV-1.pdf"
    ]
