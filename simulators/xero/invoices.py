"""Invoices: validation, status rules, sums and rendering (provider_facts A9).

Messages marked (ours) have no source; clients are not to match on their words.
"""

from datetime import date
from decimal import Decimal

from ..common.numbers import CENT, number, round_to
from . import attachments, balance, contacts, payments
from .arithmetic import ZERO, line_amount, line_tax, totals
from .errors import Refused
from .rates import day_rate
from .state import APPLIES_TO, CLASS_OF_TYPE, fold
from .wire import FOUR, SIX, TEN, as_guid, date_string, money, ms_date, ms_time, parse_day, time_string

STATUSES = ("DRAFT", "SUBMITTED", "AUTHORISED", "PAID", "VOIDED", "DELETED")
LINE_AMOUNT_TYPES = ("Exclusive", "Inclusive", "NoTax")
MOVES = {  # status → statuses an update may ask for [YAML][DW]
    "DRAFT": ("DRAFT", "SUBMITTED", "AUTHORISED", "DELETED"),
    "SUBMITTED": ("DRAFT", "SUBMITTED", "AUTHORISED", "DELETED"),
    "AUTHORISED": ("AUTHORISED", "VOIDED"),
    "PAID": ("PAID",),
    "VOIDED": (),
    "DELETED": (),
}
WRONG_STATUS = "Invoice not of valid status for modification"
HAS_PAYMENT = "This document cannot be edited as it has a payment or credit note allocated to it."
CHANGEABLE_WHEN_PAID = {  # [BRZ][MAN]
    "Reference",
    "DueDate",
    "InvoiceNumber",
    "BrandingThemeID",
    "Contact",
    "Url",
    "PlannedPaymentDate",
    "ExpectedPaymentDate",
    "SentToContact",
}
NOT_SETTABLE = {  # read-only fields that clients echo; Xero ignores them
    "AmountDue",
    "AmountPaid",
    "AmountCredited",
    "Payments",
    "CreditNotes",
    "Prepayments",
    "Overpayments",
    "HasErrors",
    "HasAttachments",
    "IsDiscounted",
    "TotalDiscount",
    "UpdatedDateUTC",
    "UpdatedDateUTCString",
    "DateString",
    "DueDateString",
    "FullyPaidOnDate",
    "SubTotal",
    "TotalTax",
    "Total",
    "Attachments",
    "ValidationErrors",
    "Warnings",
    "StatusAttributeString",
}
SYSTEM_ACCOUNTS_REFUSED = (
    "DEBTORS",
    "CREDITORS",
    "BANKCURRENCYGAIN",
    "REALISEDCURRENCYGAIN",
    "UNREALISEDCURRENCYGAIN",
)

FIELDS = {
    "invoiceid": lambda i: i["InvoiceID"],
    "invoicenumber": lambda i: i.get("InvoiceNumber"),
    "type": lambda i: i["Type"],
    "status": lambda i: i["Status"],
    "reference": lambda i: i.get("Reference"),
    "date": lambda i: _day_ms(i.get("Date")),
    "duedate": lambda i: _day_ms(i.get("DueDate")),
    "total": lambda i: i["Total"],
    "subtotal": lambda i: i["SubTotal"],
    "totaltax": lambda i: i["TotalTax"],
    "amountdue": lambda i: amount_due(i),
    "amountpaid": balance.paid,
    "amountcredited": balance.credited,
    "currencycode": lambda i: i["CurrencyCode"],
    "senttocontact": lambda i: bool(i.get("SentToContact")),
    "contact.contactid": lambda i: i["ContactID"],
    "updateddateutc": lambda i: i["UpdatedDateUTC"],
}


def fields(ledger):
    """FIELDS with those of the contact, which may have been renamed since."""
    return {
        **FIELDS,
        "contact.name": lambda i: ledger.contacts.get(i["ContactID"])["Name"],
        "contact.contactnumber": lambda i: ledger.contacts.get(i["ContactID"]).get("ContactNumber"),
    }


def _day_ms(day):
    return None if not day else (date.fromisoformat(day) - date(1970, 1, 1)).days * 86_400_000


