"""Lists: pages, filters, order, what a list shows and what only one record shows (provider_facts A4, A5, A7)."""

import json

import pytest

from simulators.common import jsonio


@pytest.fixture
def many(sim, connect):
    sim.control(
        "POST", "/_sim/reset", {"seed": "empty", "contacts": 250, "items": 30, "organisations": ["US"]}
    )
    sim.control("POST", "/_sim/limits", {"minute": None})
    return connect("US")


def _error(us, path, **params):
    answer = us.call("GET", path, params=params)
    assert answer.status_code == 400, answer.text
    body = answer.json()
    assert body["Type"] == "QueryParseException"
    return body["Message"]


# === PAGES === #


def test_pages_cover_everything_once(many):
    seen = []
    for page in (1, 2, 3):
        body = many.get("Contacts", page=page)
        assert body["pagination"] == {"page": page, "pageSize": 100, "pageCount": 3, "itemCount": 250}
        seen += [contact["ContactID"] for contact in body["Contacts"]]
    assert len(seen) == len(set(seen)) == 250
    assert many.get("Contacts", page=4)["Contacts"] == []


def test_page_size(many):
    assert len(many.get("Contacts", page=1, pageSize=1000)["Contacts"]) == 250
    assert len(many.get("Contacts", pageSize=7)["Contacts"]) == 7
    body = many.get("Contacts")
    assert len(body["Contacts"]) == 250
    assert "pagination" not in body


@pytest.mark.parametrize(
    "params", [{"page": 0}, {"page": -1}, {"page": "x"}, {"page": 1, "pageSize": 1001}, {"pageSize": 0}]
)
def test_impossible_pages(many, params):
    _error(many, "Contacts", **params)


def test_items_accounts_and_tax_rates_are_not_paged(many):
    body = many.get("Items", page=1, pageSize=5)
    assert len(body["Items"]) == 30
    assert "pagination" not in body
    assert "pagination" not in many.get("Accounts", page=1)


def test_more_than_a_hundred_thousand_records_need_pages(many, monkeypatch):
    from simulators.xero import api

    monkeypatch.setattr(api, "MAX_RECORDS", 200)
    assert "paging" in _error(many, "Contacts")
    assert len(many.get("Contacts", page=1)["Contacts"]) == 100


def test_summary_only_forces_pages_and_drops_what_is_heavy(us, invoice):
    us.put("Invoices", invoice())
    body = us.get("Invoices", summaryOnly="true")
    assert body["pagination"]["itemCount"] == 1
    assert body["Invoices"][0]["LineItems"] == []
    assert "Payments" not in body["Invoices"][0]
    contacts = us.get("Contacts", summaryOnly="true")
    assert "pagination" in contacts
    assert all("Balances" not in contact for contact in contacts["Contacts"])


def test_line_items_come_with_pages_or_by_id_only(us, invoice):
    made = us.put("Invoices", invoice())[0]
    assert us.get("Invoices")["Invoices"][0]["LineItems"] == []
    assert len(us.get("Invoices", page=1)["Invoices"][0]["LineItems"]) == 1
    assert len(us.get(f"Invoices/{made['InvoiceID']}")["Invoices"][0]["LineItems"]) == 1
    nested = us.get("Invoices", page=1)["Invoices"][0]["Contact"]
    assert (nested["Addresses"], nested["ContactPersons"], nested["HasValidationErrors"]) == ([], [], False)
    assert us.get(f"Invoices/{made['InvoiceID']}")["Invoices"][0]["Contact"]["Addresses"]


def test_contact_persons_and_merges_are_shown_paged_or_by_id_only(us):
    where = 'Name=="Acme Corporation"'
    assert us.get("Contacts", where=where)["Contacts"][0]["ContactPersons"] == []
    found = us.get("Contacts", where=where, page=1)["Contacts"][0]
    assert found["ContactPersons"][0]["FirstName"] == "Ada"
    merged = us.get("Contacts", where='Name=="Merged Away"', includeArchived="true")["Contacts"][0]
    assert "MergedToContactID" not in merged
    assert us.get(f"Contacts/{merged['ContactID']}")["Contacts"][0]["MergedToContactID"] == found["ContactID"]


# === FILTERS === #


def test_archived_contacts_only_on_request(us):
    assert "HARBOUR CAFÉ & BAR" not in {c["Name"] for c in us.get("Contacts", page=1)["Contacts"]}
    names = {c["Name"] for c in us.get("Contacts", page=1, includeArchived="true")["Contacts"]}
    assert {"HARBOUR CAFÉ & BAR", "Harbour Café & Bar"} <= names
    assert "Forgotten Person" in {c["Name"] for c in us.get("Contacts")["Contacts"]}


def test_ids(us):
    chosen = [us.contact(name)["ContactID"] for name in ("Town Council", "O'Brien & Sons")]
    found = us.get("Contacts", IDs=",".join([*chosen, "11111111-1111-1111-1111-111111111111"]))["Contacts"]
    assert {c["ContactID"] for c in found} == set(chosen)
    assert us.get("Contacts", IDs="nonsense")["Contacts"] == []


