"""What the journeys have in common: the settings, an invoice, and where an invoice says its state."""

import re
import time
from contextlib import contextmanager

from playwright.sync_api import expect

SETTINGS = "/odoo/settings#fieldpromax_accounting"
CLIENT_ID, CLIENT_SECRET = "fieldpromax-demo", "fieldpromax-demo-secret"
PERSON, PERSON_PASSWORD = "bookkeeper@example.com", "demo"
INVOICES = "account.action_move_out_invoice_type"
OVERVIEW = "fieldpromax_accounting.fieldpromax_overview_action"
# Lines about its payments stand beside it.
STATE_LINE = ".o_fieldpromax_line:has([name=fieldpromax_headline])"
# Odoo looks up the company's address on the net, which a test does not have.
ODOOS_OWN = re.compile(r" odoo\.addons\.(iap|partner_autocomplete)\.")


def state_line(page):
    return page.locator(f"{STATE_LINE}:visible")


def state_in_list(number):
    """Finds the state of that invoice in the list; a credit note's number contains an invoice's."""
    exactly = re.compile(rf"(?<!R){number}")
    return lambda page: page.locator("tr.o_data_row", has_text=exactly).locator("td[name=fieldpromax_badge]")


def open_settings(desk):
    desk.open(SETTINGS)
    tab = desk.page.locator('.settings_tab .tab[data-key="fieldpromax_accounting"]')
    expect(tab).to_be_visible()
    tab.click()
    expect(desk.page.locator("#fieldpromax_connection")).to_be_visible()


def click_connect(desk):
    desk.page.locator("button[name=action_fieldpromax_connect]:visible").click()


def enter_app(desk):
    desk.page.locator("[name=fieldpromax_client_id] input").fill(CLIENT_ID)
    desk.page.locator("[name=fieldpromax_client_secret] input").fill(CLIENT_SECRET)


def sign_in(desk):
    """At the provider's own page."""
    desk.page.fill("#username", PERSON)
    desk.page.fill("#password", PERSON_PASSWORD)
    desk.page.click("#login-submit")


def allow_xero(desk, country="US"):
    """Sign in at Xero and consent to one organization; back in the settings it is connected."""
    sign_in(desk)
    desk.page.check(f"#organisation-{country}")
    desk.page.click("#consent-allow")
    expect(desk.field("fieldpromax_status")).to_have_text("Connected")


def new_invoice(desk, customer, product, tax):
    desk.action(INVOICES)
    desk.page.locator(".o_list_button_add").click()
    choose(desk, desk.page.locator("[name=partner_id] input"), customer)
    lines = desk.page.locator("[name=invoice_line_ids]")
    if not lines.locator("th[data-name=product_id]").count():  # the browser remembers the choice
        lines.locator(".o_optional_columns_dropdown button").click()
        desk.page.locator(
            ".o-dropdown--menu .o-dropdown-item", has_text=re.compile(r"^\s*Product\s*$")
        ).click()
        expect(lines.locator("th[data-name=product_id]")).to_be_visible()
        desk.page.keyboard.press("Escape")
    lines.locator(".o_field_x2many_list_row_add a").first.click()
    row = lines.locator("tr.o_selected_row")
    choose(desk, row.locator("td[name=product_id] input"), product)
    choose(desk, row.locator("td[name=tax_ids] input"), tax)
    desk.page.locator(".oe_title").first.click()


def choose(desk, entry, name):
    """Type into a field that points to a record, and take the first offer of that name."""
    entry.click()
    entry.fill(name)
    desk.page.locator(".o-autocomplete--dropdown-item", has_text=name).first.click()


def confirm_invoice(desk):
    desk.page.locator("button[name=action_post]:visible").click()
    expect(
        desk.page.locator(".o_arrow_button_current, .o_statusbar_status .btn-primary").first
    ).to_contain_text("Posted")


def open_preview(desk, provider):
    """The dialog that says what the books will show of the invoice at hand."""
    if desk.narrow:
        desk.page.locator(".o_button_more:visible").click()
    desk.page.locator("button[name=action_fieldpromax_preview]:visible").click()
    dialog = desk.page.locator(".modal")
    expect(dialog.locator(".modal-title")).to_have_text(f"What {provider} will show")
    return dialog


def close_preview(desk):
    desk.page.locator(".modal").get_by_role("button", name="Close").last.click()
    expect(desk.page.locator(".modal")).to_have_count(0)


def choose_provider(desk, name):
    desk.page.locator("[name=fieldpromax_provider] label", has_text=name).click()
    expect(desk.page.locator("button[name=action_fieldpromax_connect]:visible")).to_contain_text(
        f"Connect to {name}"
    )


def set_date(desk, name, day):
    """Write a date into a field of a form, which is a button until it is entered."""
    desk.page.locator(f"[name={name}] .o_input:visible").first.click()
    entry = desk.page.locator(f"[name={name}] input:visible").first
    entry.fill(f"{day:%m/%d/%Y}")
    entry.press("Tab")


def set_price(desk, price):
    """Of the only line of the invoice at hand."""
    row = desk.page.locator("[name=invoice_line_ids] tr.o_data_row").first
    row.locator("td[name=price_unit]").click()
    row.locator("td[name=price_unit] input").fill(price)
    desk.page.locator(".oe_title").first.click()


@contextmanager
def beside(desk, address):
    """A page of the books in a window of its own."""
    with desk.context.expect_page() as opened:
        desk.page.evaluate("window.open('about:blank')")
    opened.value.goto(address)
    yield opened.value
    opened.value.close()


@contextmanager
def opened_in_books(desk):
    """What the button "Open in …" of the record at hand shows, in a window of its own."""
    with desk.context.expect_page() as opened:
        desk.page.locator("button[name=action_fieldpromax_open]:visible").click()
    yield opened.value
    opened.value.close()


def read_again(desk):
    """Have accounts, taxes and the lock date of the books read."""
    desk.menu("Accounting Sync", "Mappings")
    desk.page.get_by_role("button", name="Read again").click()
    desk.notification("read again")


def sync_now(desk):
    desk.action(OVERVIEW)
    desk.page.get_by_role("button", name="Sync now").click()
    desk.notification("has started")


def reload_page_until(page, selector, text, seconds=20):
    """Reload a page of the books until it says so."""
    end = time.monotonic() + seconds
    while text not in page.locator(selector).inner_text():
        assert time.monotonic() < end, (
            f"after {seconds} s {selector} still says {page.locator(selector).inner_text()!r}"
        )
        page.wait_for_timeout(500)
        page.reload()
