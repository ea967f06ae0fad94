"""The HTTP door: what leaves, what does not, and what a broken connection means."""

import socket
import warnings

import pytest
import requests

from fieldpromax_accounting.providers import base, dto, errors, transport
from fieldpromax_accounting.providers.xero.client import read_headers

URL = 'https://api.example.com/some/path'


def make(base_url='', **values):
    values = {'connect_timeout': 0.5, 'read_timeout': 0.3, **values}
    config = base.ProviderConfig(app=dto.AppCredentials('id', 'secret'), base_url=base_url, **values)
    return transport.Transport(config, read_headers)


# === what does not leave === #


def test_a_refused_host_is_not_contacted(raw_server, http):
    server = raw_server(http())
    asked = []

    def refuse(host):
        asked.append(host)
        return False

    with pytest.raises(errors.HostRefused) as caught:
        make(server.base_url, allow_host=refuse).request('x', 'GET', URL)
    assert caught.value.code == 'host_refused'
    assert not caught.value.retryable
    assert asked == ['127.0.0.1'], 'the host that would really be contacted is asked about'
    assert server.received == []


@pytest.mark.parametrize(
    'base_url', ['http://example.com', 'http://192.0.2.7:8080', 'http://localhost.example.com']
)
def test_plain_http_is_for_loopback_only(base_url):
    with pytest.raises(errors.HostRefused) as caught:
        make(base_url).request('x', 'GET', URL)
    assert caught.value.code == 'insecure_host'


@pytest.mark.parametrize(
    ('host', 'expected'),
    [
        ('localhost', True),
        ('127.0.0.1', True),
        ('127.9.9.9', True),
        ('::1', True),
        ('xero.localhost', True),
        ('0.0.0.0', False),  # noqa: S104
        ('10.0.0.1', False),
        ('127.0.0.1.example.com', False),
        ('', False),
    ],
)
def test_loopback(host, expected):
    assert transport.is_loopback(host) is expected


def test_the_path_is_kept_at_another_origin():
    assert transport.at_origin('https://api.xero.com/connections?a=b%2Fc', 'http://127.0.0.1:1/') == (
        'http://127.0.0.1:1/connections?a=b%2Fc'
    )
    assert transport.at_origin(URL, '') == URL


def test_a_proxy_of_the_environment_is_not_used_for_loopback(raw_server, http, monkeypatch, closed_port):
    monkeypatch.setenv('HTTP_PROXY', closed_port)
    monkeypatch.setenv('HTTPS_PROXY', closed_port)
    monkeypatch.delenv('NO_PROXY', raising=False)
    server = raw_server(http(body=b'{}'))
    assert make(server.base_url).request('x', 'GET', URL).json() == {}


def test_a_proxy_that_cannot_be_reached_means_that_nothing_was_sent(monkeypatch, closed_port):
    monkeypatch.setenv('HTTPS_PROXY', closed_port)
    monkeypatch.delenv('NO_PROXY', raising=False)
    with pytest.raises(errors.TransportError):
        make().request('x', 'PUT', URL, body=b'{}')


def test_netrc_does_not_replace_the_access_token(raw_server, http, monkeypatch, tmp_path):
    netrc = tmp_path / 'netrc'
    netrc.write_text('default login somebody password else\n')
    monkeypatch.setenv('NETRC', str(netrc))
    server = raw_server(http(body=b'{}'))
    door = make(server.base_url)
    door.request('x', 'GET', URL, headers={'Authorization': 'Bearer ours'})
    door.request('x', 'GET', URL, auth=transport.BearerAuth('ours'))
    assert all(b'Authorization: Bearer ours' in request for request in server.received)


def test_cookies_are_not_kept(raw_server, http):
    server = raw_server(http(body=b'{}', Set_Cookie='session=1; Path=/'))
    door = make(server.base_url)
    door.request('x', 'GET', URL)
    door.request('x', 'GET', URL)
    assert b'cookie' not in server.received[1].lower()


