"""Pages for a person, over HTTP and in a real browser where there is one."""

import os
import shutil
from pathlib import Path

import pytest
import requests
from conftest import CALLBACK, ROOT, SCOPES


@pytest.fixture
def books(us, invoice, sim):
    """(address of the organisation's pages, an invoice, the contact's id)."""
    made = us.put(
        "Invoices",
        invoice(
            InvoiceNumber="INV/1",
            LineItems=[
                {"ItemCode": "VALVE-15", "Quantity": 3, "DiscountRate": 10},
                {
                    "Description": "<b>bold</b> & long " + "x" * 300,
                    "UnitAmount": 12345.67,
                    "AccountCode": "200",
                },
            ],
        ),
        unitdp=4,
    )[0]
    code = us.get("Organisation")["Organisations"][0]["ShortCode"]
    return f"{sim.base_url}/app/{code}", made, made["Contact"]["ContactID"]


def _get(address, status=200):
    answer = requests.get(address, timeout=5)
    assert answer.status_code == status
    assert answer.headers["Content-Type"].startswith("text/html")
    return answer.text


def _post(address, **form):
    answer = requests.post(address, data=form, timeout=5)
    assert answer.status_code == 200
    return answer.text


def test_unknown_pages_are_a_sentence(books, sim):
    home, _, _ = books
    for address in (
        f"{sim.base_url}/app/!nope0",
        f"{home}/invoicing/view/nonsense",
        f"{home}/contacts/contact/11111111-1111-1111-1111-111111111111",
        f"{home}/items/11111111-1111-1111-1111-111111111111",
    ):
        assert 'id="missing"' in _get(address, 404)
    assert (
        requests.post(f"{home}/invoicing/view/nonsense", data={"action": "void"}, timeout=5).status_code
        == 404
    )


def test_start_page_lists_organisations_and_connections(books, sim):
    page = _get(sim.base_url)
    for name in ("Riverside Plumbing Pty Ltd", "Thames Heating Ltd", "Lakeside Field Services LLC"):
        assert name in page
    assert "by bookkeeper@example.com" in page


def test_deep_link_to_an_invoice_shows_lines_tax_and_totals(books):
    home, made, _ = books
    page = _get(f"{home}/invoicing/view/{made['InvoiceID']}")
    for text in (
        "INV/1",
        "Town Council",
        "Isolation valve 15 mm",
        "7.3350",
        "10 %",
        "19.80",
        "Tax on Sales 15%",
    ):
        assert text in page
    assert "&lt;b&gt;bold&lt;/b&gt; &amp; long" in page
    assert f'id="invoice-total">{made["Total"]:,} USD<' in page


def test_deep_link_to_a_contact(books):
    home, _, contact = books
    page = _get(f"{home}/contacts/contact/{contact}")
    assert "Town Council" in page
    assert "INV/1" in page
    assert "TC-0099" in page


def test_lists_and_search(books):
    home, _, _ = books
    assert "O&#39;Brien &amp; Sons" in _get(f"{home}/contacts")
    assert "No contact matches." in _get(f"{home}/contacts?q=nobody%22%3E")
    assert "Town Council" not in _get(f"{home}/contacts?q=azure")
    assert "VALVE-15" in _get(f"{home}/items?q=15%20mm")
    assert "INV/1" in _get(f"{home}/invoicing?q=town")
    assert "Invoices awaiting payment" in _get(home)


def test_leafing_through_many_contacts(sim, us, tenants):
    sim.control("POST", "/_sim/reset", {"seed": "empty", "contacts": 120, "organisations": ["US"]})
    home = f"{sim.base_url}/app/!lKd4P/contacts"
    assert 'id="next-page"' in _get(home)
    assert "Page 3 of 3" in _get(f"{home}?page=3")
    assert "Page 1 of 3" in _get(f"{home}?page=nonsense")


