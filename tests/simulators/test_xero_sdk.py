"""xero-python's own typed client reads every answer to the calls we use (provider_facts C3)."""

import datetime
from decimal import Decimal

import pytest

pytest.importorskip("xero_python")

from xero_python.accounting import (
    Account,
    AccountingApi,
    Allocation,
    Allocations,
    Contact,
    Contacts,
    CreditNote,
    CreditNotes,
    Invoice,
    Invoices,
    Item,
    Items,
    LineItem,
    Payment,
    PaymentDelete,
    Payments,
    Purchase,
)
from xero_python.api_client import ApiClient
from xero_python.api_client.configuration import Configuration
from xero_python.api_client.oauth2 import OAuth2Token
from xero_python.exceptions import AccountingBadRequestException
from xero_python.identity import IdentityApi


@pytest.fixture
def sdk(sim, tenants):
    """(AccountingApi, IdentityApi, tenant id) pointed to the simulator, with a fresh token object (C2.1)."""
    tokens = sim.control("POST", "/_sim/tokens", {"issue": {"tenants": ["US"]}})
    configuration = Configuration()
    configuration.oauth2_token = OAuth2Token(
        client_id="fieldpromax-demo", client_secret="fieldpromax-demo-secret"
    )
    client = ApiClient(configuration, pool_threads=1)
    kept = {**tokens, "scope": tokens["scope"].split()}
    client.oauth2_token_getter(lambda: kept)
    client.oauth2_token_saver(kept.update)
    accounting = AccountingApi(client, base_url=f"{sim.base_url}/api.xro/2.0")
    return accounting, IdentityApi(client, base_url=sim.base_url), tenants["US"]


def _invoice(contact_id, **values):
    line = LineItem(
        description="Work", quantity=1.5, unit_amount=33.3333, account_code="200", tax_type="TAX001"
    )
    return Invoice(
        type="ACCREC",
        contact=Contact(contact_id=contact_id),
        date=datetime.date(2026, 9, 14),
        due_date=datetime.date(2026, 10, 14),
        line_items=[line],
        status="AUTHORISED",
        **values,
    )


def test_settings(sdk):
    accounting, _, tenant = sdk
    organisation = accounting.get_organisations(tenant).organisations[0]
    assert (organisation.name, organisation.base_currency.value) == ("Lakeside Field Services LLC", "USD")
    assert organisation.organisation_id == tenant
    assert organisation.created_date_utc.tzinfo is not None
    accounts = accounting.get_accounts(tenant).accounts
    assert "200" in {account.code for account in accounts}
    assert len(accounting.get_accounts(tenant, where='Type=="REVENUE"&&Status=="ACTIVE"').accounts) == 4
    rates = {rate.tax_type: rate.effective_rate for rate in accounting.get_tax_rates(tenant).tax_rates}
    assert rates["TAX001"] == 15
    assert rates["TAX002"] == 8.25
    assert {currency.code.value for currency in accounting.get_currencies(tenant).currencies} == {
        "USD",
        "CAD",
        "EUR",
    }


def test_contacts(sdk):
    accounting, _, tenant = sdk
    listed = accounting.get_contacts(tenant, page=1, page_size=1000, include_archived=True)
    assert listed.pagination.item_count == len(listed.contacts) == 20
    assert accounting.get_contacts(tenant, summary_only=True).contacts
    made = accounting.create_contacts(
        tenant, Contacts(contacts=[Contact(name="New Person", email_address="new@person.example")])
    ).contacts[0]
    read = accounting.get_contact(tenant, made.contact_id).contacts[0]
    assert read.email_address == "new@person.example"
    changed = accounting.update_contact(
        tenant, made.contact_id, Contacts(contacts=[Contact(contact_status="ARCHIVED")])
    )
    assert changed.contacts[0].contact_status == "ARCHIVED"
    mixed = accounting.create_contacts(
        tenant,
        Contacts(contacts=[Contact(name="Town Council"), Contact(name="Other Council")]),
        summarize_errors=False,
    ).contacts
    assert mixed[0].has_validation_errors
    assert mixed[0].validation_errors[0].message.startswith("The contact name Town")
    assert mixed[1].status_attribute_string == "OK"


