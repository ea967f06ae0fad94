"""Pages for a person."""

from pathlib import Path

import jinja2
from aiohttp import web

FOLDER = Path(__file__).parent


class Pages:
    def __init__(self, simulator):
        self.sim = simulator
        self.templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(FOLDER / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def render(self, template, status=200, **values):
        text = self.templates.get_template(template).render(**values)
        return web.Response(status=status, text=text, content_type="text/html")

    def add_routes(self, app):
        app.router.add_get("/static/books.css", self.style)

    async def style(self, _request):
        return web.Response(text=(FOLDER / "static" / "books.css").read_text(), content_type="text/css")
