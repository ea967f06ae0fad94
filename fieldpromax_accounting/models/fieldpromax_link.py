import json

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL


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
        [('contact', 'Customer'), ('item', 'Product'), ('invoice', 'Invoice')], required=True, readonly=True
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

    baseline = fields.Json(readonly=True, help='The values that both sides last agreed on.')
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

    @api.model
    def _record_fields(self):
        """Which field of a link, exchange or match holds the record of a kind. Another addon adds its own; a method,
        because databases with and without that addon share a process."""
        return {'contact': 'partner_id', 'item': 'product_id', 'invoice': 'move_id'}

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
        rows = [
            {
                'record': record.id or None,
                'record_name': record._fieldpromax_name() if record else None,
                'company_id': (
                    record._fieldpromax_company(connection) if record else connection.company_id
                ).id,
                **self._columns_of(remote),
                'role': self._role_of(connection, kind, remote) if role is None else role,
                'awaits_parent': bool(
                    made and getattr(remote, 'parent_external_id', '') and not record.parent_id
                ),
                'made_by_run_id': (made and self.env.context.get('fieldpromax_run_id')) or None,
                'linked_by_run_id': (record and self.env.context.get('fieldpromax_run_id')) or None,
            }
            for record, remote in pairs
        ]
        self.env.cr.execute(
            SQL(
                """
                INSERT INTO fieldpromax_link AS l (connection_id, kind, role, company_id, %(column)s, record_name,
                       external_id, external_version, external_name, external_number, external_email,
                       external_active, external_status, external_total, parent_external_id, awaits_parent,
                       made_by_run_id, linked_by_run_id, agreed_at, create_uid, write_uid, create_date, write_date)
                SELECT %(connection)s, %(kind)s, r.role, r.company_id, r.record, r.record_name,
                       r.external_id, r.external_version, r.external_name, r.external_number, r.external_email,
                       r.external_active, r.external_status, r.external_total, r.parent_external_id,
                       r.awaits_parent, r.made_by_run_id, r.linked_by_run_id, now() AT TIME ZONE 'UTC', %(uid)s,
                       %(uid)s, now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC'
                  FROM json_to_recordset(%(rows)s::json) AS r(record int, record_name varchar, company_id int,
                       external_id varchar, external_version varchar, external_name varchar,
                       external_number varchar, external_email varchar, external_active bool,
                       external_status varchar, external_total float8, parent_external_id varchar, role varchar,
                       awaits_parent bool, made_by_run_id int, linked_by_run_id int)
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
                       agreed_at = EXCLUDED.agreed_at,
                       write_uid = EXCLUDED.write_uid, write_date = EXCLUDED.write_date
                """,
                column=SQL.identifier(column),
                connection=connection.id,
                kind=kind,
                uid=self.env.uid,
                rows=json.dumps(rows),
            )
        )
        count = self.env.cr.rowcount
        self.invalidate_model()
        return count

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
    def _note_seen(self, connection, kind, external_ids):
        """A pass over everything came across these records of the books."""
        self.flush_model()
        self.env.cr.execute(
            SQL(
                """
                UPDATE fieldpromax_link SET seen_at = %s
                 WHERE connection_id = %s AND kind = %s AND external_id = ANY(%s)
                """,
                fields.Datetime.now(),
                connection.id,
                kind,
                list(external_ids),
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
                child.with_context(fieldpromax_no_push=True, tracking_disable=True).parent_id = parent
            link.awaits_parent = False
        return len(rows) == limit

    @api.model
    def _open_in_books(self, connection, record):
        """Action that shows a record at the provider."""
        link = self.sudo()._of(connection, record, role=None).get(record.id) if connection else None
        if not link:
            raise UserError(self.env._('"%s" is not in the books.', record.display_name))
        provider = connection._provider_for(connection.provider)
        url = provider.record_url(link.kind, link.external_id, connection._organization())
        return {'type': 'ir.actions.act_url', 'url': url, 'target': 'new'}