def test_void_approve_delete_and_pay(books, us, invoice):
    home, made, _ = books
    address = f"{home}/invoicing/view/{made['InvoiceID']}"
    assert "greater than zero" in _post(address, action="pay", amount="0")
    assert "exceeds the amount outstanding" in _post(address, action="pay", amount="99999")
    paid = _post(
        address, action="pay", amount="10", account="091", date="2026-10-01", reference="By <b>hand</b>"
    )
    assert "The payment is recorded." in paid
    assert "091 Business Savings Account" in paid
    assert "By &lt;b&gt;hand&lt;/b&gt;" in paid
    assert "payments or credit notes" in _post(address, action="void")
    (payment,) = us.get("Payments")["Payments"]
    assert payment["Reference"] == "By <b>hand</b>"
    gone = _post(address, action="unpay", payment=payment["PaymentID"])
    assert "The payment is removed." in gone
    assert 'id="payments"' not in gone
    assert "There is no such payment" in _post(address, action="unpay", payment="nonsense")
    draft, other = us.put("Invoices", invoice(Status="DRAFT"), invoice(Status="DRAFT"))
    assert "approved" in _post(f"{home}/invoicing/view/{draft['InvoiceID']}", action="approve")
    assert "void" in _post(f"{home}/invoicing/view/{draft['InvoiceID']}", action="void")
    assert "deleted" in _post(f"{home}/invoicing/view/{other['InvoiceID']}", action="delete")
    assert "approve, void, delete" in _post(address, action="explode")
    statuses = {i["InvoiceID"]: i["Status"] for i in us.get("Invoices")["Invoices"]}
    assert statuses == {
        made["InvoiceID"]: "AUTHORISED",
        draft["InvoiceID"]: "VOIDED",
        other["InvoiceID"]: "DELETED",
    }


def test_edit_an_invoice(books, us):
    home, made, _ = books
    address = f"{home}/invoicing/view/{made['InvoiceID']}"
    assert "The invoice is saved." in _post(address, action="save", Reference="PO 4711", DueDate="2030-01-31")
    assert "The DueDate is not a valid date." in _post(address, action="save", Reference="", DueDate="soon")
    kept = us.get(f"Invoices/{made['InvoiceID']}")["Invoices"][0]
    assert (kept["Reference"], kept["DueDateString"][:10]) == ("PO 4711", "2030-01-31")
    assert [line["LineItemID"] for line in kept["LineItems"]] == [
        line["LineItemID"] for line in made["LineItems"]
    ]
    _post(address, action="save", Reference="", DueDate="")
    kept = us.get(f"Invoices/{made['InvoiceID']}")["Invoices"][0]
    assert (kept["Reference"], kept["DueDateString"][:10]) == ("", "2030-01-31")
    _post(address, action="void")
    assert 'id="edit-reference"' not in _get(address)


def test_lock_and_open_the_books(books, us):
    home, made, _ = books
    address = f"{home}/invoicing/view/{made['InvoiceID']}"
    assert "Locked up to 2099-12-31." in _post(home, PeriodLockDate="2099-12-31")
    assert us.get("Organisation")["Organisations"][0]["PeriodLockDate"]
    assert "period lock date" in _post(address, action="save", Reference="Late")
    assert "not a valid date" in _post(home, PeriodLockDate="soon")
    assert "Nothing is locked any more." in _post(home, PeriodLockDate="")
    assert "The invoice is saved." in _post(address, action="save", Reference="Late")


def test_archive_restore_and_edit_a_contact(books, us):
    home, _, contact = books
    address = f"{home}/contacts/contact/{contact}"
    assert 'id="contact-restore"' in _post(address, ContactStatus="ARCHIVED")
    assert 'id="contact-archive"' in _post(address, ContactStatus="ACTIVE")
    assert "already assigned" in _post(address, Name="Azure Interior")
    assert "Email address must be valid." in _post(address, Name="Town Council", EmailAddress="x")
    assert "The contact is saved." in _post(address, Name="City Council", EmailAddress="c@council.example")
    assert us.contact("City Council")["EmailAddress"] == "c@council.example"


