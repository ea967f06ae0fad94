"""The query language (provider_facts B4): a tokenizer, a parser, and the evaluation over the books.

SELECT * | count(*) | property, …  FROM Entity  [WHERE property operator value [AND …]]
[ORDERBY property [ASC|DESC], …]  [STARTPOSITION n]  [MAXRESULTS m]
"""

import re
from dataclasses import dataclass, field
from decimal import Decimal

from ..common.numbers import number
from .errors import Refused
from .wire import moment, parse_day

MAX_RESULTS, DEFAULT_RESULTS = 1000, 100
KEYWORDS = {"SELECT", "FROM", "WHERE", "AND", "ORDERBY", "ORDER", "BY", "ASC", "DESC", "STARTPOSITION",
    "MAXRESULTS", "IN", "LIKE",
            "TRUE", "FALSE"}  # fmt: skip
OPERATORS = {"=", "<", ">", "<=", ">=", "!="}
TOKEN = re.compile(
    r"\s*(?:(?P<string>'(?:\\.|[^'\\])*')|(?P<number>-?\d+(?:\.\d+)?(?![\w-]))|(?P<word>[A-Za-z_][\w.]*)"
    r"|(?P<sign><=|>=|!=|[=<>(),*]))",
    re.DOTALL,
)


@dataclass(frozen=True)
class Token:
    kind: str  # string, number, word, sign, end
    text: str
    column: int

    @property
    def keyword(self):
        upper = self.text.upper()
        return upper if self.kind == "word" and upper in KEYWORDS else None

    @property
    def spelled(self):
        if self.kind == "end":
            return '"<EOF>"'
        if self.kind == "sign" or self.keyword:
            return f'" "{self.text}" "{self.text} ""' if self.keyword else f'"{self.text}"'
        name = {"string": "STRING", "number": "INTEGER", "word": "IDENTIFIER"}[self.kind]
        return f'" <{name}> "{self.text} ""'


@dataclass
class Query:
    entity: str
    columns: list = None  # None: all properties
    count: bool = False
    conditions: list = field(default_factory=list)  # (property, operator, values)
    order: list = field(default_factory=list)  # (property, descending)
    start: int = 1
    limit: int = DEFAULT_RESULTS


def _parse_error(token):
    return Refused("4000", f"QueryParserError: Encountered {token.spelled} at line 1, column {token.column}.")


def invalid(sentence):
    return Refused("4001", f"QueryValidationError: {sentence}")


def tokenize(text):
    tokens, position = [], 0
    while True:
        match = TOKEN.match(text, position)
        if match is None:
            rest = text[position:]
            if not rest.strip():
                tokens.append(Token("end", "", len(text) + 1))
                return tokens
            column = position + len(rest) - len(rest.lstrip()) + 1
            raise Refused(
                "4000",
                f'QueryParserError: Lexical error at line 1, column {column}.  Encountered: "{rest.lstrip()[0]}"',
            )
        kind = match.lastgroup
        tokens.append(Token(kind, match[kind], match.start(kind) + 1))
        position = match.end()


def unquote(text):
    r"""``'O\'Brien'`` → ``O'Brien``; a doubled quote is two strings, and fails as such."""
    return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)


class Parser:
    def __init__(self, text):
        self.tokens = tokenize(re.sub(r"[\r\n]+", " ", text))
        self.position = 0

    @property
    def token(self):
        return self.tokens[self.position]

    def take(self):
        token = self.token
        self.position += 1
        return token

    def accept(self, keyword):
        if self.token.keyword == keyword:
            return self.take()
        return None

    def expect(self, keyword):
        return self.accept(keyword) or self._fail()

    def _fail(self):
        raise _parse_error(self.token)

    def sign(self, text):
        if self.token.kind == "sign" and self.token.text == text:
            return self.take()
        return None

    def word(self):
        if self.token.kind != "word" or self.token.keyword:
            self._fail()
        return self.take().text

    def parse(self):
        self.expect("SELECT")
        count, columns = self._columns()
        self.expect("FROM")
        query = Query(self.word(), columns, count)
        if self.accept("WHERE"):
            query.conditions.append(self._condition())
            while self.accept("AND"):
                query.conditions.append(self._condition())
        if self.accept("ORDERBY") or (self.accept("ORDER") and self.expect("BY")):
            query.order.append(self._order())
            while self.sign(","):
                query.order.append(self._order())
        if self.accept("STARTPOSITION"):
            query.start = self._integer(1, None)
        if self.accept("MAXRESULTS"):
            query.limit = self._integer(1, MAX_RESULTS)
        if self.token.kind != "end":
            self._fail()
        return query

    def _columns(self):
        """(whether it counts, the properties or None for all)."""
        if self.token.kind == "word" and self.token.text.lower() == "count":
            self.take()
            if not (self.sign("(") and self.sign("*") and self.sign(")")):
                self._fail()
            return True, None
        names, everything = [], False
        while True:
            if self.sign("*"):
                everything = True
            else:
                names.append(self.word())
            if not self.sign(","):
                return False, None if everything else names

    def _condition(self):
        name = self.word()
        if self.accept("IN"):
            if not self.sign("("):
                self._fail()
            values = [self._value()]
            while self.sign(","):
                values.append(self._value())
            if not self.sign(")"):
                self._fail()
            return name, "IN", values
        if self.accept("LIKE"):
            return name, "LIKE", [self._value()]
        if self.token.kind != "sign" or self.token.text not in OPERATORS:
            self._fail()
        return name, self.take().text, [self._value()]

    def _value(self):
        if self.token.kind == "string":
            return unquote(self.take().text)
        if self.token.keyword in ("TRUE", "FALSE"):
            return self.take().keyword == "TRUE"
        # Numbers stand in quotes (B4).
        return self._fail()

    def _order(self):
        name = self.word()
        if self.accept("DESC"):
            return name, True
        self.accept("ASC")
        return name, False

    def _integer(self, least, most):
        if self.token.kind != "number" or not self.token.text.lstrip("-").isdigit():
            self._fail()
        value = int(self.take().text)
        if value < least:
            raise invalid(f"value {value} is too small. Min allowed value is {least}")
        if most is not None and value > most:
            raise invalid(f"value {value} is too large. Max allowed value is {most}")
        return value


