"""Before the first push: what invoices use is settled on one page; then older ones are counted and sent together.
Afterwards the life of one invoice: a closed period, a change here, a change there, a credit note, its payment.
"""

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect
from steps import (
    OVERVIEW,
    allow_xero,
    beside,
    choose,
    choose_provider,
    click_connect,
    close_preview,
    confirm_invoice,
    enter_app,
    new_invoice,
    open_preview,
    open_settings,
    opened_in_books,
    read_again,
    reload_page_until,
    set_date,
    set_price,
    state_line,
    sync_now,
)

BOOKS = {"xero": {"seed": "demo", "contacts": 20, "items": 5, "organisations": ["US"]}}
ORGANIZATION = "Lakeside Field Services LLC"
# The organization's pages at Xero.
XERO = "/app/!lKd4P"
TODAY = datetime.now(UTC).date()
TOMORROW = TODAY + timedelta(days=1)
VERIFIED = re.compile(r"Xero: Verified [^·]+ · R?INV/\d+/\d+")


@pytest.fixture(scope="module")
def followed():
    """Number and address of the invoice whose life the later steps follow."""
    return {}


def test_overview_says_what_is_missing_before_the_first_push(admin, bookkeeper):
    open_settings(admin)
    choose_provider(admin, "Xero")
    enter_app(admin)
    click_connect(admin)
    allow_xero(admin)
    bookkeeper.action(OVERVIEW)
    bookkeeper.headline(ORGANIZATION)
    setup = bookkeeper.reload_until(
        lambda page: page.locator(".o_fieldpromax_setup, .o_fieldpromax_import"),
        "suggestions have to be confirmed",
    )
    expect(setup).to_contain_text("of the last 12 months would wait")
    bookkeeper.look("120-overview-what-is-missing")


def test_guide_lists_what_invoices_use(bookkeeper):
    bookkeeper.page.get_by_role("button", name="See what is missing").click()
    bookkeeper.headline("Mappings to Xero")
    missing = bookkeeper.page.locator(".o_fieldpromax_missing")
    default = missing.locator("tr.o_data_row", has_text="Revenue, unless an account below says otherwise")
    expect(default.locator("td[name=status]")).to_have_text("To confirm")
    assert int(default.locator("td[name=invoice_count]").inner_text()) > 0
    bookkeeper.look("121-mappings-guide")
    bookkeeper.page.get_by_role("tab", name="Taxes").click()
    expect(bookkeeper.row("15%").locator("td[name=status]")).to_have_text("Mapped")
    bookkeeper.look("122-mappings-guide-taxes")
    bookkeeper.page.get_by_role("tab", name="Currencies").click()
    expect(bookkeeper.row("USD")).to_contain_text("Xero uses it as well")


def test_guide_fits_a_narrow_screen(desks):
    phone = desks("bookkeeper", narrow=True)
    phone.action(OVERVIEW)
    phone.page.get_by_role("button", name="See what is missing").click()
    expect(phone.page.locator(".o_fieldpromax_missing .o_kanban_record").first).to_be_visible()
    phone.look("123-mappings-guide")


def test_category_is_booked_on_an_account_of_its_own(bookkeeper):
    bookkeeper.page.get_by_role("button", name="Account for a product or category").click()
    dialog = bookkeeper.page.locator(".modal")
    choose(bookkeeper, dialog.locator("[name=category_id] input"), "Services")
    choose(bookkeeper, dialog.locator("[name=reference_id] input"), "260")
    bookkeeper.look("124-account-of-a-category")
    dialog.get_by_role("button", name="Use this account").click()
    expect(dialog).to_have_count(0)
    bookkeeper.page.reload()
    bookkeeper.settle()
    bookkeeper.page.get_by_role("tab", name="Revenue accounts").click()
    expect(bookkeeper.row("Category: ").locator("td[name=status]")).to_have_text("Confirmed")


def test_all_suggestions_are_accepted_with_one_button(bookkeeper):
    bookkeeper.page.get_by_role("button", name=re.compile(r"Accept all suggestions \(\s*\d+\s*\)")).click()
    bookkeeper.page.locator(".modal").get_by_role("button", name="Ok").click()
    bookkeeper.notification("confirmed")
    expect(bookkeeper.page.locator(".alert-success:visible")).to_contain_text("Nothing is missing")
    bookkeeper.look("125-mappings-complete")


