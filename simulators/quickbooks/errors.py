"""QuickBooks' errors (provider_facts B7): the codes, and the two spellings in which they come."""

from aiohttp import web

from ..common import jsonio

VALIDATION, SYSTEM = "ValidationFault", "SystemFault"
#: code → Message; the codes without a source in provider_facts are Intuit's published list [ERR] or general knowledge
MESSAGES = {
    "120": "Authorization Failure",
    "500": "Unsupported Operation",
    "610": "Object Not Found",
    "1040": "Batch size exceeds allowed limit",
    "2010": "Request has invalid or unsupported property",
    "2020": "Required param missing, need to supply the required value for the API",
    "2030": "Invalid ID",
    "2040": "Invalid String",
    "2050": "Invalid String Length",
    "2080": "Invalid Number",
    "2090": "Invalid Date",
    "2170": "Invalid Enumeration",
    "2210": "Invalid Email Address format",
    "2500": "Invalid Reference Id",
    "3001": "message=ThrottleExceeded; errorCode=003001; statusCode=429",
    "3100": "message=ApplicationAuthorizationFailed; errorCode=003100; statusCode=403",
    "3200": "message=AuthenticationFailed; errorCode=003200; statusCode=401",
    "4000": "Error parsing query",
    "4001": "Invalid query",
    "5010": "Stale Object Error",
    "6000": "A business validation error has occurred while processing your request",
    "6070": "Amount calculation incorrect in the request",
    "6080": "No Name Provided",
    "6090": "Discount Line missing required info.",
    "6100": "Invalid Line TaxCode in the request",
    "6140": "Duplicate Document Number Error",
    "6190": "Invalid Company Status",
    "6210": "Account Period Closed, Cannot Update Through Services API",
    "6240": "Duplicate Name Exists Error",
    "6540": "Deposited Transaction cannot be changed",
    "10000": "An application error has occurred while processing your request",
}


class Refused(Exception):
    """One entity, query or call is refused; ``status`` is the HTTP status when it is the whole call."""

    def __init__(self, code, detail="", element="", kind=VALIDATION, status=400):
        self.code, self.element, self.kind, self.status = str(code), element, kind, status
        self.message = MESSAGES.get(self.code, MESSAGES["6000"])
        self.detail = detail or self.message
        super().__init__(f"{self.code}: {self.detail}")

    def fault(self):
        """The upper-case ``Fault``, as in batches and in the body of an answer."""
        error = {"Message": self.message, "Detail": self.detail, "code": self.code, "element": self.element}
        return {"Error": [error], "type": self.kind}


class ApiError(Exception):
    """Ends a call with a ready answer."""

    def __init__(self, response):
        super().__init__(response.status)
        self.response = response


def missing(name):
    return Refused("2020", f"Required parameter {name} is missing in the request", name)


def not_found(
    detail="Something you're trying to use has been made inactive. Check the fields with accounts, customers, "
    "items, vendors or employees.",
):
    return Refused("610", f"Object Not Found : {detail}")


def bad_reference(what, key, element=""):
    return Refused("2500", f"Invalid Reference Id : {what} element id {key} not found", element)


def business(sentence, element=""):
    return Refused("6000", f"Business Validation Error: {sentence}", element)


def too_long(name, value, most, least=0):
    return Refused(
        "2050",
        "String length is either shorter or longer than supported by specification : "
        f"Min:{least} Max:{most} supported. Supplied length:{len(value)}",
        name,
    )


def json_answer(value, status=200):
    return web.Response(
        status=status, body=jsonio.dumps(value).encode(), content_type="application/json", charset="utf-8"
    )


def fault_answer(refused, time, status=None):
    """``{"Fault": …, "time": …}``."""
    return json_answer({"Fault": refused.fault(), "time": time}, status or refused.status)


def lower_case(fault, milliseconds):
    """The same fault as the gateway writes it: ``fault/error/message`` (401 always, others now and then)."""
    return {
        "warnings": None,
        "intuitObject": None,
        "fault": {
            "error": [
                {
                    "message": error["Message"],
                    "detail": error["Detail"],
                    "code": error["code"],
                    "element": error["element"] or None,
                }
                for error in fault["Error"]
            ],
            "type": fault["type"],
        },
        "report": None,
        "queryResponse": None,
        "batchItemResponse": [],
        "attachableResponse": [],
        "syncErrorResponse": None,
        "requestId": None,
        "time": milliseconds,
        "status": None,
        "cdcresponse": [],
    }


def gateway(code, detail, kind, status, milliseconds):
    """An answer of the gateway before the API: 401 and 403."""
    return json_answer(lower_case(Refused(code, detail, kind=kind).fault(), milliseconds), status)
