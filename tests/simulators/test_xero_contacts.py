"""Contacts (provider_facts A7): what is refused, how an upsert finds its contact, archiving."""

import pytest

ARCHIVED = (
    "The specified contact details matched an archived contact. "
    "Archived contacts cannot currently be edited via the API."
)


def _taken(name):
    return (
        f"The contact name {name} is already assigned to another contact. "
        "The contact name must be unique across all active contacts."
    )


@pytest.mark.parametrize("method", ["PUT", "POST"])
@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "Name must be specified"),
        ({"Name": ""}, "Name must be specified"),
        ({"Name": "   "}, "Name must be specified"),
        ({"Name": "a<b"}, "< or >"),
        ({"Name": " leading"}, "spaces"),
        ({"Name": "two  spaces"}, "spaces"),
        ({"Name": "x" * 256}, "255"),
        ({"Name": "N", "ContactNumber": "x" * 51}, "ContactNumber"),
        ({"Name": "N", "AccountNumber": "x" * 51}, "AccountNumber"),
        ({"Name": "N", "EmailAddress": "no-at-sign"}, "Email address must be valid."),
        ({"Name": "N", "EmailAddress": "ümlaut@example.com"}, "Email address must be valid."),
        ({"Name": "N", "ContactPersons": [{"FirstName": "x"}] * 6}, "at most 5"),
        ({"Name": "N", "ContactPersons": [{"EmailAddress": "x"}]}, "Email address must be valid."),
        ({"Name": "N", "Phones": [{"PhoneType": "DEFAULT", "PhoneNumber": "x" * 51}]}, "PhoneNumber"),
        ({"Name": "N", "Phones": [{"PhoneType": "DEFAULT", "PhoneAreaCode": "x" * 11}]}, "PhoneAreaCode"),
        ({"Name": "N", "Phones": [{"PhoneType": "PIGEON"}]}, "PhoneType"),
        ({"Name": "N", "Addresses": [{"AddressType": "MOON"}]}, "AddressType"),
        ({"Name": "N", "Addresses": [{"AddressType": "STREET", "AddressLine1": "x" * 501}]}, "AddressLine1"),
        ({"Name": "N", "Addresses": [{"AddressType": "STREET", "City": "x" * 256}]}, "City"),
        ({"Name": "N", "DefaultCurrency": "JPY"}, "Organisation is not subscribed to currency JPY"),
        ({"Name": "N", "AccountsReceivableTaxType": "NOPE"}, "TaxType"),
        ({"Name": "N", "ContactStatus": "SLEEPING"}, "ContactStatus"),
        ({"Name": "N", "SalesDefaultLineAmountType": "SIDEWAYS"}, "SalesDefaultLineAmountType"),
        (
            {"ContactID": "11111111-1111-1111-1111-111111111111", "Name": "N"},
            "specified ContactID could not be found",
        ),
    ],
)
def test_refusals(us, method, values, words):
    before = len(us.get("Contacts")["Contacts"])
    messages = us.refused(method, "Contacts", values)
    assert any(words in message for message in messages), messages
    assert len(us.get("Contacts")["Contacts"]) == before


def test_all_reasons_at_once(us):
    messages = us.refused("PUT", "Contacts", {"Name": "", "EmailAddress": "x", "DefaultCurrency": "JPY"})
    assert len(messages) == 3


def test_put_refuses_an_existing_name_without_case(us):
    assert us.refused("PUT", "Contacts", {"Name": "TOWN COUNCIL"}) == [_taken("TOWN COUNCIL")]


def test_a_refused_create_carries_the_zero_guid_and_an_echo(us):
    answer = us.call(
        "PUT", "Contacts", {"Contacts": [{"Name": "Town Council", "EmailAddress": "t@council.example"}]}
    )
    element = answer.json()["Elements"][0]
    assert element["ContactID"] == "00000000-0000-0000-0000-000000000000"
    assert (element["Name"], element["EmailAddress"]) == ("Town Council", "t@council.example")


def test_the_name_of_an_archived_contact_is_free(us):
    made = us.put("Contacts", {"Name": "Merged Away"})[0]
    assert made["ContactStatus"] == "ACTIVE"


def test_put_refuses_an_existing_number(us):
    messages = us.refused("PUT", "Contacts", {"Name": "Someone", "ContactNumber": "crm-4711"})
    assert "already assigned" in messages[0]


def test_put_refuses_the_id_of_an_existing_contact(us):
    key = us.contact("Town Council")["ContactID"]
    us.refused("PUT", "Contacts", {"ContactID": key, "Name": "Other"})
    assert us.contact("Town Council")


def test_post_finds_by_id_then_number_then_name(us):
    key = us.contact("Town Council")["ContactID"]
    by_id = us.post("Contacts", {"ContactID": key, "AccountNumber": "1"})[0]
    by_number = us.post("Contacts", {"ContactNumber": "CRM-4711", "Name": "Linked Here Ltd"})[0]
    by_name = us.post("Contacts", {"Name": "town council", "FirstName": "Ann"})[0]
    assert by_id["ContactID"] == by_name["ContactID"] == key
    assert by_name["AccountNumber"] == "1"
    assert by_number["Name"] == "Linked Here Ltd"
    new = us.post("Contacts", {"Name": "Quite New"})[0]
    assert new["ContactID"] not in (key, by_number["ContactID"])


