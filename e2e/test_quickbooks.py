"""The round trip with QuickBooks Online, its first import watched; then over to Xero, and back.

An administrator connects and switches; a bookkeeper confirms, invoices, and finds everything in the books.
"""

import re
from datetime import UTC, datetime

from playwright.sync_api import expect
from steps import (
    CLIENT_SECRET,
    ODOOS_OWN,
    OVERVIEW,
    SETTINGS,
    allow_xero,
    beside,
    choose_provider,
    click_connect,
    close_preview,
    confirm_invoice,
    enter_app,
    new_invoice,
    open_preview,
    open_settings,
    read_again,
    sign_in,
    state_line,
)

BOOKS = {
    "quickbooks": {"seed": "demo", "contacts": 300, "items": 40, "companies": ["US"]},
    "xero": {"seed": "demo", "organisations": ["US"]},
}
COMPANY = "Lakeside Field Services"


# --- the administrator connects


def test_settings_offer_both_and_explain_the_app_of_each(admin, world):
    open_settings(admin)
    choose_provider(admin, "QuickBooks Online")
    expect(admin.field("fieldpromax_redirect_uri")).to_contain_text(
        f"{world.odoo_url}/fieldpromax/oauth/callback/quickbooks"
    )
    admin.look("50-settings-quickbooks")


def test_intuit_asks_to_sign_in_to_consent_and_for_the_company(admin):
    enter_app(admin)
    admin.page.locator("[name=fieldpromax_asks_for_projects] input").check()
    click_connect(admin)
    expect(admin.page.locator("#username")).to_be_visible()
    admin.look("51-intuit-sign-in")
    sign_in(admin)
    expect(admin.page.locator("#consent-allow")).to_be_visible()
    expect(admin.page.locator("#scopes")).to_contain_text("project")
    admin.look("52-intuit-consent")
    admin.page.click("#consent-cancel")
    expect(admin.page.locator("#fieldpromax_sentence")).to_contain_text(
        "You cancelled the consent at QuickBooks Online."
    )
    admin.look("53-consent-cancelled")


def test_connected_shows_the_company_and_when_the_consent_ends(admin, world):
    # Slow enough to be watched.
    world.simulator.control(
        "POST", "/_sim/faults", {"fault": "slow:8", "method": "GET", "path": "/query", "times": 4, "skip": 6}
    )
    open_settings(admin)
    choose_provider(admin, "QuickBooks Online")
    click_connect(admin)
    admin.page.check("#company-US")
    admin.page.click("#consent-allow")
    badge = admin.field("fieldpromax_status")
    expect(badge).to_have_text("Connected")
    expect(badge.locator(".text-bg-success")).to_be_visible()
    expect(admin.field("fieldpromax_organization")).to_contain_text(COMPANY)
    expect(admin.page.locator("#fieldpromax_invoices")).to_contain_text("no drafts")
    admin.look("54-settings-connected")


def test_first_import_is_watched_to_its_end(admin):
    admin.page.locator("button[name=action_fieldpromax_open]").click()
    admin.headline(COMPANY)
    panel = admin.page.locator(".o_fieldpromax_import")
    expect(panel).to_contain_text("You can leave this page")
    for kind in ("Customers", "Products", "Projects"):
        expect(panel.locator(".o_data_row", has_text=kind)).to_be_visible()
    admin.look("55-first-import")
    # Nobody reloads: the page moves while it is open.
    expect(panel).to_be_hidden(timeout=120_000)
    expect(admin.field("customer_count")).to_have_text(re.compile(r"^[23]\d\d$"))
    admin.look("56-imported")


# --- the bookkeeper confirms, and finds a project


def test_bookkeeper_confirms_what_cannot_be_guessed(bookkeeper):
    bookkeeper.menu("Accounting Sync", "Mappings")
    bookkeeper.headline("Mappings")
    bookkeeper.look("57-mappings")
    to_confirm = bookkeeper.page.locator(
        "tr.o_data_row:has(td[name=status]:has-text('To confirm')) button[name=action_confirm]"
    )
    while to_confirm.count():
        row = to_confirm.first.locator("xpath=ancestor::tr")
        name = row.locator("td[name=record_name]").inner_text()
        to_confirm.first.click()
        expect(bookkeeper.row(name).locator("td[name=status]")).to_have_text("Confirmed")
    bookkeeper.look("58-mappings-confirmed")


def test_projects_of_the_books_are_projects_in_odoo(admin, world):
    project = next(one for one in world.simulator.entities("projects") if one["status"] == "IN_PROGRESS")
    admin.action("project.open_view_project_all")
    card = admin.row(project["name"])
    expect(card).to_be_visible()
    admin.look("59-projects")


# --- an invoice goes over


def test_invoice_that_is_confirmed_becomes_sent_by_itself(bookkeeper):
    new_invoice(bookkeeper, "Azure Interior", "Corner Desk", "15%")
    confirm_invoice(bookkeeper)
    bookkeeper.reload_until(
        state_line, re.compile(r"QuickBooks Online: Verified [^·]+ · INV/2026/\d+ · \$\s169\.05")
    )
    bookkeeper.look("60-invoice-sent")


