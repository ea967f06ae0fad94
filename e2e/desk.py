"""A person's browser window on Odoo: going places, reading what is there, and holding every page to the same rules."""

import re
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Browser, Locator, Page, expect

SCREENSHOTS = Path(__file__).parent / "screenshots"
WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
SECONDS = 20
expect.set_options(timeout=SECONDS * 1000)
# Marks what is shown, to know when it is gone: the next page may say the same words.
MARK_SHOWN = """() =>
    document.querySelectorAll(".o_action_manager > *").forEach(shown => shown.setAttribute("data-left", ""))
"""
# Goes to another address of Odoo as a link in its pages does, without loading all of its pages anew: that would take
# most of the journeys' time.
FOLLOW_LINK = """path => {
    const link = document.createElement("a");
    link.href = path;
    document.body.append(link);
    link.click();
    link.remove();
}"""
# What nobody should have to read outside the technical tab.
UNREADABLE = re.compile(
    r"Traceback|\bNone\b|\bFalse\b|\bundefined\b|\[object |\bHTTP \d|\{['\"]|%\(|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-"
)


class Desk:
    """One person's window; ``page`` is Playwright's. Everything that goes wrong in it is collected until `look`."""

    def __init__(self, browser: Browser, world, login: str, password: str, *, narrow: bool = False):
        self.world, self.login, self.narrow = world, login, narrow
        self.problems: list[str] = []
        # Authorization codes that came by the address bar.
        self.codes: list[str] = []
        # What pages asked for and have no answer to yet, and which page.
        self.asked: dict = {}
        self.context = browser.new_context(
            viewport=NARROW if narrow else WIDE,
            locale="en-US",
            timezone_id="UTC",
            has_touch=narrow,
            # A dialog stands still at once: what is clicked does not move.
            reduced_motion="reduce",
        )
        self.context.set_default_timeout(SECONDS * 1000)
        self.context.on("page", self._watch)
        self.page: Page = self.context.new_page()
        self.page.goto(f"{world.odoo_url}/web/login", timeout=90_000)
        self.page.fill("#login", login)
        self.page.fill("#password", password)
        self.page.locator("form.oe_login_form button[type=submit]").click()
        # A fresh server has everything to compute once.
        self.page.wait_for_selector(".o_main_navbar, .o_home_menu", timeout=90_000)

    def close(self):
        self.context.close()

    # --- what goes wrong

    def _watch(self, page: Page):
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.problems.append(f"script error: {error}"))
        page.on("requestfailed", self._on_failed_request)
        page.on("requestfinished", lambda request: self.asked.pop(request, None))
        page.on("response", self._on_response)
        page.on("request", lambda request: self._on_request(page, request))
        page.on("close", self._forget_asked)

    def _on_console(self, message):
        if message.type == "error":
            self.problems.append(f"console: {message.text} ({message.location.get('url', '')})")

    def _on_failed_request(self, request):
        self.asked.pop(request, None)
        # A page that is left drops what it was asking for.
        if request.failure != "net::ERR_ABORTED":
            self.problems.append(
                f"request failed: {request.method} {request.url.split('?')[0]}: {request.failure}"
            )

    def _on_request(self, page, request):
        if request.resource_type in ("fetch", "xhr"):
            self.asked[request] = page
        self.codes += parse_qs(urlsplit(request.url).query).get("code", [])

    def _forget_asked(self, page):
        self.asked = {request: asker for request, asker in self.asked.items() if asker is not page}

    def _on_response(self, response):
        if response.status >= 400:
            self.problems.append(
                f"answer {response.status}: {response.request.method} {response.url.split('?')[0]}"
            )

    def forget(self, expected: str):
        """Take note of a problem that the step provoked; it must have happened."""
        found = [problem for problem in self.problems if re.search(expected, problem)]
        assert found, f"expected {expected!r} among {self.problems}"
        self.problems = [problem for problem in self.problems if problem not in found]

    # --- going places

    def open(self, path: str):
        if self.page.locator(".o_web_client .o_action_manager > .o_action").count():
            self.answered()
            self.page.evaluate(MARK_SHOWN)
            self.page.evaluate(FOLLOW_LINK, self.world.odoo_url + path)
            self.left()
        else:
            self.page.goto(self.world.odoo_url + path)
        self.settle()

    def action(self, xmlid: str, record: int | None = None):
        self.open(f"/odoo/action-{xmlid}" + (f"/{record}" if record else ""))

    def menu(self, *names: str):
        """Click through the menu of the Invoicing app: section, then entry."""
        if not self.page.locator(".o_menu_brand", has_text="Invoicing").count():
            self.open("/odoo/action-account.action_move_out_invoice")
        section, *entries = names
        self.page.locator(".o_menu_sections button, .o_menu_sections a", has_text=section).first.click()
        self.page.evaluate(MARK_SHOWN)
        for entry in entries:
            self.page.locator(
                ".o-dropdown--menu a.dropdown-item", has_text=re.compile(f"^\\s*{entry}\\s*$")
            ).click()
        self.left()
        self.settle()

    def answered(self):
        """Until pages have answers to all they asked for: one that draws itself anew then would come back in front."""
        end = time.monotonic() + SECONDS
        while self.asked:
            assert time.monotonic() < end, (
                f"without an answer: {[one.url.split('?')[0] for one in self.asked]}"
            )
            self.page.wait_for_timeout(20)

    def left(self):
        """Until what was marked is gone, and the address is the one of the new page: Odoo writes it a moment later."""
        expect(self.page.locator("[data-left]")).to_have_count(0)
        self.page.evaluate("() => new Promise(done => setTimeout(done))")

    def settle(self):
        """Until the page has drawn what it asked for."""
        self.page.wait_for_selector(
            ".o_action_manager .o_view_controller, .o_action_manager .o_action, main, .o_action"
        )
        expect(self.page.locator(".o_loading_indicator")).to_have_count(0)

    def reload_until(self, locator_of, text: str | re.Pattern, seconds: float = 40) -> Locator:
        """Go to the page again, as a person would, until `locator_of(page)` says `text`, for `seconds` at most."""
        end = time.monotonic() + seconds
        address = urlsplit(self.page.url)
        while True:
            # Drawing a page in vain takes what the server needs to get on.
            self.world.wait_until_quiet()
            self.open(address.path + (f"?{address.query}" if address.query else ""))
            found = locator_of(self.page)
            expect(found.first).to_be_visible()
            said = found.first.inner_text()
            if re.search(text, said) if isinstance(text, re.Pattern) else text in said:
                return found.first
            assert time.monotonic() < end, f"after {seconds:.0f} s it still says {said!r}, not {text!r}"
            self.page.wait_for_timeout(1000)

    # --- reading

    def headline(self, text: str | re.Pattern):
        """The page is the one of that name."""
        expect(
            self.page.locator(".o_breadcrumb, h1, .o_control_panel").filter(has_text=text).first
        ).to_be_visible()

    def notification(self, text: str | re.Pattern):
        expect(self.page.locator(".o_notification").filter(has_text=text).first).to_be_visible()
        # What follows a notification, as a rule the page drawn anew, begins after it is shown.
        self.page.wait_for_timeout(100)

    def field(self, name: str) -> Locator:
        return self.page.locator(f".o_field_widget[name={name}]").first

    def row(self, text: str | re.Pattern) -> Locator:
        return self.page.locator("tr.o_data_row, .o_kanban_record").filter(has_text=text).first

    def snap(self, name: str, page: Page | None = None):
        width = "-390" if self.narrow else ""
        (page or self.page).screenshot(path=SCREENSHOTS / f"{name}{width}.png")

    def look(self, name: str, page: Page | None = None):
        """Hold the page to the rules that hold for all, and keep a picture of it."""
        page = page or self.page
        page.evaluate("document.fonts.ready")
        self.snap(name, page)
        assert not page.locator(".o_error_dialog, .modal:has-text('Oops')").count(), page.locator(
            ".modal"
        ).inner_text()
        red = page.locator(".o_notification:has(.o_notification_bar.bg-danger)")
        assert not red.count(), red.first.inner_text()
        assert not self.problems, self.problems
        width = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
        assert width[0] <= width[1], f"{name}: {width[0]} px wide in a window of {width[1]}"
        assert not re.search("built-in method| object at 0x", page.content()), (
            f"{name} shows a program's object"
        )
        if urlsplit(page.url).netloc == urlsplit(self.world.odoo_url).netloc:
            self.readable(name, page)

    def readable(self, name: str, page: Page):
        """Nothing of ours speaks the language of programs."""
        said = page.locator("body").inner_text()
        found = UNREADABLE.search(said)
        assert not found, f"{name} shows {said[max(0, found.start() - 80) : found.end() + 80]!r}"
