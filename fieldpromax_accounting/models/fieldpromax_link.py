import json
import logging
from collections import defaultdict

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY
from odoo.tools import SQL

from .. import three_way
from ..exceptions import DATABASE_TROUBLE
from ..matching import one_line
from ..new_records import Places

_logger = logging.getLogger(__name__)

# How many pairs are compared in one step; pages of the pull have as many.
MERGE_SIZE = 1000
# Kinds of documents by their type in Odoo.
DOCUMENT_KINDS = {'out_invoice': 'invoice', 'out_refund': 'credit_note'}
# Records that the hourly sweep looks at again at most.
SWEEP_SIZE = 2000


def record_fields(env):
    """``{kind: field}``: which field of a link, exchange or match holds the record of a kind, in this database."""
    return env['fieldpromax.link']._record_fields()


class FieldpromaxLink(models.Model):
    """External id ↔ record, for one connection. Links outlive the credential and the disconnect."""

    _name = 'fieldpromax.link'
    _description = 'Link to the books'
    _rec_name = 'record_name'
    _order = 'id desc'
    _check_company_auto = True
    _check_company_domain = models.check_company_domain_parent_of

    connection_id = fields.Many2one(
        'fieldpromax.connection', required=True, index=True, ondelete='cascade', readonly=True
    )
    company_id = fields.Many2one('res.company', required=True, index=True, readonly=True)
    kind = fields.Selection(
        [
            ('contact', 'Customer'),
            ('item', 'Product'),
            ('invoice', 'Invoice'),
            ('credit_note', 'Credit note'),
        ],
        required=True,
        readonly=True,
    )
    role = fields.Char(
        readonly=True, required=True, default='', help='Empty, or the currency of a second customer.'
    )
    external_id = fields.Char('ID in the books', required=True, readonly=True)
    external_version = fields.Char(readonly=True)
    external_name = fields.Char('Name in the books', readonly=True)
    external_number = fields.Char(
        'Number in the books', readonly=True, help='Contact number, item code, invoice number.'
    )
    external_email = fields.Char('E-mail in the books', readonly=True)
    external_active = fields.Boolean('Active in the books', default=True, readonly=True)
    external_total = fields.Float('Total in the books', digits=(16, 4), readonly=True)
    external_status = fields.Char('Status in the books', readonly=True)
    parent_external_id = fields.Char(
        'ID of its parent in the books',
        readonly=True,
        help='Of a sub-customer: the customer that it is a part of.',
    )
    awaits_parent = fields.Boolean(
        readonly=True,
        help='Made from a sub-customer whose parent was not known here yet; attached when it is.',
    )
    made_by_run_id = fields.Many2one(
        'fieldpromax.run',
        'Made by',
        index='btree_not_null',
        ondelete='set null',
        readonly=True,
        help='The run that made the record of Odoo from the books.',
    )

    linked_by_run_id = fields.Many2one(
        'fieldpromax.run',
        'Linked by',
        index='btree_not_null',
        ondelete='set null',
        readonly=True,
        help='The run that tied the record of Odoo to the one of the books, whichever was there first.',
    )

    partner_id = fields.Many2one(
        'res.partner', 'Customer', index='btree_not_null', ondelete='set null', readonly=True
    )
    product_id = fields.Many2one(
        'product.product', index='btree_not_null', ondelete='set null', readonly=True
    )
    move_id = fields.Many2one(
        'account.move', 'Invoice', index='btree_not_null', ondelete='set null', readonly=True
    )
    record_name = fields.Char(readonly=True, help='Kept when the record is deleted.')

    baseline = fields.Json(
        readonly=True,
        help='What each side had, field by field, when both last agreed or were first compared.',
    )
    external_values = fields.Json(readonly=True, help='What the books last told of the fields kept in step.')
    is_unmerged = fields.Boolean(
        readonly=True, help='The books told something new that was not compared yet.'
    )
    # To the microsecond, like the time of a record's last change, which the sweep holds against it.
    compared_at = fields.Datetime('Last compared', readonly=True)
    sent_hash = fields.Char(readonly=True, help='Hash of what was last sent, to tell later changes.')
    decision = fields.Selection(
        [('ignore', 'Ignored'), ('create', 'Create')],
        readonly=True,
        help='What a person decided about a record that exists in the books alone. Remembered for good.',
    )
    agreed_at = fields.Datetime('Last agreed', readonly=True)
    seen_at = fields.Datetime(
        readonly=True, help='When a pass over everything in the books last came across it.'
    )

    _external_unique = models.Constraint(
        'unique(connection_id, kind, external_id)', 'This record of the books is linked already.'
    )
    # Unique indexes, not constraints: the partner merge deletes rows that violate a table constraint.
    _partner_unique = models.UniqueIndex('(connection_id, partner_id, role) WHERE partner_id IS NOT NULL')
    _product_unique = models.UniqueIndex('(connection_id, product_id, role) WHERE product_id IS NOT NULL')
    _move_unique = models.UniqueIndex('(connection_id, move_id, role) WHERE move_id IS NOT NULL')
    # Looked for at the end of each pull of customers, however few came: not through all links.
    _awaits_parent_index = models.Index('(connection_id) WHERE awaits_parent')
    # In the very words of the ORM's condition, and in the order that is asked for: otherwise PostgreSQL goes through
    # all links for the few of this index.
    _unmerged_index = models.Index('(connection_id, kind, id) WHERE is_unmerged IS TRUE')

    @api.model
    def _record_fields(self):
        """Which field of a link, exchange or match holds the record of a kind. Another addon adds its own; a method,
        because databases with and without that addon share a process."""
        documents = dict.fromkeys(DOCUMENT_KINDS.values(), 'move_id')
        return {'contact': 'partner_id', 'item': 'product_id', **documents}

    @api.model
    def _columns_of(self, record):
        """What is stored of a DTO, for any kind."""
        return {
            'external_id': record.external_id,
            'external_version': record.version,
            'external_name': getattr(record, 'name', '') or getattr(record, 'contact_name', ''),
            'external_number': getattr(record, 'number', '') or getattr(record, 'code', ''),
            'external_email': getattr(record, 'email', ''),
            'external_active': getattr(record, 'active', True),
            'external_status': getattr(record, 'status', ''),
            'external_total': float(record.totals.total) if hasattr(record, 'totals') else 0.0,
            'parent_external_id': getattr(record, 'parent_external_id', '') or None,
        }

    @api.model
    def _role_of(self, connection, kind, remote):
        """'' or, where a contact of the books has one currency for good, the currency other than that of the books:
        a customer of Odoo may stand there once in each."""
        if kind != 'contact' or not connection._capabilities().currency_per_contact:
            return ''
        home = connection.currency_id.name
        return remote.currency if home and remote.currency != home else ''

    @api.model
    def _link_many(self, connection, kind, pairs, role=None, made=False):
        """Link records to what stands in the books, in one statement.

        :param pairs: ``[(record, dto)]``; ``record`` may be an empty recordset for a decision without a record.
        :param role: of all of them; None: each by :meth:`_role_of`.
        :param made: the records were just made from the books, by the run that the context names.
        :return: how many rows were written. An existing link of the same external id is re-pointed only when its
            record is gone; otherwise just what is stored about the other side is renewed.
        """
        if not pairs:
            return 0
        column = self._record_fields()[kind]
        self.flush_model()
        roles = [
            self._role_of(connection, kind, remote) if role is None else role for _record, remote in pairs
        ]
        context = MergeContext(connection, kind) if made else None
        rows = [
            {
                'record': record.id or None,
                'record_name': record._fieldpromax_name() if record else None,
                'company_id': (
                    record._fieldpromax_company(connection) if record else connection.company_id
                ).id,
                **self._columns_of(remote),
                'external_values': three_way.values_of(kind, remote) or None,
                'role': own_role,
                'baseline': self._baseline_made(context, record, remote, own_role) if made else None,
                'awaits_parent': bool(
                    made and getattr(remote, 'parent_external_id', '') and not record.parent_id
                ),
                'made_by_run_id': (made and self.env.context.get('fieldpromax_run_id')) or None,
                'linked_by_run_id': (record and self.env.context.get('fieldpromax_run_id')) or None,
            }
            for (record, remote), own_role in zip(pairs, roles, strict=True)
        ]
        self.env.cr.execute(
            SQL(
                """
                INSERT INTO fieldpromax_link AS l (connection_id, kind, role, company_id, %(column)s, record_name,
                       external_id, external_version, external_name, external_number, external_email,
                       external_active, external_status, external_total, parent_external_id, awaits_parent,
                       made_by_run_id, linked_by_run_id, external_values, baseline, compared_at, is_unmerged,
                       agreed_at, create_uid, write_uid, create_date, write_date)
                SELECT %(connection)s, %(kind)s, r.role, r.company_id, r.record, r.record_name,
                       r.external_id, r.external_version, r.external_name, r.external_number, r.external_email,
                       r.external_active, r.external_status, r.external_total, r.parent_external_id,
                       r.awaits_parent, r.made_by_run_id, r.linked_by_run_id, r.external_values,
                       -- NULL without a baseline
                       jsonb_build_object('ours', r.external_values, 'theirs', r.external_values) || r.baseline,
                       CASE WHEN r.baseline IS NOT NULL THEN %(now)s END,
                       r.record IS NOT NULL AND r.external_values IS NOT NULL AND r.baseline IS NULL,
                       now() AT TIME ZONE 'UTC', %(uid)s, %(uid)s, now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC'
                  FROM json_to_recordset(%(rows)s::json) AS r(record int, record_name varchar, company_id int,
                       external_id varchar, external_version varchar, external_name varchar,
                       external_number varchar, external_email varchar, external_active bool,
                       external_status varchar, external_total float8, parent_external_id varchar, role varchar,
                       awaits_parent bool, made_by_run_id int, linked_by_run_id int, external_values jsonb,
                       baseline jsonb)
                ON CONFLICT (connection_id, kind, external_id) DO UPDATE SET
                       %(column)s = COALESCE(l.%(column)s, EXCLUDED.%(column)s),
                       record_name = COALESCE(l.record_name, EXCLUDED.record_name),
                       decision = CASE WHEN EXCLUDED.%(column)s IS NULL THEN l.decision END,
                       external_version = EXCLUDED.external_version, external_name = EXCLUDED.external_name,
                       external_number = EXCLUDED.external_number, external_email = EXCLUDED.external_email,
                       external_active = EXCLUDED.external_active, external_status = EXCLUDED.external_status,
                       external_total = EXCLUDED.external_total,
                       parent_external_id = EXCLUDED.parent_external_id,
                       awaits_parent = COALESCE(l.awaits_parent, FALSE) OR EXCLUDED.awaits_parent,
                       made_by_run_id = COALESCE(l.made_by_run_id, EXCLUDED.made_by_run_id),
                       linked_by_run_id = CASE WHEN l.%(column)s IS NULL THEN EXCLUDED.linked_by_run_id
                                               ELSE l.linked_by_run_id END,
                       is_unmerged = CASE
                            WHEN l.%(column)s IS NULL AND EXCLUDED.baseline IS NOT NULL THEN FALSE
                            ELSE COALESCE(l.is_unmerged, FALSE)
                                 OR (EXCLUDED.external_values IS NOT NULL
                                     AND COALESCE(l.%(column)s, EXCLUDED.%(column)s) IS NOT NULL
                                     AND (l.external_values IS DISTINCT FROM EXCLUDED.external_values
                                          OR l.parent_external_id IS DISTINCT FROM EXCLUDED.parent_external_id
                                          OR l.%(column)s IS NULL)) END,
                       baseline = CASE WHEN l.%(column)s IS NULL THEN EXCLUDED.baseline ELSE l.baseline END,
                       compared_at = COALESCE(EXCLUDED.compared_at, l.compared_at),
                       external_values = EXCLUDED.external_values,
                       agreed_at = EXCLUDED.agreed_at,
                       write_uid = EXCLUDED.write_uid, write_date = EXCLUDED.write_date
                """,
                column=SQL.identifier(column),
                connection=connection.id,
                kind=kind,
                uid=self.env.uid,
                now=self.env.cr.now(),
                rows=json.dumps(rows),
            )
        )
        count = self.env.cr.rowcount
        self.invalidate_model()
        return count

    @api.model
    def _baseline_made(self, context, record, remote, role):
        """Of a record that was just made from the books: both sides agree as they are, each in its own spelling; a side
        that has the very values that the books told is left out. None for a kind that is not kept in step."""
        if context.kind not in three_way.FIELDS:
            return None
        ours = record._fieldpromax_untouched(record._fieldpromax_values(context.connection, role=role), {})
        theirs = three_way.values_of(context.kind, remote)
        agreed = three_way.remembered(None, ours, theirs, context.fields)
        return {
            **{side: values for side, values in agreed.items() if values != theirs},
            'parent': getattr(remote, 'parent_external_id', '') or '',
        }

    @api.model
    def _of(self, connection, records, role=''):
        """``{record id: link}`` of the records that have one.

        :param role: None: in any role, the main one before others.
        """
        column = next(
            name
            for name in self._record_fields().values()
            if self._fields[name].comodel_name == records._name
        )
        domain = [('connection_id', '=', connection.id), (column, 'in', records.ids)]
        if role is not None:
            domain.append(('role', '=', role))
        links = self.search(domain).sorted('role', reverse=True)
        return {link[column].id: link for link in links}

    @api.model
    def _note_seen(self, connection, kind, external_ids, since=None):
        """A pass over everything came across these records of the books.

        :param since: when the pass began: those that it linked itself need no note, see :meth:`_unseen`.
        """
        self.flush_model()
        self.env.cr.execute(
            SQL(
                """
                UPDATE fieldpromax_link SET seen_at = %s
                 WHERE connection_id = %s AND kind = %s AND external_id = ANY(%s) %s
                """,
                fields.Datetime.now(),
                connection.id,
                kind,
                list(external_ids),
                SQL('AND create_date < %s', since) if since else SQL(),
            )
        )
        self.invalidate_model(['seen_at'])

    @api.model
    def _unseen(self, connection, kind, since, limit):
        """External ids of linked records that stand in the books as far as is known here, and that no pass over
        everything came across since then."""
        return (
            self.search(
                [
                    ('connection_id', '=', connection.id),
                    ('kind', '=', kind),
                    ('external_active', '=', True),
                    (self._record_fields()[kind], '!=', False),
                    ('create_date', '<', since),
                    '|',
                    ('seen_at', '=', False),
                    ('seen_at', '<', since),
                ],
                limit=limit,
            )
        ).mapped('external_id')

    @api.model
    def _attach_to_parents(self, connection, limit):
        """Put customers that were made from sub-customers below their parent, which is known by now.

        Once for each: where somebody takes it away from there again, it stays where it is.

        :return: whether there may be more to do.
        """
        self.flush_model()
        self.env.cr.execute(
            SQL(
                """
                SELECT l.id, p.partner_id
                  FROM fieldpromax_link l
                  JOIN fieldpromax_link p ON p.connection_id = l.connection_id AND p.kind = l.kind
                       AND p.external_id = l.parent_external_id AND p.partner_id IS NOT NULL
                 WHERE l.connection_id = %(connection)s AND l.kind = 'contact' AND l.awaits_parent
                   AND l.partner_id IS NOT NULL
                 ORDER BY l.id
                 LIMIT %(limit)s
                """,
                connection=connection.id,
                limit=limit,
            )
        )
        rows = self.env.cr.fetchall()
        for link_id, parent_id in rows:
            link = self.browse(link_id)
            child, parent = link.partner_id, self.env['res.partner'].browse(parent_id)
            if not child.parent_id and child not in parent | parent._fieldpromax_ancestors():
                child._fieldpromax_stand_below(parent)
            link.awaits_parent = False
        return len(rows) == limit

    # === KEEPING CUSTOMERS AND PRODUCTS IN STEP === #

    @api.model
    def _merge_pending(self, connection, limit=MERGE_SIZE):
        """Compare what the books told since the last look, one bounded step. The caller holds the connection's lock, or
        a person decided.

        :return: whether there may be more to do.
        """
        # Until a plan is run nothing is changed, not between pairs of an earlier connection either.
        if self.env['fieldpromax.run']._awaits_plan(connection):
            return False
        more = False
        for kind in three_way.FIELDS:
            links = self.search(
                [('connection_id', '=', connection.id), ('kind', '=', kind), ('is_unmerged', '=', True)],
                limit=limit,
            )
            links._merge_safely(connection, kind)
            more = more or len(links) == limit
        return more

    @api.model
    def _compare_all(self, connection, kind):
        """Have every pair of a kind compared again: which way changes travel was changed."""
        self.flush_model()
        self.env.cr.execute(
            SQL(
                """
                UPDATE fieldpromax_link SET is_unmerged = TRUE
                 WHERE connection_id = %(connection)s AND kind = %(kind)s AND %(column)s IS NOT NULL
                   AND external_values IS NOT NULL AND NOT COALESCE(is_unmerged, FALSE)
                """,
                connection=connection.id,
                kind=kind,
                column=SQL.identifier(self._record_fields()[kind]),
            )
        )
        self.invalidate_model()
        connection._trigger_push()

    def _local_values(self, context):
        """``{field: value}`` of the record of Odoo."""
        self.ensure_one()
        record = self._record_of()
        values = record._fieldpromax_values(context.connection, role=self.role)
        return record._fieldpromax_untouched(values, (self.baseline or {}).get('ours') or {})

    def _merge_safely(self, connection, kind):
        """:meth:`_merge`; what one record refuses stays with that record, and a person reads why."""
        if not self:
            return
        try:
            with self.env.cr.savepoint():
                self._merge(connection, kind)
            return
        except DATABASE_TROUBLE:
            raise
        except Exception as error:  # noqa: BLE001 whatever any addon raises, one by one tells which record
            _logger.info(
                'Changes of accounting connection %s are taken over one by one: %s',
                connection.id,
                type(error).__name__,
            )
        for link in self:
            try:
                with self.env.cr.savepoint():
                    link._merge(connection, kind)
            except DATABASE_TROUBLE:
                raise
            except Exception as error:  # noqa: BLE001 it becomes a conflict, with the reason
                link._merge(connection, kind, refused=one_line(str(error))[:300] or type(error).__name__)

    def _merge(self, connection, kind, refused=''):
        """Take over what changed in the books, queue what changed here, note what changed on both sides.

        :param refused: why Odoo does not take the values of the books: they wait as conflicts instead.
        """
        context = MergeContext(connection, kind)
        conflicts = self.env['fieldpromax.conflict']
        noted, to_send = {}, defaultdict(list)
        now = self.env.cr.now()
        run = self.env['fieldpromax.run'].browse(self.env.context.get('fieldpromax_run_id'))
        for link in self.with_prefetch(self.ids):
            record = link._record_of()
            values = {'is_unmerged': False, 'compared_at': now}
            if not record or not link.external_values or record._fieldpromax_is_kept_out():
                link.write(values)
                noted[link] = {}
                continue
            if kind == 'contact':
                link._follow_parent()
            ours, theirs = link._local_values(context), link.external_values
            merge = context.merge(link, ours)
            taken, problems = set(), {}
            if merge.take and not refused:
                taken, problems = link._take(context, ours, merge.take, run)
            elif merge.take:
                problems = dict.fromkeys(merge.take, refused)
            if taken:
                ours = {**ours, **link._local_values(context)}
            values['baseline'] = {
                **three_way.remembered(link.baseline, ours, theirs, merge.known | taken),
                'parent': link.parent_external_id or '',
            }
            if values['baseline'] == link.baseline:
                del values['baseline']
            else:
                values['agreed_at'] = now
            link.write(values)
            noted[link] = {**dict.fromkeys(merge.conflicts, ''), **problems}
            if merge.send:
                to_send[link.role].append(record.id)
        conflicts._note(connection, kind, noted)
        model = self.env[self._fields[self._record_fields()[kind]].comodel_name]
        for role, ids in to_send.items():
            options = {'role': role} if role else {}
            self.env['fieldpromax.exchange']._enqueue(connection, kind, model.browse(ids), **options)
        if to_send:
            connection._trigger_push()

    def _take(self, context, ours, names, run):
        """Write what the books have into the record: no mail, no tracking, and nothing of it is sent back to them.

        :return: ``(fields that were taken, {field: why not})``
        """
        self.ensure_one()
        record = self._record_of()
        then = (self.baseline or {}).get('theirs') or {}
        wanted = {
            name: three_way.blend(name, then.get(name), self.external_values[name], ours[name])
            for name in names
        }
        changes, problems = record._fieldpromax_taken_values(context, wanted)
        for target, values in changes:
            before = {name: target[name] for name in values}
            target.with_context(
                fieldpromax_no_push=True,
                tracking_disable=True,
                mail_notrack=True,
                mail_auto_subscribe_no_notify=True,
            ).write(values)
            run._note_previous(target, before)
        taken = set(names) - set(problems)
        if taken:
            # Other books that this record is linked to hear of it, these do not.
            self._queue_changes(self.kind, record.ids, taken, besides=context.connection)
        return taken, problems

    def _follow_parent(self):
        """A sub-customer that was moved in the books is moved here, unless somebody put it elsewhere here."""
        self.ensure_one()
        before, now = (self.baseline or {}).get('parent'), self.parent_external_id or ''
        if before is None or before == now:
            return
        links = self.search(
            [
                ('connection_id', '=', self.connection_id.id),
                ('kind', '=', 'contact'),
                ('external_id', 'in', [before, now]),
                ('partner_id', '!=', False),
            ]
        )
        partner_of = {link.external_id: link.partner_id for link in links}
        child, nobody = self.partner_id, self.env['res.partner']
        above = partner_of.get(now, nobody)
        if child.parent_id != partner_of.get(before, nobody):
            return
        if above and child in above | above._fieldpromax_ancestors():
            return
        child._fieldpromax_stand_below(above)
        # One that is not known here yet comes later in the same pass.
        self.awaits_parent = bool(now and not above)

    @api.model
    def _settle_sent(self, link, sent):
        """What was sent stands in the books now: the fields of ``sent`` agree, as they were when they left."""
        if not sent or not link or not link.external_values:
            return
        theirs = link.external_values
        baseline = {'parent': link.parent_external_id or ''} | three_way.remembered(
            link.baseline, sent, theirs, sent
        )
        keys = MergeContext(link.connection_id, link.kind).key
        then = baseline['theirs']
        link.write(
            {
                'baseline': baseline,
                'compared_at': self.env.cr.now(),
                # Whatever else the answer tells was changed there meanwhile, and is compared in a step of its own.
                'is_unmerged': any(
                    # What is the same letter by letter needs no look at countries and regions.
                    name in then
                    and theirs[name] != then[name]
                    and keys(name, theirs[name]) != keys(name, then[name])
                    for name in theirs
                ),
            }
        )

    def _settle_known(self, ours, merge):
        """What became equal, or is looked at for the first time, is remembered; a conflict is noted or closed."""
        self.ensure_one()
        baseline = three_way.remembered(self.baseline, ours, self.external_values, merge.known)
        values = {'compared_at': self.env.cr.now()}
        if baseline != self.baseline:
            values['baseline'] = {'parent': self.parent_external_id or ''} | baseline
        self.write(values)
        self.env['fieldpromax.conflict']._note(
            self.connection_id, self.kind, {self: dict.fromkeys(merge.conflicts, '')}
        )

    def _settle_conflict(self, context, field, keep):
        """As if both had agreed on the value that a person did not choose: the other one then travels, where it may;
        otherwise both are left as they are."""
        self.ensure_one()
        ours, theirs = self._local_values(context).get(field), (self.external_values or {}).get(field)
        direction = context.directions_of(self).get(field, three_way.NONE)
        travels = direction in (three_way.TO_BOOKS if keep == 'ours' else three_way.TO_ODOO)
        loser = theirs if keep == 'ours' else ours
        agreed = {'ours': loser, 'theirs': loser} if travels else {'ours': ours, 'theirs': theirs}
        baseline = self.baseline or {}
        self.write(
            {
                'baseline': baseline
                | {side: {**(baseline.get(side) or {}), field: value} for side, value in agreed.items()},
                'is_unmerged': True,
            }
        )

    # === WHAT CHANGES HERE === #

    @api.model
    def _queue_changes_safely(self, kind, ids, names):
        """Called where people save customers and products: it never stops them; an hourly sweep finds what failed."""
        if self.env.context.get('fieldpromax_no_push') or not ids:
            return
        try:
            with self.env.cr.savepoint(flush=False):
                self.sudo()._queue_changes(kind, ids, names)
        except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
            raise  # Odoo repeats the whole request
        except Exception:
            # What was saved stays saved; the sweep sends it.
            _logger.exception('Changes of %s %s could not be queued for the books', kind, ids)

    @api.model
    def _queue_changes(self, kind, ids, names, besides=None):
        """Queue linked records whose fields ``names`` changed, where a direction lets the change travel.

        :param names: of :data:`three_way.FIELDS`.
        :param besides: a connection that the change came from.
        """
        column = self._record_fields()[kind]
        self.flush_model()
        self.env.cr.execute(
            SQL(
                """
                SELECT l.connection_id, l.role, array_agg(l.%(column)s)
                  FROM fieldpromax_link l
                  JOIN fieldpromax_connection c ON c.id = l.connection_id
                 WHERE l.%(column)s = ANY(%(ids)s) AND l.kind = %(kind)s AND c.state != 'disconnected'
                   AND c.id != %(besides)s
                 GROUP BY l.connection_id, l.role
                """,
                column=SQL.identifier(column),
                kind=kind,
                ids=list(ids),
                besides=besides.id if besides else 0,
            )
        )
        model = self.env[self._fields[column].comodel_name].sudo()
        for connection_id, role, record_ids in self.env.cr.fetchall():
            connection = self.env['fieldpromax.connection'].sudo().browse(connection_id)
            directions = self.env['fieldpromax.field.rule']._directions(connection, kind)
            if not any(directions.get(name) in three_way.TO_BOOKS for name in names):
                continue
            options = {'role': role} if role else {}
            self.env['fieldpromax.exchange'].sudo()._enqueue(
                connection, kind, model.browse(record_ids), **options
            )
            connection._trigger_push()

    @api.model
    def _sweep_changes(self, connection):
        """Queue linked records that were saved after they were last compared: what a failing hook, or an addon that
        writes around it, left behind. Returns how many.

        Those that were queued longest ago come first: one that settles without being compared keeps no other from its
        turn.
        """
        self.flush_model()
        self.env['fieldpromax.exchange'].flush_model()
        count = 0
        for kind, followed, changed in (
            (
                'contact',
                # Nothing of one that is kept out goes over: it would be found again every hour.
                SQL(
                    """NOT EXISTS (SELECT FROM res_partner p
                                    WHERE p.id = l.partner_id AND p.fieldpromax_do_not_sync)"""
                ),
                SQL('(SELECT p.write_date FROM res_partner p WHERE p.id = l.partner_id)'),
            ),
            (
                'item',
                SQL('TRUE'),
                SQL(
                    """(SELECT GREATEST(p.write_date, t.write_date) FROM product_product p
                          JOIN product_template t ON t.id = p.product_tmpl_id WHERE p.id = l.product_id)"""
                ),
            ),
        ):
            column = self._record_fields()[kind]
            self.env.cr.execute(
                SQL(
                    """
                    SELECT l.role, array_agg(l.%(column)s)
                      FROM (SELECT l.role, l.%(column)s FROM fieldpromax_link l
                             WHERE l.connection_id = %(connection)s AND l.kind = %(kind)s
                               AND l.%(column)s IS NOT NULL AND l.external_values IS NOT NULL
                               AND %(changed)s > l.compared_at AND %(followed)s
                             ORDER BY (SELECT max(x.write_date) FROM fieldpromax_exchange x
                                        WHERE x.connection_id = l.connection_id
                                          AND x.%(column)s = l.%(column)s) NULLS FIRST, l.id
                             LIMIT %(limit)s) l
                     GROUP BY l.role
                    """,
                    column=SQL.identifier(column),
                    connection=connection.id,
                    kind=kind,
                    changed=changed,
                    followed=followed,
                    limit=SWEEP_SIZE,
                )
            )
            model = self.env[self._fields[column].comodel_name]
            for role, ids in self.env.cr.fetchall():
                options = {'role': role} if role else {}
                self.env['fieldpromax.exchange']._enqueue(connection, kind, model.browse(ids), **options)
                count += len(ids)
        if count:
            connection._trigger_push()
        return count

    @api.model
    def _open_in_books(self, connection, record):
        """Action that shows a record at the provider."""
        link = self.sudo()._of(connection, record, role=None).get(record.id) if connection else None
        if not link:
            raise UserError(self.env._('"%s" is not in the books.', record.display_name))
        provider = connection._provider_for(connection.provider)
        url = provider.record_url(link.kind, link.external_id, connection._organization())
        return {'type': 'ir.actions.act_url', 'url': url, 'target': 'new'}


