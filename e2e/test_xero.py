"""From Settings to an invoice in the books and back.

An administrator connects and disconnects; a bookkeeper and an invoice user, who have no Settings menu, work.
"""

import re

from playwright.sync_api import expect
from steps import (
    CLIENT_ID,
    CLIENT_SECRET,
    INVOICES,
    ODOOS_OWN,
    SETTINGS,
    choose_provider,
    click_connect,
    close_preview,
    confirm_invoice,
    enter_app,
    new_invoice,
    open_preview,
    open_settings,
    sign_in,
    state_in_list,
    state_line,
)

# A first import that is over in seconds; the journey slows the books down while it watches.
BOOKS = {"xero": {"seed": "demo", "contacts": 300, "items": 40, "organisations": ["US"]}}
ORGANIZATION = "Lakeside Field Services LLC"
# A posted invoice of Azure Interior, whose lines have no tax; a credit note has the same number with an R.
AZURES = re.compile(r"(?<!R)INV/2026/00001")


# --- the administrator connects


def test_settings_before_connecting(admin, world):
    open_settings(admin)
    block = admin.page.locator("#fieldpromax_connection")
    expect(block).to_contain_text("shared with the accounting software")
    choose_provider(admin, "Xero")
    expect(admin.field("fieldpromax_redirect_uri")).to_contain_text(
        f"{world.odoo_url}/fieldpromax/oauth/callback/xero"
    )
    admin.look("01-settings-not-connected")


def test_overview_before_connecting_says_what_to_do(bookkeeper):
    bookkeeper.menu("Accounting Sync", "Overview")
    expect(bookkeeper.page.locator(".o_nocontent_help")).to_contain_text(
        "No accounting software is connected yet"
    )
    bookkeeper.look("02-overview-not-connected")


def test_app_is_entered_and_xero_asks_to_log_in(admin):
    enter_app(admin)
    click_connect(admin)
    expect(admin.page.locator("h1")).to_have_text("Log in")
    admin.look("03-xero-login")


def test_consent_lists_what_is_asked_for_and_can_be_cancelled(admin):
    sign_in(admin)
    expect(admin.page.locator("h1")).to_contain_text("wants access to")
    expect(admin.page.locator("#scopes li").first).to_be_visible()
    admin.look("04-xero-consent")
    admin.page.click("#consent-cancel")
    expect(admin.page.locator("#fieldpromax_sentence")).to_contain_text("You cancelled the consent at Xero.")
    admin.look("05-consent-cancelled")
    admin.page.get_by_role("link", name="Back to the settings").click()
    expect(admin.page.locator("button[name=action_fieldpromax_connect]:visible")).to_be_visible()


def test_secret_is_kept_but_never_shown(admin):
    open_settings(admin)
    expect(admin.page.locator("[name=fieldpromax_client_id] input")).to_have_value(CLIENT_ID)
    expect(admin.page.locator("[name=fieldpromax_client_secret] input")).to_have_value("")
    expect(admin.page.locator("#fieldpromax_app")).to_contain_text("Set on")
    assert CLIENT_SECRET not in admin.page.content()
    admin.look("06-settings-app-entered")


def test_consent_to_several_offers_the_choice_with_reasons(admin):
    click_connect(admin)
    for country in ("AU", "GB", "US"):
        admin.page.check(f"#organisation-{country}")
    admin.look("07-xero-consent-to-several")
    admin.page.click("#consent-allow")
    expect(admin.row(ORGANIZATION)).to_be_visible()
    for name, currency in (("Riverside Plumbing", "AUD"), ("Thames Heating", "GBP")):
        row = admin.row(name)
        expect(row).to_contain_text(f"keeps its books in {currency}")
        expect(row.locator("button[name=action_connect]")).to_have_count(0)
    admin.look("08-choose-organization")


def test_connected_with_name_country_currency_person_and_day(admin, world):
    # Slow enough to be watched.
    world.simulator.control(
        "POST", "/_sim/faults", {"fault": "slow:12", "method": "GET", "path": "/Contacts", "times": 1}
    )
    admin.row(ORGANIZATION).locator("button[name=action_connect]").click()
    badge = admin.field("fieldpromax_status")
    expect(badge).to_have_text("Connected")
    expect(badge.locator(".text-bg-success")).to_be_visible()
    expect(admin.field("fieldpromax_organization")).to_have_text(f"{ORGANIZATION} · US · USD")
    expect(admin.field("fieldpromax_connected_text")).to_contain_text("Connected by Mitchell Admin on ")
    expect(admin.field("fieldpromax_start_date")).to_be_visible()
    admin.look("09-settings-connected")


