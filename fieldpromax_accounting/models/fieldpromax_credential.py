import hashlib
import json
import logging
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL
from psycopg2 import errors as pg_errors

from .. import encryption
from ..providers import dto, errors

_logger = logging.getLogger(__name__)

# A token that is about to expire is renewed before the call rather than after its refusal.
EXPIRY_MARGIN = timedelta(minutes=2)
# Waiting for another process that refreshes: longer than its own time-outs allow it to take.
LOCK_TIMEOUT_SECONDS = 90
LOCK_TRIES = 5
# Idle refresh tokens die (Xero: after 60 days unused); a day is often enough and costs one call to the token endpoint.
IDLE_REFRESH_AFTER = timedelta(days=1)


def digest(access_token):
    """What an access token is told apart by, where the token itself must not be."""
    return hashlib.sha256(access_token.encode()).hexdigest()


def dump_token_set(token):
    """A TokenSet as JSON text."""
    return json.dumps(
        {
            'access_token': token.access_token,
            'refresh_token': token.refresh_token,
            'expires_at': token.expires_at.isoformat(),
            'refresh_expires_at': token.refresh_expires_at.isoformat() if token.refresh_expires_at else None,
            'consent_expires_at': token.consent_expires_at.isoformat() if token.consent_expires_at else None,
            'scopes': list(token.scopes),
            'user_external_id': token.user_external_id,
            'consent_id': token.consent_id,
        }
    )


def load_token_set(text):
    """The TokenSet that :func:`dump_token_set` wrote."""
    values = json.loads(text)
    refresh_expires_at = values['refresh_expires_at']
    consent_expires_at = values.get('consent_expires_at')  # older rows have none
    return dto.TokenSet(
        access_token=values['access_token'],
        refresh_token=values['refresh_token'],
        expires_at=datetime.fromisoformat(values['expires_at']),
        refresh_expires_at=datetime.fromisoformat(refresh_expires_at) if refresh_expires_at else None,
        consent_expires_at=datetime.fromisoformat(consent_expires_at) if consent_expires_at else None,
        scopes=tuple(values['scopes']),
        user_external_id=values['user_external_id'],
        consent_id=values['consent_id'],
    )


def as_odoo_datetime(moment):
    """Odoo's naive UTC for an aware datetime."""
    return moment.astimezone(timezone.utc).replace(tzinfo=None, microsecond=0) if moment else False


