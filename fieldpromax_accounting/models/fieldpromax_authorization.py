import hashlib
import logging
import re
import secrets
from datetime import timedelta
from urllib.parse import urlsplit

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.service.model import retrying

from .. import encryption
from ..exceptions import ConsentRefused
from ..providers import errors, registry
from .fieldpromax_connection import LOOPBACK_HOSTS
from .fieldpromax_credential import dump_token_set, load_token_set

_logger = logging.getLogger(__name__)

CONSENT_LIFETIME = timedelta(minutes=10)
# Once the code is exchanged the person may take a moment to choose among the organizations.
CHOICE_LIFETIME = timedelta(minutes=30)
KEPT_FOR = timedelta(days=30)
# Parameters of a callback come from outside: nothing real is longer.
MAX_PARAMETER_LENGTH = 8192


def hash_nonce(nonce):
    return hashlib.sha256(nonce.encode('utf-8', 'surrogatepass')).hexdigest()


def quotable(text, length=300):
    """What the provider said, fit to stand in a sentence: one line, no control characters, not too long."""
    text = re.sub(r'[\x00-\x1f\x7f-\x9f\s]+', ' ', text or '').strip()
    return text if len(text) <= length else f'{text[: length - 1]}…'


class FieldpromaxAuthorization(models.Model):
    """A consent under way: from Connect to the chosen organization. Cancelling it changes no connection."""

    _name = 'fieldpromax.authorization'
    _description = 'Consent at an accounting provider'
    _order = 'id desc'
    _check_company_auto = True

    user_id = fields.Many2one('res.users', required=True, readonly=True, ondelete='cascade', index=True)
    company_id = fields.Many2one('res.company', required=True, readonly=True, ondelete='cascade', index=True)
    provider = fields.Selection(selection=lambda self: registry.selection(), required=True, readonly=True)
    state = fields.Selection(
        [
            ('pending', 'Waiting for consent'),
            ('exchanged', 'Choose the organization'),
            ('done', 'Connected'),
            ('failed', 'Not connected'),
        ],
        required=True,
        default='pending',
        readonly=True,
    )
    reason = fields.Char(readonly=True, help='Why the consent ended without a connection.')
    redirect_uri = fields.Char(required=True, readonly=True)
    expires_at = fields.Datetime(required=True, readonly=True)
    nonce_hash = fields.Char(required=True, groups=fields.NO_ACCESS, copy=False, readonly=True)
    code_verifier_encrypted = fields.Char(groups=fields.NO_ACCESS, copy=False, readonly=True)
    token_set_encrypted = fields.Char(groups=fields.NO_ACCESS, copy=False, readonly=True)
    organization_ids = fields.One2many(
        'fieldpromax.authorization.organization', 'authorization_id', readonly=True
    )
    connection_id = fields.Many2one('fieldpromax.connection', readonly=True, ondelete='set null')
    needs_confirmation = fields.Boolean(compute='_compute_notes')
    introduction = fields.Text(compute='_compute_notes')

    _nonce_unique = models.Constraint('unique(nonce_hash)', 'A consent has a nonce of its own.')

    # === COMPUTE METHODS === #

    @api.depends('provider', 'company_id')
    def _compute_display_name(self):
        for authorization in self:
            authorization.display_name = self.env._(
                'Connect %(company)s to %(provider)s',
                company=authorization.company_id.name,
                provider=authorization._provider_label(),
            )

    @api.depends('state', 'reason', 'organization_ids.confirmation')
    def _compute_notes(self):
        for authorization in self:
            authorization.needs_confirmation = any(
                row.connectable and row.confirmation for row in authorization.organization_ids
            )
            if authorization.state == 'exchanged':
                authorization.introduction = self.env._(
                    'Your consent covers the organizations below. Choose the one that keeps the books of %(company)s.',
                    company=authorization.company_id.name,
                )
            else:
                authorization.introduction = authorization.reason

    def _provider_label(self):
        return dict(registry.selection()).get(self.provider, self.provider)

    # === START === #

    @api.model
    def _redirect_uri(self, provider):
        """Where the provider sends the person back to; the same address has to be entered for the app there."""
        base = self.env['ir.config_parameter'].sudo().get_param('web.base.url') or ''
        return f'{base.rstrip("/")}/fieldpromax/oauth/callback/{provider}'

    @api.model
    def _check_start(self, provider):
        """May this person connect this company to ``provider`` now?

        :raise UserError: why not, and what to do.
        """
        connections = self.env['fieldpromax.connection']
        connections._check_manager()
        label = dict(registry.selection()).get(provider)
        if not label:
            raise UserError(
                self.env._('There is no accounting software of this name. Choose one in the settings.')
            )
        if self.env['ir.config_parameter'].sudo().get_param('database.is_neutralized'):
            raise UserError(
                self.env._(
                    'This database is neutralized: it cannot be connected to %(provider)s.', provider=label
                )
            )
        active = connections.sudo().search(
            [('company_id', '=', self.env.company.id), ('state', '!=', 'disconnected')], limit=1
        )
        if active and active.provider != provider:
            raise UserError(
                self.env._(
                    'Disconnect %(other)s first: a company has one accounting integration at a time, and '
                    '%(company)s is '
                    'tied to %(organization)s in %(other)s.',
                    other=active._provider_label(),
                    company=self.env.company.name,
                    organization=active.organization_name,
                )
            )
        if active and active._looks_copied():
            raise UserError(
                self.env._(
                    'This database is a copy. Say in the settings first which database is the real one.'
                )
            )
        encryption.check(self.env)
        self.env['fieldpromax.app']._get_credentials(provider)
        address = urlsplit(self._redirect_uri(provider))
        if address.scheme != 'https' and address.hostname not in LOOPBACK_HOSTS:
            raise UserError(
                self.env._(
                    '%(provider)s sends people back to addresses with https only, and this database is known as '
                    '%(url)s. Correct the system parameter web.base.url.',
                    provider=label,
                    url=f'{address.scheme}://{address.netloc}',
                )
            )

    @api.model
    def _start(self, provider):
        """Begin a consent for this person and company.

        :return: the address of the provider's consent page.
        :raise UserError: why this cannot begin.
        """
        self._check_start(provider)
        nonce, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(64)
        redirect_uri = self._redirect_uri(provider)
        url = (
            self.env['fieldpromax.connection']
            ._provider_for(provider)
            .authorization_url(nonce, redirect_uri, verifier)
        )
        self.sudo().create(
            {
                'user_id': self.env.uid,
                'company_id': self.env.company.id,
                'provider': provider,
                'redirect_uri': redirect_uri,
                'expires_at': fields.Datetime.now() + CONSENT_LIFETIME,
                'nonce_hash': hash_nonce(nonce),
                'code_verifier_encrypted': encryption.encrypt(self.env, verifier),
            }
        )
        return url

    # === CALLBACK === #

    @api.model
    def _receive(self, provider, params, resume=None, on_consumed=None):
        """What the provider sent the person back with.

        Two steps, each committed on a cursor of its own, because Odoo repeats a request whose transaction fails: first
        the nonce is consumed and the code exchanged, then the organizations are read and, when there is one only,
        connected. A repeated request resumes after the first step instead of spending the code twice.

        :param params: the query as received; nothing in it is trusted.
        :param resume: id of the authorization that this very request consumed in an earlier try.
        :param on_consumed: called with that id as soon as the nonce is consumed.
        :return: ``{'id', 'state', 'connection_id'}`` of the authorization.
        :raise ConsentRefused: why there is no connection, in plain words.
        """
        self.env['fieldpromax.connection']._check_manager()
        if not resume:
            resume, refusal = self._own_transaction('_consume', provider, params)
            if on_consumed and resume:
                on_consumed(resume)
            if refusal:
                raise ConsentRefused(refusal)
        try:
            outcome, refusal = self._own_transaction('_complete', resume, params)
        except UserError as error:
            # Rolled back as a whole: write down the reason and forget the tokens.
            outcome, refusal = None, str(error)
            self._own_transaction('_fail_id', resume, refusal)
        if refusal:
            raise ConsentRefused(refusal)
        return outcome

    @api.model
    def _own_transaction(self, method, *args):
        """Call one of our methods on a cursor of its own, committed at the end and repeated as Odoo
        repeats a request."""
        with self.env.registry.cursor() as cr:
            env = api.Environment(cr, self.env.uid, dict(self.env.context))
            return retrying(lambda: getattr(env[self._name], method)(*args), env)

    @api.model
    def _consume(self, provider, params):
        """Consume the nonce and exchange the code.

        :return: ``(id of the authorization or None, refusal or '')``
        """
        nonce = params.get('state')
        unknown = self.env._(
            'This address does not belong to a consent that was started here. Go to the settings and click Connect.'
        )
        if not isinstance(nonce, str) or not 0 < len(nonce) <= MAX_PARAMETER_LENGTH:
            return None, unknown
        self.env.cr.execute(
            'SELECT id FROM fieldpromax_authorization WHERE nonce_hash = %s FOR UPDATE',
            (hash_nonce(nonce),),
            log_exceptions=False,  # a second request with the same state waits, and is repeated
        )
        row = self.env.cr.fetchone()
        if not row:
            return None, unknown
        authorization = self.sudo().browse(row[0])
        # Somebody else's consent is left as it is: it can still be finished by whom it belongs to.
        if authorization.user_id != self.env.user:
            return None, self.env._(
                'This consent was started by somebody else. Go to the settings and click Connect under your own name.'
            )
        if authorization.provider != provider:
            return None, unknown
        if authorization.company_id != self.env.company:
            return None, self.env._(
                'This consent was started for %(company)s, but you are working in %(other)s now. Switch to %(company)s '
                'and click Connect again.',
                company=authorization.company_id.name,
                other=self.env.company.name,
            )
        if authorization.state != 'pending':
            return None, authorization._used_already()
        return authorization.id, authorization._exchange(params)

    def _used_already(self):
        if self.state == 'exchanged':
            return self.env._(
                'This consent was received already. Choose the organization, or click Connect again.'
            )
        return self.env._(
            'This consent has been used already. Click Connect in the settings to start a new one.'
        )

    def _exchange(self, params):
        """Exchange the code of a consent that is ours and unused.

        :return: why this failed, '' when the tokens are there.
        """
        label = self._provider_label()
        if self.expires_at < fields.Datetime.now():
            return self._fail(
                self.env._('The consent took longer than 10 minutes and has expired. Click Connect again.')
            )
        if params.get('error'):
            return self._fail(self._explain_refused_consent(params))
        code = params.get('code')
        if not isinstance(code, str) or not 0 < len(code) <= MAX_PARAMETER_LENGTH:
            return self._fail(
                self.env._(
                    '%(provider)s sent no authorization code back. Click Connect again.', provider=label
                )
            )
        try:
            token = (
                self.env['fieldpromax.connection']
                ._provider_for(self.provider)
                .fetch_token(
                    code,
                    self.redirect_uri,
                    encryption.decrypt(self.env, self.code_verifier_encrypted),
                    self._texts(params),
                )
            )
        except errors.ProviderError as error:
            _logger.info('Consent %s: code not exchanged: %s', self.id, type(error).__name__)
            return self._fail(self._explain(error))
        self.write(
            {
                'state': 'exchanged',
                'expires_at': fields.Datetime.now() + CHOICE_LIFETIME,
                'code_verifier_encrypted': False,
                'token_set_encrypted': encryption.encrypt(self.env, dump_token_set(token)),
            }
        )
        return ''

    @api.model
    def _texts(self, params):
        return {name: value for name, value in params.items() if isinstance(value, str)}

    @api.model
    def _complete(self, authorization_id, params):
        """Read the organizations of an exchanged consent and connect when there is exactly one.

        :return: ``(outcome, refusal)``
        """
        authorization = self.sudo().browse(authorization_id)
        if authorization.state == 'exchanged' and not authorization.organization_ids:
            try:
                organizations = (
                    self.env['fieldpromax.connection']
                    ._provider_for(authorization.provider)
                    .list_organizations(authorization._token_set(), self._texts(params))
                )
            except errors.ProviderError as error:
                _logger.info('Consent %s: organizations not read: %s', authorization.id, type(error).__name__)
                return None, authorization._fail(authorization._explain(error))
            refusal = authorization._offer(organizations)
            if refusal:
                return None, authorization._fail(refusal)
        if authorization.state == 'failed':
            return None, authorization.reason
        return {
            'id': authorization.id,
            'state': authorization.state,
            'connection_id': authorization.connection_id.id,
        }, ''

    def _offer(self, organizations):
        """Write down what the consent covers; connect when there is one only and nothing to ask.

        :return: why nothing can be connected, '' when something can.
        """
        # A token may also reach what its person connected earlier; the choice is among what this consent covers.
        consent = self._token_set().consent_id
        covered = [row for row in organizations if consent and row.consent_id == consent] or organizations
        rows = self.env['fieldpromax.authorization.organization'].sudo()._create_from(self, covered)
        if not rows:
            return self.env._(
                'Your consent at %(provider)s covers no organization. Click Connect again and choose one.',
                provider=self._provider_label(),
            )
        if not any(rows.mapped('connectable')):
            return ' '.join(dict.fromkeys(rows[:5].mapped('reason')))
        if len(rows) == 1 and not rows.confirmation:
            self.env['fieldpromax.connection']._connect(rows)
        return ''

    def _token_set(self):
        return load_token_set(encryption.decrypt(self.env, self.sudo().token_set_encrypted))

    # === END === #

    def _fail(self, reason):
        """End without a connection. Returns the reason."""
        self.sudo().write(
            {
                'state': 'failed',
                'reason': reason,
                'code_verifier_encrypted': False,
                'token_set_encrypted': False,
            }
        )
        return reason

    @api.model
    def _fail_id(self, authorization_id, reason):
        authorization = self.sudo().browse(authorization_id)
        if authorization.state in ('pending', 'exchanged'):
            authorization._fail(reason)

    def _done(self, connection):
        self.sudo().write({'state': 'done', 'connection_id': connection.id, 'token_set_encrypted': False})

    @api.autovacuum
    def _gc_authorizations(self):
        """Forget tokens of consents that nobody finished, and old consents altogether."""
        now = fields.Datetime.now()
        expired = self.sudo().search([('state', 'in', ('pending', 'exchanged')), ('expires_at', '<', now)])
        for authorization in expired:
            authorization._fail(self.env._('Nobody finished this consent in time.'))
        self.sudo().search([('create_date', '<', now - KEPT_FOR)]).unlink()

    # === SENTENCES === #

    def _explain_refused_consent(self, params):
        label = self._provider_label()
        error = params.get('error')
        if error in ('access_denied', 'user_cancelled'):
            return self.env._(
                'You cancelled the consent at %(provider)s. Nothing was changed. Click Connect when you '
                'want to try again.',
                provider=label,
            )
        words = params.get('error_description') or error
        return self.env._(
            '%(provider)s did not give its consent: “%(words)s”. Nothing was changed. Click Connect to try again.',
            provider=label,
            words=quotable(words) if isinstance(words, str) else '?',
        )

    def _explain(self, error):
        """Why a call during the consent failed and what to do, for people."""
        label = self._provider_label()
        words = quotable(error.message)
        if isinstance(error, errors.AppRefused):
            return self.env._(
                '%(provider)s does not accept the app: “%(words)s”. Check the client ID and the client secret in the '
                'settings, and the redirect URI at %(provider)s.',
                provider=label,
                words=words,
            )
        if isinstance(error, errors.AuthError):
            return self.env._(
                '%(provider)s does not accept the authorization code: it has expired or was used before. Click Connect '
                'again.',
                provider=label,
            )
        if isinstance(error, errors.HostRefused):
            return self.env._(
                'This database may not talk to %(provider)s. Nothing was changed.', provider=label
            )
        if isinstance(error, errors.PermissionMissing):
            return self.env._(
                '%(provider)s does not allow this: “%(words)s”. Connect as a person who may, and leave all permissions '
                'ticked.',
                provider=label,
                words=words,
            )
        if isinstance(error, errors.RateLimited):
            return self.env._('%(provider)s is busy. Click Connect again in some minutes.', provider=label)
        if error.retryable or isinstance(error, errors.ProtocolError):
            return self.env._(
                '%(provider)s cannot be reached or does not answer as it should right now. Nothing was changed. Click '
                'Connect again in some minutes.',
                provider=label,
            )
        return self.env._(
            '%(provider)s refused: “%(words)s”. Nothing was changed. Click Connect to try again.',
            provider=label,
            words=words,
        )