def amount_due(invoice):
    if invoice["Status"] in ("VOIDED", "DELETED"):
        return ZERO
    return balance.due(invoice)


def find(ledger, identifier):
    """By InvoiceID, else by the number of a sale; None when there is none."""
    key = as_guid(identifier)
    if key and key in ledger.invoices:
        return ledger.invoices.get(key)
    key = ledger.invoice_numbers.first(fold(identifier))
    return ledger.invoices.get(key) if key else None


# === WRITING === #


def create(ledger, values, unitdp, app):
    """PUT: a number in use is refused, whatever else is sent."""
    if values.get("InvoiceID"):
        if ledger.invoices.get(as_guid(values["InvoiceID"])) is None:
            raise Refused("An existing Invoice with the specified InvoiceID could not be found")
        raise Refused(
            "A new invoice cannot have the InvoiceID of an existing one. Use POST to change an invoice."
        )
    return InvoiceWriter(ledger, values, unitdp, app).create()


def upsert(ledger, values, unitdp, app):
    """POST: by InvoiceID; else the sale with that InvoiceNumber is edited ([XB][MAN]); else created."""
    if values.get("InvoiceID"):
        existing = ledger.invoices.get(as_guid(values["InvoiceID"]))
        if existing is None:
            raise Refused("An existing Invoice with the specified InvoiceID could not be found")
        return InvoiceWriter(ledger, values, unitdp, app, existing).update()
    if values.get("InvoiceNumber") and values.get("Type", "ACCREC") == "ACCREC":
        key = ledger.invoice_numbers.first(fold(values["InvoiceNumber"]))
        if key:
            return InvoiceWriter(ledger, values, unitdp, app, ledger.invoices.get(key)).update()
    return InvoiceWriter(ledger, values, unitdp, app).create()


