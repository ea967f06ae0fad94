"""What Xero's refusals mean: one table of words, one reading of statuses (provider_facts A3, A6).

The status decides; then ids, fields and headers; a message's words only where Xero gives nothing else.
"""

from __future__ import annotations

import re

from .. import errors
from ..redaction import redact
from ..transport import Answer, parse_retry_after
from ..wire import objects

_LIMITS = {'minute': 'minute', 'day': 'day', 'concurrent': 'concurrent', 'appminute': 'app_minute'}
_MAX_WORDS = 1000

#: Xero gives one ErrorNumber (10) for every validation error, so words are all there is to tell them apart:
#: (words, class, code). The first that fits counts; what fits none is ValidationRejected without a code of
#: ours.
REFUSALS = tuple(
    (re.compile(words, re.IGNORECASE), error_class, code)
    for words, error_class, code in (
        (r'contact name .* already assigned to another contact', errors.Conflict, 'duplicate_contact_name'),
        (r'contact number .* already (assigned|used|exists)', errors.Conflict, 'duplicate_contact_number'),
        (r'matched an archived contact|archived contacts cannot', errors.Conflict, 'archived_contact'),
        (r'price list item with code .* already exists', errors.Conflict, 'duplicate_item_code'),
        (
            r'item .*code.* (must be unique|already (exists|in use|used))',
            errors.Conflict,
            'duplicate_item_code',
        ),
        (r'invoice (#|number) must be unique', errors.Conflict, 'duplicate_invoice_number'),
        (r'credit note (#|number) must be unique', errors.Conflict, 'duplicate_invoice_number'),
        (r'please enter a unique', errors.Conflict, 'duplicate_name'),
        (r'idempotency key.*used with a different request', errors.Conflict, 'idempotency_key_reused'),
        (
            r'existing invoice with the specified invoiceid.* could not be found',
            errors.NotFound,
            'invoice_not_found',
        ),
        (
            r'existing credit note with the specified creditnoteid could not be found',
            errors.NotFound,
            'invoice_not_found',
        ),
        (r'(contact|item).* (could not be found|not found|does not exist)', errors.NotFound, 'not_found'),
        (r'account code .* has been archived', errors.ValidationRejected, 'account_archived'),
        (r'account code .* is not a valid code', errors.ValidationRejected, 'account_invalid'),
        (r'taxtype code .* cannot be used', errors.ValidationRejected, 'tax_not_for_account'),
        (r'item code .* is not valid', errors.ValidationRejected, 'item_invalid'),
        (r'(period lock date|end of year lock date)', errors.ValidationRejected, 'period_locked'),
        (r'not subscribed to currency', errors.ValidationRejected, 'currency_not_subscribed'),
        (r'e-?mail address must be valid', errors.ValidationRejected, 'email_invalid'),
        (
            r'(has a payment or credit note|has payments or credit notes) allocated',
            errors.ValidationRejected,
            'has_payments',
        ),
        (r'trying to allocate to has already been paid off', errors.ValidationRejected, 'invoice_paid'),
        (r'cannot be allocated as amount is greater', errors.ValidationRejected, 'over_allocated'),
        (r'must supply a lineitemid', errors.ValidationRejected, 'has_payments'),
        (r'payment amount exceeds the amount outstanding', errors.ValidationRejected, 'overpaid'),
        (
            r'payments can only be made against authorised documents',
            errors.ValidationRejected,
            'invoice_not_approved',
        ),
        (r'payment not of valid status for modification', errors.NotFound, 'payment_deleted'),
        (r'not a valid code for payments', errors.ValidationRejected, 'payment_account_invalid'),
        (
            r'^account .* has been archived',
            errors.ValidationRejected,
            'payment_account_invalid',
        ),
        (
            r'existing account with the specified .* could not be found',
            errors.ValidationRejected,
            'payment_account_invalid',
        ),
        (r'not of valid status for modification', errors.ValidationRejected, 'invoice_status'),
    )
)


def words_of(elements) -> tuple[str, ...]:
    """Messages of ``ValidationErrors`` in an element and in what is nested in it (lines, contact), each once,
    in order."""
    found: dict[str, None] = {}

    def walk(value, depth):
        if depth > 6:
            return
        if isinstance(value, dict):
            for error in objects(value, 'ValidationErrors'):
                message = error.get('Message')
                if isinstance(message, str) and message.strip():
                    found[redact(message.strip())[:_MAX_WORDS]] = None
            for key, item in value.items():
                if key != 'ValidationErrors':
                    walk(item, depth + 1)
        elif isinstance(value, list):
            for item in value:
                walk(item, depth + 1)

    walk(elements, 0)
    return tuple(found)


