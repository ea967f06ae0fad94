"""Secrets in the database, unreadable without a key that lies outside of it.

The key is a Fernet key (``cryptography.fernet.Fernet.generate_key()``):

* environment variable ``FIELDPROMAX_ACCOUNTING_KEY``: one key, or several separated by commas; the first one encrypts,
  all of them decrypt, so that keys can be changed. Several hosts need this.
* otherwise a file in Odoo's data directory, beside the file stores (backups of the directory take it along), made when
  the first secret is stored.

What is stored is ``<key id>:<Fernet token>``. A process that does not have the key of what is stored neither reads nor
writes secrets and never makes a key of its own: it says so.
"""

import contextlib
import hashlib
import os
import secrets
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken
from odoo.tools import SQL, config

from .exceptions import EncryptionKeyMissing

ENVIRONMENT_VARIABLE = 'FIELDPROMAX_ACCOUNTING_KEY'
#: every column that holds a secret, by model
ENCRYPTED_FIELDS = {
    'fieldpromax.app': ('client_secret_encrypted', 'webhook_key_encrypted'),
    'fieldpromax.authorization': ('code_verifier_encrypted', 'token_set_encrypted'),
    'fieldpromax.credential': ('token_set_encrypted',),
}


def key_file():
    """Where the key lies when the environment does not give one."""
    return Path(config['data_dir']) / 'fieldpromax_accounting' / 'encryption.key'


def key_id(key):
    """What the database remembers of a key: enough to recognise it, useless to find it out."""
    return hashlib.sha256(b'fieldpromax_accounting key id ' + key.encode()).hexdigest()[:16]


def _check_key(env, key):
    try:
        Fernet(key)
    except (ValueError, TypeError):
        # From None: the reason would carry the key into the log.
        raise EncryptionKeyMissing(
            env._(
                'The encryption key of this server cannot be used. Ask whoever runs the server to correct '
                'the environment '
                'variable %(variable)s, or the file %(file)s, and to start Odoo again.',
                variable=ENVIRONMENT_VARIABLE,
                file=key_file(),
            )
        ) from None
    return key


def _keys(env):
    """The keys of this process, the encrypting one first."""
    keys = [key.strip() for key in os.environ.get(ENVIRONMENT_VARIABLE, '').split(',') if key.strip()]
    with contextlib.suppress(FileNotFoundError):
        keys.append(key_file().read_text().strip())
    return {key_id(key): _check_key(env, key) for key in keys}


def _create_key_file(env):
    """Make the key file, once: a process that comes second uses the first one's."""
    path = key_file()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f'{path.name}.{secrets.token_hex(8)}')
    descriptor = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, 'wb') as file:
        file.write(Fernet.generate_key())
        file.flush()
        os.fsync(file.fileno())
    # A link fails when the name is taken, and the name never stands for half a key.
    with contextlib.suppress(FileExistsError):
        os.link(fresh, path)
    os.unlink(fresh)
    return _keys(env)


def _stored_key_ids(env):
    """Ids of all keys that something in the database is encrypted with."""
    parts = []
    for model_name, names in ENCRYPTED_FIELDS.items():
        model = env[model_name]
        model.flush_model(names)
        for name in names:
            column = SQL.identifier(name)
            parts.append(
                SQL(
                    "SELECT split_part(%s, ':', 1) FROM %s WHERE %s IS NOT NULL",
                    column,
                    SQL.identifier(model._table),
                    column,
                )
            )
    env.cr.execute(SQL(' UNION ').join(parts))
    return {row[0] for row in env.cr.fetchall()}


def _missing(env):
    return EncryptionKeyMissing(
        env._(
            'Encryption key missing on this server: what is stored of the connection cannot be read. Ask '
            'whoever runs the '
            'server to set the environment variable %(variable)s, or to restore the file %(file)s, and to start Odoo '
            'again. If the key is lost for good, an administrator can forget the unreadable secrets in the settings '
            'and connect again.',
            variable=ENVIRONMENT_VARIABLE,
            file=key_file(),
        )
    )


def is_missing(env):
    """Does the database hold secrets that this process cannot read?"""
    try:
        keys = _keys(env)
    except EncryptionKeyMissing:
        return True
    return not _stored_key_ids(env) <= set(keys)


def check(env):
    """:raise EncryptionKeyMissing: this process must not read or write secrets."""
    if not _stored_key_ids(env) <= set(_keys(env)):
        raise _missing(env)


def encrypt(env, text):
    """:raise EncryptionKeyMissing: the database holds secrets under a key that this process does not have."""
    keys, stored = _keys(env), _stored_key_ids(env)
    if not stored <= set(keys):
        raise _missing(env)
    if not keys:
        keys = _create_key_file(env)
    first, key = next(iter(keys.items()))
    return f'{first}:{Fernet(key).encrypt(text.encode()).decode()}'


def decrypt(env, value):
    """:raise EncryptionKeyMissing: this process does not have the key."""
    stored_id, _colon, token = value.partition(':')
    key = _keys(env).get(stored_id)
    if not key:
        raise _missing(env)
    try:
        return Fernet(key).decrypt(token.encode()).decode()
    except InvalidToken:
        raise _missing(env) from None


def rotate(env):
    """Encrypt anew what stands under an older key of this process. The caller commits.

    :return: how many values were changed.
    """
    keys = _keys(env)
    if not keys:
        return 0
    first, changed = next(iter(keys)), 0
    for model_name, names in ENCRYPTED_FIELDS.items():
        for name in names:
            for record in env[model_name].sudo().search([(name, '!=', False)]):
                if not record[name].startswith(f'{first}:'):
                    record[name] = encrypt(env, decrypt(env, record[name]))
                    changed += 1
    return changed


def forget(env):
    """Drop every secret of the database: the way out when the key is lost for good."""
    for model_name, names in ENCRYPTED_FIELDS.items():
        model = env[model_name].sudo()
        if model_name == 'fieldpromax.credential':
            model.search([]).unlink()
        else:
            model.search([]).write(dict.fromkeys(names, False))