class MergeContext:
    """What comparing the pairs of one connection and kind needs, read once for all of them."""

    def __init__(self, connection, kind):
        self.connection = connection
        self.env = connection.env
        self.kind = kind
        self.directions = self.env['fieldpromax.field.rule']._directions(connection, kind)
        self.fields = tuple(self.directions)
        self.served = connection._served_companies()
        self._places = None
        self._shared = None

    @property
    def places(self):
        if self._places is None:
            self._places = Places(self.connection)
        return self._places

    def key(self, field, value):
        return three_way.field_key(field, value, self.places.canonical if 'address' in field else None)

    def merge(self, link, ours):
        return three_way.merge(
            link.baseline, ours, link.external_values, self.directions_of(link), key=self.key
        )

    def directions_of(self, link):
        """Which way each field of this pair goes; less than the rules say where the record forbids it."""
        record = link._record_of()
        takes = not link.role and self.takes_from(record)
        directions = {}
        for field, direction in self.directions.items():
            if not (takes and record._fieldpromax_takes(field)):
                direction = three_way.PUSH if direction in three_way.TO_BOOKS else three_way.NONE
            if not record._fieldpromax_compares(field, self.connection):
                direction = three_way.NONE
            directions[field] = direction
        return directions

    def takes_from(self, record):
        """May this record take values from the books at all? One of no company that several connections have takes
        them from the one that was named, or from none."""
        if record.company_id:
            return record.company_id in self.served
        if self.connection.is_source_of_shared:
            return True
        if self._shared is None:
            self._shared = self._read_shared()
        return record.id not in self._shared

    def _read_shared(self):
        """Ids of the records that this connection shares with another active one."""
        column = self.env['fieldpromax.link']._record_fields()[self.kind]
        self.env['fieldpromax.link'].flush_model()
        self.env.cr.execute(
            SQL(
                """
                SELECT DISTINCT l.%(column)s
                  FROM fieldpromax_link l
                  JOIN fieldpromax_link o ON o.%(column)s = l.%(column)s AND o.connection_id != l.connection_id
                  JOIN fieldpromax_connection c ON c.id = o.connection_id AND c.state != 'disconnected'
                 WHERE l.connection_id = %(connection)s AND l.%(column)s IS NOT NULL
                """,
                column=SQL.identifier(column),
                connection=self.connection.id,
            )
        )
        return {row[0] for row in self.env.cr.fetchall()}
