"""Contacts: validation, upsert and rendering (provider_facts A7)."""

import re
from decimal import Decimal

from . import balance
from .errors import Refused
from .state import fold
from .wire import ZERO_GUID, as_guid, ms_time

ARCHIVED = (
    "The specified contact details matched an archived contact. "
    "Archived contacts cannot currently be edited via the API."
)
EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
ADDRESS_TYPES = ("STREET", "POBOX")
PHONE_TYPES = ("DEFAULT", "DDI", "FAX", "MOBILE", "OFFICE")
ALWAYS_SHOWN_PHONES = PHONE_TYPES[:4]
TEXT = {  # field → maximum length [YAML]
    "ContactNumber": 50,
    "AccountNumber": 50,
    "Name": 255,
    "FirstName": 255,
    "LastName": 255,
    "CompanyNumber": 50,
    "EmailAddress": 255,
    "TaxNumber": 50,
    "BankAccountDetails": None,
    "AccountsReceivableTaxType": None,
    "AccountsPayableTaxType": None,
    "SalesDefaultAccountCode": None,
    "PurchasesDefaultAccountCode": None,
    "XeroNetworkKey": None,
}
CHOICES = {
    "SalesDefaultLineAmountType": ("INCLUSIVE", "EXCLUSIVE", "NONE"),
    "PurchasesDefaultLineAmountType": ("INCLUSIVE", "EXCLUSIVE", "NONE"),
    "TaxNumberType": ("SSN", "EIN", "ITIN", "ATIN"),
}
ADDRESS = {
    "AddressLine1": 500,
    "AddressLine2": 500,
    "AddressLine3": 500,
    "AddressLine4": 500,
    "City": 255,
    "Region": 255,
    "PostalCode": 50,
    "Country": 50,
    "AttentionTo": 255,
}
PHONE = {"PhoneNumber": 50, "PhoneAreaCode": 10, "PhoneCountryCode": 20}
PERSON = {"FirstName": 255, "LastName": 255, "EmailAddress": 255}

FIELDS = {
    "contactid": lambda c: c["ContactID"],
    "contactnumber": lambda c: c.get("ContactNumber"),
    "accountnumber": lambda c: c.get("AccountNumber"),
    "contactstatus": lambda c: c["ContactStatus"],
    "name": lambda c: c["Name"],
    "firstname": lambda c: c.get("FirstName"),
    "lastname": lambda c: c.get("LastName"),
    "emailaddress": lambda c: c.get("EmailAddress"),
    "taxnumber": lambda c: c.get("TaxNumber"),
    "companynumber": lambda c: c.get("CompanyNumber"),
    "defaultcurrency": lambda c: c.get("DefaultCurrency"),
    "issupplier": lambda c: bool(c.get("IsSupplier")),
    "iscustomer": lambda c: bool(c.get("IsCustomer")),
    "updateddateutc": lambda c: c["UpdatedDateUTC"],
}


def clean_text(values, limits, messages, label=""):
    """The text fields of ``values`` within their lengths. null means not given [GK]."""
    cleaned = {}
    for name, limit in limits.items():
        value = values.get(name)
        if value is None:
            continue
        if limit and len(value) > limit:
            # How Xero words an over-long field is not known (provider_facts E).
            messages.append(f"The field {label}{name} must be a string with a maximum length of {limit}.")
        cleaned[name] = value
    return cleaned


def _check_name(name, messages):
    """[BRZ]: no <>, no leading, trailing or double spaces. The wording is ours."""
    if not name.strip():
        messages.append("The Contact Name must be specified.")
    elif "<" in name or ">" in name:
        messages.append("The contact name cannot contain the characters < or >.")
    elif name != " ".join(name.split(" ")).strip() or "  " in name:
        messages.append("The contact name cannot have leading, trailing or double spaces.")


def _merge_typed(old, given, key, kinds, limits, messages, label):
    """Addresses and phones: one of each type; what is not sent stays."""
    merged = {entry[key]: entry for entry in old or ()}
    for entry in given:
        if entry.get(key) not in kinds:
            messages.append(f"{label} must have a {key} of {', '.join(kinds)}.")
            continue
        cleaned = clean_text(entry, limits, messages, f"{label}.")
        merged[entry[key]] = {**merged.get(entry[key], {}), key: entry[key], **cleaned}
    return list(merged.values())


def _persons(given, messages):
    if len(given) > 5:
        messages.append("A contact can have at most 5 contact persons.")
    persons = []
    for entry in given:
        person = clean_text(entry, PERSON, messages, "ContactPersons.")
        if person.get("EmailAddress") and not EMAIL.fullmatch(person["EmailAddress"]):
            messages.append("Email address must be valid.")
        persons.append({**person, "IncludeInEmails": bool(entry.get("IncludeInEmails"))})
    return persons