class InvoiceWriter:
    """One invoice being created or changed; collects every message before it refuses.

    What credit notes have otherwise, they say in a class of their own (:mod:`.creditnotes`).
    """

    #: what the document is called in messages, and its fields
    noun, id_field, number_field = "invoice", "InvoiceID", "InvoiceNumber"
    #: the sale and the purchase
    types = ("ACCREC", "ACCPAY")
    type_message = "Invoice Type must be ACCREC or ACCPAY."
    number_message = "Invoice # must be unique."
    has_due_date = True
    #: what a new one has beside
    blank = {"Payments": [], "AmountPaid": ZERO}

    def __init__(self, ledger, values, unitdp, app, existing=None):
        self.ledger, self.values, self.app = ledger, values, app
        self.step = FOUR if unitdp == 4 else CENT
        self.old = existing or {}
        self.new = dict(self.old)
        self.messages = []

    @property
    def documents(self):
        return self.ledger.invoices

    @property
    def numbers(self):
        """The numbers of sales that are in use."""
        return self.ledger.invoice_numbers

    def next_number(self):
        return self.ledger.next_invoice_number()

    @property
    def is_sale(self):
        return self.new["Type"] == self.types[0]

    def is_touched(self):
        """Does something stand against it as it is? Then most of it is fixed."""
        return balance.is_touched(self.old)

    def create(self):
        kind = self.values.get("Type")
        if kind not in self.types:
            self.messages.append(self.type_message)
            kind = self.types[0]
        status = self.values.get("Status") or "DRAFT"
        if status not in ("DRAFT", "SUBMITTED", "AUTHORISED"):
            self.messages.append(WRONG_STATUS)
        self.new = {
            self.id_field: self.ledger.new_id(),
            "Type": kind,
            "Status": status,
            "LineAmountTypes": "Exclusive",
            "Date": self.ledger.today(),
            "CurrencyCode": None,
            "LineItems": [],
            **self.blank,
            "_App": self.app,
        }
        return self._save()

    def update(self):
        status = self.values.get("Status") or self.old["Status"]
        wanted_type = self.values.get("Type")
        if wanted_type and wanted_type != self.old["Type"]:
            raise Refused(f"The Type of an existing {self.noun} cannot be changed.")
        if self.old["Status"] in ("VOIDED", "DELETED"):
            raise Refused(WRONG_STATUS)
        if self.is_touched():
            return self._update_paid(status)
        if status not in MOVES[self.old["Status"]]:
            raise Refused(WRONG_STATUS)
        self.new["Status"] = status
        if status in ("VOIDED", "DELETED"):
            return self._end()
        return self._save()

    def _end(self):
        """Void or delete: nothing else of the request counts, but locked periods do."""
        self._check_lock(self.old.get("Date"))
        self._refuse()
        return self._store()

    def _update_paid(self, status):
        """Once paid or part-paid only a few fields may change (A9)."""
        if status != self.old["Status"]:
            raise Refused(
                f"The status {status} cannot be applied to the {self.noun} "
                "because it has payments or credit notes allocated to it."
            )
        changed = {
            name
            for name, value in self.values.items()
            if value is not None
            and name not in NOT_SETTABLE
            and name not in (self.id_field, "Type", "Status", "LineItems")
        }
        if changed - CHANGEABLE_WHEN_PAID and any(
            self._differs(name) for name in changed - CHANGEABLE_WHEN_PAID
        ):
            raise Refused(HAS_PAYMENT)
        self._check_lock(self.old.get("Date"))
        if self.values.get("LineItems") is not None:
            self._paid_lines()
        self._contact()
        self._header()
        self._refuse()
        return self._store()

    def _differs(self, name):
        value, old = self.values[name], self.old.get(name)
        if name == "Date":
            return parse_day(value) != old
        if name == "CurrencyRate":
            return number(value) != number(old)
        return value != old

    def _paid_lines(self):
        """Only Description, AccountCode and Tracking of a line may change; amounts may not."""
        known = {line["LineItemID"]: line for line in self.old["LineItems"]}
        lines = dict(known)
        for given in self.values["LineItems"]:
            key = as_guid(given.get("LineItemID"))
            if key not in known:
                self.messages.append(
                    "To update fields on a paid invoice line item, you must supply a LineItemID"
                )
                continue
            line = dict(known[key])
            for name in ("Quantity", "UnitAmount", "LineAmount", "TaxAmount", "DiscountRate"):
                if given.get(name) is not None and number(given[name]) != number(line.get(name)):
                    self.messages.append(HAS_PAYMENT)
                    break
            if given.get("TaxType") not in (None, line.get("TaxType")):
                self.messages.append(HAS_PAYMENT)
            if given.get("Description"):
                line["Description"] = given["Description"]
            if given.get("AccountCode"):
                line["AccountCode"] = given["AccountCode"]
                self._check_account(line)
            self._line_tracking(given, line)
            lines[key] = line
        self.new["LineItems"] = list(lines.values())

    def _save(self):
        self._contact()
        self._header()
        self._currency()
        self._lines()
        self._sums()
        if self.new["Status"] in ("SUBMITTED", "AUTHORISED"):
            self._check_complete()
        self._check_lock(self.new.get("Date"))
        if self.old:
            self._check_lock(self.old.get("Date"))
        self._refuse()
        if self.is_sale and not self.new.get(self.number_field):
            self.new[self.number_field] = self.next_number()
        return self._store()

    def _refuse(self):
        if self.messages:
            raise Refused(*dict.fromkeys(self.messages))

    def _store(self):
        document = self.ledger.touch(self.new)
        self.documents.put(document[self.id_field], document)
        if document["Status"] != "DELETED":
            flag = "IsCustomer" if self.is_sale else "IsSupplier"
            contact = self.ledger.contacts.get(document["ContactID"])
            if not contact.get(flag):
                # Set by invoicing, and without a new UpdatedDateUTC (A4, A7).
                self.ledger.contacts.put(contact["ContactID"], {**contact, flag: True})
        return document

    # --- header --- #

    def _contact(self):
        given = self.values.get("Contact")
        if given is None:
            if not self.new.get("ContactID"):
                self.messages.append("A Contact must be specified for this type of transaction.")
            return
        if not isinstance(given, dict) or not any(
            given.get(k) for k in ("ContactID", "ContactNumber", "Name")
        ):
            self.messages.append("The contact must have a ContactID, a ContactNumber or a Name.")
            return
        try:
            contact = contacts.find(self.ledger, given)
            if contact is not None and contact["ContactStatus"] != "ACTIVE":
                raise Refused(contacts.ARCHIVED)
            others = {k: v for k, v in given.items() if k != "ContactID" and v not in (None, [], "")}
            if contact is not None and fold(others.get("Name", "")) == fold(contact["Name"]):
                del others["Name"]
            if contact is None or any(others[k] != contact.get(k) for k in others if k in contacts.TEXT):
                # Other fields update the contact and drop its persons [MAN].
                contact = contacts.save(self.ledger, {"ContactPersons": [], **others}, contact)
        except Refused as refused:
            self.messages += refused.messages
            return
        self.new["ContactID"] = contact["ContactID"]

    def _header(self):
        values, new = self.values, self.new
        number_given = values.get(self.number_field)
        if number_given is not None:
            if len(number_given) > 255:
                self.messages.append(f"The {self.number_field} must be text of at most 255 characters.")
            else:
                self._check_number(number_given)
                new[self.number_field] = number_given
        for name in ("Date", "DueDate", "ExpectedPaymentDate", "PlannedPaymentDate"):
            if values.get(name) is not None:
                day = parse_day(values[name])
                if day is None:
                    self.messages.append(f"The {name} is not a valid date.")
                else:
                    new[name] = day
        if values.get("Reference") is not None and self.is_sale:
            new["Reference"] = values["Reference"]
        if values.get("BrandingThemeID"):
            new["BrandingThemeID"] = values["BrandingThemeID"]
        url = values.get("Url")
        if url:
            if "xero" in url.lower() or not url.startswith(("http://", "https://")):
                self.messages.append(
                    "The Url must be an absolute http or https address and must not contain 'xero'."
                )
            new["Url"] = url
        types = values.get("LineAmountTypes")
        if types is not None:
            if types in LINE_AMOUNT_TYPES:
                new["LineAmountTypes"] = types
            else:
                self.messages.append("LineAmountTypes must be Exclusive, Inclusive or NoTax.")
        if isinstance(values.get("SentToContact"), bool) and new["Status"] in ("AUTHORISED", "PAID"):
            new["SentToContact"] = values["SentToContact"]

    def _check_number(self, text):
        if not self.is_sale or not text.strip():
            return
        if self.numbers.first(fold(text), other_than=self.old.get(self.id_field)):
            self.messages.append(self.number_message)

    def _currency(self):
        values, new, base = self.values, self.new, self.ledger.base_currency
        if values.get("CurrencyCode"):
            new["CurrencyCode"] = values["CurrencyCode"]
        elif not new["CurrencyCode"]:
            contact = self.ledger.contacts.get(new.get("ContactID")) or {}
            new["CurrencyCode"] = contact.get("DefaultCurrency") or base
        currency = new["CurrencyCode"]
        if not self.ledger.subscribed(currency):
            self.messages.append(f"Organisation is not subscribed to currency {currency}")
            return
        if currency == base:
            new["CurrencyRate"] = Decimal("1.000000")
            return
        if values.get("CurrencyRate") is not None:
            rate = number(values["CurrencyRate"])
            if rate is None or rate <= 0:
                self.messages.append("The CurrencyRate must be a number greater than zero.")
            else:
                new["CurrencyRate"] = round_to(rate, SIX)
        elif not self.old or new["Date"] != self.old.get("Date") or currency != self.old.get("CurrencyCode"):
            new["CurrencyRate"] = day_rate(base, currency, new["Date"])

    def _check_lock(self, day):
        if day:
            self.messages += self.ledger.lock_messages(day)

    def _check_complete(self):
        """What SUBMITTED and AUTHORISED need beyond a draft."""
        if self.has_due_date and not self.new.get("DueDate"):
            self.messages.append("The DueDate must be specified for this status.")
        lines = self.new["LineItems"]
        if not lines:
            self.messages.append("One or more line items must be specified")
        for line in lines:
            if not line.get("Description"):
                self.messages.append("Description must be specified for each line item.")
            is_text_only = line["_TextOnly"]
            if not is_text_only and not line.get("AccountCode"):
                self.messages.append("Account code must be specified")
        if self.new["Total"] < 0:
            self.messages.append(f"The {self.noun} total cannot be negative.")

    # --- lines --- #

    def _lines(self):
        given = self.values.get("LineItems")
        if given is None:
            if self.old and self._retaxed():
                given = [{"LineItemID": line["LineItemID"]} for line in self.old["LineItems"]]
            else:
                return
        known = {line["LineItemID"]: line for line in self.old.get("LineItems", ())}
        lines = []
        for values in given:
            old = {}
            if values.get("LineItemID"):
                key = as_guid(values["LineItemID"])
                if key in known:
                    old = known.pop(key)
                elif self.old:
                    self.messages.append("The LineItemID of a line could not be found on this document.")
            lines.append(self._line(values, old))
        self.new["LineItems"] = lines

    def _retaxed(self):
        return self.new["LineAmountTypes"] != self.old["LineAmountTypes"]

    def _line(self, values, old):
        line = dict(old) or {"LineItemID": self.ledger.new_id()}
        # A line of text has no amounts of its own to go on from.
        figures = ("Quantity", "UnitAmount", "LineAmount") if old.get("_TextOnly") else ()
        merged = {
            **{k: v for k, v in old.items() if not k.startswith("_") and k not in figures},
            **{k: v for k, v in values.items() if v is not None},
        }
        item = self._item_of(merged, line)
        self._line_texts(values, old, merged, item, line)
        self._line_amounts(values, merged, item, line)
        self._line_tax(values, old, merged, item, line)
        self._line_tracking(values, line)
        return line

    def _line_tracking(self, values, line):
        """What is not sent stays; an empty list takes it away. By ids or by names, one option of a category."""
        given = values.get("Tracking")
        if given is None:
            return
        if len(given) > 2:
            self.messages.append("A line item can have at most 2 tracking categories.")
        found = {}
        for one in given:
            category, option = self._tracked(one)
            if category is None or option is None:
                self.messages.append("The tracking category or option could not be found.")  # (ours)
            elif "ARCHIVED" in (category["Status"], option["Status"]):
                self.messages.append("The tracking category or option has been archived.")  # (ours)
            elif category["TrackingCategoryID"] in found:
                self.messages.append("A line item can have one option of a tracking category.")  # (ours)
            else:
                found[category["TrackingCategoryID"]] = option["TrackingOptionID"]
        line["Tracking"] = [[category, option] for category, option in found.items()]

    def _tracked(self, given):
        """(category, option), None for what is not there."""
        key, name = as_guid(given.get("TrackingCategoryID") or ""), fold(given.get("Name") or "")
        category = next(
            (
                one
                for one in self.ledger.tracking.values()
                if one["TrackingCategoryID"] == key or (not key and fold(one["Name"]) == name)
            ),
            None,
        )
        key, name = as_guid(given.get("TrackingOptionID") or ""), fold(given.get("Option") or "")
        option = next(
            (
                one
                for one in (category or {}).get("Options", ())
                if one["TrackingOptionID"] == key or (not key and fold(one["Name"]) == name)
            ),
            None,
        )
        return category, option

    def _item_of(self, merged, line):
        code = merged.get("ItemCode")
        if not code:
            line.pop("ItemCode", None)
            return None
        item = self.ledger.item(code)
        if item is None:
            self.messages.append(f"Item code '{code}' is not valid.")
            return None
        line["ItemCode"] = item["Code"]
        line["_Item"] = {"ItemID": item["ItemID"], "Name": item.get("Name", ""), "Code": item["Code"]}
        return item

    def _defaults(self, item):
        """An item's price, account and tax for this kind of document."""
        if item is None:
            return {}
        return item.get("SalesDetails" if self.is_sale else "PurchaseDetails", {})

    def _line_texts(self, values, old, merged, item, line):
        description = merged.get("Description")
        if description is None and item is not None:
            description = item.get("Description" if self.is_sale else "PurchaseDescription") or item.get(
                "Name"
            )
        if description is not None:
            if len(description) > 4000:
                self.messages.append("The field Description must be a string with a maximum length of 4000.")
            line["Description"] = description
        code = merged.get("AccountCode") or self._defaults(item).get("AccountCode")
        if code:
            line["AccountCode"] = code
            self._check_account(line)

    def _check_account(self, line):
        code = line["AccountCode"]
        account = self.ledger.account(code)
        if account is None or len(code) > 10:
            self.messages.append(f"Account code '{code}' is not a valid code for this document.")
        elif account["Status"] != "ACTIVE":
            self.messages.append(
                f"Account code '{code}' has been archived, or has been deleted. "
                "Each line item must reference a valid account."
            )
        elif account["Type"] == "BANK" or account.get("SystemAccount") in SYSTEM_ACCOUNTS_REFUSED:
            self.messages.append(f"Account code '{code}' is not a valid code for this document.")
        else:
            line["AccountID"] = account["AccountID"]

    def _amount(self, values, name, step):
        """A number of the line rounded to ``step``; a message when it is none."""
        if values.get(name) is None:
            return None
        value = number(values[name])
        if value is None:
            self.messages.append(f"{name} must be a number.")
            return None
        return round_to(value, step)

    def _line_amounts(self, values, merged, item, line):
        unit = self._amount(merged, "UnitAmount", self.step)
        quantity = self._amount(merged, "Quantity", FOUR)
        sent = self._amount(values, "LineAmount", CENT)
        if unit is None and sent is None and self._defaults(item).get("UnitPrice") is not None:
            unit = round_to(Decimal(self._defaults(item)["UnitPrice"]), self.step)
        rate = self._amount(merged, "DiscountRate", FOUR)
        # A new rate replaces an old amount and the other way round.
        amount = self._amount(
            values if values.get("DiscountRate") is not None else merged, "DiscountAmount", CENT
        )
        if self.new["Type"] != "ACCREC" and (rate or amount):
            self.messages.append("Discounts are only supported on sales invoices and quotes.")
        if rate is not None and not 0 <= rate <= 100:
            self.messages.append("The DiscountRate must be between 0 and 100.")
        line["_TextOnly"] = unit is None and quantity is None and sent is None
        if sent is not None and unit is None:
            quantity = quantity if quantity is not None else Decimal(1)
            unit = round_to(sent / quantity, self.step) if quantity else ZERO
        elif sent is not None and quantity is None:
            quantity = round_to(sent / unit, FOUR) if unit else Decimal(1)
        if quantity is None:
            quantity = Decimal(0) if line["_TextOnly"] else Decimal(1)
        unit = unit if unit is not None else ZERO
        expected = line_amount(quantity, unit, rate, amount if not rate else None)
        if sent is not None and sent != expected:
            self.messages.append(f"The line total {sent} does not match the expected line total {expected}")
        line.update(Quantity=round_to(quantity, FOUR), UnitAmount=unit, LineAmount=expected)
        for name, value in (("DiscountRate", rate), ("DiscountAmount", amount if not rate else None)):
            if value:
                line[name] = value
            else:
                line.pop(name, None)

    def _line_tax(self, values, old, merged, item, line):
        types = self.new["LineAmountTypes"]
        account = self.ledger.account(line.get("AccountCode"))
        tax_type = (
            merged.get("TaxType")
            or self._defaults(item).get("TaxType")
            or (account or {}).get("TaxType")
            or "NONE"
        )
        if types == "NoTax":
            line.update(TaxType="NONE", TaxAmount=ZERO)
            return
        rate = self.ledger.tax_rate(tax_type)
        line["TaxType"] = tax_type
        line["TaxAmount"] = ZERO
        if rate is None or rate["Status"] != "ACTIVE":
            self.messages.append(
                f"The TaxType code '{tax_type}' does not exist or cannot be used for this type of transaction."
            )
            return
        if account is not None and not rate[APPLIES_TO[CLASS_OF_TYPE[account["Type"]]]]:
            self.messages.append(
                f"The TaxType code '{tax_type}' cannot be used with account code '{account['Code']}'."
            )
            return
        computed = line_tax(line["LineAmount"], Decimal(rate["EffectiveRate"]), types)
        sent = self._amount(values, "TaxAmount", CENT)
        if sent is None and old and self._same_base(old, line) and not self._retaxed():
            sent = old.get("TaxAmount")
        if sent is not None and abs(sent) > abs(line["LineAmount"]):
            self.messages.append("The TaxAmount cannot be more than the LineAmount.")
        line["TaxAmount"] = computed if sent is None else sent

    @staticmethod
    def _same_base(old, line):
        return old.get("LineAmount") == line["LineAmount"] and old.get("TaxType") == line["TaxType"]

    def _sums(self):
        new = self.new
        subtotal, tax, total = totals(new["LineItems"], new["LineAmountTypes"])
        new.update(SubTotal=subtotal, TotalTax=tax, Total=total)
        new.pop("RoundingAmount", None)
        self._rounding(total)

    def _rounding(self, total):
        """RoundingAmount (SDK 15.2.0 from OAS 19): opt-in per organisation; with SubTotal, TotalTax and Total only;
        −0.10 to 0.10, refused outside on SUBMITTED and AUTHORISED, ignored on DRAFT."""
        values = self.values
        if not self.ledger.organisation.get("_rounding") or values.get("RoundingAmount") is None:
            return
        if any(values.get(name) is None for name in ("SubTotal", "TotalTax", "Total")):
            return
        amount = self._amount(values, "RoundingAmount", CENT)
        if amount is None:
            return
        if abs(amount) > Decimal("0.10"):
            if self.new["Status"] != "DRAFT":
                self.messages.append("The RoundingAmount must be between -0.10 and 0.10.")
            return
        self.new.update(RoundingAmount=amount, Total=total + amount)


