"""Before the first push: what invoices use is settled on one page; then older ones are counted and sent together."""

import re

from playwright.sync_api import expect
from steps import allow_xero, choose, choose_provider, click_connect, enter_app, open_settings

BOOKS = {"xero": {"seed": "demo", "contacts": 20, "items": 5, "organisations": ["US"]}}
ORGANIZATION = "Lakeside Field Services LLC"
OVERVIEW = "fieldpromax_accounting.fieldpromax_overview_action"


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