def test_older_invoices_are_counted_before_they_are_sent(bookkeeper, desks):
    bookkeeper.action(OVERVIEW)
    bookkeeper.page.get_by_role("button", name="Send older invoices").click()
    dialog = bookkeeper.page.locator(".modal")
    expect(dialog).to_contain_text("invoices and credit notes to send")
    expect(dialog.locator("[name=amount]")).to_contain_text("$")
    bookkeeper.look("126-send-older-invoices")
    phone = desks("bookkeeper", narrow=True)
    phone.action(OVERVIEW)
    phone.page.get_by_role("button", name="Send older invoices").click()
    expect(phone.page.locator(".modal")).to_contain_text("invoices and credit notes to send")
    phone.look("127-send-older-invoices")


def test_progress_is_shown_until_all_are_sent(bookkeeper, world):
    world.simulator.control(
        "POST", "/_sim/faults", {"fault": "slow:6", "method": "PUT", "path": "/Invoices", "times": 1}
    )
    button = bookkeeper.page.locator(".modal button[name=action_start]")
    count = int(re.search(r"\d+", button.inner_text())[0])
    assert count > 0
    button.click()
    batch = bookkeeper.page.locator(".o_fieldpromax_batches")
    expect(batch).to_contain_text(f"of {count} sent")
    bookkeeper.look("128-older-invoices-on-their-way")
    # Those of a customer who waits for match review wait with him; all others are in the books.
    bookkeeper.action(OVERVIEW)
    # "Needs attention" is the state once nothing is on its way any more.
    told = bookkeeper.reload_until(
        lambda page: page.locator(".o_fieldpromax_batches"), "Needs attention"
    ).inner_text()
    sent, held = (int(re.search(rf"(\d+) {words}", told)[1]) for words in (rf"of {count} sent", "need"))
    assert sent + held == count
    bookkeeper.look("129-older-invoices-sent")
    assert len(world.simulator.invoices() + world.simulator.entities("credit_notes")) >= sent > 0


# --- a closed period: told before it is confirmed, refused with the next open date, and cured by a person


def test_books_are_closed_up_to_today(bookkeeper, world):
    with beside(bookkeeper, world.simulator.url + XERO) as books:
        books.fill("#lock-date", TODAY.isoformat())
        books.click("#lock-save")
        expect(books.locator("#message.done")).to_contain_text("Locked up to")
        bookkeeper.look("130-xero-locked", books)
    read_again(bookkeeper)
    bookkeeper.action(OVERVIEW)
    bookkeeper.reload_until(lambda page: page.locator(".o_form_sheet"), "Lock date in the books")


def test_draft_says_that_its_period_is_closed(bookkeeper, followed):
    new_invoice(bookkeeper, "Azure Interior", "Corner Desk", "15%")
    warning = bookkeeper.field("fieldpromax_period_text")
    expect(warning).to_contain_text(f"Xero takes nothing dated {TODAY:%m/%d/%Y} or earlier.")
    expect(warning).to_contain_text(f"The next open date is {TOMORROW:%m/%d/%Y}")
    bookkeeper.look("131-draft-in-closed-period")
    preview = open_preview(bookkeeper, "Xero")
    expect(preview.locator(".alert-danger")).to_contain_text("This would stop it")
    expect(preview.locator(".alert-danger")).to_contain_text(f"The books are closed up to {TODAY:%m/%d/%Y}")
    expect(preview.locator("[name=total]")).to_contain_text("169.05")
    bookkeeper.look("132-preview-in-closed-period")
    close_preview(bookkeeper)
    followed["address"] = urlsplit(bookkeeper.page.url).path


def test_draft_and_preview_fit_a_narrow_screen(desks, followed):
    phone = desks("bookkeeper", narrow=True)
    phone.open(followed["address"])
    expect(phone.field("fieldpromax_period_text")).to_contain_text("The next open date is")
    phone.look("131-draft-in-closed-period")
    preview = open_preview(phone, "Xero")
    expect(preview).to_contain_text("This would stop it")
    phone.look("132-preview-in-closed-period")
    close_preview(phone)


def test_draft_with_an_open_date_may_go(bookkeeper):
    set_date(bookkeeper, "invoice_date", TOMORROW)
    expect(bookkeeper.field("fieldpromax_period_text")).to_be_hidden()
    preview = open_preview(bookkeeper, "Xero")
    expect(preview).to_contain_text("Nothing stops it.")
    close_preview(bookkeeper)


def test_confirmed_in_a_closed_period_names_the_next_open_date(bookkeeper, followed):
    set_date(bookkeeper, "invoice_date", TODAY)
    expect(bookkeeper.field("fieldpromax_period_text")).to_be_visible()
    confirm_invoice(bookkeeper)
    line = bookkeeper.reload_until(state_line, "Needs attention")
    expect(line).to_contain_text(f"Xero takes nothing dated {TODAY:%m/%d/%Y} or earlier.")
    bookkeeper.look("133-invoice-in-closed-period")
    line.get_by_role("button", name="What to do").click()
    expect(bookkeeper.field("remedy")).to_contain_text(f"date it {TOMORROW:%m/%d/%Y}, the next open date")
    bookkeeper.look("134-issue-closed-period")