def test_items(sdk):
    accounting, _, tenant = sdk
    assert len(accounting.get_items(tenant, unitdp=4).items) == 10
    made = accounting.create_items(
        tenant,
        Items(items=[Item(code="NEW-1", name="New", sales_details=Purchase(unit_price=1.2345))]),
        unitdp=4,
    ).items[0]
    assert made.sales_details.unit_price == Decimal("1.2345")
    changed = accounting.update_item(tenant, made.item_id, Items(items=[Item(code="NEW-1", name="Newer")]))
    assert changed.items[0].name == "Newer"
    assert accounting.get_item(tenant, made.item_id).items[0].name == "Newer"
    accounting.delete_item(tenant, made.item_id)
    assert len(accounting.get_items(tenant).items) == 10


def test_invoices(sdk):
    accounting, _, tenant = sdk
    contact = accounting.get_contacts(tenant, where='Name=="Town Council"').contacts[0]
    made = accounting.create_invoices(
        tenant,
        Invoices(invoices=[_invoice(contact.contact_id, invoice_number="SDK-1", reference="PO 1")]),
        unitdp=4,
        summarize_errors=False,
    ).invoices[0]
    assert (made.total, made.status_attribute_string) == (57.5, "OK")
    assert made.date == datetime.date(2026, 9, 14)
    read = accounting.get_invoice(tenant, made.invoice_id, unitdp=4).invoices[0]
    assert read.line_items[0].unit_amount == Decimal("33.3333")
    listed = accounting.get_invoices(
        tenant, page=1, page_size=1000, statuses=["AUTHORISED"], i_ds=[made.invoice_id]
    )
    assert listed.invoices[0].line_items
    assert listed.pagination.item_count == 1
    assert (
        accounting.get_invoices(
            tenant, if_modified_since=datetime.datetime(2030, 1, 1, tzinfo=datetime.timezone.utc)
        ).invoices
        == []
    )
    changed = accounting.update_invoice(
        tenant, made.invoice_id, Invoices(invoices=[Invoice(reference="PO 2")])
    )
    assert changed.invoices[0].reference == "PO 2"
    voided = accounting.update_invoice(tenant, made.invoice_id, Invoices(invoices=[Invoice(status="VOIDED")]))
    assert voided.invoices[0].status == "VOIDED"


def test_paid_invoice(sdk, sim):
    accounting, _, tenant = sdk
    contact = accounting.get_contacts(tenant, where='Name=="Town Council"').contacts[0]
    made = accounting.create_invoices(tenant, Invoices(invoices=[_invoice(contact.contact_id)])).invoices[0]
    sim.control(
        "POST", "/_sim/organisations/US", {"invoices": [{"InvoiceID": made.invoice_id, "action": "pay"}]}
    )
    read = accounting.get_invoice(tenant, made.invoice_id).invoices[0]
    assert (read.status, read.amount_due, read.payments[0].amount) == ("PAID", 0, made.total)
    assert read.fully_paid_on_date


def test_payments(sdk):
    accounting, _, tenant = sdk
    contact = accounting.get_contacts(tenant, where='Name=="Town Council"').contacts[0]
    made = accounting.create_invoices(tenant, Invoices(invoices=[_invoice(contact.contact_id)])).invoices[0]
    payment = Payment(
        invoice=Invoice(invoice_id=made.invoice_id),
        account=Account(code="090"),
        date=datetime.date(2026, 10, 1),
        amount=Decimal("7.50"),
        reference="cheque",
    )
    (made_payment,) = accounting.create_payments(tenant, Payments(payments=[payment])).payments
    assert (made_payment.amount, made_payment.status, made_payment.account.code) == (7.5, "AUTHORISED", "090")
    listed = accounting.get_payments(
        tenant, where=f'Invoice.InvoiceID==guid("{made.invoice_id}")', order="UpdatedDateUTC ASC", page=1
    )
    assert [one.payment_id for one in listed.payments] == [made_payment.payment_id]
    assert listed.payments[0].invoice.contact.contact_id == contact.contact_id
    gone = accounting.delete_payment(tenant, made_payment.payment_id, PaymentDelete(status="DELETED"))
    assert gone.payments[0].status == "DELETED"
    assert accounting.get_payment(tenant, made_payment.payment_id).payments[0].status == "DELETED"


