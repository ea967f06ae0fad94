from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError

from .. import encryption
from ..providers import dto, registry

HEARD_EVERY = timedelta(minutes=5)


class FieldpromaxApp(models.Model):
    """This deployment's registration at a provider: one client id and secret for all companies of the database."""

    _name = 'fieldpromax.app'
    _description = 'App at an accounting provider'
    _rec_name = 'provider'

    provider = fields.Selection(selection=lambda self: registry.selection(), required=True, readonly=True)
    client_id = fields.Char('Client ID', readonly=True)
    client_secret_encrypted = fields.Char(groups=fields.NO_ACCESS, copy=False, readonly=True)
    client_secret_set_at = fields.Datetime('Client secret set on', readonly=True)
    webhook_key_encrypted = fields.Char(groups=fields.NO_ACCESS, copy=False, readonly=True)
    webhook_key_set_at = fields.Datetime('Webhook key set on', readonly=True)
    webhook_heard_at = fields.Datetime(
        'Webhook last heard', readonly=True, help='To a few minutes: it is not written with every call.'
    )

    _provider_unique = models.Constraint('unique(provider)', 'There is one app for each provider.')

    @api.model
    def _of(self, provider):
        return self.sudo().search([('provider', '=', provider)], limit=1)

    @api.model
    def _get_credentials(self, provider):
        """
        :return: :class:`~..providers.dto.AppCredentials`; an empty secret means an app that proves
        itself by PKCE alone.
        :raise UserError: no client id is entered.
        :raise EncryptionKeyMissing: the secret cannot be read on this server.
        """
        app = self._of(provider)
        if not app.client_id:
            raise UserError(
                self.env._(
                    'Enter the client ID and the client secret of your %(provider)s app in the settings first.',
                    provider=dict(registry.selection()).get(provider, provider),
                )
            )
        secret = app.client_secret_encrypted
        return dto.AppCredentials(
            client_id=app.client_id, client_secret=encryption.decrypt(self.env, secret) if secret else ''
        )

    @api.model
    def _asks_for_optional_scopes(self, provider):
        """Does a consent cover what not every app may ask for? Nothing here needs it; another addon may."""
        return False

    @api.model
    def _webhook_key(self, provider):
        """What the provider signs its webhooks with; '' when none is entered.

        :raise EncryptionKeyMissing: it cannot be read on this server.
        """
        key = self._of(provider).webhook_key_encrypted
        return encryption.decrypt(self.env, key) if key else ''

    @api.model
    def _webhook_url(self, provider):
        """Where the provider's webhooks are to ring."""
        base = self.env['ir.config_parameter'].sudo().get_param('web.base.url') or ''
        return f'{base.rstrip("/")}/fieldpromax/webhook/{provider}'

    @api.model
    def _note_heard(self, provider):
        """A webhook of the provider came through. Written now and then only, and never waited for: two that come at the
        same time must not make each other late."""
        app, now = self._of(provider), fields.Datetime.now()
        if not app.webhook_heard_at or app.webhook_heard_at < now - HEARD_EVERY:
            app.try_lock_for_update().write({'webhook_heard_at': now})

    @api.model
    def _set_credentials(self, provider, client_id=None, client_secret=None, webhook_key=None):
        """Store what was entered; ``None`` or empty leaves a secret, unless the client id becomes another one.

        Secrets belong to their client id: with another id the former ones are forgotten.
        """
        label = dict(registry.selection()).get(provider, provider)
        app = self._of(provider)
        values = {}
        if client_id is not None and client_id.strip() != (app.client_id or ''):
            client_id = client_id.strip()
            if not client_id and self.env['fieldpromax.connection'].sudo().search_count(
                [('provider', '=', provider), ('state', '!=', 'disconnected')], limit=1
            ):
                raise UserError(
                    self.env._(
                        'The client ID cannot be empty while %(provider)s is connected. Disconnect first.',
                        provider=label,
                    )
                )
            values |= {
                'client_id': client_id,
                'client_secret_encrypted': False,
                'client_secret_set_at': False,
                'webhook_key_encrypted': False,
                'webhook_key_set_at': False,
                'webhook_heard_at': False,
            }
        if client_secret and client_secret.strip():
            values |= {
                'client_secret_encrypted': encryption.encrypt(self.env, client_secret.strip()),
                'client_secret_set_at': fields.Datetime.now(),
            }
        if webhook_key and webhook_key.strip():
            values |= {
                'webhook_key_encrypted': encryption.encrypt(self.env, webhook_key.strip()),
                'webhook_key_set_at': fields.Datetime.now(),
                'webhook_heard_at': False,
            }
        if not values:
            return app
        if app:
            app.write(values)
        else:
            app = self.sudo().create({'provider': provider, **values})
        if 'client_id' in values or 'client_secret_encrypted' in values:
            # An app that was refused may be accepted now: try again, and say so again if not.
            self.env['fieldpromax.connection'].sudo()._app_changed(provider)
        return app