def test_period_that_is_opened_lets_it_go(bookkeeper, world, followed):
    with beside(bookkeeper, world.simulator.url + XERO) as books:
        books.fill("#lock-date", "")
        books.click("#lock-save")
        expect(books.locator("#message.done")).to_contain_text("Nothing is locked")
    bookkeeper.page.get_by_role("button", name="Read the lock date again").click()
    bookkeeper.notification("read again")
    bookkeeper.open(followed["address"])
    line = bookkeeper.reload_until(state_line, VERIFIED)
    followed["number"] = re.search(r"INV/\d+/\d+", line.inner_text())[0]
    bookkeeper.look("135-verified")
    bookkeeper.page.get_by_role("button", name="What was compared").click()
    dialog = bookkeeper.page.locator(".modal")
    expect(dialog).to_contain_text("all that Odoo sent is the same there")
    expect(dialog.locator("tr.o_data_row", has_text="Line 1, Amount")).to_contain_text("147.00")
    bookkeeper.look("135a-what-was-compared")
    dialog.get_by_role("button", name="Close").last.click()
    expect(dialog).to_have_count(0)


# --- what happens to it afterwards


def in_xero(world, followed):
    return next(one for one in world.simulator.invoices() if one["InvoiceNumber"] == followed["number"])


def test_change_goes_over_and_keeps_its_lines(bookkeeper, world, followed):
    before = in_xero(world, followed)
    bookkeeper.page.locator("button[name=button_draft]:visible").click()
    expect(bookkeeper.page.locator("button[name=action_post]:visible")).to_be_visible()
    set_price(bookkeeper, "441.00")
    confirm_invoice(bookkeeper)
    bookkeeper.reload_until(state_line, re.compile(VERIFIED.pattern + r".*\$\s507\.15"))
    bookkeeper.look("136-changed-and-verified")
    with opened_in_books(bookkeeper) as books:
        expect(books.locator("#invoice-total")).to_have_text("507.15 USD")
        bookkeeper.look("137-xero-changed", books)
    after = in_xero(world, followed)
    assert after["InvoiceID"] == before["InvoiceID"]
    assert [line["LineItemID"] for line in after["LineItems"]] == [
        line["LineItemID"] for line in before["LineItems"]
    ]


def test_change_in_the_books_is_shown_side_by_side(bookkeeper, desks, followed):
    with opened_in_books(bookkeeper) as books:
        books.fill("#edit-reference", "PO 4711")
        books.fill("#edit-due-date", f"{TOMORROW:%Y-%m-%d}")
        books.click("#invoice-save")
        expect(books.locator("#invoice-reference")).to_have_text("PO 4711")
    sync_now(bookkeeper)
    bookkeeper.open(followed["address"])
    line = bookkeeper.reload_until(state_line, "Needs attention")
    bookkeeper.look("138-invoice-changed-in-xero")
    line.get_by_role("button", name="What to do").click()
    bookkeeper.headline("was changed in Xero")
    differences = bookkeeper.field("difference_ids")
    expect(differences.locator("tr.o_data_row", has_text="Reference")).to_contain_text("PO 4711")
    expect(differences.locator("tr.o_data_row", has_text="Due date")).to_contain_text(f"{TOMORROW:%m/%d/%Y}")
    bookkeeper.look("139-issue-side-by-side")
    phone = desks("bookkeeper", narrow=True)
    phone.open(urlsplit(bookkeeper.page.url).path)
    expect(phone.field("difference_ids")).to_contain_text("PO 4711")
    phone.look("139-issue-side-by-side")


def test_pushed_again_both_agree(bookkeeper, world, followed):
    bookkeeper.page.get_by_role("button", name="Push again").click()
    bookkeeper.page.locator(".modal").get_by_role("button", name="Ok").click()
    bookkeeper.notification("1 invoice is on its way")
    bookkeeper.open(followed["address"])
    bookkeeper.reload_until(state_line, VERIFIED)
    bookkeeper.look("140-verified-again")
    assert not in_xero(world, followed).get("Reference")


