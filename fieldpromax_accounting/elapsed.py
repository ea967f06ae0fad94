"""How long ago something was, in a person's words and language."""

from datetime import timedelta

from babel.dates import format_timedelta
from odoo import fields
from odoo.tools.misc import babel_locale_parse, get_lang

# Below this a number would be over before it is read.
JUST_NOW = timedelta(seconds=10)


def ago_text(env, at):
    """``at`` (naive UTC) as "just now" or "5 minutes ago"; a clock that was set back makes nothing a thing of the
    future."""
    ago = fields.Datetime.now() - at
    if ago < JUST_NOW:
        return env._('just now')
    return format_timedelta(-ago, add_direction=True, locale=babel_locale_parse(get_lang(env).code))