def test_refusal_is_read_as_a_typed_error(sdk):
    accounting, _, tenant = sdk
    with pytest.raises(AccountingBadRequestException) as caught:
        accounting.create_invoices(
            tenant,
            Invoices(invoices=[_invoice("11111111-1111-1111-1111-111111111111")]),
            summarize_errors=True,
        )
    assert caught.value.error_data["Elements"][0]["InvoiceID"] == "00000000-0000-0000-0000-000000000000"


def test_refused_elements_are_read_too(sdk):
    accounting, _, tenant = sdk
    refused = accounting.create_invoices(
        tenant, Invoices(invoices=[_invoice("11111111-1111-1111-1111-111111111111")]), summarize_errors=False
    ).invoices[0]
    assert refused.status_attribute_string == "ERROR"
    assert (
        refused.validation_errors[0].message
        == "An existing Contact with the specified ContactID could not be found"
    )


def test_connections(sdk):
    _, identity, tenant = sdk
    connection = identity.get_connections()[0]
    assert connection.tenant_id == tenant
    assert connection.id != tenant
    identity.delete_connection(connection.id)
    assert identity.get_connections() == []


def test_credit_notes_and_allocations(sdk):
    accounting, _, tenant = sdk
    contact = accounting.get_contacts(tenant, where='Name=="Town Council"').contacts[0]
    one = accounting.create_invoices(tenant, Invoices(invoices=[_invoice(contact.contact_id)])).invoices[0]
    line = LineItem(
        description="Back", quantity=1, unit_amount=10.1234, account_code="200", tax_type="TAX001"
    )
    note = CreditNote(
        type="ACCRECCREDIT",
        contact=Contact(contact_id=contact.contact_id),
        date=datetime.date(2026, 9, 15),
        line_items=[line],
        status="AUTHORISED",
        credit_note_number="SDK-C1",
    )
    made = accounting.create_credit_notes(
        tenant, CreditNotes(credit_notes=[note]), unitdp=4, summarize_errors=False
    ).credit_notes[0]
    assert (made.remaining_credit, made.status_attribute_string) == (Decimal("11.64"), "OK")
    allocations = Allocations(
        allocations=[
            Allocation(
                invoice=Invoice(invoice_id=one.invoice_id), amount=11.64, date=datetime.date(2026, 9, 15)
            )
        ]
    )
    given = accounting.create_credit_note_allocation(tenant, made.credit_note_id, allocations).allocations[0]
    read = accounting.get_credit_note(tenant, made.credit_note_id, unitdp=4).credit_notes[0]
    assert (read.status, read.allocations[0].allocation_id) == ("PAID", given.allocation_id)
    assert read.line_items[0].unit_amount == Decimal("10.1234")
    credited = accounting.get_invoice(tenant, one.invoice_id).invoices[0]
    assert (credited.amount_credited, credited.credit_notes[0].applied_amount) == (Decimal("11.64"),) * 2
    assert accounting.delete_credit_note_allocations(
        tenant, made.credit_note_id, given.allocation_id
    ).is_deleted
    where = 'CreditNoteNumber=="SDK-C1"'
    assert accounting.get_credit_notes(tenant, where=where, page=1, page_size=100).credit_notes[0].line_items
    voided = accounting.update_credit_note(
        tenant, made.credit_note_id, CreditNotes(credit_notes=[CreditNote(status="VOIDED")])
    )
    assert voided.credit_notes[0].status == "VOIDED"
