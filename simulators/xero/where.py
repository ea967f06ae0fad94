"""The ``where`` and ``order`` parameters (A4): a parser for the expressions that clients send.

Xero evaluates ``where`` with a .NET expression parser. Supported: ``== != < <= > >=``, ``AND && OR || ! NOT``,
parentheses, text, numbers, true/false, null, ``Guid("…")``, ``DateTime(y,m,d[,h,mi,s])``, ``DateTime.Parse("…")``,
dotted fields, and the text methods Contains, StartsWith, EndsWith, ToLower, ToUpper, Trim.
Text compares without case ([DW] for ``Name``).
"""

import operator
import re
from datetime import datetime, timezone
from decimal import Decimal

from ..common.clock import EPOCH
from .errors import query_error
from .wire import as_guid, parse_since

TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>\d+(?:\.\d+)?[mMdD]?(?![A-Za-z_]))
      | "(?P<text>(?:[^"\\]|\\.|"")*)"
      | (?P<operator>==|!=|<>|<=|>=|&&|\|\||[=<>!().,-])
      | (?P<word>[A-Za-z_][A-Za-z_0-9]*)
    )""",
    re.VERBOSE,
)
COMPARE = {
    "==": operator.eq,
    "=": operator.eq,
    "!=": operator.ne,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
METHODS = {
    "contains": lambda text, part: part in text,
    "startswith": lambda text, part: text.startswith(part),
    "endswith": lambda text, part: text.endswith(part),
    "tolower": lambda text: text,
    "toupper": lambda text: text,
    "trim": lambda text: text.strip(),
}


def _comparable(value):
    return value.casefold() if isinstance(value, str) else value


class Parser:
    """Recursive descent over one expression; the result is a predicate of a document.

    :param fields: lower-case field path → function of the document returning text, Decimal, bool, milliseconds or None
    :param kind: the type's name, for Xero's own sentence about unknown fields
    """

    def __init__(self, text, fields, kind):
        self.text, self.fields, self.kind = text, fields, kind
        self.tokens = self._tokenise(text)
        self.position = 0

    def _tokenise(self, text):
        tokens, at = [], 0
        end = len(text.rstrip())
        while at < end:
            match = TOKEN.match(text, at)
            if not match:
                raise query_error(f"Syntax error in expression '{text}'")
            tokens.append((match.lastgroup, match[match.lastgroup]))
            at = match.end()
        return tokens

    def _peek(self, *values):
        if self.position >= len(self.tokens):
            return None
        kind, value = self.tokens[self.position]
        if kind == "text":
            return None
        return value if value.upper() in values else None

    def _accept(self, *values):
        found = self._peek(*values)
        if found is not None:
            self.position += 1
        return found

    def _expect(self, value):
        if self._accept(value) is None:
            raise query_error(f"'{value}' expected in expression '{self.text}'")

    def _next(self):
        if self.position >= len(self.tokens):
            raise query_error(f"Expression expected: '{self.text}'")
        self.position += 1
        return self.tokens[self.position - 1]

    def parse(self):
        predicate = self._or()
        if self.position != len(self.tokens):
            raise query_error(f"Syntax error in expression '{self.text}'")
        return lambda document: bool(predicate(document))

    def _or(self):
        parts = [self._and()]
        while self._accept("OR", "||"):
            parts.append(self._and())
        return parts[0] if len(parts) == 1 else lambda d: any(part(d) for part in parts)

    def _and(self):
        parts = [self._not()]
        while self._accept("AND", "&&"):
            parts.append(self._not())
        return parts[0] if len(parts) == 1 else lambda d: all(part(d) for part in parts)

    def _not(self):
        if self._accept("!", "NOT"):
            inner = self._not()
            return lambda d: not inner(d)
        if self._accept("("):
            inner = self._or()
            self._expect(")")
            return inner
        left = self._operand()
        symbol = self._accept(*COMPARE)
        if symbol is None:
            return lambda d: left(d) is True
        return self._comparison(left, COMPARE[symbol], self._operand())

    def _comparison(self, left, compare, right):
        def predicate(document):
            a, b = _comparable(left(document)), _comparable(right(document))
            if a is None or b is None:
                if compare is operator.eq:
                    return a is b
                return a is not b if compare is operator.ne else False
            try:
                return compare(a, b)
            except TypeError:
                raise query_error(
                    f"Operator incompatible with operand types in expression '{self.text}'"
                ) from None

        return predicate

    def _operand(self):
        kind, value = self._next()
        if kind == "number":
            constant = Decimal(value.rstrip("mMdD"))
            return lambda d: constant
        if kind == "text":
            text = re.sub(r'\\(.)|""', lambda m: m[1] or '"', value)
            return self._methods(lambda d: text)
        if value == "-":
            inner = self._operand()
            return lambda d: -inner(d)
        if kind != "word":
            raise query_error(f"Expression expected at '{value}' in '{self.text}'")
        word = value.lower()
        if word in ("true", "false"):
            return lambda d: word == "true"
        if word == "null":
            return lambda d: None
        if word == "guid" and self._accept("("):
            return self._constant(as_guid(self._text_argument()), "Guid")
        if word == "datetime":
            return self._constant(self._datetime(), "DateTime")
        return self._field(value)

    def _constant(self, value, name):
        if value is None:
            raise query_error(f"The {name} in expression '{self.text}' is not valid")
        return lambda d: value

    def _text_argument(self):
        kind, value = self._next()
        if kind != "text":
            raise query_error(f"Text in quotation marks expected in expression '{self.text}'")
        self._expect(")")
        return value

    def _datetime(self):
        if self._accept("."):
            if self._next()[1].lower() != "parse":
                raise query_error(f"DateTime has no such method in expression '{self.text}'")
            self._expect("(")
            return parse_since(self._text_argument())
        self._expect("(")
        numbers = []
        while True:
            kind, value = self._next()
            if kind != "number" or not value.isdigit():
                raise query_error(f"DateTime takes whole numbers in expression '{self.text}'")
            numbers.append(int(value))
            if self._accept(")"):
                break
            self._expect(",")
        try:
            moment = datetime(*numbers[:6], tzinfo=timezone.utc)
        except (TypeError, ValueError):
            return None
        return int((moment - EPOCH).total_seconds() * 1000)

    def _field(self, first):
        path = [first]
        while self._peek("."):
            kind, following = (
                self.tokens[self.position + 1] if self.position + 1 < len(self.tokens) else ("", "")
            )
            if kind != "word" or following.lower() in METHODS:
                break
            path.append(following)
            self.position += 2
        name = ".".join(path).lower()
        if name.endswith(".value") and name[:-6] in self.fields:
            name = name[:-6]
        reader = self.fields.get(name)
        if reader is None:
            raise query_error(f"No property or field '{'.'.join(path)}' exists in type '{self.kind}'")
        return self._methods(reader)

    def _methods(self, reader):
        while self._accept("."):
            _, name = self._next()
            method = METHODS.get(name.lower())
            if method is None:
                raise query_error(f"No applicable method '{name}' exists in type 'String'")
            self._expect("(")
            arguments = []
            while not self._accept(")"):
                arguments.append(self._operand())
                self._accept(",")
            reader = self._call(reader, method, arguments, name)
        return reader

    @staticmethod
    def _call(reader, method, arguments, name):
        def call(document):
            values = [_comparable(part(document)) for part in (reader, *arguments)]
            if any(value is None for value in values):
                return None
            try:
                return method(*values)
            except (TypeError, AttributeError):
                raise query_error(f"No applicable method '{name}' exists in type 'String'") from None

        return call


def compile_where(text, fields, kind):
    """The predicate of a ``where`` parameter; every document passes when it is empty."""
    if not text or not text.strip():
        return None
    return Parser(text, fields, kind).parse()


def sort(documents, order, fields, kind, default):
    """Documents in the order of an ``order`` parameter; ``default`` is the field when there is none.

    The id breaks ties, so that pages never overlap.
    """
    result = sorted(documents, key=fields[default])
    if not order or not order.strip():
        return result
    for part in reversed(order.split(",")):
        words = part.split()
        if not words or len(words) > 2 or (len(words) == 2 and words[1].upper() not in ("ASC", "DESC")):
            raise query_error(f"Syntax error in order '{order}'")
        reader = fields.get(words[0].lower())
        if reader is None:
            raise query_error(f"No property or field '{words[0]}' exists in type '{kind}'")

        def key(document, reader=reader):
            value = _comparable(reader(document))
            return (value is not None, value)

        try:
            result.sort(key=key, reverse=len(words) == 2 and words[1].upper() == "DESC")
        except TypeError:
            raise query_error(f"It is not possible to order by '{words[0]}'") from None
    return result
