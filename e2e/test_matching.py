"""Nobody gets a duplicate without having chosen it: plan, match review, conflicts, merges, a cured issue, undo.

An administrator connects and chooses to see the plan; a bookkeeper, who has no Settings menu, decides everything else.
"""

import re
import time
from contextlib import contextmanager

import pytest
from playwright.sync_api import expect
from steps import (
    allow_xero,
    choose_provider,
    click_connect,
    confirm_invoice,
    enter_app,
    new_invoice,
    open_settings,
    state_line,
)

BOOKS = {"xero": {"seed": "empty"}}
ORGANIZATION = "Lakeside Field Services LLC"
# What Odoo has before it is connected; the books have most of it too, not always spelled alike.
RECORDS = """
env["res.partner"].create([
    {"name": name, "email": email, "is_company": True, "customer_rank": 1}
    for name, email in (
        ("Birch Bakery", "orders@birch.example"),
        ("Cedar Dental Care", "cedar@dental.example"),
        ("Dune Motors", "workshop@dune.example"),
        ("Elm Street Gardens", "hello@elm.example"),
        ("Fjord Hotel", "events@fjordhotel.example"),
        ("Glen Roofing", "office@glen.example"),
        ("Hill Painting", "hill@painting.example"),
        ("Nora Upholstery", "nora@upholstery.example"),
    )
])
env["product.product"].create({
    "name": "Call-out fee", "default_code": "CALL", "type": "service", "list_price": 95,
    "description_sale": "Call-out fee",
})
"""
SALE = {"AccountCode": "200", "TaxType": "TAX001"}


def contact(name, email="", **values):
    return {"Name": name, "EmailAddress": email, "IsCustomer": True, **values}


