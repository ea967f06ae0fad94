"""Staying below the limits of a provider, over all processes and hosts that work on one database, and the meter.

Each request to an organization takes a ticket first. The tickets lie in the database, under a lock that is held for as
long as it takes to look at them: whoever asks sees what every other process sent within the last minute.
"""

import logging
import math
import time
from contextlib import contextmanager
from dataclasses import dataclass

from odoo.tools import SQL
from psycopg2 import Error as DatabaseError

from .providers import errors

_logger = logging.getLogger(__name__)

# First key of the advisory locks of the tickets ("fpmt" in ASCII).
TICKET_LOCK_CLASS = 0x66706D74
# A minute, and what the clocks and ways of two requests may differ by.
WINDOW = 61.0
# Nobody is answered later: a process that died holds its place no longer.
LONGEST_CALL = 130.0
# How often it is looked whether a place among those at once is free.
LOOK_EVERY = 0.1
# A provider that takes so many seconds for an answer is in trouble.
SLOW_ANSWER = 20.0
# What the provider said of the day is believed so long; then somebody asks again.
DAY_BELIEVED = 3600
# Of what the provider allows we use so much, so that a request that travels slowly harms nobody.
USED_OF_LIMIT = 0.95


@dataclass(frozen=True)
class Purpose:
    """
    :param share: of the calls of a minute it may use so much; what is left is there for the others.
    :param kept: it stops when the provider allows only so many calls more today.
    :param patience: it waits so many seconds, then comes back another time.
    """

    share: float
    kept: int
    patience: float


#: who stops first comes last here
PURPOSES = {
    'push': Purpose(1.0, 0, 15.0),
    'person': Purpose(1.0, 0, 3.0),
    'upkeep': Purpose(0.75, 100, 5.0),
    'pull': Purpose(0.75, 250, 5.0),
    'audit': Purpose(0.75, 500, 5.0),
}