def test_first_import_moves_by_itself_and_ends(admin, world):
    admin.page.locator("button[name=action_fieldpromax_open]").click()
    admin.headline(ORGANIZATION)
    panel = admin.page.locator(".o_fieldpromax_import")
    expect(panel).to_contain_text("You can leave this page")
    customers = panel.locator(".o_data_row", has_text="Customers")
    expect(customers.locator("td[name=shown_state]")).to_have_text(re.compile("Waiting|Running"))
    admin.look("10-overview-first-import")
    # Nobody reloads: the page moves while it is open.
    expect(panel).to_be_hidden(timeout=90_000)
    expect(admin.field("customer_count")).to_have_text(re.compile(r"^[23]\d\d$"))
    expect(admin.page.locator(".o_fieldpromax_setup")).to_contain_text("have to be confirmed")
    admin.look("11-overview-imported")


# --- the bookkeeper maps and decides


def test_bookkeeper_sees_the_overview_but_not_the_settings(bookkeeper):
    bookkeeper.menu("Accounting Sync", "Overview")
    bookkeeper.headline(ORGANIZATION)
    bookkeeper.look("12-overview-bookkeeper")
    expect(bookkeeper.page.locator("button[name=action_confirm_disconnect]:visible")).to_have_count(0)


def test_mappings_say_what_a_person_has_to_confirm(bookkeeper):
    bookkeeper.menu("Accounting Sync", "Mappings")
    bookkeeper.headline("Mappings")
    default = bookkeeper.row("Revenue, unless an account below says otherwise")
    expect(default.locator("td[name=status]")).to_have_text("To confirm")
    expect(bookkeeper.row("15%").locator("td[name=status]")).to_have_text("Mapped")
    expect(bookkeeper.row("No tax").locator("td[name=status]")).to_have_text("To confirm")
    bookkeeper.look("13-mappings-to-do")
    default.locator("button[name=action_confirm]").click()
    expect(default.locator("td[name=status]")).to_have_text("Confirmed")
    bookkeeper.look("14-mappings-revenue-confirmed")


def test_invoice_that_is_confirmed_becomes_sent_by_itself(bookkeeper):
    new_invoice(bookkeeper, "Azure Interior", "Corner Desk", "15%")
    bookkeeper.look("15-invoice-draft")
    preview = open_preview(bookkeeper, "Xero")
    expect(preview).to_contain_text("Nothing stops it.")
    expect(preview).to_contain_text("nothing is sent until it is confirmed")
    expect(preview.locator(".o_data_row")).to_contain_text("200 Sales")
    expect(preview.locator("[name=total]")).to_contain_text("169.05")
    bookkeeper.look("15a-preview")
    close_preview(bookkeeper)
    confirm_invoice(bookkeeper)
    bookkeeper.snap("16-invoice-just-confirmed")
    bookkeeper.reload_until(state_line, re.compile(r"Xero: Verified [^·]+ · INV/2026/\d+ · \$\s169\.05"))
    bookkeeper.look("17-invoice-sent")


def test_open_in_xero_shows_the_invoice_with_its_lines_and_total(bookkeeper, world):
    number = re.search(r"INV/2026/\d+", state_line(bookkeeper.page).inner_text())[0]
    with bookkeeper.context.expect_page() as opened:
        bookkeeper.page.locator("button[name=action_fieldpromax_open]:visible").click()
    books = opened.value
    expect(books.locator("#invoice-number")).to_have_text(number)
    expect(books.locator("#invoice-contact")).to_have_text("Azure Interior")
    expect(books.locator("#lines tbody tr")).to_have_count(1)
    expect(books.locator("#lines tbody")).to_contain_text("Corner Desk Right Sit")
    expect(books.locator("#invoice-total")).to_have_text("169.05 USD")
    bookkeeper.look("18-xero-invoice", books)
    books.close()
    assert [one["InvoiceNumber"] for one in world.simulator.invoices()].count(number) == 1


# --- what Odoo's demo data has posted already