def test_merge_a_contact(books, us):
    home, _, contact = books
    other = us.contact("Azure Interior")["ContactID"]
    address = f"{home}/contacts/contact/{contact}"
    assert "A merge needs two contacts" in _post(address, action="merge", into="nobody")
    merged = _post(address, action="merge", into=other)
    assert "The contacts are merged into this one." in merged
    assert "Azure Interior" in merged
    gone = us.get(f"Contacts/{contact}")["Contacts"][0]
    assert (gone["ContactStatus"], gone["MergedToContactID"]) == ("ARCHIVED", other)


def test_add_a_contact(books, us):
    home, _, _ = books
    assert "The contact is added." in _post(f"{home}/contacts", Name="By Hand", EmailAddress="")
    assert us.contact("By Hand")
    assert 'class="error"' in _post(f"{home}/contacts", Name="By Hand")


def test_change_and_delete_an_item(books, us):
    home, _, _ = books
    item = us.get("Items/LABOUR")["Items"][0]
    address = f"{home}/items/{item['ItemID']}"
    assert "UnitPrice must be a number" in _post(address, Name="Labour", price="dear", action="save")
    assert "99.1250" in _post(address, Name="Labour", price="99.125", action="save")
    assert str(us.get("Items/LABOUR", unitdp=4)["Items"][0]["SalesDetails"]["UnitPrice"]) == "99.1250"
    assert "The item is deleted." in _post(address, action="delete")
    assert us.call("GET", "Items/LABOUR").status_code == 404


def test_style_and_icon(sim):
    assert (
        requests.get(f"{sim.base_url}/static/books.css", timeout=5)
        .headers["Content-Type"]
        .startswith("text/css")
    )
    assert (
        requests.get(f"{sim.base_url}/favicon.ico", timeout=5)
        .headers["Content-Type"]
        .startswith("image/svg+xml")
    )


# === IN A BROWSER === #


def _chromium():
    return next(
        (
            path
            for path in (str(ROOT / ".dev/bin/chromium"), shutil.which("chromium"))
            if path and Path(path).exists()
        ),
        None,
    )


@pytest.fixture
def screen():
    """``screen(width)`` → a page of that width; ends with what the console complained about, which must be nothing."""
    sync_api = pytest.importorskip("playwright.sync_api")
    program = _chromium()
    if program is None:
        pytest.skip("There is no Chromium here.")
    complaints = []
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox"] if os.geteuid() == 0 else []
        )

        def open_page(width):
            page = browser.new_page(viewport={"width": width, "height": 800})
            page.on(
                "console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None
            )
            page.on("pageerror", lambda error: complaints.append(str(error)))
            return page

        yield open_page
        browser.close()
    assert complaints == []


def _no_overflow(page):
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{page.url} is {wide} pixels too wide"


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 390])
def test_consent_and_books_in_a_browser(screen, books, sim, width, us):
    home, made, contact = books
    page = screen(width)
    page.route(
        f"{CALLBACK}**", lambda route: route.fulfill(status=200, content_type="text/html", body="back")
    )
    query = f"response_type=code&client_id=fieldpromax-demo&redirect_uri={CALLBACK}&scope={SCOPES}&state=abc"
    page.goto(f"{sim.base_url}/identity/connect/authorize?{query}")
    _no_overflow(page)
    page.fill("#username", "bookkeeper@example.com")
    page.fill("#password", "wrong")
    page.click("#login-submit")
    assert page.inner_text("#login-error") == "Your email or password is incorrect"
    page.fill("#password", "demo")
    page.click("#login-submit")
    _no_overflow(page)
    page.check("#organisation-US")
    page.click("#consent-allow")
    page.wait_for_url(f"{CALLBACK}**")
    assert "code=" in page.url
    assert "state=abc" in page.url
    item = us.get("Items/LABOUR")["Items"][0]["ItemID"]
    for address in (
        sim.base_url,
        home,
        f"{home}/contacts",
        f"{home}/contacts/contact/{contact}",
        f"{home}/items",
        f"{home}/items/{item}",
        f"{home}/invoicing",
        f"{home}/invoicing/view/{made['InvoiceID']}",
    ):
        page.goto(address)
        _no_overflow(page)
    assert page.inner_text("#invoice-number") == "INV/1"
    page.click("#invoice-void")
    assert page.inner_text("#message") == "The invoice is void."
