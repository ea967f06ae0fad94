"""What the refusals of QuickBooks mean: one table of codes, one reading of statuses (provider_facts B3, B7).

Codes decide where there are any, then the status. An answer is read the same way whichever spelling its Fault has,
and whatever its status: 200 can carry a Fault.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .. import errors
from ..redaction import redact
from ..transport import Answer, parse_retry_after
from ..wire import text

LABEL = 'QuickBooks Online'
_MAX_WORDS = 1000
#: what Intuit says to wait when it throttles; a Retry-After rarely comes (B3)
THROTTLE_SECONDS = 60

#: code → (class, code of ours). Those that are not here: ValidationRejected under the number itself.
CODES = {
    '120': (errors.PermissionMissing, 'not_permitted'),
    '500': (errors.ProviderError, 'unsupported'),
    '610': (errors.NotFound, 'not_found'),
    '2010': (errors.ValidationRejected, 'unsupported_property'),
    '2020': (errors.ValidationRejected, 'required_missing'),
    '2050': (errors.ValidationRejected, 'too_long'),
    '2080': (errors.ValidationRejected, 'number_format'),
    '2500': (errors.ValidationRejected, 'invalid_reference'),
    '3001': (errors.RateLimited, 'limit_minute'),
    '3100': (errors.ConnectionRefused, 'removed'),
    '3200': (errors.AccessTokenExpired, 'authentication_failed'),
    '4000': (errors.ProviderError, 'query'),
    '4001': (errors.ProviderError, 'query'),
    '5010': (errors.Conflict, 'stale'),
    '6000': (errors.ValidationRejected, 'business_validation'),
    '6070': (errors.ValidationRejected, 'amount_mismatch'),
    '6140': (errors.Conflict, 'duplicate_invoice_number'),
    '6190': (errors.ConnectionRefused, 'subscription_lapsed'),
    '6210': (errors.ValidationRejected, 'period_locked'),
    '6240': (errors.Conflict, 'duplicate_name'),
    '6540': (errors.ValidationRejected, 'deposited'),
    '10000': (errors.ProviderUnavailable, 'application_error'),
}
#: the type of a Fault, where its codes are unknown
_TYPES = {
    'AUTHENTICATION': (errors.AccessTokenExpired, 'authentication_failed'),
    'AUTHORIZATION': (errors.PermissionMissing, 'not_permitted'),
    'SYSTEMFAULT': (errors.ProviderUnavailable, ''),
    'SERVICE': (errors.ProviderUnavailable, ''),
}
#: of several errors in one Fault, the one that decides what is to be done
_RANK = (
    errors.RateLimited,
    errors.AccessTokenExpired,
    errors.ConnectionRefused,
    errors.PermissionMissing,
    errors.ProviderUnavailable,
    errors.Conflict,
    errors.NotFound,
    errors.ValidationRejected,
    errors.ProviderError,
)
#: whose name is taken, by the kind of the record (6240)
_DUPLICATE_NAMES = {
    'contact': 'duplicate_contact_name',
    'item': 'duplicate_item_name',
    'project': 'duplicate_project_name',
}
#: errors of one record; the others are about the call, the connection or QuickBooks
OF_RECORD = (errors.Conflict, errors.NotFound, errors.ValidationRejected)

_CLOSED = re.compile(r'\b(closed|deleted|purged|no longer exists?)\b', re.IGNORECASE)
_ERROR_CODE = re.compile(r'errorCode=0*(\d+)')


@dataclass(frozen=True)
class Fault:
    """One error of QuickBooks. ``words``: its message and detail; ``code``: without leading zeros."""

    code: str
    words: str
    type: str = ''


def _folded(value) -> dict:
    """An object by its keys in lower case: the two spellings differ in nothing else."""
    return {key.lower(): item for key, item in value.items()} if isinstance(value, dict) else {}


def _text(value) -> str:
    return redact(value.strip())[:_MAX_WORDS] if isinstance(value, str) else ''


def faults_of(data) -> tuple[Fault, ...]:
    """The errors of an answer, or of one response of a batch; () when it has no Fault."""
    fault = _folded(data).get('fault')
    if not isinstance(fault, dict):
        return ()
    fault = _folded(fault)
    kind = _text(fault.get('type')).upper()
    listed = fault.get('error')
    found = []
    for error in listed if isinstance(listed, list) else [listed]:
        error = _folded(error)
        message, detail = _text(error.get('message')), _text(error.get('detail'))
        code = error.get('code')
        code = (
            str(code).strip().lstrip('0')
            if isinstance(code, (str, int)) and not isinstance(code, bool)
            else ''
        )
        if not code and (hidden := _ERROR_CODE.search(message)):
            code = hidden[1]
        words = message if detail in message else f'{message}: {detail}' if message else detail
        found.append(Fault(code[:20], words, kind))
    return tuple(found)


def _class_of(fault: Fault, kind: str, status: int | None):
    """``(class, code)`` of one error."""
    error_class, code = CODES.get(fault.code, (None, fault.code))
    if error_class is None and fault.code.isdigit() and int(fault.code) >= 10000:
        error_class, code = errors.ProviderUnavailable, fault.code
    if error_class is None and fault.type in _TYPES:
        error_class, code = _TYPES[fault.type][0], _TYPES[fault.type][1] or fault.code
    if error_class is None:
        error_class = errors.ProviderUnavailable if (status or 0) >= 500 else errors.ValidationRejected
    if code == 'duplicate_name':
        code = _DUPLICATE_NAMES.get(kind, code)
    if code == 'subscription_lapsed' and _CLOSED.search(fault.words):
        code = 'organization_closed'
    return error_class, code


#: sentences for errors that are not about a record
_SENTENCES = {
    'limit_minute': f'{LABEL} asks to wait: its limit of calls is reached.',
    'authentication_failed': f'{LABEL} no longer accepts the access token.',
    'removed': f'{LABEL} refuses access to this company: the app was disconnected there.',
    'subscription_lapsed': f'The {LABEL} subscription of this company has ended.',
    'organization_closed': f'This company was closed or deleted in {LABEL}.',
    'not_permitted': f'{LABEL} does not allow this: the person who connected lacks the right to it there.',
}


def refusal(faults, kind: str = '', status: int | None = None, **known) -> errors.ProviderError:
    """The one error that several of a Fault stand for; its details have the words of all.

    :param kind: of the record that was sent, for the code of a taken name.
    """
    classes = [_class_of(fault, kind, status) for fault in faults]
    error_class, code = min(classes, key=lambda found: _RANK.index(found[0]))
    details = tuple(dict.fromkeys(fault.words for fault in faults if fault.words))
    message = _SENTENCES.get(code) or ' '.join(details) or f'{LABEL} refused this without giving a reason.'
    if error_class is errors.RateLimited:
        known = {'retry_after': THROTTLE_SECONDS, 'limit': 'minute', **known}
    return error_class(message, code=code, details=details, http_status=status, **known)


def _plain_words(answer: Answer) -> str:
    """A short plain-text body; nothing of an HTML page."""
    body = answer.text.strip()
    if not body or len(body) > 300 or '<' in body or body[0] in '{[':
        return ''
    return redact(body)


def error_of(answer: Answer, kind: str = '') -> errors.ProviderError | None:
    """The error that an answer as a whole stands for; None for 2xx without a Fault."""
    status = answer.status
    known = {'request_id': answer.request_id}
    retry_after = parse_retry_after(answer.headers.get('Retry-After'))
    faults = faults_of(answer.json_or_none())
    if status == 429:
        faults = faults or (Fault('3001', ''),)
        faults = tuple(Fault('3001', fault.words, fault.type) for fault in faults)
    if faults:
        if retry_after:
            known['retry_after'] = retry_after
        return refusal(faults, kind, status, **known)
    if 200 <= status < 300:
        return None
    words = _plain_words(answer)
    known = {'http_status': status, 'details': (words,) if words else (), **known}
    if status >= 500 or status == 408:
        return errors.ProviderUnavailable(
            words or f'{LABEL} is out of order at the moment (HTTP {status}).',
            retry_after=retry_after,
            **known,
        )
    if status == 401:
        return errors.AccessTokenExpired(_SENTENCES['authentication_failed'], **known)
    if status == 403:
        return errors.ConnectionRefused(f'{LABEL} refuses access to this company.', **known)
    if status == 404:
        return errors.NotFound(f'{LABEL} has no such record.', **known)
    if status == 400:
        return answer.unreadable('a refusal that cannot be read')
    if 300 <= status < 400:
        return answer.unreadable(f'a redirection (HTTP {status})')
    return errors.ProviderError(words or f'{LABEL} refused the request (HTTP {status}).', **known)


#: words of GraphQL errors that say that the app, the person or the plan may not; there are no numbers to go by (B13)
_FORBIDDEN = re.compile(
    r'scope|unauthori[sz]ed|not authori[sz]ed|forbidden|permission|access.denied|not entitled', re.IGNORECASE
)
_TAKEN = re.compile(r'duplicate|already (exists|in use|used|taken)|unique', re.IGNORECASE)
_UNKNOWN = re.compile(r'not found|does not exist', re.IGNORECASE)


def graphql_error(answer: Answer) -> errors.ProviderError | None:
    """The error that an answer of the GraphQL endpoint stands for: 200 with ``errors`` in it is one as well."""
    error = error_of(answer, 'project')
    if error is not None:
        if answer.status == 403:
            # of the projects alone: the rest of the company is reached another way
            return errors.PermissionMissing(
                f'{LABEL} does not let this app work with projects.',
                code='projects_not_permitted',
                http_status=403,
                request_id=answer.request_id,
                details=error.details,
            )
        return error
    data = answer.json()
    found = data.get('errors') if isinstance(data, dict) else None
    if not found:
        return None
    return _project_refusal(answer, found if isinstance(found, list) else [found])


def project_error(answer: Answer, result: dict) -> errors.ProviderError | None:
    """The error that the result of a mutation stands for: a ProjectManagement_Error instead of a project; None for a
    project."""
    return _project_refusal(answer, [result]) if text(result, 'message') else None


def _project_refusal(answer: Answer, found: list) -> errors.ProviderError:
    """By words: the Projects API has no numbers for its errors."""
    details, marks = [], []
    for one in found:
        folded = _folded(one)
        details.append(_text(folded.get('message')))
        for marked in (folded, _folded(folded.get('extensions'))):
            marks += [_text(marked.get(key)) for key in ('code', 'classification', 'errorcode')]
    details = tuple(dict.fromkeys(word for word in details if word))
    known = {
        'details': details,
        'http_status': answer.status,
        'request_id': answer.request_id,
    }
    words = ' '.join((*details, *marks))
    message = ' '.join(details) or f'{LABEL} refused this without giving a reason.'
    if _FORBIDDEN.search(words):
        return errors.PermissionMissing(
            f'{LABEL} does not let this app work with projects.', code='projects_not_permitted', **known
        )
    if _TAKEN.search(words):
        return errors.Conflict(message, code='duplicate_project_name', **known)
    if _UNKNOWN.search(words):
        return errors.NotFound(message, code='not_found', **known)
    if 'throttl' in words.lower():
        return errors.RateLimited(
            _SENTENCES['limit_minute'], code='limit_minute', retry_after=THROTTLE_SECONDS, **known
        )
    return errors.ValidationRejected(message, code='projects_refused', **known)
