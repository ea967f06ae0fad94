"""What providers answer, damaged: real answers of the simulators, mutated, read by the providers' own code.

Each read and write of the fault matrix is done once against the simulator and its answers are kept; then it is done
again and again without a network, one of its answers damaged each time. It has to end in a
:class:`~fieldpromax_accounting.providers.errors.ProviderError`, or in a value whose fields are all of the types that
they are declared to have. Any other exception is wrong.
"""

import dataclasses
import json
import types
import typing
from copy import deepcopy
from dataclasses import replace
from decimal import Decimal

import requests
from hypothesis import given
from hypothesis import strategies as st
from requests.adapters import BaseAdapter
from urllib3.response import HTTPResponse

from fieldpromax_accounting.providers import errors
from fieldpromax_accounting.providers.transport import Answer, Transport

# === DAMAGE === #

#: what no field expects, or one of them does and the next one does not
ODD = st.one_of(
    st.sampled_from(
        [
            None,
            True,
            False,
            0,
            -1,
            10**30,
            '',
            ' ',
            '0',
            'None',
            'NaN',
            'Infinity',
            '1e999999999',
            '\x00',
            '\ud800',
            '\u202e',
            'x' * 5000,
            '<script>alert(1)</script>',
            "O'Neill \\ \"Sons\"",
            '2026-13-45T99:99:99Z',
            '9999-12-31T23:59:59-14:00',
            '0001-01-01T00:00:00+14:00',
            '/Date(99999999999999999)/',
            '/Date(-99999999999999999)/',
            '00000000-0000-0000-0000-000000000000',
            [],
            {},
            [None],
            [[]],
            [{}],
            {'value': None},
            {'value': {}},
            {'Id': 1},
        ]
    ),
    st.integers(),
    st.text(max_size=20),
)
RAW = ('cut', 'flip', 'nothing', 'deep', 'constant', 'exponent', 'mark', 'latin', 'list', 'status')