def test_credit_note_is_set_against_the_invoice(bookkeeper, world, followed):
    bookkeeper.page.locator("button[name=action_reverse]:visible").click()
    dialog = bookkeeper.page.locator(".modal")
    dialog.locator("[name=reason] input").fill("One came damaged")
    dialog.locator("button[name=refund_moves]").click()
    expect(dialog).to_have_count(0)
    bookkeeper.headline("Credit Note")
    set_price(bookkeeper, "147.00")
    confirm_invoice(bookkeeper)
    bookkeeper.reload_until(state_line, re.compile(VERIFIED.pattern + r".*\$\s169\.05"))
    bookkeeper.look("141-credit-note-verified")
    with opened_in_books(bookkeeper) as books:
        reload_page_until(books, "#allocations", followed["number"])
        bookkeeper.look("142-xero-credit-note", books)
    assert in_xero(world, followed)["AmountCredited"] == 169.05


def test_payment_marks_it_paid(bookkeeper, followed):
    bookkeeper.open(followed["address"])
    bookkeeper.page.locator("button[name=action_register_payment]:visible").first.click()
    dialog = bookkeeper.page.locator(".modal")
    expect(dialog.locator("[name=amount] input")).to_have_value("338.10")
    dialog.locator("button[name=action_create_payments]").click()
    expect(dialog).to_have_count(0)
    expect(bookkeeper.page.locator(".ribbon")).to_contain_text("Paid")
    # Where money goes is confirmed by a person once; until then the payment waits.
    bookkeeper.action("fieldpromax_accounting.fieldpromax_issue_action")
    bookkeeper.reload_until(lambda page: page.locator(".o_view_controller"), 'payments of "Bank"')
    bookkeeper.row('payments of "Bank"').locator("td[name=title]").click()
    bookkeeper.page.get_by_role("button", name="Open Mappings").click()
    bookkeeper.headline("Mappings to Xero")
    row = bookkeeper.page.locator(".o_fieldpromax_missing tr.o_data_row", has_text="Bank")
    expect(row).to_contain_text("090 Business Bank Account")
    bookkeeper.look("143-where-payments-go")
    row.locator("button[name=action_confirm]").click()
    expect(bookkeeper.field("issue_text")).to_contain_text('"Bank" is settled')
    bookkeeper.open(followed["address"])
    with opened_in_books(bookkeeper) as books:
        reload_page_until(books, "#invoice-status", "paid")
        expect(books.locator("#payments tbody")).to_contain_text("338.10")
        bookkeeper.look("144-xero-paid", books)


def test_payment_entered_in_the_books_is_registered(bookkeeper):
    """In a journal whose payments are entered there, which a person says."""
    new_invoice(bookkeeper, "Azure Interior", "Corner Desk", "15%")
    confirm_invoice(bookkeeper)
    bookkeeper.reload_until(state_line, VERIFIED)
    address = urlsplit(bookkeeper.page.url).path
    bookkeeper.action(OVERVIEW)
    bookkeeper.page.locator("button[name=action_view_mappings]:visible").first.click()
    bookkeeper.headline("Mappings to Xero")
    bookkeeper.page.get_by_role("tab", name="Payments").click()
    owner = bookkeeper.row("Bank").locator("td[name=owner]")
    owner.click()
    owner.locator("input").click()
    bookkeeper.page.locator(".o_select_menu_item", has_text="The books").click()
    bookkeeper.page.locator(".o_form_button_save").click()
    expect(owner).to_have_text("The books")
    bookkeeper.look("145-where-payments-are-entered")
    bookkeeper.open(address)
    with opened_in_books(bookkeeper) as books:
        books.select_option("#payment-account", "090")
        books.fill("#payment-reference", "Cheque 17")
        books.click("#invoice-pay")
        expect(books.locator("#invoice-status")).to_have_text("paid")
    sync_now(bookkeeper)
    bookkeeper.open(address)
    bookkeeper.reload_until(lambda page: page.locator(".o_form_sheet"), re.compile("paid", re.IGNORECASE))
    expect(bookkeeper.field("fieldpromax_paid_text")).to_contain_text("Paid in Xero: $\xa0169.05.")
    bookkeeper.look("146-paid-in-the-books")


def test_receivables_agree(bookkeeper, desks):
    sync_now(bookkeeper)
    bookkeeper.menu("Accounting Sync", "Receivables")
    bookkeeper.headline("Receivables")
    groups = bookkeeper.page.locator("tr.o_group_header")
    expect(groups.first).to_contain_text("On both sides")
    both = groups.filter(has_text="On both sides")
    odoo, books, difference = (
        both.locator("td").filter(has_text="$").nth(place).inner_text() for place in range(3)
    )
    assert (odoo, difference) == (books, "$\xa00.00")
    bookkeeper.look("147-receivables")
    phone = desks("bookkeeper", narrow=True)
    phone.action("fieldpromax_accounting.fieldpromax_receivable_action")
    phone.headline("Receivables")
    phone.look("147-receivables")
