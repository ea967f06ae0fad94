"""Giving a record of Odoo another name, code or e-mail address because the books refuse the one that it has."""

from dataclasses import dataclass

from .matching import one_line

#: which field of a customer, product or project holds what a provider has rules for
FIELDS = {'name': 'name', 'email': 'email', 'code': 'default_code'}


@dataclass(frozen=True)
class Suggestion:
    """``text`` would do where a record has ``found`` ('' for nothing) in ``field_name``."""

    field_name: str
    found: str
    text: str


def texts(record, field_name):
    """``{language: text}`` of a field; one that is not translated stands under ''."""
    if not record._fields[field_name].translate:
        return {'': record[field_name] or ''}
    languages = ['en_US', *(code for code, _name in record.env['res.lang'].get_installed())]
    return {code: record.with_context(lang=code)[field_name] or '' for code in dict.fromkeys(languages)}


def rename(record, suggestion):
    """Write the suggested text wherever the record still has the text that it stands for, in every language.

    :return: whether there was anything to write.
    """
    found = False
    for code, text in texts(record, suggestion.field_name).items():
        if one_line(text) == one_line(suggestion.found):
            target = record.with_context(lang=code) if code else record
            target[suggestion.field_name] = suggestion.text
            found = True
    return found


def suggest(provider, kind, record, data):
    """What would do in place of the first text of ``record`` that breaks a rule of the provider; None when nothing can
    be told, or when the text is not the record's own.

    :param data: the DTO as it would be sent.
    """
    for what, field_name in FIELDS.items():
        sent = getattr(data, what, None)
        if sent is None or field_name not in record._fields:
            continue
        if provider.check_text(kind, what, sent, data.name):
            return suggest_for(provider, kind, what, record, sent, source=data.name)
    return None


def suggest_for(provider, kind, what, record, sent, source='', addition=''):
    """A :class:`Suggestion` for one text of a record, None when none can be told.

    :param sent: the text as the books would get it; the name of a customer may have its currency behind it.
    """
    field_name = FIELDS[what]
    own = {one_line(text): text for text in texts(record, field_name).values()}
    name = one_line(sent)
    found = name if name in own else next((text for text in own if text and name.startswith(text)), None)
    if found is None:
        return None
    text = provider.suggest_text(
        kind,
        what,
        own[found],
        source=source,
        addition=addition,
        room=len(name) - len(found),
        is_taken=lambda text: bool(
            record.search_count([(field_name, '=', text), ('id', '!=', record.id)], limit=1)
        ),
    )
    return Suggestion(field_name, own[found], text) if text and text != own[found] else None
