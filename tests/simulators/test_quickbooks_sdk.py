"""python-quickbooks' own client works against the simulator unchanged: objects, queries, batches, CDC, void, errors."""

from types import SimpleNamespace

import pytest
import requests

pytest.importorskip("quickbooks")

from quickbooks import QuickBooks
from quickbooks.batch import batch_create, batch_delete, batch_update
from quickbooks.cdc import change_data_capture
from quickbooks.exceptions import (
    AuthorizationException,
    ObjectNotFoundException,
    QuickbooksException,
    ValidationException,
)
from quickbooks.objects.account import Account
from quickbooks.objects.attachable import Attachable
from quickbooks.objects.base import AttachableRef, EmailAddress, Ref
from quickbooks.objects.company_info import CompanyInfo
from quickbooks.objects.customer import Customer
from quickbooks.objects.detailline import SalesItemLine, SalesItemLineDetail
from quickbooks.objects.invoice import Invoice
from quickbooks.objects.item import Item
from quickbooks.objects.payment import Payment, PaymentLine
from quickbooks.objects.preferences import Preferences
from quickbooks.objects.taxcode import TaxCode
from quickbooks.objects.term import Term


class Session(requests.Session):
    """What the client asks of its session: an access token and ``request``."""

    def __init__(self, access_token):
        super().__init__()
        self.access_token = access_token


@pytest.fixture
def client(qbo):
    """``client("US")`` → the SDK's client of that company."""

    def make(company="US"):
        tokens = qbo.control("POST", "/_sim/tokens", {"issue": {"company": company}})
        auth = SimpleNamespace(
            client_id="x", access_token=tokens["access_token"], refresh_token="r", environment="sandbox"
        )
        made = QuickBooks(auth_client=auth, refresh_token="r", company_id=tokens["realmId"], minorversion=75)
        made.session = Session(tokens["access_token"])
        made.sandbox_api_url_v3 = made.api_url_v3 = f"{qbo.base_url}/v3"
        return made

    return make


@pytest.fixture
def us(client):
    return client("US")


def invoice_of(us, number, amount=100):
    invoice = Invoice()
    invoice.CustomerRef = Customer.filter(DisplayName="Town Council", qb=us)[0].to_ref()
    invoice.DocNumber = number
    line = SalesItemLine()
    line.Amount = amount
    line.SalesItemLineDetail = SalesItemLineDetail()
    line.SalesItemLineDetail.ItemRef = Item.get(2, qb=us).to_ref()
    line.SalesItemLineDetail.TaxCodeRef = Ref()
    line.SalesItemLineDetail.TaxCodeRef.value = "TAX"
    invoice.Line.append(line)
    return invoice


def test_errors_reach_the_client_as_its_exceptions(us, qbo):
    with pytest.raises(ObjectNotFoundException):
        Customer.get(999999, qb=us)
    customer = Customer()
    customer.DisplayName = "Town Council"
    with pytest.raises(QuickbooksException, match="Duplicate Name") as caught:
        customer.save(qb=us)
    assert caught.value.error_code == 6240
    with pytest.raises(ValidationException):
        Customer.where("Shoe = '1'", qb=us)
    us.session.access_token = "nonsense"
    with pytest.raises(AuthorizationException):
        Customer.all(qb=us)


def test_filter_all_where_count_choose(us):
    assert Customer.filter(DisplayName="Amelia O'Neill", qb=us)[0].GivenName == "Amelia"
    assert len(Customer.filter(Active=True, max_results=5, qb=us)) == 5
    assert [c.Id for c in Customer.all(order_by="Id", max_results=3, qb=us)] == ["1", "2", "3"]
    assert Customer.all(start_position=3, max_results=1, qb=us)[0].Id == "3"
    assert Customer.count("Active = false", qb=us) == 2
    assert len(Customer.choose(["1", "2"], qb=us)) == 2
    assert Item.filter(Sku="LABOR-1", qb=us)[0].Name == "Hours"
    assert Item.all(qb=us)[1].Sku == "LABOR-1"


def test_save_and_save_again(us):
    customer = Customer()
    customer.DisplayName = "Made by the SDK"
    customer.PrimaryEmailAddr = EmailAddress()
    customer.PrimaryEmailAddr.Address = "sdk@made.example"
    saved = customer.save(qb=us)
    assert int(saved.Id) > 0
    found = Customer.get(saved.Id, qb=us)
    found.Notes = "changed"
    assert found.save(qb=us).SyncToken == "1"
    assert Customer.get(saved.Id, qb=us).PrimaryEmailAddr.Address == "sdk@made.example"
    found.SyncToken = "0"
    with pytest.raises(QuickbooksException) as caught:
        found.save(qb=us)
    assert caught.value.error_code == 5010