def refusal(words, *, code='', **kwargs) -> errors.ProviderError:
    """The error for a refused element. ``words``: Xero's own messages; ``code``: Xero's, used when ours is
    not known."""
    words = tuple(words) or ('Xero refused the record without giving a reason.',)
    error_class = errors.ValidationRejected
    for pattern, found_class, found_code in REFUSALS:
        if any(pattern.search(word) for word in words):
            error_class, code = found_class, found_code
            break
    return error_class(' '.join(words), code=code, details=words, **kwargs)


def is_refused(element: dict) -> bool:
    """With ``summarizeErrors=false`` each element says what became of it (A4); an echo in a 400 has its
    errors inside."""
    return (
        element.get('StatusAttributeString') == 'ERROR'
        or element.get('HasValidationErrors') is True
        or bool(objects(element, 'ValidationErrors'))
    )


def warnings_of(element: dict) -> tuple[str, ...]:
    found = [
        redact(warning['Message'])
        for warning in objects(element, 'Warnings')
        if isinstance(warning.get('Message'), str)
    ]
    return tuple(dict.fromkeys(found))


def refused_elements(answer: Answer) -> list[dict]:
    """Elements of a 400 ValidationException, [] for any other answer."""
    if answer.status != 400:
        return []
    data = answer.json_or_none()
    return objects(data, 'Elements') if isinstance(data, dict) else []


def _short_text(answer: Answer) -> str:
    """A plain-text body as a message (503 ``The Organisation is offline``); nothing of an HTML page."""
    body = answer.text.strip()
    if not body or len(body) > 300 or '<' in body or body[0] in '{[':
        return ''
    return redact(body)


def _field(data, *names) -> str:
    """The first text among ``names``; error bodies come with capital and small keys (A6)."""
    if isinstance(data, dict):
        lower = {key.lower(): value for key, value in data.items()}
        for name in names:
            value = lower.get(name)
            if isinstance(value, str) and value.strip():
                return redact(value.strip())[:_MAX_WORDS]
    return ''


def error_of(answer: Answer) -> errors.ProviderError | None:
    """The error that an answer as a whole stands for; None for 2xx."""
    status = answer.status
    if 200 <= status < 300:
        return None
    known = {'http_status': status, 'request_id': answer.request_id}
    if status == 429:
        limit = _LIMITS.get(answer.headers.get('X-Rate-Limit-Problem', '').strip().lower(), 'minute')
        return errors.RateLimited(
            f'Xero asks to wait: its limit ({limit.replace("_", " ")}) is reached.',
            limit=limit,
            code=f'limit_{limit}',
            retry_after=parse_retry_after(answer.headers.get('Retry-After')),
            **known,
        )
    data = answer.json_or_none()
    detail = _field(data, 'detail', 'message', 'title') or _short_text(answer)
    if status >= 500 or status == 408:
        return errors.ProviderUnavailable(
            detail or f'Xero is out of order at the moment (HTTP {status}).',
            code='organisation_offline' if 'offline' in detail.lower() else '',
            retry_after=parse_retry_after(answer.headers.get('Retry-After')),
            details=(detail,) if detail else (),
            **known,
        )
    if status == 401:
        code = detail.partition(':')[0].strip()
        if code == 'AuthorizationUnsuccessful':
            return errors.PermissionMissing(
                'Xero does not allow this: the consent lacks a permission, or the person who connected '
                'lacks it at Xero.',
                code=code,
                details=(detail,),
                **known,
            )
        # TokenExpired, AuthenticationUnsuccessful, or nothing said: a refresh shows whether the consent is
        # gone
        return errors.AccessTokenExpired(
            'Xero no longer accepts the access token.',
            code=code[:50] if ' ' not in code else '',
            details=(detail,) if detail else (),
            **known,
        )
    if status == 403:
        return errors.ConnectionRefused(
            'Xero refuses access to this organisation: it was disconnected at Xero, or it is no longer available.',
            code=detail[:50] if ' ' not in detail else '',
            details=(detail,) if detail else (),
            **known,
        )
    if status == 404:
        return errors.NotFound('Xero has no such record.', details=(detail,) if detail else (), **known)
    if status == 400:
        if not isinstance(data, dict):
            return answer.unreadable('a refusal that cannot be read')
        words = words_of(data.get('Elements')) or words_of(data) or ((detail,) if detail else ())
        number = data.get('ErrorNumber')
        code = _field(data, 'type') or (str(number) if isinstance(number, int) else '')
        return refusal(words, code=code, **known)
    if status == 412:
        return errors.Conflict(
            detail or 'Xero refused: the record was changed meanwhile.', code='stale', **known
        )
    if 300 <= status < 400:
        return answer.unreadable(f'a redirection (HTTP {status})')
    return errors.ProviderError(
        detail or f'Xero refused the request (HTTP {status}).', details=(detail,) if detail else (), **known
    )