def test_open_in_quickbooks_shows_the_invoice_with_its_lines_and_total(bookkeeper, world):
    number = re.search(r"INV/2026/\d+", state_line(bookkeeper.page).inner_text())[0]
    button = bookkeeper.page.locator("button[name=action_fieldpromax_open]:visible")
    expect(button).to_contain_text("QuickBooks Online")
    with bookkeeper.context.expect_page() as opened:
        button.click()
    books = opened.value
    expect(books.locator("#invoice-number")).to_have_text(number)
    expect(books.locator("#invoice-contact")).to_have_text("Azure Interior")
    expect(books.locator("#lines tbody")).to_contain_text("Corner Desk Right Sit")
    expect(books.locator("#invoice-total")).to_contain_text("169.05")
    bookkeeper.look("61-quickbooks-invoice", books)
    books.close()
    assert [one["DocNumber"] for one in world.simulator.invoices()].count(number) == 1


# --- a closing date


def test_draft_says_that_its_period_is_closed(bookkeeper, world):
    today = datetime.now(UTC).date()
    with beside(bookkeeper, world.simulator.url + "/app/homepage") as books:
        books.fill("#closing-date", today.isoformat())
        books.click("#closing-save")
        expect(books.locator("#message.done")).to_contain_text("closed up to")
        bookkeeper.look("61a-quickbooks-closed", books)
    read_again(bookkeeper)
    bookkeeper.action(OVERVIEW)
    bookkeeper.reload_until(lambda page: page.locator(".o_form_sheet"), "Lock date in the books")
    new_invoice(bookkeeper, "Azure Interior", "Corner Desk", "15%")
    warning = bookkeeper.field("fieldpromax_period_text")
    expect(warning).to_contain_text(f"QuickBooks Online takes nothing dated {today:%m/%d/%Y} or earlier.")
    preview = open_preview(bookkeeper, "QuickBooks Online")
    expect(preview.locator(".alert-danger")).to_contain_text("The books are closed up to")
    bookkeeper.look("61b-preview-in-closed-period")
    close_preview(bookkeeper)


# --- from one to the other, and back


def disconnect(desk):
    open_settings(desk)
    desk.page.locator("button[name=action_fieldpromax_confirm_disconnect]").click()
    desk.page.locator(".modal button[name=action_disconnect]").click()
    expect(desk.page.locator(".modal")).to_have_count(0)
    expect(desk.page.locator("button[name=action_fieldpromax_connect]:visible")).to_be_visible()


def test_second_integration_says_what_to_disconnect_first(admin):
    open_settings(admin)
    choose_provider(admin, "Xero")
    block = admin.page.locator("#fieldpromax_connection")
    expect(block).to_contain_text("Disconnect QuickBooks Online first to connect Xero")
    admin.look("62-one-at-a-time")
    click_connect(admin)
    # Whoever clicks all the same reads it again, and nothing has happened.
    dialog = admin.page.locator(".modal")
    expect(dialog).to_contain_text("Disconnect QuickBooks Online first")
    expect(dialog).to_contain_text(COMPANY)
    admin.snap("62-one-at-a-time-refused")
    dialog.locator(".modal-footer button").click()
    expect(dialog).to_have_count(0)


def test_switching_to_xero_after_disconnecting(admin, world):
    disconnect(admin)
    admin.look("63-disconnected")
    choose_provider(admin, "Xero")
    enter_app(admin)
    click_connect(admin)
    allow_xero(admin)
    expect(admin.page.locator("#fieldpromax_connection")).to_contain_text("Xero")
    admin.look("64-switched-to-xero")


def test_switching_back_finds_links_and_mappings_as_they_were(admin, bookkeeper):
    disconnect(admin)
    choose_provider(admin, "QuickBooks Online")
    click_connect(admin)
    admin.page.check("#company-US")
    admin.page.click("#consent-allow")
    expect(admin.field("fieldpromax_status")).to_have_text("Connected")
    admin.look("65-back-at-quickbooks")
    bookkeeper.menu("Accounting Sync", "Overview")
    bookkeeper.headline(COMPANY)
    # The first import is not repeated, and what was confirmed stays confirmed.
    expect(bookkeeper.field("customer_count")).to_have_text(re.compile(r"^[23]\d\d$"))
    expect(bookkeeper.page.locator(".o_fieldpromax_import")).to_be_hidden()
    bookkeeper.look("66-overview-back")
    bookkeeper.page.go_back()


# --- on a phone


def test_pages_fit_a_narrow_screen(desks):
    phone = desks("admin", narrow=True)
    phone.open(SETTINGS)
    phone.page.locator("#fieldpromax_connection").scroll_into_view_if_needed()
    expect(phone.field("fieldpromax_status")).to_have_text("Connected")
    phone.look("67-settings")
    phone.action("fieldpromax_accounting.fieldpromax_overview_action")
    expect(phone.page.locator(".o_action_manager .o_view_controller")).to_be_visible()
    phone.look("68-overview")


# --- what the server wrote down meanwhile


def test_log_has_no_warning_and_no_secret(admin, world):
    log = world.odoo.output()
    assert "fieldpromax/oauth/callback/quickbooks" in log
    loud = [line for line in log.splitlines() if re.search(r"^\S+ \S+ \d+ (WARNING|ERROR|CRITICAL) ", line)]
    # Odoo writes down what it refuses a person.
    refused = "odoo.http: Disconnect QuickBooks Online first"
    bad = [line[:300] for line in loud if not ODOOS_OWN.search(line) and refused not in line]
    assert not bad, bad
    assert world.simulator.issued(" ".join(admin.codes))
    for simulator in world.simulators.values():
        assert not simulator.issued(log)
    for secret in (CLIENT_SECRET, *admin.codes):
        assert secret not in log