def test_search_term(us):
    found = us.get("Contacts", searchTerm="SUNRISE")["Contacts"]
    assert len(found) == 2
    assert us.get("Contacts", searchTerm="crm-4711")["Contacts"][0]["Name"] == "Linked Elsewhere Ltd"


def test_invoice_filters(us, invoice):
    other = us.contact("O'Brien & Sons")["ContactID"]
    one, two, three = us.put(
        "Invoices",
        invoice(InvoiceNumber="A-1"),
        invoice(InvoiceNumber="A-2", Status="DRAFT", Reference="Blue door"),
        invoice(InvoiceNumber="A-3", Contact={"ContactID": other}),
    )
    us.control({"invoices": [invoice(InvoiceNumber="BOOK-1")]})

    def numbers(**params):
        return {i["InvoiceNumber"] for i in us.get("Invoices", **params)["Invoices"]}

    assert numbers(InvoiceNumbers="a-1,A-3") == {"A-1", "A-3"}
    assert numbers(IDs=f"{one['InvoiceID']},{two['InvoiceID']}") == {"A-1", "A-2"}
    assert numbers(ContactIDs=other) == {"A-3"}
    assert numbers(Statuses="DRAFT,VOIDED") == {"A-2"}
    assert numbers(createdByMyApp="true") == {"A-1", "A-2", "A-3"}
    assert numbers(searchTerm="blue") == {"A-2"}
    assert numbers() == {"A-1", "A-2", "A-3", "BOOK-1"}
    assert numbers(where=f'Contact.ContactID==guid("{other}")') == {"A-3"}
    assert numbers(where='Contact.Name=="town council" AND Status=="AUTHORISED"') == {"A-1", "BOOK-1"}
    assert numbers(
        where='Type=="ACCREC" AND AmountDue>0 AND Date>=DateTime(2026, 09, 14) AND Date<DateTime(2026,09,15)'
    )
    assert numbers(where="Date>=DateTime(2026, 09, 15)") == set()
    assert three["InvoiceNumber"] == "A-3"


def test_if_modified_since_in_both_forms(us, sim):
    us.put("Contacts", {"Name": "Brand New"})
    stamp = sim.control("GET", "/_sim/clock")["now"]
    for value in (stamp[:19], stamp[:19] + "+00:00", stamp[:19] + "Z"):
        answer = us.call("GET", "Contacts", headers={"If-Modified-Since": value})
        assert [c["Name"] for c in answer.json()["Contacts"]] == ["Brand New"], value
    from datetime import datetime, timezone

    moment = datetime.fromisoformat(stamp)
    http = moment.strftime("%a, %d %b %Y %H:%M:%S GMT")
    assert len(us.call("GET", "Contacts", headers={"If-Modified-Since": http}).json()["Contacts"]) == 1
    later = datetime(2099, 1, 1, tzinfo=timezone.utc).isoformat()
    for path in ("Contacts", "Items", "Invoices", "Accounts"):
        assert us.call("GET", path, headers={"If-Modified-Since": later}).json()[path] == []


def test_if_modified_since_does_not_see_a_flag_set_by_invoicing(us, invoice, sim):
    """IsCustomer turns true without a new UpdatedDateUTC (A4): the reason why clients need a full pass now and then."""
    before = us.contact("Town Council")
    us.put("Invoices", invoice())
    after = us.contact("Town Council")
    assert (before["IsCustomer"], after["IsCustomer"]) == (False, True)
    assert before["UpdatedDateUTC"] == after["UpdatedDateUTC"]


# === WHERE === #


@pytest.mark.parametrize(
    ("where", "names"),
    [
        ('Name=="azure interior"', {"Azure Interior"}),
        ('Name=="O\'Brien & Sons"', {"O'Brien & Sons"}),
        ('Name=="Smith, Jones \\"and\\" Co"', {'Smith, Jones "and" Co'}),
        ('Name=="Smith, Jones ""and"" Co"', {'Smith, Jones "and" Co'}),
        ('Name.Contains("council")', {"Town Council"}),
        (
            'Name.StartsWith("Sun") && EmailAddress!=null',
            {"Sunrise Property Management", "Sunrise Property Management (North)"},
        ),
        ('Name.EndsWith("GmbH")', {"Overseas Client GmbH"}),
        (
            'Name.ToLower()=="town council" OR Name.ToUpper().Trim()=="AZURE INTERIOR"',
            {"Town Council", "Azure Interior"},
        ),
        ('EmailAddress!=null AND EmailAddress.StartsWith("sales@")', {"Copper Wholesale"}),
        ('ContactNumber=="CRM-4711"', {"Linked Elsewhere Ltd"}),
        ("IsSupplier==true AND IsCustomer==false", {"Pipe & Valve Supplies"}),
        ("IsSupplier && !IsCustomer", {"Pipe & Valve Supplies"}),
        ("IsSupplier AND NOT IsCustomer", {"Pipe & Valve Supplies"}),
        ('(Name=="Town Council" || Name=="Nobody") && ContactStatus=="ACTIVE"', {"Town Council"}),
        ('DefaultCurrency=="CAD"', {"Overseas Client GmbH"}),
        ('AccountNumber=="TC-0099"', {"Town Council"}),
        ('Name=="" OR Name==""', set()),
        ("UpdatedDateUTC>=DateTime(2099,1,1)", set()),
        ('UpdatedDateUTC>DateTime.Parse("2099-01-01T00:00:00")', set()),
        ('1==1 && Name.Contains("Żółć")', {"Łukasz Żółć"}),
    ],
)
def test_where(us, where, names):
    assert {c["Name"] for c in us.get("Contacts", where=where)["Contacts"]} == names


