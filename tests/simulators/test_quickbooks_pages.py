"""The pages for a person: missing records, deep links, the buttons, and that nothing of a name becomes markup."""

import pytest
import requests
from qbo_kit import REALMS, sales_line

EVERY = ("homepage", "customers", "items", "projects", "invoices")


def page(server, path, status=200, **query):
    answer = requests.get(f"{server.base_url}/app/{path}", params=query, timeout=10)
    assert answer.status_code == status, answer.text
    return answer.text


def press(server, path, query, **form):
    answer = requests.post(f"{server.base_url}/app/{path}", params=query, data=form, timeout=10)
    assert answer.status_code == 200, answer.text
    return answer


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("homepage", {"companyId": "1"}),
        ("invoice", {"txnId": "999"}),
        ("invoice", {}),
        ("customerdetail", {"nameId": "999"}),
        ("project", {"projectId": "1"}),
        ("item", {"itemId": "x"}),
        ("recvpayment", {"txnId": "1"}),
    ],
)
def test_missing_records_are_said_so(qbo, path, query):
    assert 'id="missing"' in page(qbo, path, 404, **query)


@pytest.mark.parametrize("tag", sorted(REALMS))
def test_every_page_of_every_company(qbo, tag):
    for path in EVERY:
        text = page(qbo, path, companyId=REALMS[tag])
        assert 'id="company-name"' in text
    state = qbo.control("GET", f"/_sim/state?tenant={tag}&entities=contacts,items")["companies"][REALMS[tag]]
    for customer in state["contacts"]:
        page(qbo, "customerdetail", nameId=customer["Id"], companyId=REALMS[tag])
        if customer["IsProject"]:
            page(qbo, "project", projectId=customer["Id"], companyId=REALMS[tag])
    for item in state["items"]:
        page(qbo, "item", itemId=item["Id"], companyId=REALMS[tag])
    assert ("Projects</a>" in page(qbo, "homepage", companyId=REALMS[tag])) is (tag != "US2")


def test_start_page_lists_companies_and_connections(qbo, qbo_us):
    text = requests.get(f"{qbo.base_url}/", timeout=10).text
    for tag in REALMS:
        assert f'id="open-{tag}"' in text
    assert "bookkeeper@example.com" in text.split('id="connections"')[1]


def test_deep_link_without_company_finds_the_connected_one(qbo, qbo_gb):
    lines = [sales_line(10, TaxCodeRef="2")]
    invoice = qbo_gb.post("Invoice", qbo_gb.invoice(CurrencyRef={"value": "GBP"}, Line=lines))
    text = page(qbo, "invoice", txnId=invoice["Id"])
    assert "Thames Heating Ltd" in text
    assert '<td class="number" id="invoice-total">12.00 GBP</td>' in text
    assert 'id="invoice-tax">2.00<' in text


def test_invoice_page_shows_lines_and_totals_and_its_buttons_work(qbo, qbo_us):
    lines = [
        sales_line("24.69", Qty=2, UnitPrice="12.3456", TaxCodeRef="TAX", description="A <b>bold</b> text")
    ]
    lines.append({"DetailType": "DescriptionOnly", "Description": "Thanks"})
    lines.append(
        {
            "DetailType": "DiscountLineDetail",
            "DiscountLineDetail": {"PercentBased": True, "DiscountPercent": 10},
        }
    )
    project = {"value": qbo_us.customer("Town Hall Roof")["Id"]}
    invoice = qbo_us.post(
        "Invoice", qbo_us.invoice(DocNumber="P-1", Line=lines, ProjectRef=project, DueDate="2099-01-31")
    )
    query = {"txnId": invoice["Id"], "companyId": qbo_us.realm}
    text = page(qbo, "invoice", **query)
    for part in (
        'id="invoice-number">P-1<', "A &lt;b&gt;bold&lt;/b&gt; text", ">12.3456<", 'id="invoice-subtotal">24.69<',
        'id="invoice-discount">-2.47<', 'id="invoice-tax">3.33<', 'id="invoice-total">25.55 USD<', ">Town Hall Roof<",
    ):  # fmt: skip
        assert part in text, part
    assert 'id="invoice-status">open<' in text
    qbo_us.control(invoices=[{"DocNumber": "P-1", "DueDate": "2020-01-31"}])
    assert 'id="invoice-status">overdue<' in page(qbo, "invoice", **query)
    text = press(qbo, "invoice", query, action="pay", amount="5.55").text
    assert 'id="invoice-due">20.00<' in text
    assert 'id="invoice-status">partly paid<' in text
    assert "number above 0" in press(qbo, "invoice", query, action="pay", amount="much").text
    assert "bank or current asset" in press(qbo, "invoice", query, action="pay", amount="1", account="8").text
    payment = qbo_us.query("SELECT * FROM Payment")["Payment"][0]
    assert 'id="payment-total">5.55 USD<' in page(
        qbo, "recvpayment", txnId=payment["Id"], companyId=qbo_us.realm
    )
    other = {"account": "1", "date": "2026-10-03", "reference": "<i>Wire</i>"}
    press(qbo, "invoice", query, action="pay", amount="1", **other)
    there = {"txnId": str(int(payment["Id"]) + 1), "companyId": qbo_us.realm}
    text = page(qbo, "recvpayment", **there)
    for part in ('id="payment-account">Checking<', "&lt;i&gt;Wire&lt;/i&gt;", "2026-10-03", ">P-1<"):
        assert part in text, part
    assert 'id="payment-total">0.00 USD<' in press(qbo, "recvpayment", there, action="void").text
    assert press(qbo, "recvpayment", there, action="delete").url.startswith(f"{qbo.base_url}/app/invoices")
    text = press(qbo, "invoice", query, action="void").text
    assert 'id="invoice-status">void<' in text
    assert 'id="invoice-void"' not in text
    assert press(qbo, "invoice", query, action="delete").url.startswith(f"{qbo.base_url}/app/invoices")
    page(qbo, "invoice", 404, **query)