def test_posted_invoices_are_pushed_from_the_list(invoicing):
    """By somebody who only works with invoices; credit notes among them go the same way."""
    invoicing.action(INVOICES)
    expect(state_in_list("INV/2026/00004")(invoicing.page)).to_have_text("Not sent")
    invoicing.page.locator("thead .o_list_record_selector input").check()
    invoicing.page.locator(".o_cp_action_menus button", has_text="Actions").click()
    invoicing.page.locator(".o-dropdown--menu .o_menu_item", has_text="Push to accounting").click()
    invoicing.notification("on their way")
    invoicing.look("19-invoices-pushed")


def test_invoice_with_an_unconfirmed_tax_needs_attention_and_says_why(invoicing):
    invoicing.action(INVOICES)
    row = invoicing.row(AZURES)
    invoicing.reload_until(
        state_in_list("INV/2026/00001"),
        "Needs attention",
    )
    invoicing.look("20-invoices-need-attention")
    row.locator("td[name=name]").click()
    line = state_line(invoicing.page)
    expect(line).to_contain_text("Xero: Needs attention")
    expect(line).to_contain_text("No tax")
    expect(line.get_by_role("button", name="What to do")).to_be_visible()
    invoicing.look("21-invoice-needs-attention")


def test_issues_name_cause_remedy_and_what_they_hold_up(bookkeeper):
    bookkeeper.menu("Accounting Sync", "Needs attention")
    # In quotation marks: credit notes have a mapping of their own, "No tax (credit notes)".
    row = bookkeeper.row('"No tax"')
    expect(row.locator("td[name=remedy]")).to_contain_text("Open Mappings")
    bookkeeper.look("22-issues")
    row.locator("td[name=title]").click()
    expect(bookkeeper.page.locator("button[name=action_open_remedy]:visible")).to_be_visible()
    bookkeeper.look("23-issue")


def test_confirming_the_tax_cures_the_invoice_by_itself(bookkeeper):
    """The credit notes among them follow what is settled for invoices."""
    bookkeeper.page.locator("button[name=action_open_remedy]:visible").click()
    bookkeeper.headline("Mappings to Xero")
    missing = bookkeeper.page.locator(".o_fieldpromax_missing")
    row = missing.locator("tr.o_data_row").filter(has_text="No tax").filter(has_not_text="credit notes")
    row.locator("button[name=action_confirm]").click()
    expect(bookkeeper.field("issue_text")).to_contain_text('"No tax" is settled')
    bookkeeper.look("24-tax-confirmed")
    bookkeeper.action(INVOICES)
    bookkeeper.reload_until(
        state_in_list("INV/2026/00001"),
        "Verified",
    )


def test_match_that_is_decided_frees_the_invoices_of_the_customer(bookkeeper):
    bookkeeper.menu("Accounting Sync", "Match review")
    bookkeeper.headline("Match review")
    row = bookkeeper.row("Acme Corporation")
    expect(row).to_contain_text("Same name; e-mail differs")
    bookkeeper.look("25-match-review")
    row.locator("td[name=external_name]").click()
    expect(bookkeeper.page.locator("button[name=action_link]:visible")).to_be_visible()
    bookkeeper.look("26-match")
    bookkeeper.page.locator("button[name=action_link]:visible").click()
    bookkeeper.action(INVOICES)
    bookkeeper.reload_until(
        state_in_list("INV/2026/00004"),
        "Verified",
    )
    bookkeeper.look("27-invoices-sent")


def test_work_pages_are_empty_with_a_word_of_help(bookkeeper):
    bookkeeper.menu("Accounting Sync", "Needs attention")
    expect(bookkeeper.page.locator(".o_nocontent_help")).to_contain_text("Nothing needs your attention")
    bookkeeper.look("28-nothing-needs-attention")
    bookkeeper.menu("Accounting Sync", "Waiting and history")
    expect(bookkeeper.page.locator(".o_nocontent_help")).to_contain_text("Nothing waits to be sent")
    bookkeeper.look("29-nothing-waits")
    bookkeeper.menu("Accounting Sync", "Overview")
    expect(bookkeeper.page.locator(".o_fieldpromax_tiles")).to_contain_text("Sent this month")
    bookkeeper.look("30-overview-at-work")


# --- on a phone


