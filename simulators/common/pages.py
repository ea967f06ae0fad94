"""Pages for a person: templates, style and paging that every simulator shares.

A simulator's own folders ``templates`` and ``static`` come first; what it does not have is taken from the common ones.
"""

from decimal import Decimal
from pathlib import Path

import jinja2
from aiohttp import web

COMMON = Path(__file__).parent
PAGE_SIZE = 50


def money(value):
    """Two decimals and separators of thousands."""
    return f"{Decimal(value):,.2f}"


class Missing(Exception):
    """The page does not exist; ``args`` are its heading and its sentence."""


class BookPages:
    """Rendering, and the routes that do not depend on the provider."""

    folder = COMMON  # of the simulator's own templates and style
    simulated = "a provider"
    icon_svg = ""

    def __init__(self, simulator):
        self.sim = simulator
        self.templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader([self.folder / "templates", COMMON / "templates"]),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.templates.globals["simulated"] = self.simulated
        self.templates.filters["money"] = money

    def add_routes(self, app):
        app.router.add_routes([web.get("/favicon.ico", self.icon), web.get("/static/books.css", self.style)])

    def render(self, template, status=200, **values):
        text = self.templates.get_template(template).render(**values)
        return web.Response(status=status, text=text, content_type="text/html")

    def start_page(self, words, tiles, connections):
        """The page that lists the books.

        :param dict words: title, content (what is in the books), brand (may be missing)
        :param list tiles: per organisation id, address, name, facts and counts (lists of texts)
        :param list connections: per connected app name (of the organisation), email, app
        """
        return self.render("start.html", words={"brand": "", **words}, tiles=tiles, connections=connections)

    def missing(self, missing):
        title, sentence = missing.args
        return self.render("missing.html", 404, title=title, sentence=sentence)

    async def icon(self, _request):
        return web.Response(text=self.icon_svg, content_type="image/svg+xml")

    async def style(self, _request):
        parts = [(folder / "static" / "books.css").read_text() for folder in (COMMON, self.folder)]
        return web.Response(text="".join(parts), content_type="text/css")

    @staticmethod
    def cut(request, rows):
        """One page of the rows and what the template needs to leaf through them."""
        try:
            page = max(1, int(request.query.get("page", 1)))
        except ValueError:
            page = 1
        return {
            "rows": rows[(page - 1) * PAGE_SIZE : page * PAGE_SIZE],
            "count": len(rows),
            "page": page,
            "pages": -(-len(rows) // PAGE_SIZE),
            "query": request.query.get("q", ""),
        }