def test_invoice_save_update_send_void_delete(us):
    invoice = invoice_of(us, "SDK-1").save(qb=us, request_id="sdk-request-1")
    again = invoice_of(us, "SDK-1").save(qb=us, request_id="sdk-request-1")
    assert again.Id == invoice.Id
    assert invoice.TotalAmt == 115
    found = Invoice.get(invoice.Id, qb=us)
    found.PrivateNote = "from the SDK"
    found = found.save(qb=us)
    assert (found.PrivateNote, found.TotalAmt) == ("from the SDK", 115)
    found.send(qb=us, send_to="someone@there.example")
    found = Invoice.get(invoice.Id, qb=us)
    assert found.EmailStatus == "EmailSent"
    found.void(qb=us)
    found = Invoice.get(invoice.Id, qb=us)
    assert found.TotalAmt == 0
    found.delete(qb=us)
    with pytest.raises(ObjectNotFoundException):
        Invoice.get(invoice.Id, qb=us)


def test_payment_of_an_invoice_and_its_void(us):
    invoice = invoice_of(us, "SDK-2").save(qb=us)
    payment = Payment()
    payment.CustomerRef = invoice.CustomerRef
    payment.TotalAmt = 115
    line = PaymentLine()
    line.Amount = 115
    line.LinkedTxn.append(invoice.to_linked_txn())
    payment.Line.append(line)
    payment = payment.save(qb=us)
    assert Invoice.get(invoice.Id, qb=us).Balance == 0
    payment.void(qb=us)
    assert Invoice.get(invoice.Id, qb=us).Balance == 115


def test_batches(us):
    made = []
    for number in range(35):
        customer = Customer()
        customer.DisplayName = f"Batch {number}" if number != 7 else "Town Council"
        made.append(customer)
    result = batch_create(made, qb=us)
    assert (len(result.successes), len(result.faults)) == (34, 1)
    assert result.faults[0].Error[0].code == "6240"
    for customer in result.successes:
        customer.Notes = "batched"
    assert len(batch_update(result.successes, qb=us).successes) == 34
    invoices = batch_create([invoice_of(us, f"SDK-B{n}") for n in range(3)], qb=us).successes
    assert len(batch_delete(invoices, qb=us).faults) == 0
    assert Invoice.count(qb=us) == 0


def test_change_data_capture(us, qbo):
    since = qbo.control("GET", "/_sim/clock")["now"][:19] + "Z"
    invoice_of(us, "SDK-C").save(qb=us)
    changes = change_data_capture([Invoice, Customer], since, qb=us)
    assert [invoice.DocNumber for invoice in changes.Invoice._object_list] == ["SDK-C"]


def test_set_up_lists(client):
    for tag, code in (("US", "TAX"), ("GB", "20.0% S"), ("AU", "GST")):
        qb = client(tag)
        assert CompanyInfo.all(qb=qb)[0].CompanyName
        assert Preferences.get(qb=qb).TaxPrefs.PartnerTaxEnabled is (tag == "US")
        assert TaxCode.filter(Name=code, qb=qb)[0].Active
        assert Term.all(qb=qb)[2].DueDays == 30
        assert Account.filter(AccountType="Income", qb=qb)


def test_a_file_is_attached_found_and_taken_away(us):
    invoice = invoice_of(us, "SDK-FILE").save(qb=us)
    file = Attachable()
    reference = AttachableRef()
    reference.EntityRef = invoice.to_ref()
    reference.EntityRef.type = "Invoice"
    file.AttachableRef.append(reference)
    file.FileName, file.ContentType, file._FileBytes = "SDK-FILE.pdf", "application/pdf", b"%PDF-1.7 \x00\xff"
    file.save(qb=us)
    where = f"AttachableRef.EntityRef.Type = 'Invoice' AND AttachableRef.EntityRef.value = '{invoice.Id}'"
    found = Attachable.where(where, qb=us)
    assert [(one.FileName, one.ContentType, one.Size) for one in found] == [
        ("SDK-FILE.pdf", "application/pdf", 11)
    ]
    found[0].delete(qb=us)
    assert Attachable.where(where, qb=us) == []