class Meter:
    """What the transport asks before each request to an organization, and tells after it.

    :param registry: of the database; the tickets are taken and given back on cursors of their own.
    :param organization: what the limits of the provider are for: ``provider:id``.
    :param limits: :class:`~.providers.base.RateLimits`; None: nothing is held back, only counted.
    """

    def __init__(self, registry, connection_id, organization, purpose, limits):
        self._registry = registry
        self._connection_id = connection_id
        self._organization = organization
        self._name, self._purpose = purpose, PURPOSES[purpose]
        self._limits = limits
        self._sent_at, self._longest_answer = None, 0.0

    def __repr__(self):
        return f'<{type(self).__name__} of {self._organization}: {self._name}>'

    def enter(self, lane):
        """Wait until a request may go.

        :return: what :meth:`leave` takes.
        :raise RateLimited: it may not go within the time that this purpose waits; nothing was sent.
        """
        ticket = self._wait_for_ticket(lane)
        self._sent_at = time.monotonic()
        return ticket

    def _wait_for_ticket(self, lane):
        if self._limits is None:
            return None
        end = time.monotonic() + self._purpose.patience
        while True:
            try:
                ticket, wait, limit = self._take(lane)
            except DatabaseError as error:
                # Better an answer 429 than no work at all.
                _logger.warning('No ticket for a request: %s', type(error).__name__)
                return None
            if ticket:
                return ticket
            if limit == 'reserve' or time.monotonic() + wait > end:
                raise errors.RateLimited(
                    'The limit of calls is nearly reached.',
                    limit=limit,
                    code='paced',
                    retry_after=max(1, math.ceil(wait)),
                )
            time.sleep(wait)

    def leave(self, ticket, status, limits):
        """
        :param status: of the answer; 0 when none came.
        :param limits: :class:`~.providers.dto.Limits`, what the answer says is left.
        """
        self._longest_answer = max(self._longest_answer, time.monotonic() - self._sent_at)
        try:
            with self._locked() as cr:
                # What is said along with a refusal holds for the moment of the refusal.
                refused = status == 429
                minute = None if refused else limits.minute_remaining
                if ticket:
                    cr.execute(
                        SQL(
                            "UPDATE fieldpromax_ticket SET ended_at = clock_timestamp() AT TIME ZONE 'UTC', "
                            'minute_left = %s WHERE id = %s',
                            minute,
                            ticket,
                        )
                    )
                self._count(cr, refused, None if refused else limits.day_remaining)
        except DatabaseError as error:
            _logger.warning('A request was not counted: %s', type(error).__name__)

    def was_slow(self):
        """Did one of the answers take so long that this run has had its share of the cron worker?"""
        return self._longest_answer >= SLOW_ANSWER

    def _take(self, lane):
        """``(ticket, seconds to wait, limit)``: a ticket, or how long until one may be free."""
        limits, purpose = self._limits, self._purpose
        allowed = max(1, int(limits.per_minute[lane] * USED_OF_LIMIT * purpose.share))
        # One place is always left to those whom somebody waits for.
        at_once = limits.at_once - (1 if purpose.share == 1 else 2)
        with self._locked() as cr:
            if purpose.kept and self._day_left(cr, purpose.kept):
                return None, float(DAY_BELIEVED), 'reserve'
            cr.execute(
                SQL(
                    """
                    WITH mine AS (
                        SELECT lane, ended_at, minute_left,
                               extract(epoch FROM clock_timestamp() AT TIME ZONE 'UTC' - started_at)::float AS age
                          FROM fieldpromax_ticket WHERE organization = %(organization)s),
                    -- what the last answer said is left, of which what was sent since is gone
                    said AS (SELECT minute_left, age FROM mine
                              WHERE minute_left IS NOT NULL AND age < %(window)s ORDER BY age LIMIT 1)
                    SELECT (SELECT count(*) FROM mine WHERE ended_at IS NULL AND age < %(longest)s),
                           (SELECT age FROM mine WHERE lane = %(lane)s AND age < %(window)s
                             ORDER BY age OFFSET %(place)s LIMIT 1),
                           (SELECT minute_left - (SELECT count(*) FROM mine WHERE mine.age < said.age) FROM said),
                           (SELECT age FROM said)
                    """,
                    organization=self._organization,
                    window=WINDOW,
                    longest=LONGEST_CALL,
                    lane=lane,
                    place=allowed - 1,
                )
            )
            running, age, left, said_age = cr.fetchone()
            if age is not None:
                return None, max(LOOK_EVERY, WINDOW - age), 'minute'
            if left is not None and left <= 1:
                return None, max(LOOK_EVERY, WINDOW - said_age), 'minute'
            if running >= at_once:
                return None, LOOK_EVERY, 'concurrent'
            cr.execute(
                SQL(
                    """
                    WITH gone AS (
                        DELETE FROM fieldpromax_ticket WHERE organization = %(organization)s
                           AND started_at < clock_timestamp() AT TIME ZONE 'UTC' - %(longest)s * interval '1 second')
                    INSERT INTO fieldpromax_ticket (organization, lane, started_at)
                    VALUES (%(organization)s, %(lane)s, clock_timestamp() AT TIME ZONE 'UTC') RETURNING id
                    """,
                    organization=self._organization,
                    longest=LONGEST_CALL,
                    lane=lane,
                )
            )
            return cr.fetchone()[0], 0.0, ''

    def _day_left(self, cr, kept):
        """Are no more than ``kept`` calls left today, as far as was said lately?"""
        cr.execute(
            SQL(
                """
                SELECT day_left <= %s FROM fieldpromax_meter
                 WHERE connection_id = %s AND heard_at > now() AT TIME ZONE 'UTC' - %s * interval '1 second'
                 ORDER BY heard_at DESC, id DESC LIMIT 1
                """,
                kept,
                self._connection_id,
                DAY_BELIEVED,
            )
        )
        row = cr.fetchone()
        return bool(row and row[0])

    def _count(self, cr, refused, day_left):
        # From the connection, whose row another transaction may just be making: then nothing is counted yet.
        cr.execute(
            SQL(
                """
                INSERT INTO fieldpromax_meter AS m
                       (connection_id, company_id, day, purpose, calls, refused, day_left, heard_at)
                SELECT id, company_id, (clock_timestamp() AT TIME ZONE 'UTC')::date, %(purpose)s, 1, %(refused)s,
                       %(left)s, CASE WHEN %(left)s::int IS NOT NULL THEN clock_timestamp() AT TIME ZONE 'UTC' END
                  FROM fieldpromax_connection WHERE id = %(connection)s
                ON CONFLICT (connection_id, day, purpose) DO UPDATE SET
                       calls = m.calls + 1, refused = m.refused + EXCLUDED.refused,
                       day_left = COALESCE(EXCLUDED.day_left, m.day_left),
                       heard_at = COALESCE(EXCLUDED.heard_at, m.heard_at)
                """,
                purpose=self._name,
                refused=int(refused),
                left=day_left,
                connection=self._connection_id,
            )
        )

    @contextmanager
    def _locked(self):
        """A cursor under the lock of the organization, committed at the end."""
        key = (TICKET_LOCK_CLASS, self._organization)
        with self._registry.cursor() as cr:
            # A lock of the session: what is read under it is read after it was got, in a transaction of its own.
            cr.execute('SELECT pg_advisory_lock(%s, hashtext(%s))', key)
            cr.commit()  # pylint: disable=invalid-commit
            try:
                # What a crash of the database server loses of it is a minute old, or one call of a day.
                cr.execute('SET LOCAL synchronous_commit = off')
                yield cr
                cr.commit()  # pylint: disable=invalid-commit
            finally:
                cr.rollback()
                cr.execute('SELECT pg_advisory_unlock(%s, hashtext(%s))', key)
                cr.commit()  # pylint: disable=invalid-commit