IN_THE_BOOKS = {
    "contacts": [
        contact("Birch Bakery", "orders@birch.example"),
        contact("Cedar Dental Care", "reception@cedardental.example"),
        contact("Dune Motors"),
        contact("Elm Street Garden", "hello@elm.example"),
        contact("Iris Property", "rent@iris.example"),
        contact("Juniper Café", "hello@juniper.example"),
        contact("Kite Bikes", "ride@kite.example"),
        contact("Lark Laundry", "wash@lark.example"),
        contact("Lark Laundry LLC", "office@larkllc.example"),
        contact("Pipe Supplies", "orders@pipe.example", IsCustomer=False, IsSupplier=True),
    ],
    "items": [
        {"Code": "CALL", "Name": "Call-out fee", "Description": "Call-out fee", "IsSold": True,
         "SalesDetails": {"UnitPrice": 95, **SALE}},
        {"Code": "LABOUR", "Name": "Labour", "Description": "Labour per hour", "IsSold": True,
         "SalesDetails": {"UnitPrice": 82.5, **SALE}},
    ],
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def filled_books(world):
    world.simulator.change(**IN_THE_BOOKS)


@pytest.fixture
def phone(desks):
    return desks("bookkeeper", narrow=True)


def current_step(desk):
    return current_step_of(desk.page).first


def current_step_of(page):
    return page.locator(".o_statusbar_status .o_arrow_button_current")


def filter_by(desk, name):
    """Choose a filter of the search, and close its menu."""
    desk.page.locator(".o_searchview_dropdown_toggler").click()
    desk.page.locator(".o_filter_menu .o_menu_item", has_text=re.compile(rf"^\s*{name}\s*$")).click()
    desk.page.keyboard.press("Escape")
    expect(desk.page.locator(".o_searchview_facet", has_text=name)).to_be_visible()


def remove_groups(desk):
    desk.page.locator(".o_searchview_facet:has(.oi-group, .fa-layer-group) .o_facet_remove").click()
    expect(desk.page.locator("tr.o_group_header")).to_have_count(0)


def search(desk, text):
    """Look for the text, and for nothing that was looked for before."""
    entry = desk.page.locator(".o_searchview_input")
    while desk.page.locator(".o_searchview_facet").count():
        desk.page.locator(".o_searchview_facet .o_facet_remove").first.click()
        desk.settle()
    entry.fill(text)
    # Before something is offered, Enter does nothing.
    expect(desk.page.get_by_role("menuitem", name=f"for: {text}").first).to_be_visible()
    entry.press("Enter")
    expect(desk.page.locator(".o_searchview_facet", has_text=text)).to_be_visible()
    desk.settle()


def open_customer(desk, name):
    """Its form, at what it says about the books."""
    desk.menu("Customers", "Customers")
    desk.headline("Customers")
    search(desk, name)
    desk.page.locator("tr.o_data_row td", has_text=name).first.click()
    desk.page.locator(".o_notebook .nav-link", has_text=re.compile(r"^\s*(Accounting|Invoicing)\s*$")).click()


@contextmanager
def in_the_books(desk, path):
    """A page of the books in a window beside; it is held to the same rules."""
    with desk.context.expect_page() as opened:
        desk.page.evaluate("window.open('about:blank')")
    page = opened.value
    page.goto(f"{desk.world.simulator.url}/app/!lKd4P/{path}")
    yield page
    page.close()


def contact_page(world, name):
    found = next(one for one in world.simulator.entities("contacts") if one["Name"] == name)
    return f"contacts/contact/{found['ContactID']}"


def eventually(read, wanted, seconds=40):
    """What `read()` gives becomes `wanted` within some seconds."""
    end = time.monotonic() + seconds
    while (found := read()) != wanted:
        assert time.monotonic() < end, f"after {seconds} s it is still {found!r}, not {wanted!r}"
        time.sleep(0.3)


def merge_in_odoo(desk, name):
    """Odoo's own dialog, which is open with the two."""
    dialog = desk.page.locator(".modal")
    expect(dialog.locator("tr.o_data_row", has_text=name)).to_have_count(2)
    desk.look(f"odoo-merges-{name.split()[0].lower()}")
    dialog.locator("button[name=action_merge]").click()
    expect(dialog.locator("button[name=action_merge]")).to_have_count(0)
    dialog.get_by_role("button", name="Close").last.click()
    expect(dialog).to_have_count(0)


def sync_now(desk):
    desk.menu("Accounting Sync", "Overview")
    # The page reloads itself with the answer: whoever goes elsewhere before it would be brought back.
    with desk.page.expect_response(re.compile("action_sync_now")):
        desk.page.get_by_role("button", name="Sync now").click()
    desk.notification("The sync with Xero has started.")


# --- the plan


def test_administrator_wants_to_see_the_plan_and_connects(admin):
    open_settings(admin)
    choose_provider(admin, "Xero")
    enter_app(admin)
    admin.page.locator("[name=fieldpromax_first_import] label", has_text="Show me the plan").click()
    expect(admin.page.locator("#fieldpromax_connection")).to_contain_text("until you have seen the plan")
    admin.look("60-settings-show-me-the-plan")
    click_connect(admin)
    allow_xero(admin)
    admin.look("61-settings-connected")


def test_overview_says_that_the_plan_waits(bookkeeper):
    bookkeeper.menu("Accounting Sync", "Overview")
    bookkeeper.headline(ORGANIZATION)
    panel = bookkeeper.page.locator(".o_fieldpromax_import")
    expect(panel.get_by_role("button", name="Open the plan")).to_be_visible(timeout=60_000)
    bookkeeper.look("62-overview-plan-waits")
    panel.get_by_role("button", name="Open the plan").click()
    expect(bookkeeper.page.get_by_role("button", name="Run this plan")).to_be_visible()
    customers = bookkeeper.row("Customers")
    for name, count in {"plan_link": 1, "plan_create": 5, "plan_review": 3, "plan_skip": 1}.items():
        expect(customers.locator(f"td[name={name}]")).to_have_text(str(count))
    products = bookkeeper.row("Products")
    for name, count in {"plan_link": 1, "plan_create": 1}.items():
        expect(products.locator(f"td[name={name}]")).to_have_text(str(count))
    expect(bookkeeper.page.locator("button[name=action_accept_suggestions]:visible")).to_have_text(
        "Accept all 3 suggestions"
    )
    bookkeeper.look("63-plan")


def test_plan_is_read_line_by_line_and_filtered(bookkeeper, phone):
    bookkeeper.page.locator("button[name=action_view_plan]").click()
    bookkeeper.headline("Plan of the first import")
    for group in ("Customer", "Product"):
        bookkeeper.page.locator("tr.o_group_header", has_text=group).first.click()
    bookkeeper.look("64-plan-groups")
    filter_by(bookkeeper, "To decide later")
    remove_groups(bookkeeper)
    rows = bookkeeper.page.locator("tr.o_data_row")
    expect(rows).to_have_count(3)
    expect(bookkeeper.row("Cedar Dental Care")).to_contain_text("Same name; e-mail differs")
    expect(bookkeeper.row("Dune Motors")).to_contain_text("e-mail")
    expect(bookkeeper.row("Elm Street Garden").locator("td[name=record_name]")).to_have_text(
        "Elm Street Gardens"
    )
    bookkeeper.look("65-plan-to-decide-later")
    phone.open(bookkeeper.page.url.removeprefix(bookkeeper.world.odoo_url))
    expect(phone.row("Cedar Dental Care")).to_be_visible()
    phone.look("66-plan-lines")


def test_one_line_of_the_plan_is_changed(bookkeeper):
    bookkeeper.row("Dune Motors").locator("td[name=external_name]").click()
    expect(bookkeeper.page.locator(".o_fieldpromax_comparison")).to_contain_text("workshop@dune.example")
    bookkeeper.look("67-plan-line")
    bookkeeper.page.locator("button[name=action_create]:visible").click()
    expect(current_step(bookkeeper)).to_contain_text("Create")
    bookkeeper.look("68-plan-line-changed")


def test_all_suggestions_are_accepted_and_the_plan_is_run(bookkeeper):
    bookkeeper.page.locator(".o_breadcrumb, .breadcrumb").get_by_text("First import:").first.click()
    accept = bookkeeper.page.locator("button[name=action_accept_suggestions]:visible")
    expect(accept).to_have_text("Accept all 2 suggestions")
    accept.click()
    expect(accept).to_have_count(0)
    expect(bookkeeper.row("Customers").locator("td[name=plan_link]")).to_have_text("3")
    bookkeeper.look("69-plan-suggestions-accepted")
    bookkeeper.page.get_by_role("button", name="Run this plan").click()
    asked = bookkeeper.page.locator(".modal")
    expect(asked).to_contain_text("It can be undone afterwards")
    bookkeeper.look("70-plan-asks")
    asked.get_by_role("button", name="Ok").click()
    # Nobody reloads: the page moves while it is open.
    expect(current_step(bookkeeper)).to_contain_text("Done", timeout=60_000)
    customers = bookkeeper.row("Customers")
    for name, count in {"linked": 3, "created": 6, "skipped": 1, "review": 0}.items():
        expect(customers.locator(f"td[name={name}]")).to_have_text(str(count))
    bookkeeper.look("71-plan-carried-out")


def test_what_the_plan_did_is_there(bookkeeper):
    bookkeeper.menu("Customers", "Customers")
    bookkeeper.headline("Customers")
    for name in ("Dune Motors", "Juniper Café"):
        search(bookkeeper, name)
        expect(bookkeeper.page.locator("tr.o_data_row")).to_have_count(2 if name == "Dune Motors" else 1)
        bookkeeper.look(f"72-customers-{name.split()[0].lower()}")
    search(bookkeeper, "Pipe Supplies")
    expect(bookkeeper.page.locator(".o_nocontent_help")).to_be_visible()


# --- match review


def test_later_twins_of_the_books_wait_in_match_review(bookkeeper, phone, world):
    world.simulator.change(
        contacts=[
            contact("Fjord Hotel", "frontdesk@fjord.example"),
            contact("Glen Roofing", "roofs@glenroofing.example"),
            contact("Hill Painting", "ask@hillpainting.example"),
            contact("Nora Upholsterer", "nora@upholstery.example"),
        ]
    )
    sync_now(bookkeeper)
    bookkeeper.reload_until(lambda page: page.locator("button[name=action_view_matches]"), "4")
    bookkeeper.look("73-overview-to-review")
    bookkeeper.menu("Accounting Sync", "Match review")
    for name in ("Fjord Hotel", "Glen Roofing", "Hill Painting", "Nora Upholsterer"):
        expect(bookkeeper.row(name)).to_be_visible()
    expect(bookkeeper.row("Fjord Hotel")).to_contain_text("Same name; e-mail differs")
    bookkeeper.look("74-match-review")
    phone.action("fieldpromax_accounting.fieldpromax_match_action")
    expect(phone.row("Fjord Hotel")).to_be_visible()
    phone.look("74-match-review")


def test_two_side_by_side_are_linked(bookkeeper, world):
    bookkeeper.row("Nora Upholsterer").locator("td[name=external_name]").click()
    differing = bookkeeper.page.locator(".o_fieldpromax_comparison tr.table-warning")
    expect(differing).to_have_count(1)
    expect(differing).to_contain_text("Nora Upholsterer")
    expect(differing).to_contain_text("Nora Upholstery")
    bookkeeper.look("75-match-side-by-side")
    bookkeeper.page.locator("button[name=action_link]:visible").click()
    expect(current_step(bookkeeper)).to_have_text("Linked")
    bookkeeper.look("76-match-linked")
    # Neither was changed by that.
    names = [one["Name"] for one in world.simulator.entities("contacts")]
    assert "Nora Upholsterer" in names
    assert "Nora Upholstery" not in names


def test_two_are_never_the_same(bookkeeper):
    bookkeeper.menu("Accounting Sync", "Match review")
    bookkeeper.row("Fjord Hotel").locator("td[name=external_name]").click()
    bookkeeper.page.locator("button[name=action_never]:visible").click()
    expect(bookkeeper.page.locator(".modal")).to_contain_text("remembered as not the same, for good")
    bookkeeper.look("77-never-the-same-asks")
    bookkeeper.page.locator(".modal").get_by_role("button", name="Ok").click()
    expect(current_step(bookkeeper)).to_have_text("Never the same")
    bookkeeper.look("78-never-the-same")


def test_several_are_ignored_at_once(bookkeeper):
    bookkeeper.menu("Accounting Sync", "Match review")
    expect(bookkeeper.row("Nora Upholsterer")).to_have_count(0)
    for name in ("Glen Roofing", "Hill Painting"):
        bookkeeper.row(name).locator(".o_list_record_selector input").check()
    bookkeeper.look("79-several-selected")
    bookkeeper.page.locator(".o_control_panel button", has_text=re.compile(r"^\s*Ignore\s*$")).click()
    asked = bookkeeper.page.locator(".modal")
    expect(asked).to_contain_text("2 records of the books will be left alone from now on.")
    bookkeeper.look("80-ignore-asks")
    asked.get_by_role("button", name="Ignore 2").click()
    expect(bookkeeper.row("Glen Roofing")).to_have_count(0)
    expect(bookkeeper.row("Hill Painting")).to_have_count(0)
    bookkeeper.look("81-ignored")


def test_decision_is_taken_back(bookkeeper):
    search(bookkeeper, "Glen Roofing")
    bookkeeper.row("Glen Roofing").locator("td[name=external_name]").click()
    expect(current_step(bookkeeper)).to_have_text("Ignored")
    bookkeeper.page.get_by_role("button", name="Decide again").click()
    expect(bookkeeper.page.locator(".modal")).to_contain_text("Neither of the two records is changed")
    bookkeeper.page.locator(".modal").get_by_role("button", name="Ok").click()
    bookkeeper.notification("It waits for your decision again.")
    expect(bookkeeper.page.locator("button[name=action_link]:visible")).to_be_visible()
    bookkeeper.look("82-decided-again")


def test_contact_leads_to_its_match(bookkeeper):
    open_customer(bookkeeper, "Glen Roofing")
    expect(bookkeeper.field("fieldpromax_state")).to_be_visible()
    bookkeeper.look("83-contact-to-review")
    bookkeeper.page.locator("button[name=action_fieldpromax_matches]:visible").click()
    bookkeeper.headline("Match review")
    row = bookkeeper.row("roofs@glenroofing.example")
    expect(row).to_be_visible()
    bookkeeper.look("84-matches-of-contact")
    row.locator("button[name=action_link]").click()
    open_customer(bookkeeper, "Glen Roofing")
    expect(bookkeeper.field("fieldpromax_state")).to_have_text("Linked")
    bookkeeper.look("85-contact-linked")


# --- the same field changed on both sides


def item(world, code="CALL"):
    return next(one for one in world.simulator.entities("items") if one["Code"] == code)


def test_product_is_changed_on_both_sides(admin, bookkeeper, world):
    """Its name in the books alone: that comes over. Its price on both sides: that waits."""
    there = {"ItemID": item(world)["ItemID"], "Code": "CALL", "Name": "Call-out, first half hour"}
    world.simulator.change(items=[{**there, "IsSold": True, "SalesDetails": {"UnitPrice": 120, **SALE}}])
    admin.menu("Customers", "Products")
    admin.headline("Products")
    search(admin, "Call-out fee")
    admin.page.locator(
        ".o_kanban_record:not(.o_kanban_ghost), tr.o_data_row td", has_text="Call-out fee"
    ).first.click()
    admin.page.locator("[name=list_price] input").fill("110")
    admin.page.locator(".o_form_button_save").click()
    expect(admin.page.locator(".o_form_button_save:visible")).to_have_count(0)
    sync_now(bookkeeper)
    bookkeeper.reload_until(lambda page: page.locator("button[name=action_view_conflicts]"), "1")
    bookkeeper.look("86-overview-conflict")


def test_conflict_shows_both_values_and_the_last_agreed(bookkeeper, phone, world):
    bookkeeper.menu("Accounting Sync", "Conflicts")
    row = bookkeeper.row("Call-out")
    expect(row.locator("td[name=ours_text]")).to_contain_text("110")
    expect(row.locator("td[name=theirs_text]")).to_contain_text("120")
    expect(row.locator("td[name=agreed_text]")).to_contain_text("95")
    expect(bookkeeper.page.locator("tr.o_data_row")).to_have_count(1)
    bookkeeper.look("87-conflicts")
    row.locator("td[name=record_name]").click()
    expect(bookkeeper.page.locator("button[name=action_keep_theirs]:visible")).to_be_visible()
    bookkeeper.look("88-conflict")
    phone.action("fieldpromax_accounting.fieldpromax_conflict_action")
    expect(phone.row("Call-out")).to_contain_text("110")
    phone.look("87-conflicts")
    # Nothing is overwritten meanwhile.
    assert item(world)["SalesDetails"]["UnitPrice"] == 120


def test_odoos_value_is_kept(bookkeeper, world):
    bookkeeper.page.locator("button[name=action_keep_ours]:visible").click()
    asked = bookkeeper.page.locator(".modal")
    expect(asked).to_contain_text("One value of Odoo is sent to Xero and replaces what stands there.")
    bookkeeper.look("89-keep-odoos-asks")
    asked.get_by_role("button", name="Keep Odoo's").click()
    expect(asked).to_have_count(0)
    eventually(lambda: item(world)["SalesDetails"]["UnitPrice"], 110)
    assert item(world)["Name"] == "Call-out, first half hour"
    bookkeeper.menu("Accounting Sync", "Conflicts")
    expect(bookkeeper.page.locator(".o_nocontent_help")).to_contain_text(
        "No conflict waits for your decision"
    )
    bookkeeper.look("90-no-conflict")
    bookkeeper.menu("Customers", "Products")
    bookkeeper.headline("Products")
    search(bookkeeper, "Call-out, first half hour")
    expect(bookkeeper.page.locator(".o_kanban_record:not(.o_kanban_ghost)").first).to_contain_text("110.00")
    bookkeeper.look("91-products")


# --- merges


def test_merged_there_moves_the_link(bookkeeper, world):
    with in_the_books(bookkeeper, "contacts") as books:
        books.fill("#new-contact-name", "Kite Rental")
        books.click("#new-contact-save")
        books.goto(f"{world.simulator.url}/app/!lKd4P/{contact_page(world, 'Kite Bikes')}")
        books.select_option("#merge-into", label="Kite Rental")
        bookkeeper.look("92-xero-merge", books)
        books.click("#contact-merge")
        expect(books.locator("#message")).to_be_visible()
        bookkeeper.look("93-xero-merged", books)
    sync_now(bookkeeper)
    bookkeeper.reload_until(lambda page: page.locator("[name=last_sync_text]"), re.compile("just now|second"))
    open_customer(bookkeeper, "Kite Bikes")
    expect(bookkeeper.field("fieldpromax_state")).to_have_text("Linked")

    def survivor():
        with bookkeeper.context.expect_page() as opened:
            bookkeeper.page.locator("button[name=action_fieldpromax_open]:visible").click()
        books = opened.value
        name = books.locator("#contact-name").inner_text()
        books.close()
        return name

    eventually(lambda: "Kite Rental" in survivor(), True)


def test_merged_there_while_both_are_linked_is_asked_about(admin, bookkeeper, world):
    """Odoo lets an administrator alone merge contacts with different e-mail addresses."""
    with in_the_books(bookkeeper, contact_page(world, "Lark Laundry LLC")) as books:
        books.select_option("#merge-into", label="Lark Laundry")
        books.click("#contact-merge")
        expect(books.locator("#message")).to_be_visible()
    sync_now(bookkeeper)
    bookkeeper.menu("Accounting Sync", "Needs attention")
    bookkeeper.headline("Needs attention")
    bookkeeper.reload_until(lambda page: page.locator(".o_content"), "are one in Xero now")
    bookkeeper.look("94-issues-merged")
    admin.menu("Accounting Sync", "Needs attention")
    admin.row("are one in Xero now").locator("td[name=title]").click()
    merge = admin.page.locator("button[name=action_merge_partners]:visible")
    expect(merge).to_be_visible()
    admin.look("95-issue-merged")
    merge.click()
    merge_in_odoo(admin, "Lark Laundry")
    bookkeeper.menu("Accounting Sync", "Needs attention")
    expect(bookkeeper.row("are one in Xero now")).to_have_count(0)
    open_customer(bookkeeper, "Lark Laundry")
    expect(bookkeeper.field("fieldpromax_state")).to_have_text("Linked")
    bookkeeper.look("96-merged-customer")


def test_radar_leads_to_odoos_own_merge(admin, bookkeeper, phone):
    bookkeeper.menu("Accounting Sync", "Duplicate radar")
    tile = bookkeeper.page.locator(".o_fieldpromax_tiles button", has_text="Same name")
    expect(tile).to_be_visible()
    bookkeeper.look("97-radar")
    phone.action("fieldpromax_accounting.fieldpromax_radar_open_action")
    expect(phone.page.locator(".o_fieldpromax_tiles button", has_text="Same name")).to_be_visible()
    phone.look("97-radar")
    phone.page.locator(".o_fieldpromax_tiles button", has_text="Same name").click()
    expect(phone.row("Dune Motors")).to_be_visible()
    phone.look("98-radar-same-name")
    tile.click()
    expect(bookkeeper.row("Dune Motors")).to_contain_text("workshop@dune.example")
    bookkeeper.look("98-radar-same-name")
    admin.menu("Accounting Sync", "Duplicate radar")
    admin.page.locator(".o_fieldpromax_tiles button", has_text="Same name").click()
    admin.row("Dune Motors").locator("button[name=action_merge]").click()
    merge_in_odoo(admin, "Dune Motors")
    open_customer(bookkeeper, "Dune Motors")
    # One is left, and it has the link.
    expect(bookkeeper.field("fieldpromax_state")).to_have_text("Linked")
    bookkeeper.menu("Customers", "Customers")
    bookkeeper.headline("Customers")
    search(bookkeeper, "Dune Motors")
    expect(bookkeeper.page.locator("tr.o_data_row")).to_have_count(1)


# --- an issue, cured where it is shown


def test_customer_archived_in_the_books_holds_an_invoice(bookkeeper, world):
    bookkeeper.menu("Accounting Sync", "Mappings")
    default = bookkeeper.row("Revenue, unless an account below says otherwise")
    default.locator("button[name=action_confirm]").click()
    expect(default.locator("td[name=status]")).to_have_text("Confirmed")
    with in_the_books(bookkeeper, contact_page(world, "Juniper Café")) as books:
        books.click("#contact-archive")
        expect(books.locator("#contact-status")).to_have_text("archived")
    new_invoice(bookkeeper, "Juniper Café", "Call-out", "15%")
    confirm_invoice(bookkeeper)
    line = bookkeeper.reload_until(state_line, "Needs attention")
    bookkeeper.look("99-invoice-held")
    line.get_by_role("button", name="What to do").click()
    bookkeeper.headline('"Juniper Café" is archived in Xero')
    expect(bookkeeper.field("exchange_ids")).to_contain_text("INV/")
    bookkeeper.look("100-issue-archived")


def test_restoring_it_there_sends_the_invoice(bookkeeper, world):
    """In the books, as nothing but a person can at Xero; Odoo notices, and nobody closes the issue by hand."""
    with bookkeeper.context.expect_page() as opened:
        bookkeeper.page.get_by_role("button", name="Open in the books").click()
    books = opened.value
    books.click("#contact-restore")
    expect(books.locator("#contact-status")).to_have_text("active")
    bookkeeper.look("101-xero-restored", books)
    books.close()
    issue = bookkeeper.page.url.removeprefix(world.odoo_url)
    sync_now(bookkeeper)
    bookkeeper.open(issue)
    bookkeeper.reload_until(current_step_of, "Solved")
    bookkeeper.look("102-issue-solved")
    eventually(
        lambda: [one["Contact"]["Name"] for one in world.simulator.invoices()].count("Juniper Café"), 1
    )


# --- the first import, taken back


def test_undo_of_the_import_asks_with_numbers(bookkeeper):
    bookkeeper.menu("Accounting Sync", "Sync runs")
    expect(bookkeeper.row("First import")).to_be_visible()
    bookkeeper.look("103-runs")
    bookkeeper.row("First import").locator("td[name=kind]").click()
    bookkeeper.page.get_by_role("button", name="Undo this import").click()
    asked = bookkeeper.page.locator(".modal")
    expect(asked).to_contain_text(
        re.compile(r"\d records that the import made, and that nothing uses yet, are archived")
    )
    expect(asked).to_contain_text(re.compile(r"\d links to the books are taken apart"))
    expect(asked).to_contain_text("Nothing changes in Xero")
    expect(asked).to_contain_text("Nothing is deleted in Odoo.")
    bookkeeper.look("104-undo-asks")


def test_undo_says_what_it_did_and_what_stays(bookkeeper, world):
    before = world.simulator.entities("contacts")
    bookkeeper.page.locator(".modal").get_by_role("button", name="Undo the import").click()
    undone = bookkeeper.field("undo_text")
    expect(undone).to_contain_text("Bea Bookkeeper undid this import.", timeout=60_000)
    expect(bookkeeper.row("Juniper Café")).to_contain_text(
        "It is used meanwhile: Journal Item (3), Journal Entry (1)."
    )
    bookkeeper.look("105-undone")
    assert world.simulator.entities("contacts") == before
    bookkeeper.menu("Customers", "Customers")
    bookkeeper.headline("Customers")
    search(bookkeeper, "Iris Property")
    expect(bookkeeper.page.locator(".o_nocontent_help")).to_be_visible()
    open_customer(bookkeeper, "Birch Bakery")
    expect(bookkeeper.field("fieldpromax_state")).not_to_have_text("Linked")
    bookkeeper.look("106-customer-not-linked")