def find(ledger, values):
    """The contact that an upsert means: by ContactID, ContactNumber, then Name [MAN]; None when there is none."""
    if values.get("ContactID"):
        key = as_guid(values["ContactID"])
        contact = ledger.contacts.get(key) if key and key != ZERO_GUID else None
        if contact is None:
            raise Refused("An existing Contact with the specified ContactID could not be found")
        return contact
    if values.get("ContactNumber"):
        key = ledger.contact_numbers.first(fold(values["ContactNumber"]))
        if key:
            return ledger.contacts.get(key)
    if values.get("Name"):
        key = ledger.contact_names.first(fold(values["Name"]))
        if key:
            return ledger.contacts.get(key)
    return None


def save(ledger, values, existing=None):
    """Create or change one contact and return it.

    :raise Refused: with every message that applies
    """
    if existing is not None and existing["ContactStatus"] != "ACTIVE":
        raise Refused(ARCHIVED)
    messages = []
    fields = clean_text(values, TEXT, messages)
    if "Name" in fields or existing is None:
        _check_name(fields.get("Name", ""), messages)
    own_id = existing["ContactID"] if existing else None
    _check_unique(ledger, fields, own_id, messages)
    if fields.get("EmailAddress") and not EMAIL.fullmatch(fields["EmailAddress"]):
        messages.append("Email address must be valid.")
    _check_codes(ledger, values, fields, messages)
    old = existing or {}
    if values.get("Addresses") is not None:
        fields["Addresses"] = _merge_typed(
            old.get("Addresses"),
            values["Addresses"],
            "AddressType",
            ADDRESS_TYPES,
            ADDRESS,
            messages,
            "Addresses",
        )
    if values.get("Phones") is not None:
        fields["Phones"] = _merge_typed(
            old.get("Phones"), values["Phones"], "PhoneType", PHONE_TYPES, PHONE, messages, "Phones"
        )
    if values.get("ContactPersons") is not None:
        fields["ContactPersons"] = _persons(values["ContactPersons"], messages)
    if values.get("PaymentTerms") is not None:
        fields["PaymentTerms"] = values["PaymentTerms"]
    status = values.get("ContactStatus")
    if status is not None and status not in ("ACTIVE", "ARCHIVED"):
        messages.append("ContactStatus must be ACTIVE or ARCHIVED.")
    if messages:
        raise Refused(*messages)
    contact = {
        "ContactID": own_id or ledger.new_id(),
        "ContactStatus": "ACTIVE",
        **old,
        **fields,
    }
    if status:
        contact["ContactStatus"] = status
    contact = ledger.touch(contact)
    ledger.contacts.put(contact["ContactID"], contact)
    return contact


def _check_codes(ledger, values, fields, messages):
    """What must be one of a list: choices, tax types and the currency. Adds the good ones to ``fields``."""
    for name, choices in CHOICES.items():
        if values.get(name) is not None:
            if values[name] in choices:
                fields[name] = values[name]
            else:
                messages.append(f"{name} must be one of {', '.join(choices)}.")
    for name in ("AccountsReceivableTaxType", "AccountsPayableTaxType"):
        if fields.get(name) and ledger.tax_rate(fields[name]) is None:
            messages.append(f"The TaxType code '{fields[name]}' does not exist.")
    currency = values.get("DefaultCurrency")
    if currency:
        if ledger.subscribed(currency):
            fields["DefaultCurrency"] = currency
        else:
            messages.append(f"Organisation is not subscribed to currency {currency}")


def _check_unique(ledger, fields, own_id, messages):
    name = fields.get("Name")
    if name and ledger.contact_names.first(fold(name), other_than=own_id):
        messages.append(
            f"The contact name {name} is already assigned to another contact. "
            "The contact name must be unique across all active contacts."
        )
    number = fields.get("ContactNumber")
    if number and ledger.contact_numbers.first(fold(number), other_than=own_id):
        messages.append(f"The contact number {number} is already assigned to another contact.")


def create(ledger, values):
    """PUT: an existing name or number is an error [MAN]."""
    if values.get("ContactID"):
        find(ledger, values)
        raise Refused(
            "A new contact cannot have the ContactID of an existing one. Use POST to change a contact."
        )
    number = values.get("ContactNumber")
    key = ledger.contact_numbers.first(fold(number)) if number else None
    if key and ledger.contacts.get(key)["ContactStatus"] != "ACTIVE":
        raise Refused(ARCHIVED)
    return save(ledger, values)