# === RENDERING === #


def render_line(ledger, line, step):
    result = {}
    if line.get("ItemCode"):
        result["ItemCode"] = line["ItemCode"]
    if line.get("Description") is not None:
        result["Description"] = line["Description"]
    result["UnitAmount"] = round_to(Decimal(line["UnitAmount"]), step)
    result["TaxType"] = line["TaxType"]
    result["TaxAmount"] = money(line["TaxAmount"])
    result["LineAmount"] = money(line["LineAmount"])
    if line.get("AccountCode"):
        result["AccountCode"] = line["AccountCode"]
    if line.get("_Item"):
        result["Item"] = line["_Item"]
    result["Tracking"] = [
        _render_tracking(ledger, category, option) for category, option in line.get("Tracking", ())
    ]
    result["Quantity"] = round_to(Decimal(line["Quantity"]), FOUR)
    for name in ("DiscountRate", "DiscountAmount"):
        if line.get(name):
            result[name] = round_to(Decimal(line[name]), CENT if name == "DiscountAmount" else FOUR)
    result["LineItemID"] = line["LineItemID"]
    if line.get("AccountID"):
        result["AccountID"] = line["AccountID"]
    result["ValidationErrors"] = []
    return result


def _render_tracking(ledger, category, option):
    category = ledger.tracking.get(category)
    option = next(one for one in category["Options"] if one["TrackingOptionID"] == option)
    return {
        "Name": category["Name"],
        "Option": option["Name"],
        "TrackingCategoryID": category["TrackingCategoryID"],
        "TrackingOptionID": option["TrackingOptionID"],
    }


