from odoo import api, fields, models

from ..providers import registry


class ResConfigSettings(models.TransientModel):
    """Settings → FieldPromax Accounting: webhooks, for those who have them."""

    # A card of its own on the page, with fields of its own.
    _inherit = 'res.config.settings'  # pylint: disable=consider-merging-classes-inherited

    # Always empty when read, as the client secret is.
    fieldpromax_webhook_key = fields.Char(
        'Webhook key',
        compute='_compute_fieldpromax_webhook',
        inverse='_inverse_fieldpromax_app',
        readonly=False,
    )
    fieldpromax_webhook_key_label = fields.Char(compute='_compute_fieldpromax_webhook')
    fieldpromax_webhook_url = fields.Char('Webhook address', compute='_compute_fieldpromax_webhook')
    fieldpromax_webhook_key_set_at = fields.Datetime(
        'Webhook key set on', compute='_compute_fieldpromax_webhook'
    )
    fieldpromax_webhook_heard_at = fields.Datetime('Last heard on', compute='_compute_fieldpromax_webhook')
    fieldpromax_webhook_text = fields.Char(compute='_compute_fieldpromax_webhook')

    @api.depends('fieldpromax_provider')
    def _compute_fieldpromax_webhook(self):
        labels = dict(registry.selection())
        for settings in self:
            provider = settings.fieldpromax_provider
            app = self.env['fieldpromax.app']._of(provider) if provider else self.env['fieldpromax.app']
            settings.fieldpromax_webhook_key = False
            settings.fieldpromax_webhook_key_label = (
                registry.get(provider).webhook_key_label if provider in labels else ''
            )
            settings.fieldpromax_webhook_url = app._webhook_url(provider) if provider else ''
            settings.fieldpromax_webhook_key_set_at = app.webhook_key_set_at
            settings.fieldpromax_webhook_heard_at = app.webhook_heard_at
            settings.fieldpromax_webhook_text = settings._fieldpromax_webhook_text(labels.get(provider))

    def _fieldpromax_webhook_text(self, provider):
        """What webhooks are good for; ``provider`` as people know it."""
        if not provider:
            return ''
        text = self.env._(
            'With webhooks, what changes in %(provider)s is read at once. Without them everything works all the same: '
            'it is read several times an hour.',
            provider=provider,
        )
        if self.fieldpromax_webhook_url.startswith('https://'):
            return text
        return self.env._(
            '%(text)s This Odoo has no public address with https, which %(provider)s needs to ring.',
            text=text,
            provider=provider,
        )

    def _inverse_fieldpromax_app(self):
        """The key comes after the client id, because another id forgets the former key."""
        result = super()._inverse_fieldpromax_app()
        for settings in self.filtered('fieldpromax_webhook_key'):
            self.env['fieldpromax.app']._set_credentials(
                settings.fieldpromax_provider, webhook_key=settings.fieldpromax_webhook_key
            )
        return result