def test_pages_fit_a_narrow_screen(desks):
    phone = desks("bookkeeper", narrow=True)
    for number, (name, action) in enumerate(
        {
            "overview": "fieldpromax_accounting.fieldpromax_overview_action",
            "issues": "fieldpromax_accounting.fieldpromax_issue_action",
            "matches": "fieldpromax_accounting.fieldpromax_match_action",
            "mappings": "fieldpromax_accounting.fieldpromax_mapping_action",
            "history": "fieldpromax_accounting.fieldpromax_exchange_action",
            "invoices": INVOICES,
        }.items(),
        31,
    ):
        phone.action(action)
        expect(phone.page.locator(".o_action_manager .o_view_controller")).to_be_visible()
        phone.look(f"{number}-{name}")
    # By the keyboard: a chat window of Odoo's own may lie over the cards of a narrow screen.
    phone.page.locator(".o_kanban_record", has_text=AZURES).first.press("Enter")
    expect(state_line(phone.page)).to_contain_text("Xero: Verified")
    phone.look("37-invoice")
    with phone.context.expect_page() as opened:
        phone.page.evaluate("window.open('about:blank')")
    opened.value.goto(world_invoice_page(phone))
    expect(opened.value.locator("#invoice-number")).to_have_text("INV/2026/00001")
    phone.look("38-xero-invoice", opened.value)
    opened.value.close()


def world_invoice_page(desk):
    invoice = next(one for one in desk.world.simulator.invoices() if one["InvoiceNumber"] == "INV/2026/00001")
    return f"{desk.world.simulator.url}/app/!lKd4P/invoicing/view/{invoice['InvoiceID']}"


def test_settings_fit_a_narrow_screen(desks):
    phone = desks("admin", narrow=True)
    phone.open(SETTINGS)
    block = phone.page.locator("#fieldpromax_connection")
    block.scroll_into_view_if_needed()
    expect(phone.field("fieldpromax_status")).to_have_text("Connected")
    phone.look("39-settings")


# --- and away again


def test_disconnecting_asks_first_and_says_what_stays(admin):
    open_settings(admin)
    admin.page.locator("button[name=action_fieldpromax_confirm_disconnect]").click()
    dialog = admin.page.locator(".modal")
    expect(dialog).to_contain_text("What changes: nothing is sent to or read from")
    expect(dialog).to_contain_text("What stays: every customer, product and invoice")
    admin.look("40-disconnect-asks")
    dialog.get_by_role("button", name="Keep the connection").click()
    expect(dialog).to_have_count(0)
    expect(admin.field("fieldpromax_status")).to_have_text("Connected")


def test_disconnected_removes_the_tie_and_keeps_everything_else(admin, world):
    before = len(world.simulator.invoices())
    admin.page.locator("button[name=action_fieldpromax_confirm_disconnect]").click()
    admin.page.locator(".modal button[name=action_disconnect]").click()
    expect(admin.page.locator("#fieldpromax_connection")).to_contain_text(
        "Last connected by Mitchell Admin on"
    )
    expect(admin.page.locator("button[name=action_fieldpromax_connect]:visible")).to_be_visible()
    admin.look("41-settings-disconnected")
    assert len(world.simulator.invoices()) == before
    admin.action("fieldpromax_accounting.fieldpromax_overview_action")
    expect(admin.field("status")).to_have_text("Disconnected")
    admin.look("42-overview-disconnected")
    with admin.context.expect_page() as opened:
        admin.page.evaluate("window.open('about:blank')")
    books = opened.value
    books.goto(world.simulator.url + "/")
    # This organization and no other: the consent covered two more.
    expect(books.locator("#connections li")).to_have_count(2)
    expect(books.locator("#connections")).not_to_contain_text(ORGANIZATION)
    admin.look("43-xero-apps-connected", books)
    books.close()


def test_invoice_says_that_nothing_is_connected(bookkeeper):
    bookkeeper.action(INVOICES)
    bookkeeper.row(AZURES).locator("td[name=name]").click()
    expect(state_line(bookkeeper.page)).to_contain_text(
        re.compile(r"Not sent\W+No accounting software is connected\.")
    )
    bookkeeper.look("44-invoice-not-connected")


# --- what the server wrote down meanwhile


def test_log_has_no_warning_and_no_secret(admin, world):
    log = world.odoo.output()
    assert "fieldpromax/oauth/callback/xero" in log
    loud = [line for line in log.splitlines() if re.search(r"^\S+ \S+ \d+ (WARNING|ERROR|CRITICAL) ", line)]
    bad = [line[:300] for line in loud if not ODOOS_OWN.search(line)]
    assert not bad, bad
    # The look-up works: it knows the code that came by the browser.
    assert world.simulator.issued(" ".join(admin.codes))
    assert not world.simulator.issued(log)
    assert "eyJ" not in log, "an access token is in the log"
    for secret in (CLIENT_SECRET, *admin.codes):
        assert secret not in log