def test_redirections_are_not_followed(raw_server, http):
    elsewhere = raw_server(http(body=b'{}'))
    server = raw_server(http(302, Location=f'{elsewhere.base_url}/stolen'))
    answer = make(server.base_url).request('x', 'GET', URL, auth=transport.BearerAuth('ours'))
    assert answer.status == 302
    assert elsewhere.received == []


@pytest.mark.parametrize('headers', [{'X': 'a\r\nInjected: 1'}, {'X': 'ф'}])
def test_a_request_that_cannot_be_built_is_no_retry(raw_server, http, headers):
    server = raw_server(http())
    with pytest.raises(errors.ProviderError) as caught:
        make(server.base_url).request('x', 'GET', URL, headers=headers)
    assert caught.value.code == 'invalid_request'
    assert not caught.value.retryable
    assert not caught.value.maybe_applied


# === what goes wrong on the way === #


def test_nobody_listens(closed_port):
    with pytest.raises(errors.TransportError) as caught:
        make(closed_port).request('x', 'PUT', URL, body=b'{}')
    assert caught.value.retryable
    assert not caught.value.maybe_applied


def test_unknown_name():
    with pytest.raises(errors.TransportError):
        make('http://nowhere.localhost:1').request('x', 'PUT', URL, body=b'{}')


def test_no_connection_in_time(monkeypatch):
    # a listener with a full queue does not answer the handshake
    with socket.socket() as listener:
        listener.bind(('127.0.0.1', 0))
        listener.listen(0)
        address = listener.getsockname()
        waiting = [socket.socket() for _ in range(3)]
        for client in waiting:
            client.setblocking(False)
            client.connect_ex(address)
        with pytest.raises(errors.TransportError) as caught:
            make(f'http://127.0.0.1:{address[1]}', connect_timeout=0.3).request('x', 'PUT', URL, body=b'{}')
        for client in waiting:
            client.close()
    assert caught.value.code == 'connect_timeout'


def test_https_without_a_certificate_that_is_known(raw_server, http):
    # what listens does not even speak TLS: for certain nothing was taken as a request
    server = raw_server(http())
    with pytest.raises((errors.TransportError, errors.OutcomeUnknown)):
        make(server.base_url.replace('http://', 'https://')).request('x', 'PUT', URL, body=b'{}')


