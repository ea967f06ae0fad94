"""Xero's rate limits and their headers (provider_facts A3)."""

from aiohttp import web

from ..common.limits import FixedWindow, InProgress, LimitSet

DEFAULTS = {"minute": 60, "concurrent": 5, "day": 5000, "appminute": 10_000}
TIERS = {"starter": 1000, "core": 5000}


class Limits(LimitSet):
    """60 a minute, 5 at once and 1,000 (Starter) or 5,000 a day per organisation; 10,000 a minute per app."""

    defaults = DEFAULTS

    def __init__(self, clock):
        self.minute = FixedWindow(clock, 60, DEFAULTS["minute"])
        self.day = FixedWindow(clock, 86_400, DEFAULTS["day"])
        self.appminute = FixedWindow(clock, 60, DEFAULTS["appminute"])
        self.concurrent = InProgress(DEFAULTS["concurrent"])

    def problem(self, tenant, app):
        """The limit that this call would break, or None. A refused call is not counted."""
        if self.concurrent.full(tenant):
            return "concurrent"
        for name, key in (("day", tenant), ("minute", tenant), ("appminute", app)):
            if getattr(self, name).remaining(key) == 0:
                return name
        return None

    def count(self, tenant, app):
        self.minute.count(tenant)
        self.day.count(tenant)
        self.appminute.count(app)

    def headers(self, tenant, app):
        """The headers of every answer; a limit that is switched off reads as its default, never reached."""
        result = {}
        for name, header, key in (
            ("day", "X-DayLimit-Remaining", tenant),
            ("minute", "X-MinLimit-Remaining", tenant),
            ("appminute", "X-AppMinLimit-Remaining", app),
        ):
            remaining = getattr(self, name).remaining(key)
            result[header] = str(DEFAULTS[name] if remaining is None else remaining)
        return result

    def answer(self, tenant, app, problem):
        """429: empty body, no content type, and Retry-After for windows only ([DW], [LIM])."""
        headers = {**self.headers(tenant, app), "X-Rate-Limit-Problem": problem}
        remaining = {
            "day": "X-DayLimit-Remaining",
            "minute": "X-MinLimit-Remaining",
            "appminute": "X-AppMinLimit-Remaining",
        }
        if problem in remaining:
            headers[remaining[problem]] = "0"
            key = app if problem == "appminute" else tenant
            headers["Retry-After"] = str(getattr(self, problem).retry_after(key))
        response = web.Response(status=429, headers=headers)
        response.headers.popall("Content-Type", None)
        return response