def _places(value, path=()):
    """Paths of everything in a JSON value."""
    yield path
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _places(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _places(item, (*path, index))


def _changed(value, path, change):
    """The value with ``change(container, key)`` done at a path below its top."""
    container = value
    for key in path[:-1]:
        container = container[key]
    change(container, path[-1])


@st.composite
def damaged(draw, body: bytes):
    """The bytes of an answer with something wrong in them."""
    try:
        value = json.loads(body)
    except ValueError:
        value = None
    if value is None or draw(st.integers(0, 9)) == 0:
        return _raw(draw, body)
    for _time in range(draw(st.integers(1, 3))):
        paths = [path for path in _places(value) if path]
        if not paths:
            return json.dumps(draw(ODD)).encode()
        path = draw(st.sampled_from(paths))
        how = draw(st.sampled_from(['odd', 'odd', 'odd', 'gone', 'twice', 'renamed', 'wrapped']))
        # a copy: what is drawn is one object for all cases, and later changes may be in it
        odd = deepcopy(draw(ODD)) if how == 'odd' else None

        def change(container, key, how=how, odd=odd):
            if how == 'odd':
                container[key] = odd
            elif how == 'gone':
                del container[key]
            elif how == 'wrapped':
                container[key] = [container[key]]
            elif isinstance(container, list):
                container.append(container[key])
            else:
                container[f'{key}2'] = container.pop(key)

        _changed(value, path, change)
    return json.dumps(value).encode()


def _raw(draw, body):
    how = draw(st.sampled_from(RAW))
    place = draw(st.integers(0, max(0, len(body) - 1)))
    return {
        'cut': body[:place],
        'flip': body[:place] + bytes([draw(st.integers(0, 255))]) + body[place + 1 :],
        'nothing': b'',
        'deep': b'[' * 100_000,
        'constant': b'{"a": NaN, "b": -Infinity}',
        'exponent': body.replace(b'0', b'1e999999999', 1),
        'mark': b'\xef\xbb\xbf' + body,
        'latin': body + b'\xff\xfe',
        'list': b'[' + body + b']',
        'status': b'{"Status": "ERROR", "Elements": [null, 1, {"ValidationErrors": [null, {"Message": 5}]}]}',
    }[how]


# === WITHOUT A NETWORK === #


class Recorder(Transport):
    """Sends, and keeps what came back."""

    tape: list

    def try_request(self, *args, **kwargs):
        answer, error = super().try_request(*args, **kwargs)
        if answer is not None:
            self.tape.append(answer)
        return answer, error

    def guard(self, session, purpose):
        session = super().guard(session, purpose)

        def keep(response, *args, **kwargs):
            headers = dict(response.headers)
            self.tape.append(Answer(status=response.status_code, headers=headers, body=response.content))

        session.hooks['response'].append(keep)
        return session


class Player(Transport):
    """Answers from a list; what is asked beyond it gets the last one once more, a loop that does not end an error."""

    tape: list
    place = 0

    def _next(self):
        self.place += 1
        if self.place > len(self.tape) + 20:
            raise AssertionError('It asks without end')
        return self.tape[min(self.place, len(self.tape)) - 1]

    def try_request(self, purpose, *args, **kwargs):
        return self._next(), None

    def guard(self, session, purpose):
        session = super().guard(session, purpose)
        session.mount('https://', _PlayedAdapter(self._next))
        session.mount('http://', _PlayedAdapter(self._next))
        return session


class _PlayedAdapter(BaseAdapter):
    def __init__(self, next_answer):
        super().__init__()
        self._next = next_answer

    def send(self, request, **_values):
        answer = self._next()
        response = requests.Response()
        response.status_code = answer.status
        response.headers.update(answer.headers)
        response.raw = HTTPResponse(body=b'', status=answer.status)
        response._content = answer.body
        response.request, response.url = request, request.url
        return response

    def close(self):
        pass


def _through(matrix, operation, transport_class, tape):
    """A provider for the operation whose transport is of that class."""
    unbound = matrix.books.make_provider()
    transport = transport_class(unbound.config, unbound._transport.read_headers)
    transport.tape = tape
    unbound._transport = unbound._oauth._transport = transport
    return matrix.ledger.bind(unbound) if matrix.is_bound(operation) else unbound


def answers_of(matrix, operation):
    """What the simulator answers to an operation."""
    tape = []
    matrix.go_back()
    operation.prepare(matrix.ledger)
    operation.do(matrix.ledger, _through(matrix, operation, Recorder, tape))
    return tape


# === WHAT IS RIGHT === #


def wrongly_typed(value, path='it'):
    """Where a DTO, or what holds DTOs, is not of its declared types; '' where all is."""
    if isinstance(value, (tuple, list)):
        return next(filter(None, (wrongly_typed(one, f'{path}[{n}]') for n, one in enumerate(value))), '')
    if isinstance(value, dict):
        return next(filter(None, (wrongly_typed(one, f'{path}[{n!r}]') for n, one in value.items())), '')
    if not dataclasses.is_dataclass(value):
        return ''
    hints = typing.get_type_hints(type(value))
    for field in dataclasses.fields(value):
        found = getattr(value, field.name)
        where = f'{path}.{field.name}'
        if not _fits(found, hints[field.name]):
            return f'{where} is {found!r:.60}'
        if isinstance(found, Decimal) and not found.is_finite():
            return f'{where} is {found}'
        if deeper := wrongly_typed(found, where):
            return deeper
    return ''


def _fits(value, hint):
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, one) for one in arguments)
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return all(_fits(one, arguments[0]) for one in value)
        return not arguments or (len(value) == len(arguments) and all(map(_fits, value, arguments)))
    if hint is typing.Any or hint is object:
        return True
    kind = origin or hint
    if kind is int and isinstance(value, bool):
        return False
    return isinstance(value, kind) if isinstance(kind, type) else True


def try_answers(matrix, operation, settings, on_case=lambda: None):
    """Damage the answers of an operation again and again.

    :param settings: hypothesis' own, applied last; how many cases is said there.
    :raise AssertionError: a case ended wrong; hypothesis says which.
    """
    tape = answers_of(matrix, operation)
    if not tape:
        return  # nothing is asked for: the provider has none of it

    @settings
    @given(st.data())
    def case(data):
        on_case()
        place = data.draw(st.integers(0, len(tape) - 1))
        body = data.draw(damaged(tape[place].body))
        answers = list(tape)
        answers[place] = replace(tape[place], body=body)
        provider = _through(matrix, operation, Player, answers)
        try:
            value = operation.do(matrix.ledger, provider)
        except errors.ProviderError:
            return
        assert not wrongly_typed(value), wrongly_typed(value)

    case()