def test_a_contact_cannot_take_anothers_name(us):
    key = us.contact("Town Council")["ContactID"]
    assert us.refused("POST", f"Contacts/{key}", {"Name": "Azure Interior"}) == [_taken("Azure Interior")]
    assert us.post(f"Contacts/{key}", {"Name": "TOWN COUNCIL"})[0]["Name"] == "TOWN COUNCIL"


def test_a_change_leaves_what_was_not_sent(us):
    made = us.put(
        "Contacts",
        {
            "Name": "Partial",
            "EmailAddress": "p@artial.example",
            "Phones": [{"PhoneType": "MOBILE", "PhoneNumber": "1"}, {"PhoneType": "FAX", "PhoneNumber": "2"}],
            "Addresses": [{"AddressType": "STREET", "City": "A"}],
        },
    )[0]
    changed = us.post(
        f"Contacts/{made['ContactID']}",
        {"Phones": [{"PhoneType": "MOBILE", "PhoneNumber": "9"}], "FirstName": None, "EmailAddress": ""},
    )[0]
    phones = {p["PhoneType"]: p["PhoneNumber"] for p in changed["Phones"]}
    assert phones == {"DEFAULT": "", "DDI": "", "FAX": "2", "MOBILE": "9"}
    assert changed["Addresses"][0]["City"] == "A"
    assert changed["EmailAddress"] == ""


def test_flags_cannot_be_set(us):
    made = us.put("Contacts", {"Name": "Flagged", "IsCustomer": True, "IsSupplier": True})[0]
    assert (made["IsCustomer"], made["IsSupplier"]) == (False, False)


def test_archiving_works_with_open_documents_and_is_final(us, invoice):
    us.put("Invoices", invoice())
    key = us.contact("Town Council")["ContactID"]
    assert us.post(f"Contacts/{key}", {"ContactStatus": "ARCHIVED"})[0]["ContactStatus"] == "ARCHIVED"
    assert us.refused("POST", f"Contacts/{key}", {"ContactStatus": "ACTIVE"}) == [ARCHIVED]
    assert us.refused("POST", "Contacts", {"ContactID": key, "FirstName": "x"}) == [ARCHIVED]
    assert us.refused("PUT", "Invoices", invoice(Contact={"ContactID": key})) == [ARCHIVED]
    us.control({"contacts": [{"ContactID": key, "ContactStatus": "ACTIVE"}]})
    assert us.post(f"Contacts/{key}", {"FirstName": "Back"})[0]["FirstName"] == "Back"


def test_a_number_of_an_archived_contact_matches_it(us):
    key = us.put("Contacts", {"Name": "Numbered", "ContactNumber": "N-1"})[0]["ContactID"]
    us.post(f"Contacts/{key}", {"ContactStatus": "ARCHIVED"})
    assert us.refused("PUT", "Contacts", {"Name": "Other", "ContactNumber": "N-1"}) == [ARCHIVED]
    assert us.refused("POST", "Contacts", {"Name": "Other", "ContactNumber": "N-1"}) == [ARCHIVED]


def test_read_by_contact_number(us):
    assert us.get("Contacts/CRM-4711")["Contacts"][0]["Name"] == "Linked Elsewhere Ltd"


def test_one_bad_element_refuses_the_lot(us):
    before = len(us.get("Contacts")["Contacts"])
    answer = us.call(
        "PUT",
        "Contacts",
        {"Contacts": [{"Name": "Good One"}, {"Name": "Town Council"}, {"Name": "Good Two"}]},
    )
    assert answer.status_code == 400
    assert [e["Name"] for e in answer.json()["Elements"]] == ["Town Council"]
    assert len(us.get("Contacts")["Contacts"]) == before


def test_summarize_errors_false_mixes(us):
    body = {"Contacts": [{"Name": "Good One"}, {"Name": "Town Council"}, {"Name": "good one"}]}
    answer = us.call("PUT", "Contacts", body, {"summarizeErrors": "false"})
    assert answer.status_code == 200
    assert answer.json()["SummarizeErrors"] is False
    elements = answer.json()["Contacts"]
    assert [e["StatusAttributeString"] for e in elements] == ["OK", "ERROR", "ERROR"]
    assert elements[2]["ValidationErrors"][0]["Message"] == _taken("good one")
    assert us.contact("Good One")["ContactID"] == elements[0]["ContactID"]


def test_bare_elements_and_lists_are_read_too(us):
    for body in ({"Name": "Bare"}, [{"Name": "Listed"}], {"contacts": {"Name": "Alone"}}):
        assert us.call("PUT", "Contacts", body).status_code == 200
    assert us.contact("Alone")


def test_balances_follow_the_invoices(us, invoice):
    us.put("Invoices", invoice(), invoice(DueDate="2099-12-31"), invoice(Status="DRAFT"))
    balances = us.contact("Town Council")["Balances"]["AccountsReceivable"]
    assert (str(balances["Outstanding"]), str(balances["Overdue"])) == ("230.00", "115.00")


def test_merge_in_the_books(us, invoice):
    us.put("Invoices", invoice())
    loser, winner = us.contact("Town Council")["ContactID"], us.contact("Azure Interior")["ContactID"]
    us.control({"merge": [{"from": loser, "into": winner}]})
    gone = us.get(f"Contacts/{loser}")["Contacts"][0]
    assert (gone["ContactStatus"], gone["MergedToContactID"]) == ("ARCHIVED", winner)
    assert us.get("Invoices", page=1)["Invoices"][0]["Contact"]["ContactID"] == winner