def parse(text):
    """:raise Refused: 4000 or 4001"""
    return Parser(text).parse()


# === EVALUATION === #


def _wanted(name, kind, value):
    """The value of a condition in the form that its property is compared in."""
    if kind == "flag":
        if isinstance(value, bool):
            return value
        if value.lower() in ("true", "false"):
            return value.lower() == "true"
        raise invalid(f"value {value} is not a boolean for property {name}")
    text = str(value).lower() if isinstance(value, bool) else value
    if kind == "number":
        result = number(text)
    elif kind == "day":
        result = parse_day(text)
    elif kind == "time":
        result = moment(text)
    elif kind == "id":
        result = _id_key(text)
    else:
        result = text.casefold()
    if result is None:
        raise invalid(f"value {text} is not valid for property {name}")
    return result


def _id_key(text):
    """Ids are compared as numbers; the pseudo codes TAX and NON stand behind them."""
    return (0, int(text), "") if text.isdigit() else (1, 0, text.casefold())


def _comparable(kind, value):
    if value is None:
        return None
    if kind == "id":
        return _id_key(str(value))
    if kind == "text":
        return str(value).casefold()
    return Decimal(value) if kind == "number" else value


def _like(pattern):
    parts = (re.escape(part) for part in pattern.split("%"))
    return re.compile(".*".join(parts), re.DOTALL)


def _test(name, kind, operator, values):
    """A function that tests a comparable value; one that is missing fits ``!=`` only."""
    if operator == "LIKE":
        if kind not in ("text", "id"):
            raise invalid(f"operator LIKE is not supported for property {name}")
        pattern = _like(str(values[0]).casefold())
        return lambda value: (
            value is not None and pattern.fullmatch(value[2] or str(value[1]) if kind == "id" else value)
        )
    wanted = [_wanted(name, kind, value) for value in values]
    if operator == "IN":
        return lambda value: value in wanted
    first = wanted[0]
    if operator == "=":
        return lambda value: value == first
    if operator == "!=":
        return lambda value: value != first
    if kind == "flag":
        raise invalid(f"operator {operator} is not supported for property {name}")
    compare = {
        "<": lambda value: value < first,
        ">": lambda value: value > first,
        "<=": lambda value: value <= first,
        ">=": lambda value: value >= first,
    }[operator]
    return lambda value: value is not None and compare(value)


class Evaluation:
    """A query over the documents of one entity.

    :param entity: an :class:`~.entities.Entity`
    """

    def __init__(self, books, entity, query):
        self.books, self.entity, self.query = books, entity, query

    def _property(self, name):
        """(name as the API spells it, kind, getter).

        :raise Refused: 4001
        """
        found = self.entity.queryable.get(name.lower())
        if found is not None:
            return found
        if name.partition(".")[0].lower() in self.entity.known:
            raise invalid(f"property '{name}' is not queryable")
        raise invalid(f"Property {name} not found for Entity {self.entity.name}")

    def documents(self):
        """The matching documents in order, and how many they are."""
        tests, says_active = [], False
        for name, operator, values in self.query.conditions:
            spelled, kind, getter = self._property(name)
            says_active = says_active or spelled == "Active"
            tests.append((kind, getter, _test(spelled, kind, operator, values)))
        result = self.books.of(self.entity.name).values()
        if self.entity.has_active and not says_active:
            result = [d for d in result if d.get("Active", True)]
        for kind, getter, test in tests:
            result = [d for d in result if test(_comparable(kind, getter(self.books, d)))]
        return self._ordered(result)

    def _ordered(self, documents):
        # Without ORDERBY: lists by id, transactions the newest first.
        documents = sorted(documents, key=lambda d: _id_key(d["Id"]), reverse=self.entity.newest_first)
        for name, descending in reversed(self.query.order):
            _spelled, kind, getter = self._property(name)

            def key(document, kind=kind, getter=getter):
                value = _comparable(kind, getter(self.books, document))
                return (value is not None, value if value is not None else 0)

            documents = sorted(documents, key=key, reverse=descending)
        return documents

    def run(self):
        """The ``QueryResponse``."""
        columns = self._check_columns()
        documents = self.documents()
        if self.query.count:
            return {"totalCount": len(documents)}
        start = self.query.start - 1
        page = documents[start : start + self.query.limit]
        if not page:
            return {}
        rendered = [self.entity.render(self.books, document) for document in page]
        if columns is not None:
            rendered = [self._cut(value, columns) for value in rendered]
        result = {self.entity.name: rendered, "startPosition": self.query.start, "maxResults": len(page)}
        if (
            not self.query.conditions
            and not columns
            and self.query.start == 1
            and len(page) == len(documents)
        ):
            result["totalCount"] = len(page)
        return result

    def _check_columns(self):
        if self.query.columns is None:
            return None
        for name in self.query.columns:
            if name.partition(".")[0].lower() not in self.entity.known:
                raise invalid(f"Property {name} not found for Entity {self.entity.name}")
        return {name.partition(".")[0].lower() for name in self.query.columns}

    @staticmethod
    def _cut(value, columns):
        always = {"domain", "sparse", "id"}
        return {name: part for name, part in value.items() if name.lower() in columns | always}