@pytest.mark.parametrize('method', ['GET', 'PUT', 'POST', 'DELETE'])
@pytest.mark.parametrize(
    ('answer', 'expected', 'code'),
    [
        ('hang', errors.OutcomeUnknown, 'read_timeout'),
        ('trickle', errors.OutcomeUnknown, 'read_timeout'),
        ('reset', errors.OutcomeUnknown, 'connection_lost'),
        (b'', errors.OutcomeUnknown, 'connection_lost'),
        (b'SMTP ready\r\n\r\n', errors.OutcomeUnknown, 'connection_lost'),
        (b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"Id', errors.ProtocolError, 'truncated'),
        (b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{"I', errors.ProtocolError, 'truncated'),
        (
            b'HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd',
            errors.ProtocolError,
            'truncated',
        ),
    ],
)
def test_a_lost_answer(raw_server, method, answer, expected, code):
    server = raw_server(answer)
    with pytest.raises(expected) as caught:
        make(server.base_url).request('x', method, URL, body=b'{}')
    assert type(caught.value) is expected
    assert caught.value.code == code
    assert caught.value.maybe_applied
    assert len(server.received) == 1, 'no request is ever repeated behind our back'


@pytest.mark.parametrize('method', ['GET', 'PUT', 'POST'])
@pytest.mark.parametrize('status', [413, 429, 503])
def test_retry_after_is_told_and_not_obeyed(raw_server, http, method, status):
    server = raw_server(http(status, Retry_After='86400'))
    answer = make(server.base_url).request('x', method, URL)
    assert answer.status == status
    assert len(server.received) == 1


@pytest.mark.parametrize(
    ('value', 'expected'),
    [(None, None), ('', None), ('26', 26), (' 7 ', 7), ('soon', None), ('-3', None), ('²', None)],
)
def test_retry_after(value, expected):
    assert transport.parse_retry_after(value) == expected


def test_retry_after_as_a_date():
    assert transport.parse_retry_after('Wed, 21 Oct 2015 07:28:00 GMT') == 0
    assert transport.parse_retry_after('Wed, 21 Oct 2099 07:28:00 GMT') > 10**9


def test_the_errors_show_nothing_of_the_request(closed_port):
    with pytest.raises(errors.TransportError) as caught:
        make(closed_port).request(
            'x', 'GET', URL, params=[('q', 'private')], auth=transport.BearerAuth('secret')
        )
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None
    assert 'private' not in str(caught.value)


# === what comes back === #


def test_every_answer_is_reported(raw_server, http):
    server = raw_server(
        http(404, X_DayLimit_Remaining='12', X_MinLimit_Remaining='x', Xero_Correlation_Id='abc')
    )
    seen = []
    make(server.base_url, on_response=lambda *report: seen.append(report)).request('purpose', 'GET', URL)
    assert seen == [('purpose', 404, dto.Limits(day_remaining=12, minute_remaining=None), 'abc')]


def test_a_failing_hook_does_not_hide_the_answer(raw_server, http, caplog):
    def fail(*report):
        raise RuntimeError('access_token=abc')

    server = raw_server(http(body=b'{"Id": 1}'))
    assert make(server.base_url, on_response=fail).request('x', 'PUT', URL).json() == {'Id': 1}
    assert 'RuntimeError' in caplog.text
    assert 'abc' not in caplog.text


def answer(body, content_type='application/json'):
    headers = requests.structures.CaseInsensitiveDict({'content-type': content_type} if content_type else {})
    return transport.Answer(status=200, headers=headers, body=body)


@pytest.mark.parametrize(
    ('body', 'content_type'),
    [
        (b'', 'application/json'),
        (b'  \n', 'application/json'),
        (b'<html></html>', 'text/html'),
        (b'{"Id": 1}', 'text/html'),
        (b'{"Id": 1}', 'text/plain'),
        (b'{"Id": 1', 'application/json'),
        (b'{"Id": NaN}', 'application/json'),
        (b'{"Id": -Infinity}', 'application/json'),
        (b'\xff\xfe{}', 'application/json'),
        (b'[' * 100_000, 'application/json'),
        (b'{"Id": ' + b'9' * 10_000 + b'}', 'application/json'),
    ],
)
def test_what_is_no_json(body, content_type):
    with pytest.raises(errors.ProtocolError):
        answer(body, content_type).json()


@pytest.mark.parametrize(
    'content_type', ['application/json; charset=utf-8', 'application/problem+json', 'text/json', '']
)
def test_what_is_json(content_type):
    found = answer(b'\xef\xbb\xbf{"a": 0.1, "b": 10}', content_type).json()
    assert str(found['a']) == '0.1'
    assert type(found['a']).__name__ == 'Decimal', 'no float on the way'


def test_no_warning_of_the_libraries(raw_server, http):
    server = raw_server(http(body=b'{}'))
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        make(server.base_url).request('x', 'GET', URL)


@pytest.mark.parametrize('way', ['plain', 'oauth', 'sdk'])
def test_who_watches_sessions_sees_the_true_host(make_provider, raw_server, http, monkeypatch, way):
    """Odoo's tests let requests to this machine through by what ``Session.send`` gets."""
    server = raw_server(http(404))
    seen = []
    send = requests.Session.send

    def watch(session, prepared, **kwargs):
        seen.append(prepared.url)
        return send(session, prepared, **kwargs)

    monkeypatch.setattr(requests.Session, 'send', watch)
    provider = make_provider(server.base_url)
    token = dto.TokenSet('a', 'r', None)
    call = {
        'plain': lambda: provider.remove_connection(dto.Organization('t', 'n'), token),
        'oauth': lambda: provider.refresh_token('r'),
        'sdk': provider.for_organization('t', 'a').list_accounts,
    }[way]
    with pytest.raises(errors.ProviderError):
        call()
    assert [url.startswith(server.base_url) for url in seen] == [True]