def test_where_by_guid(us):
    key = us.contact("Town Council")["ContactID"]
    for where in (f'ContactID==Guid("{key}")', f'ContactID=guid("{key.upper()}")'):
        assert [c["Name"] for c in us.get("Contacts", where=where)["Contacts"]] == ["Town Council"]


def test_where_null(us):
    without = us.get("Contacts", where="EmailAddress==null")["Contacts"]
    assert "New Lead Without Anything" in {c["Name"] for c in without}
    assert "Azure Interior" not in {c["Name"] for c in without}


@pytest.mark.parametrize(
    "where",
    [
        "Nonsense==1",
        'Name=="unfinished',
        "Name==",
        "Name==Name==",
        '(Name=="x"',
        'Name.Explode("x")',
        'Name.Contains("x"',
        'ContactID==Guid("nonsense")',
        "ContactID==Guid(1)",
        "UpdatedDateUTC>DateTime(2026,13,1)",
        "UpdatedDateUTC>DateTime(2026,x)",
        "UpdatedDateUTC>DateTime.Now()",
        "Name>5",
        "; DROP TABLE",
        "Name.Contains(5)",
        'Name=="a" Name=="b"',
        "AND",
        "Name # 1",
    ],
)
def test_where_that_makes_no_sense(us, where):
    _error(us, "Contacts", where=where)


def test_where_on_settings(us):
    assert {
        a["Code"] for a in us.get("Accounts", where='Class=="REVENUE" AND Status=="ACTIVE"')["Accounts"]
    } >= {"200", "270"}
    assert len(us.get("Accounts", where='SystemAccount=="DEBTORS"')["Accounts"]) == 1
    assert [t["TaxType"] for t in us.get("TaxRates", where="EffectiveRate==8.25")["TaxRates"]] == ["TAX002"]
    assert len(us.get("Accounts", where='Type=="BANK" OR EnablePaymentsToAccount==true')["Accounts"]) == 3
    assert len(us.get("Items", where='Code=="valve-15"')["Items"]) == 1


# === ORDER === #


def test_order(us):
    names = [c["Name"].casefold() for c in us.get("Contacts", order="Name DESC")["Contacts"]]
    assert names == sorted(names, reverse=True)
    times = [c["UpdatedDateUTC"] for c in us.get("Contacts", order="UpdatedDateUTC")["Contacts"]]
    assert times == sorted(times)
    both = us.get("Contacts", order="EmailAddress ASC, Name DESC", page=1)["Contacts"]
    assert both[0]["EmailAddress"] == ""
    ids = [c["ContactID"] for c in us.get("Contacts")["Contacts"]]
    assert ids == sorted(ids)


@pytest.mark.parametrize("order", ["Nonsense", "Name SIDEWAYS", "Name ASC DESC", "Name,,Name"])
def test_order_that_makes_no_sense(us, order):
    _error(us, "Contacts", order=order)


# === SIZE === #


def test_ten_thousand_contacts(sim, connect):
    made = sim.control(
        "POST", "/_sim/reset", {"seed": "empty", "contacts": 10_000, "items": 2_000, "organisations": ["US"]}
    )
    counts = next(o["counts"] for o in made["organisations"].values() if o["CountryCode"] == "US")
    assert (counts["contacts"], counts["items"]) == (10_000, 2_000)
    us = connect("US")
    seen = set()
    for page in range(1, 11):
        answer = us.call("GET", "Contacts", params={"page": page, "pageSize": 1000})
        seen |= {contact["ContactID"] for contact in json.loads(answer.content)["Contacts"]}
    assert len(seen) == 10_000
    assert len(us.get("Items", unitdp=4)["Items"]) == 2_000


def test_generated_data_is_the_same_every_time(sim):
    def names():
        sim.control("POST", "/_sim/reset", {"seed": "empty", "contacts": 50, "items": 5})
        state = sim.control("GET", "/_sim/state?tenant=AU")["organisations"]
        entry = next(iter(state.values()))
        return [(c["ContactID"], c["Name"]) for c in entry["contacts"]], [i["ItemID"] for i in entry["items"]]

    assert names() == names()


def test_numbers_are_written_exactly(us):
    body = us.call("GET", "Items", params={"unitdp": 4}).text
    assert '"UnitPrice":7.3350' in body
    assert '"UnitPrice":7.34' in us.call("GET", "Items").text
    assert jsonio.loads(body)
