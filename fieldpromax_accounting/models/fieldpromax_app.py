from odoo import api, fields, models
from odoo.exceptions import UserError

from .. import encryption
from ..providers import dto, registry


class FieldpromaxApp(models.Model):
    """This deployment's registration at a provider: one client id and secret for all companies of the database."""

    _name = 'fieldpromax.app'
    _description = 'App at an accounting provider'
    _rec_name = 'provider'

    provider = fields.Selection(selection=lambda self: registry.selection(), required=True, readonly=True)
    client_id = fields.Char('Client ID', readonly=True)
    client_secret_encrypted = fields.Char(groups=fields.NO_ACCESS, copy=False, readonly=True)
    client_secret_set_at = fields.Datetime('Client secret set on', readonly=True)

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
    def _set_credentials(self, provider, client_id=None, client_secret=None):
        """Store what was entered; ``None`` or empty leaves the secret, unless the client id becomes another one.

        A secret belongs to its client id: with another id the former secret is forgotten.
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
            }
        if client_secret and client_secret.strip():
            values |= {
                'client_secret_encrypted': encryption.encrypt(self.env, client_secret.strip()),
                'client_secret_set_at': fields.Datetime.now(),
            }
        if not values:
            return app
        if app:
            app.write(values)
        else:
            app = self.sudo().create({'provider': provider, **values})
        # An app that was refused may be accepted now: try again, and say so again if not.
        self.env['fieldpromax.connection'].sudo()._app_changed(provider)
        return app