class FieldpromaxCredential(models.Model):
    """The tokens of a connection and nothing else: a row of their own, changed in short transactions of their own."""

    _name = 'fieldpromax.credential'
    _description = 'Accounting credential'
    _rec_name = 'connection_id'

    connection_id = fields.Many2one(
        'fieldpromax.connection', required=True, index=True, ondelete='cascade', readonly=True
    )
    company_id = fields.Many2one(related='connection_id.company_id', store=True, index=True)
    token_set_encrypted = fields.Char(groups=fields.NO_ACCESS, copy=False, readonly=True)
    access_expires_at = fields.Datetime(readonly=True)
    refresh_expires_at = fields.Datetime(readonly=True, help='When the consent ends if nothing renews it.')
    consent_expires_at = fields.Datetime(
        readonly=True, help='When the consent ends however often it is renewed.'
    )
    refreshed_at = fields.Datetime(readonly=True)

    _connection_unique = models.Constraint('unique(connection_id)', 'A connection has one credential.')

    # === STORING === #

    @api.model
    def _values_of(self, token):
        return {
            'token_set_encrypted': encryption.encrypt(self.env, dump_token_set(token)),
            'access_expires_at': as_odoo_datetime(token.expires_at),
            'refresh_expires_at': as_odoo_datetime(token.refresh_expires_at),
            'consent_expires_at': as_odoo_datetime(token.consent_expires_at),
            'refreshed_at': fields.Datetime.now(),
        }

    @api.model
    def _store(self, connection, token):
        """Keep the tokens of a new consent, in the caller's transaction."""
        credential = self.sudo().search([('connection_id', '=', connection.id)])
        if credential:
            credential.write(self._values_of(token))
        else:
            credential = self.sudo().create({'connection_id': connection.id, **self._values_of(token)})
        return credential

    @api.model
    def _drop(self, connection):
        """Forget the tokens. On a cursor of its own, as every change of this row that follows a call: the caller's
        transaction began before the last refresh and could not touch the row any more."""
        with self.env.registry.cursor() as cr:
            cr.execute('DELETE FROM fieldpromax_credential WHERE connection_id = %s', (connection.id,))
        self.invalidate_model()

    # === READING === #

    @api.model
    def _token_set(self, connection):
        """The stored TokenSet, None when there is none. Reads past the cache: another process may have refreshed."""
        self.flush_model()
        return self._select(self.env, connection.id)

    @api.model
    def _select(self, env, connection_id, lock=False):
        env.cr.execute(
            SQL(
                'SELECT token_set_encrypted FROM fieldpromax_credential WHERE connection_id = %s %s',
                connection_id,
                SQL('FOR UPDATE') if lock else SQL(),
            ),
            log_exceptions=False,  # losing the race for the row is an ordinary event: the caller looks again
        )
        row = env.cr.fetchone()
        return load_token_set(encryption.decrypt(env, row[0])) if row and row[0] else None

    @api.model
    def _usable(self, token, stale):
        return token.access_token != stale and token.expires_at - EXPIRY_MARGIN > datetime.now(timezone.utc)

    @api.model
    def _get_access_token(self, connection, stale='', provider=None):
        """A valid access token, refreshed first when it is about to expire or is the one the provider just refused.

        :param stale: the access token that was refused.
        :param provider: the provider to ask, when the caller wants other time-outs.
        :raise ReauthorizationRequired: the consent is gone.
        :raise ProviderError: the refresh failed in another way; what is stored stays as it was.
        :raise EncryptionKeyMissing: the tokens cannot be read on this server.
        """
        token = self._token_set(connection)
        if token and self._usable(token, stale):
            return token.access_token
        return self._refresh(connection, lambda current: self._usable(current, stale), provider).access_token

    @api.model
    def _refresh_idle(self, connection):
        """Renew tokens that nothing renewed for a day.

        :raise ProviderError: as :meth:`_get_access_token`.
        """
        self.flush_model()
        credential = self.search([('connection_id', '=', connection.id)])
        limit = fields.Datetime.now() - IDLE_REFRESH_AFTER
        if credential and (not credential.refreshed_at or credential.refreshed_at <= limit):
            known = self._token_set(connection).access_token
            self._refresh(connection, lambda current: current.access_token != known)

    @api.model
    def _refresh(self, connection, is_fresh, provider=None):
        """Refresh under a lock and commit before anybody uses the result.

        The cursor is our own: the new refresh token must outlive whatever becomes of the caller's transaction. Should
        the answer get lost, the old refresh token is sent again, which Xero allows for 30 minutes.

        :param is_fresh: asked about what stands in the row once it is locked; someone else may have refreshed it.
        """
        provider = provider or connection._provider_for(connection.provider)
        for attempt in range(1, LOCK_TRIES + 1):
            try:
                with self.env.registry.cursor() as cr:
                    env = api.Environment(cr, SUPERUSER_ID, {})
                    cr.execute(
                        'SELECT set_config(%s, %s, true)', ('lock_timeout', f'{LOCK_TIMEOUT_SECONDS}s')
                    )
                    token = self._select(env, connection.id, lock=True)
                    if token and is_fresh(token):
                        return token
                    with self._naming_what_was_refused(token.access_token if token else ''):
                        if token is None:
                            raise errors.ReauthorizationRequired(self.env._('There is no consent any more.'))
                        fresh = self._merge(token, provider.refresh_token(token.refresh_token))
                    env[self._name].search([('connection_id', '=', connection.id)]).write(
                        env[self._name]._values_of(fresh)
                    )
                _logger.info('Connection %s: access token renewed.', connection.id)
                self.invalidate_model()
                return fresh
            except (pg_errors.SerializationFailure, pg_errors.LockNotAvailable) as error:
                # Somebody else refreshed while we waited for the lock: look again with a new snapshot.
                if attempt == LOCK_TRIES or isinstance(error, pg_errors.LockNotAvailable):
                    raise errors.TransportError(
                        self.env._('The access token is being renewed by another process; try again shortly.')
                    ) from error

    @api.model
    @contextmanager
    def _naming_what_was_refused(self, access_token):
        """Let a refusal tell of which tokens it speaks; see :meth:`_is_superseded`."""
        try:
            yield
        except errors.ReauthorizationRequired as error:
            error.refused_token = digest(access_token)
            raise

    @api.model
    def _is_superseded(self, connection, error):
        """Does a refusal speak of tokens that are not the stored ones any more? Somebody connected again, or another
        process renewed them, while the provider was asked: that says nothing about the consent there is now."""
        token = self._token_set(connection)
        return bool(token and error.refused_token) and error.refused_token != digest(token.access_token)

    @api.model
    def _merge(self, old, new):
        """What a refresh does not repeat stays true: who consented, to what, and a refresh token that
        did not change."""
        return dto.TokenSet(
            access_token=new.access_token,
            refresh_token=new.refresh_token or old.refresh_token,
            expires_at=new.expires_at,
            scopes=new.scopes or old.scopes,
            refresh_expires_at=new.refresh_expires_at,
            consent_expires_at=new.consent_expires_at or old.consent_expires_at,
            user_external_id=new.user_external_id or old.user_external_id,
            consent_id=new.consent_id or old.consent_id,
        )

    # === CRON === #

    @api.model
    def _cron_refresh_credentials(self):
        """Keep idle consents alive, probe suspended connections, and re-encrypt after a change of keys.

        One connection at a time, each committed by itself: a broken one never stops the others.
        """
        connections = (
            self.env['fieldpromax.connection'].sudo().search([('state', 'in', ('connected', 'suspended'))])
        )
        cron = self.env['ir.cron']
        cron._commit_progress(remaining=len(connections))
        for connection in connections:
            connection = connection._as_driver()
            try:
                connection._keep_alive()
                connection.env['fieldpromax.issue']._note_success(connection, 'renewal')
            except errors.ProviderError as error:
                self.env.cr.rollback()
                connection._on_provider_error(error)
                _logger.info('Connection %s: not renewed: %s', connection.id, type(error).__name__)
            except UserError as error:
                self.env.cr.rollback()
                _logger.info('Connection %s: not renewed: %s', connection.id, error)
            except Exception:
                # What nobody foresaw concerns this company alone, and is shown to its people.
                self.env.cr.rollback()
                _logger.exception('Connection %s: renewing its credential failed.', connection.id)
                connection.env['fieldpromax.issue']._note_failure(connection, 'renewal')
            cron._commit_progress(1)
        if not encryption.is_missing(self.env):
            encryption.rotate(self.env)
            cron._commit_progress()
