import json

from odoo import api, fields, models
from odoo.tools import SQL


class FieldpromaxBooksDocument(models.Model):
    """An open document in the books that nothing here is linked to, as the audit last read it: for the report of
    receivables, and for nothing else. One that is paid, void or linked has no row."""

    _name = 'fieldpromax.books.document'
    _description = 'Open document in the books alone'
    _rec_name = 'number'
    _order = 'date desc, id desc'

    connection_id = fields.Many2one(
        'fieldpromax.connection', required=True, index=True, ondelete='cascade', readonly=True
    )
    company_id = fields.Many2one(related='connection_id.company_id', store=True, index=True)
    kind = fields.Char(required=True, readonly=True)
    external_id = fields.Char('ID in the books', required=True, readonly=True)
    number = fields.Char(readonly=True)
    contact_external_id = fields.Char(readonly=True)
    contact_name = fields.Char('Customer in the books', readonly=True)
    date = fields.Date(readonly=True)
    currency = fields.Char(readonly=True)
    due = fields.Float('Still due', digits=(16, 4), readonly=True)
    read_at = fields.Datetime('Last read', readonly=True)

    _external_unique = models.Constraint(
        'unique(connection_id, kind, external_id)', 'This document of the books is kept already.'
    )

    @api.model
    def _note(self, connection, kind, records, gone):
        """What a page told: open documents that nothing here is linked to are kept, all others are not.

        :param records: DTOs of documents; a draft is owed by nobody yet.
        """
        links = self.env['fieldpromax.link']._by_external_id(
            connection, kind, [record.external_id for record in records]
        )
        linked = set(links.mapped('external_id'))
        rows = [
            {
                'external_id': record.external_id,
                'number': record.number,
                'contact_external_id': record.contact_external_id,
                'contact_name': record.contact_name,
                'date': record.date.isoformat() if record.date else None,
                'currency': record.currency,
                'due': float(record.amount_due),
            }
            for record in records
            if record.external_id not in linked and record.status == 'approved' and record.amount_due
        ]
        told = {record.external_id for record in records} | set(gone)
        kept = {row['external_id'] for row in rows}
        self.search(
            [
                ('connection_id', '=', connection.id),
                ('kind', '=', kind),
                ('external_id', 'in', list(told - kept)),
            ]
        ).unlink()
        if not rows:
            return
        self.flush_model()
        # In one statement: a first look may meet thousands.
        self.env.cr.execute(
            SQL(
                """
                INSERT INTO fieldpromax_books_document (connection_id, company_id, kind, external_id, number,
                       contact_external_id, contact_name, date, currency, due, read_at,
                       create_uid, write_uid, create_date, write_date)
                SELECT %(connection)s, %(company)s, %(kind)s, r.external_id, r.number, r.contact_external_id,
                       r.contact_name, r.date, r.currency, r.due, %(now)s,
                       %(uid)s, %(uid)s, now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC'
                  FROM json_to_recordset(%(rows)s::json) AS r(external_id varchar, number varchar,
                       contact_external_id varchar, contact_name varchar, date date, currency varchar, due float8)
                ON CONFLICT (connection_id, kind, external_id) DO UPDATE SET
                       number = EXCLUDED.number, contact_external_id = EXCLUDED.contact_external_id,
                       contact_name = EXCLUDED.contact_name, date = EXCLUDED.date, currency = EXCLUDED.currency,
                       due = EXCLUDED.due, read_at = EXCLUDED.read_at, write_date = EXCLUDED.write_date
                """,
                connection=connection.id,
                company=connection.company_id.id,
                kind=kind,
                uid=self.env.uid,
                now=fields.Datetime.now(),
                rows=json.dumps(rows),
            )
        )
        self.invalidate_model()

    @api.model
    def _forget_unseen(self, connection, kind, since):
        """A pass over everything did not come across these any more."""
        self.search(
            [('connection_id', '=', connection.id), ('kind', '=', kind), ('read_at', '<', since)]
        ).unlink()