def _total_discount(invoice):
    total = ZERO
    for line in invoice["LineItems"]:
        if line.get("DiscountRate") or line.get("DiscountAmount"):
            full = round_to(Decimal(line["Quantity"]) * Decimal(line["UnitAmount"]), CENT)
            total += full - Decimal(line["LineAmount"])
    return total


def _render_credits(ledger, invoice):
    """The credit notes that count for it, each with how much of it does."""
    applied = {}
    for entry in invoice.get("CreditNotes", ()):
        key = entry["CreditNoteID"]
        applied[key] = applied.get(key, ZERO) + Decimal(entry["AppliedAmount"])
    result = []
    for key, amount in applied.items():
        note = ledger.credit_notes.get(key)
        result.append(
            {
                "CreditNoteID": key,
                "CreditNoteNumber": note.get("CreditNoteNumber", ""),
                "ID": key,
                "HasErrors": False,
                "AppliedAmount": money(amount),
                "DateString": date_string(note["Date"]),
                "Date": ms_date(note["Date"]),
                "LineItems": [],
                "Total": money(note["Total"]),
            }
        )
    return result


def render(ledger, invoice, unitdp, lines=True, contact="full", summary=False, written=False, single=False):
    """An invoice as Xero writes it.

    :param lines: with line items: paged lists, by id and writes (A4)
    :param contact: ``full`` by id and in writes, ``short`` in lists (A5)
    :param summary: ``summaryOnly``: no lines, no payments
    :param written: the answer of a write: a just-voided invoice still shows AmountDue [DW]
    :param single: by id or written: RoundingAmount is shown (SDK 15.2.0)
    """
    step = FOUR if unitdp == 4 else CENT
    due = amount_due(invoice)
    if written and invoice["Status"] == "VOIDED":
        due = balance.due(invoice)
    discount = _total_discount(invoice)
    result = {
        "Type": invoice["Type"],
        "InvoiceID": invoice["InvoiceID"],
        "InvoiceNumber": invoice.get("InvoiceNumber", ""),
    }
    if invoice["Type"] == "ACCREC":
        result["Reference"] = invoice.get("Reference", "")
    if not summary:
        result["Payments"] = [payments.render_in_invoice(entry) for entry in invoice["Payments"]]
        result["CreditNotes"] = _render_credits(ledger, invoice)
        result["Prepayments"] = []
        result["Overpayments"] = []
    result["AmountDue"] = money(due)
    result["AmountPaid"] = money(balance.paid(invoice))
    result["AmountCredited"] = money(balance.credited(invoice))
    for name in ("Url", "BrandingThemeID"):
        if invoice.get(name):
            result[name] = invoice[name]
    if invoice["Type"] == "ACCREC":
        result["SentToContact"] = bool(invoice.get("SentToContact"))
    result["CurrencyRate"] = round_to(Decimal(invoice["CurrencyRate"]), TEN)
    if discount:
        result["TotalDiscount"] = money(discount)
    result["IsDiscounted"] = bool(discount)
    files = attachments.of(ledger, invoice["InvoiceID"])
    result["HasAttachments"] = bool(files)
    result["HasErrors"] = False
    if not summary:
        result["Attachments"] = [attachments.render(ledger, one) for one in files] if single else []
        result["InvoiceAddresses"] = []
    party = ledger.contacts.get(invoice["ContactID"])
    result["Contact"] = contacts.render(ledger, party) if contact == "full" else contacts.render_short(party)
    result["DateString"] = date_string(invoice["Date"])
    result["Date"] = ms_date(invoice["Date"])
    if invoice.get("DueDate"):
        result["DueDateString"] = date_string(invoice["DueDate"])
        result["DueDate"] = ms_date(invoice["DueDate"])
    for name in ("ExpectedPaymentDate", "PlannedPaymentDate", "FullyPaidOnDate"):
        if invoice.get(name):
            result[name] = ms_date(invoice[name])
    result["Status"] = invoice["Status"]
    result["LineAmountTypes"] = invoice["LineAmountTypes"]
    result["LineItems"] = (
        [render_line(ledger, line, step) for line in invoice["LineItems"]] if lines and not summary else []
    )
    result["SubTotal"] = money(invoice["SubTotal"])
    result["TotalTax"] = money(invoice["TotalTax"])
    result["Total"] = money(invoice["Total"])
    if single and invoice.get("RoundingAmount"):
        result["RoundingAmount"] = money(invoice["RoundingAmount"])
    result["UpdatedDateUTC"] = ms_time(invoice["UpdatedDateUTC"])
    result["UpdatedDateUTCString"] = time_string(invoice["UpdatedDateUTC"])
    result["CurrencyCode"] = invoice["CurrencyCode"]
    return result


def matches_search(invoice, term):
    """``searchTerm``: InvoiceNumber and Reference, without case [YAML]."""
    return any(term in (invoice.get(name) or "").casefold() for name in ("InvoiceNumber", "Reference"))
