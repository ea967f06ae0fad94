import logging
from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import format_date, format_datetime

from ..holds import Hold
from ..providers import errors

_logger = logging.getLogger(__name__)

# What keeps a connection from working, as people see it beside its state.
TROUBLES = [
    ('consent_expired', 'Consent expired'),
    ('consent_revoked', 'Access taken back'),
    ('permission_missing', 'Permission missing'),
    ('app_refused', 'App not accepted'),
    ('subscription_lapsed', 'Subscription lapsed'),
    ('organization_closed', 'Company closed'),
    ('refused', 'Access refused'),
    ('limit_reached', 'Limit reached'),
    ('unavailable', 'Not available'),
]
# These pass by themselves; the connection stays connected meanwhile.
PASSING_TROUBLES = ('limit_reached', 'unavailable')
# How long one is shown when the provider does not say how long it lasts.
PASSING_FOR = timedelta(minutes=5)
# An administrator is told so long before a consent ends for good.
WARN_BEFORE_END = timedelta(days=14)


class FieldpromaxConnection(models.Model):
    """What goes wrong with a connection as a whole: each trouble has a name, a text and a remedy of its own."""

    # What goes wrong with a connection is long enough for a file of its own.
    _inherit = 'fieldpromax.connection'  # pylint: disable=consider-merging-classes-inherited

    trouble = fields.Selection(
        TROUBLES, 'Kind of trouble', readonly=True, help='What keeps the connection from working.'
    )
    trouble_until = fields.Datetime(
        readonly=True, help='When a trouble that passes is over, as far as known.'
    )
    shown_trouble = fields.Selection(TROUBLES, 'Trouble', compute='_compute_shown_trouble')
    warned_of_end_at = fields.Datetime(
        readonly=True, help='The end of the consent that an administrator was told of.'
    )
    consent_text = fields.Char('Consent', compute='_compute_consent_text', help='How long the consent lasts.')

    consent_ends_soon = fields.Boolean(compute='_compute_consent_text')

    # === COMPUTE METHODS === #

    @api.depends('state', 'trouble', 'trouble_until')
    def _compute_shown_trouble(self):
        for connection in self:
            connection.shown_trouble = connection.trouble if connection._is_in_trouble() else False

    def _compute_consent_text(self):
        credentials = self.env['fieldpromax.credential'].sudo().search([('connection_id', 'in', self.ids)])
        soon = fields.Datetime.now() + WARN_BEFORE_END
        by_connection = {credential.connection_id.id: credential for credential in credentials}
        for connection in self:
            credential = by_connection.get(connection.id, credentials.browse())
            end, idle_end = credential.consent_expires_at, credential.refresh_expires_at
            days = {
                'end': end and format_date(self.env, end.date()),
                'idle_end': idle_end and format_date(self.env, idle_end.date()),
            }
            connection.consent_ends_soon = bool(end) and end <= soon and connection.state == 'connected'
            if connection.state == 'disconnected' or not (end or idle_end):
                connection.consent_text = False
            elif end and idle_end:
                connection.consent_text = self.env._(
                    'Lasts until %(end)s; left unused it ends on %(idle_end)s.', **days
                )
            elif end:
                connection.consent_text = self.env._('Lasts until %(end)s.', **days)
            else:
                connection.consent_text = self.env._(
                    'Renews itself; left unused it ends on %(idle_end)s.', **days
                )

    def _is_in_trouble(self):
        self.ensure_one()
        if self.trouble in PASSING_TROUBLES:
            return (
                self.state == 'connected'
                and bool(self.trouble_until)
                and self.trouble_until > fields.Datetime.now()
            )
        return bool(self.trouble) and self.state in ('reauth_required', 'suspended')

    def _passing_trouble_text(self):
        """What goes on by itself later, as a sentence; '' when nothing is wrong."""
        self.ensure_one()
        if self.trouble not in PASSING_TROUBLES or not self._is_in_trouble():
            return ''
        values = {
            'provider': self._provider_label(),
            'time': format_datetime(self.env, self.trouble_until, dt_format='short'),
        }
        if self.trouble == 'limit_reached':
            return self.env._(
                '%(provider)s takes no more calls for the moment: its limit is reached. What waits is kept and goes on '
                'by itself at %(time)s; there is nothing to do.',
                **values,
            )
        return self.env._(
            '%(provider)s is not available at the moment. What waits is kept and tried again by itself, at %(time)s at '
            'the latest; there is nothing to do here.',
            **values,
        )

    # === CRUD METHODS === #

    def write(self, vals):
        # A state that is set anew leaves the trouble of the former one behind.
        if self.env.su and 'state' in vals and 'trouble' not in vals:
            vals = {**vals, 'trouble': False, 'trouble_until': False}
        result = super().write(vals)
        if self.env.su and {'state', 'state_reason', 'trouble'} & set(vals):
            self._renew_trouble_issue()
        return result

    def _renew_trouble_issue(self):
        """What keeps a connection from working stands among the issues, with all that waits for it, until it works
        again or is ended."""
        issues = self.env['fieldpromax.issue'].sudo()
        for connection in self:
            if connection.state not in ('reauth_required', 'suspended'):
                issues.search(
                    [
                        ('connection_id', '=', connection.id),
                        ('cause', '=', 'connection'),
                        ('state', '=', 'open'),
                    ]
                )._solve()
                continue
            provider = connection._provider_label()
            if connection.trouble:
                title = self.env._(
                    '%(provider)s: %(trouble)s', provider=provider, trouble=connection._trouble_words()
                )
            else:
                title = self.env._('%s has to be connected again', provider)
            if connection.state == 'suspended':
                remedy = self.env._(
                    'Open the connection. Once it is put right, click "Check again" there; otherwise it is looked at '
                    'tonight.'
                )
            else:
                remedy = self.env._(
                    'Connect again, or ask an administrator to. What waits is kept and goes over then by itself.'
                )
            issues._raise_for(
                connection,
                Hold('connection', 'connection', title, connection._silence_reason(), remedy),
            )

    def _trouble_words(self):
        self.ensure_one()
        return dict(self._fields['trouble']._description_selection(self.env))[self.trouble].lower()

    # === WHAT AN ERROR MEANS === #

    def _on_provider_error(self, error):
        """What an error says about the connection as a whole; called in a fresh transaction.

        ``connected`` → ``reauth_required``: the consent is gone or lacks a permission, a person has to connect again.
        ``connected`` → ``suspended``: the organization or the app is refused; probed daily, and at once when the app is
        corrected. Queued work stays queued. What passes by itself is noted, and the state stays.

        :return: whether it concerned the connection.
        """
        self.ensure_one()
        if isinstance(error, errors.ReauthorizationRequired) and self._has_newer_consent(error):
            # A race that was lost is no lost consent: what waits goes with the tokens there are now.
            return False
        state, trouble, reason = self._judge(error)
        if not state:
            self._note_trouble(error)
            return False
        # Once: a person may have disconnected meanwhile, or another driver was first.
        if self.state == 'connected':
            self.write({'state': state, 'state_reason': reason, 'trouble': trouble, 'trouble_until': False})
            self._notify_responsible(
                self.env._(
                    '%(provider)s: %(trouble)s',
                    provider=self._provider_label(),
                    trouble=self._trouble_words(),
                ),
                reason,
            )
            _logger.info('Connection %s: %s (%s)', self.id, state, type(error).__name__)
        elif self.state == state == 'suspended' and trouble != self.trouble:
            # Looked at again, and refused for another reason.
            self.write({'state_reason': reason, 'trouble': trouble})
        return True

    def _has_newer_consent(self, error):
        return self.env['fieldpromax.credential'].sudo()._is_superseded(self, error)

    def _judge(self, error):
        """``(state, trouble, sentence)`` that an error stands for; ``('', '', '')`` when the tie itself is sound."""
        values = {
            'provider': self._provider_label(),
            'organization': self.organization_name,
            'words': (error.message or '').strip()[:300],
        }
        if isinstance(error, errors.PermissionMissing):
            return (
                'reauth_required',
                'permission_missing',
                self.env._(
                    '%(provider)s does not allow this connection to do its work: “%(words)s”. Connect again as '
                    'a person who may, and leave all permissions ticked.',
                    **values,
                ),
            )
        if isinstance(error, errors.AppRefused):
            return (
                'suspended',
                'app_refused',
                self.env._(
                    '%(provider)s does not accept the app: “%(words)s”. Correct the client ID and the client secret in '
                    'the settings.',
                    **values,
                ),
            )
        if isinstance(error, errors.AuthError):
            return ('reauth_required', *self._judge_consent(values))
        if isinstance(error, errors.ConnectionRefused):
            return self._judge_refusal(error, values)
        return '', '', ''

    def _judge_consent(self, values):
        """Did the consent end by itself, or was it taken back?"""
        credential = self.env['fieldpromax.credential'].sudo().search([('connection_id', '=', self.id)])
        now = fields.Datetime.now()
        end, idle_end = credential.consent_expires_at, credential.refresh_expires_at
        if end and end <= now:
            return 'consent_expired', self.env._(
                'The consent for %(organization)s ended on %(day)s: %(provider)s lets none last longer. Connect again '
                'in the settings; what waits is kept and goes over then.',
                day=format_date(self.env, end.date()),
                **values,
            )
        if idle_end and idle_end <= now:
            return 'consent_expired', self.env._(
                'The consent for %(organization)s was not used for too long and ended on %(day)s. Connect again in '
                'the settings; what waits is kept and goes over then.',
                day=format_date(self.env, idle_end.date()),
                **values,
            )
        return 'consent_revoked', self.env._(
            '%(provider)s no longer accepts the consent for %(organization)s: it was taken back there. Connect again '
            'in the settings; what waits is kept and goes over then.',
            **values,
        )

    def _judge_refusal(self, error, values):
        if error.code == 'removed':
            return (
                'reauth_required',
                'consent_revoked',
                self.env._(
                    'This app was removed from %(organization)s at %(provider)s. Connect again in the settings; what '
                    'waits is kept and goes over then.',
                    **values,
                ),
            )
        if error.code == 'subscription_lapsed':
            return (
                'suspended',
                'subscription_lapsed',
                self.env._(
                    'The subscription of %(organization)s at %(provider)s has lapsed. Renew it there: it is looked at '
                    'once a day, or at once with "Check again", and what waits goes over then.',
                    **values,
                ),
            )
        if error.code == 'organization_closed':
            return (
                'suspended',
                'organization_closed',
                self.env._(
                    '%(organization)s is closed at %(provider)s. Open it again there and click "Check again", or '
                    'disconnect it and connect another one. What was sent stays where it is.',
                    **values,
                ),
            )
        return (
            'suspended',
            'refused',
            self.env._(
                '%(provider)s does not let this app into %(organization)s: “%(words)s”. Put it right at %(provider)s, '
                'or connect again in the settings.',
                **values,
            ),
        )

    def _note_trouble(self, error):
        """Show what passes by itself: a limit that is reached, a provider that is out of order."""
        self.ensure_one()
        if error.code == 'paced':
            # Our own pause, so that the provider need not ask for one.
            return
        if isinstance(error, errors.RateLimited):
            trouble = 'limit_reached'
        elif isinstance(error, (errors.ProviderUnavailable, errors.TransportError)) and not isinstance(
            error, errors.HostRefused
        ):
            trouble = 'unavailable'
        else:
            return
        if self.state != 'connected':
            return
        pause = timedelta(seconds=error.retry_after) if error.retry_after else PASSING_FOR
        self.write({'trouble': trouble, 'trouble_until': fields.Datetime.now() + pause})

    def _end_trouble(self):
        """A call was answered: what passes has passed."""
        self.ensure_one()
        if self.state == 'connected' and self.trouble:
            self.write({'trouble': False, 'trouble_until': False})

    # === THE END OF A CONSENT === #

    def _warn_of_end(self):
        """Tell an administrator, once a consent, that it ends for good within days."""
        self.ensure_one()
        credential = self.env['fieldpromax.credential'].sudo().search([('connection_id', '=', self.id)])
        end = credential.consent_expires_at
        if not end or self.warned_of_end_at == end or self.state != 'connected':
            return
        if end - WARN_BEFORE_END > fields.Datetime.now():
            return
        self._notify_responsible(
            self.env._('%s: the consent ends soon', self._provider_label()),
            self.env._(
                'The consent for %(organization)s ends on %(day)s: %(provider)s lets none last longer. Click Reconnect '
                'before that day, so that nothing has to wait.',
                organization=self.organization_name,
                provider=self._provider_label(),
                day=format_date(self.env, end.date()),
            ),
        )
        self.warned_of_end_at = end

    # === ACTIONS === #

    def action_check_again(self):
        """Have a suspended connection looked at now instead of tonight."""
        connection = self._check_action(group='bookkeeper')
        self.env.ref('fieldpromax_accounting.ir_cron_refresh_credentials').sudo()._trigger()
        return {
            'type': 'ir.actions.client',
            'tag': 'display_notification',
            'params': {
                'type': 'info',
                'message': self.env._(
                    '%(organization)s is being looked at. Load the page again in a minute.',
                    organization=connection.organization_name,
                ),
            },
        }