def test_credit_memo_and_bundle_are_shown(qbo, qbo_us):
    detail = {
        "GroupItemRef": {"value": "10"},
        "Quantity": 1,
        "Line": [sales_line(30, item="5", TaxCodeRef="NON")],
    }
    body = qbo_us.invoice(DueDate=None, Line=[{"DetailType": "GroupLineDetail", "GroupLineDetail": detail}])
    memo = qbo_us.post("CreditMemo", body)
    text = page(qbo, "creditmemo", txnId=memo["Id"], companyId=qbo_us.realm)
    assert "Bundle" in text
    assert "Valve 15 mm" in text


def test_customer_page_renames_deactivates_and_merges(qbo, qbo_us):
    amelia, council = qbo_us.customer("Amelia O'Neill"), qbo_us.customer("Town Council")
    query = {"nameId": amelia["Id"], "companyId": qbo_us.realm}
    text = press(
        qbo, "customerdetail", query, action="save", DisplayName="Amelia <O'Neill>", email="new@a.example"
    ).text
    assert "Amelia &lt;O&#39;Neill&gt;" in text
    assert qbo_us.customer("Amelia <O'Neill>")["PrimaryEmailAddr"]["Address"] == "new@a.example"
    answer = press(qbo, "customerdetail", query, action="save", DisplayName="Town Council", email="")
    assert "already exists" in answer.text
    invoice = qbo_us.post("Invoice", qbo_us.invoice(CustomerRef={"value": council["Id"]}))
    merging = {"nameId": council["Id"], "companyId": qbo_us.realm}
    assert 'id="contact-merge"' in page(qbo, "customerdetail", **merging)
    merged = press(qbo, "customerdetail", merging, action="merge", into=amelia["Id"])
    assert f"nameId={amelia['Id']}" in merged.url
    assert qbo_us.get(f"invoice/{invoice['Id']}")["Invoice"]["CustomerRef"]["value"] == amelia["Id"]
    page(qbo, "customerdetail", 404, **merging)
    bare = {"nameId": qbo_us.customer("No Mail Motors")["Id"], "companyId": qbo_us.realm}
    assert 'id="contact-restore"' in press(qbo, "customerdetail", bare, action="deactivate").text
    assert 'id="contact-archive"' in press(qbo, "customerdetail", bare, action="activate").text


def test_add_customer_item_and_project_forms(qbo, qbo_us):
    company = {"companyId": qbo_us.realm}
    added = press(qbo, "customers", company, DisplayName="Added Here", email="a@here.example")
    assert 'id="contact-email">a@here.example<' in added.text
    assert "already exists" in press(qbo, "customers", company, DisplayName="Robin Park", email="").text
    item = {"itemId": "3", **company}
    assert (
        'id="item-sale-price">60.00 USD<'
        in press(qbo, "item", item, action="save", Name="Call-out", price="60").text
    )
    assert 'id="item-activate"' in press(qbo, "item", item, action="deactivate").text
    project = {"projectId": qbo_us.customer("Town Hall Roof")["Id"], **company}
    text = press(qbo, "project", project, name="Town Hall Roof II", status="COMPLETE").text
    assert 'data-status="COMPLETE"' in text
    assert qbo_us.customer("Town Hall Roof II")["IsProject"]


def test_search_and_pages(qbo, qbo_us):
    assert "Harbor Tower 4B" in page(qbo, "customers", companyId=qbo_us.realm, q="4b")
    assert "There are no customers here." in page(qbo, "customers", companyId=qbo_us.realm, q="zzz")
    qbo.control("POST", "/_sim/reset", {"seed": "empty", "contacts": 120, "keep_connections": True})
    text = page(qbo, "customers", companyId=qbo_us.realm, page="2")
    assert 'id="previous-page"' in text
    assert 'id="next-page"' in text
    page(qbo, "customers", companyId=qbo_us.realm, page="x")


def test_books_are_closed_and_opened(qbo, qbo_us):
    company = {"companyId": qbo_us.realm}
    assert "closed up to 2030-01-31" in press(qbo, "homepage", company, BookCloseDate="2030-01-31").text
    assert 'value="2030-01-31"' in page(qbo, "homepage", **company)
    assert "not a valid date" in press(qbo, "homepage", company, BookCloseDate="soon").text
    assert "Nothing is closed any more." in press(qbo, "homepage", company, BookCloseDate="").text


def test_lapsed_company_says_so(qbo, qbo_us):
    qbo_us.control(status="lapsed")
    assert 'id="company-status"' in page(qbo, "homepage", companyId=qbo_us.realm)
