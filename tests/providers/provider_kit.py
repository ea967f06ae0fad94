"""What the provider tests share: the simulator's controls, a person's browser, a server that misbehaves."""

import contextlib
import re
import socket
import struct
import threading
from urllib.parse import parse_qs, urlsplit

import requests

from fieldpromax_accounting.providers import dto

CALLBACK = 'http://localhost:8069/fieldpromax/oauth/callback/xero'
APP = dto.AppCredentials('fieldpromax-demo', 'fieldpromax-demo-secret')
PKCE_APP = dto.AppCredentials('fieldpromax-pkce')


class Simulator:
    """What tests order from the simulator and read from it."""

    def __init__(self, server):
        self.base_url = server.base_url
        self.control = server.control

    def issue(self, tenants=('US',), **values):
        """A whole token answer, without the pages."""
        return self.control('POST', '/_sim/tokens', {'issue': {'tenants': list(tenants), **values}})

    def fault(self, fault, path, method=None, **values):
        self.control('POST', '/_sim/faults', {'fault': fault, 'path': path, 'method': method, **values})

    def organisation(self, country, values):
        return self.control('POST', f'/_sim/organisations/{country}', values)

    def requests(self, **query):
        text = '&'.join(f'{key}={value}' for key, value in query.items())
        return self.control('GET', f'/_sim/requests?{text}')['requests']

    def state(self, entities, tenant='US'):
        found = self.control('GET', f'/_sim/state?tenant={tenant}&entities={entities}')['organisations']
        return next(iter(found.values()))[entities]


class Browser:
    """The consent pages over HTTP, as a person's browser would use them."""

    def __init__(self):
        self.session = requests.Session()

    @staticmethod
    def _number(page):
        return re.search(r'name="request" value="([^"]+)"', page.text)[1]

    def consent(self, url, tenants, action='allow'):
        """Log in, choose, press the button; the query that the callback gets."""
        origin = '{0.scheme}://{0.netloc}'.format(urlsplit(url))
        page = self.session.get(url, timeout=10)
        if 'id="login-form"' in page.text:
            login = {'request': self._number(page), 'username': 'bookkeeper@example.com', 'password': 'demo'}
            page = self.session.post(f'{origin}/identity/user/login', data=login, timeout=10)
        form = [('request', self._number(page)), ('action', action)]
        form += [('organisations', tenant) for tenant in tenants]
        answer = self.session.post(
            f'{origin}/identity/connect/consent', data=form, allow_redirects=False, timeout=10
        )
        target = answer.headers['Location']
        assert target.startswith(CALLBACK)
        return {key: value[0] for key, value in parse_qs(urlsplit(target).query).items()}


class RawServer:
    """A socket that answers each connection's request with what it is told: bytes, or a misbehaviour.

    ``answers``: bytes are written and the connection closed; ``'reset'`` resets it after the request was read;
    ``'hang'`` never answers; ``'trickle'`` begins a body and sends a byte now and then. The last one is repeated.
    """

    def __init__(self, *answers):
        self.answers = list(answers)
        self.received = []
        self._stopped = threading.Event()
        self._listener = socket.create_server(('127.0.0.1', 0))
        self.base_url = f'http://127.0.0.1:{self._listener.getsockname()[1]}'
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while not self._stopped.is_set():
            try:
                connection, _address = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection):
        with connection, contextlib.suppress(OSError):
            self.received.append(self._read(connection))
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            if isinstance(answer, bytes):
                connection.sendall(answer)
            elif answer == 'reset':
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
            elif answer == 'hang':
                self._stopped.wait(10)
            elif answer == 'trickle':
                connection.sendall(
                    b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 999\r\n\r\n'
                )
                while not self._stopped.wait(0.05):
                    connection.sendall(b' ')

    @staticmethod
    def _read(connection):
        connection.settimeout(10)
        data = b''
        while b'\r\n\r\n' not in data:
            data += connection.recv(65536)
        head, _, body = data.partition(b'\r\n\r\n')
        length = re.search(rb'content-length: (\d+)', head, re.IGNORECASE)
        while length and len(body) < int(length[1]):
            body += connection.recv(65536)
        return head + b'\r\n\r\n' + body

    def stop(self):
        self._stopped.set()
        self._listener.close()


def http(status=200, body=b'', content_type='application/json', **headers):
    """The bytes of an answer."""
    lines = [f'HTTP/1.1 {status} Some Reason', f'Content-Length: {len(body)}', 'Connection: close']
    if content_type:
        lines.append(f'Content-Type: {content_type}')
    lines += [f'{name.replace("_", "-")}: {value}' for name, value in headers.items()]
    return '\r\n'.join(lines).encode() + b'\r\n\r\n' + body