def upsert(ledger, values):
    """POST: changes what it finds, creates otherwise."""
    return save(ledger, values, find(ledger, values))


# === RENDERING === #

NO_ADDRESS = {"City": "", "Region": "", "PostalCode": "", "Country": ""}
NO_PHONE = {"PhoneNumber": "", "PhoneAreaCode": "", "PhoneCountryCode": ""}


def render_short(contact):
    """A contact inside a listed invoice: empty arrays (A5)."""
    return {
        "ContactID": contact["ContactID"],
        "Name": contact["Name"],
        "Addresses": [],
        "Phones": [],
        "ContactGroups": [],
        "ContactPersons": [],
        "HasValidationErrors": False,
    }


def render(ledger, contact, full=True, summary=False):
    """A contact as Xero writes it.

    :param full: fetched by id or paged: persons, terms, defaults and MergedToContactID are shown [YAML]
    :param summary: ``summaryOnly``: no balances, persons or groups
    """
    addresses = {entry["AddressType"]: entry for entry in contact.get("Addresses", ())}
    phones = {entry["PhoneType"]: entry for entry in contact.get("Phones", ())}
    result = {"ContactID": contact["ContactID"]}

    def show(*names):
        result.update({name: contact[name] for name in names if contact.get(name)})

    show("ContactNumber", "AccountNumber")
    result["ContactStatus"] = contact["ContactStatus"]
    result["Name"] = contact["Name"]
    show("FirstName", "LastName", "CompanyNumber")
    result["EmailAddress"] = contact.get("EmailAddress", "")
    result["BankAccountDetails"] = contact.get("BankAccountDetails", "")
    show("TaxNumber", "TaxNumberType", "AccountsReceivableTaxType", "AccountsPayableTaxType")
    result["Addresses"] = [
        {"AddressType": kind, **NO_ADDRESS, **addresses.get(kind, {})} for kind in ADDRESS_TYPES
    ]
    shown = [kind for kind in PHONE_TYPES if kind in ALWAYS_SHOWN_PHONES or kind in phones]
    result["Phones"] = [{"PhoneType": kind, **NO_PHONE, **phones.get(kind, {})} for kind in shown]
    result["UpdatedDateUTC"] = ms_time(contact["UpdatedDateUTC"])
    result["IsSupplier"] = bool(contact.get("IsSupplier"))
    result["IsCustomer"] = bool(contact.get("IsCustomer"))
    show("DefaultCurrency", "XeroNetworkKey")
    if full or summary:
        show("SalesDefaultLineAmountType", "PurchasesDefaultLineAmountType", "MergedToContactID")
    if not summary:
        result["ContactGroups"] = []
        balances = _balances(ledger, contact["ContactID"])
        if balances:
            result["Balances"] = balances
    if full and not summary:
        show("SalesDefaultAccountCode", "PurchasesDefaultAccountCode", "PaymentTerms")
        result["SalesTrackingCategories"] = []
        result["PurchasesTrackingCategories"] = []
    result["ContactPersons"] = contact.get("ContactPersons", []) if full and not summary else []
    result["HasAttachments"] = False
    result["HasValidationErrors"] = False
    return result


def _balances(ledger, contact_id):
    """Raw outstanding and overdue amounts of approved documents [YAML Balances]; None when there are none."""
    keys = ledger.invoices_of.ids(contact_id)
    if not keys:
        return None
    today = ledger.today()
    zero = Decimal("0.00")
    sums = {"ACCREC": [zero, zero], "ACCPAY": [zero, zero]}
    for key in keys:
        invoice = ledger.invoices.get(key)
        if invoice["Status"] == "AUTHORISED":
            due = balance.due(invoice)
            sums[invoice["Type"]][0] += due
            if (invoice.get("DueDate") or today) < today:
                sums[invoice["Type"]][1] += due
    if not any(amounts[0] for amounts in sums.values()):
        return None
    return {
        "AccountsReceivable": dict(zip(("Outstanding", "Overdue"), sums["ACCREC"], strict=True)),
        "AccountsPayable": dict(zip(("Outstanding", "Overdue"), sums["ACCPAY"], strict=True)),
    }


def matches_search(contact, term):
    """``searchTerm``: Name, FirstName, LastName, ContactNumber, EmailAddress, without case [YAML]."""
    return any(
        term in (contact.get(name) or "").casefold()
        for name in ("Name", "FirstName", "LastName", "ContactNumber", "EmailAddress")
    )
