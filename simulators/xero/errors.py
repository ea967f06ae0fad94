"""Xero's error bodies (provider_facts A6)."""

from aiohttp import web

from ..common import jsonio
from .wire import new_guid


class ApiError(Exception):
    """Ends an API call with a ready answer."""

    def __init__(self, response):
        super().__init__(response.status)
        self.response = response


class Refused(Exception):
    """One element of a write is refused; ``messages`` are Xero's validation messages."""

    def __init__(self, *messages):
        super().__init__("; ".join(messages))
        self.messages = list(messages)


class NotFound(Exception):
    """The identifier in the path is unknown."""


def json_answer(value, status=200):
    return web.Response(
        status=status, body=jsonio.dumps(value).encode(), content_type="application/json", charset="utf-8"
    )


def problem(status, title, detail):
    """401 and 403 (A6): a problem document, no envelope."""
    return json_answer(
        {
            "Type": None,
            "Title": title,
            "Status": status,
            "Detail": detail,
            "Instance": new_guid(),
            "Extensions": {},
        },
        status,
    )


def unauthorized(detail="AuthenticationUnsuccessful"):
    return problem(401, "Unauthorized", detail)


def forbidden(detail="AuthenticationUnsuccessful"):
    return problem(403, "Forbidden", detail)


def not_found():
    """An unknown GUID: text/html, empty body [DW]."""
    return web.Response(status=404, content_type="text/html")


def bad_request(kind, message, error_number):
    """``QueryParseException`` (16), ``PostDataInvalidException`` (17) and the like [GK]."""
    return json_answer({"ErrorNumber": error_number, "Type": kind, "Message": message}, 400)


def query_error(message):
    return ApiError(bad_request("QueryParseException", message, 16))


def post_data_error(message):
    return ApiError(bad_request("PostDataInvalidException", message, 17))


def validation_exception(elements):
    return json_answer(
        {
            "ErrorNumber": 10,
            "Type": "ValidationException",
            "Message": "A validation exception occurred",
            "Elements": elements,
        },
        400,
    )


def server_error(status):
    """503 is plain text [XZ]; the form of the others is not documented, so a JSON body without details [GK]."""
    if status == 503:
        return web.Response(status=503, text="The Organisation is offline", content_type="text/plain")
    return json_answer(
        {
            "ErrorNumber": status,
            "Type": "InternalServerErrorException",
            "Message": "An error occurred in Xero. Check the API Status page for current service status.",
        },
        status,
    )
