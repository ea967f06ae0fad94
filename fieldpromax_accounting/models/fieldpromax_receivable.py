from odoo import fields, models
from odoo.tools import SQL

from .fieldpromax_link import DOCUMENT_KINDS


class FieldpromaxReceivable(models.Model):
    """What customers owe by Odoo and by the books, per customer and currency: documents that stand on both sides are
    compared, all others stand beside it with their count and sum. What is left of a credit note lowers what is owed, on
    both sides. Of the books, what the last look told."""

    _name = 'fieldpromax.receivable'
    _description = 'Receivables in Odoo and in the books'
    _auto = False
    _rec_name = 'customer'
    _order = 'section, customer, id'

    connection_id = fields.Many2one('fieldpromax.connection', 'Books', readonly=True)
    company_id = fields.Many2one('res.company', readonly=True)
    partner_id = fields.Many2one('res.partner', 'Customer in Odoo', readonly=True)
    customer = fields.Char(readonly=True)
    section = fields.Selection(
        [
            ('1_linked', 'On both sides'),
            ('2_only_odoo', 'Posted in Odoo, not in the books'),
            ('3_only_books', 'In the books, not in Odoo'),
            ('4_before_start', 'Dated before the start date, not in the books'),
            ('5_not_read', 'On both sides, not compared yet'),
        ],
        readonly=True,
    )
    currency_id = fields.Many2one('res.currency', readonly=True)
    document_count = fields.Integer('Open documents', readonly=True)
    odoo_due = fields.Monetary('Due in Odoo', readonly=True)
    books_due = fields.Monetary('Due in the books', readonly=True)
    difference = fields.Monetary(
        readonly=True, help='What Odoo has more than the books, of what was compared.'
    )
    as_of = fields.Datetime('Books as of', readonly=True, help='When the books were last looked over.')

    @property
    def _table_query(self):
        return SQL(
            """
            WITH serving AS (
                -- each company's connection: its own, or the nearest parent's
                SELECT DISTINCT ON (company.id) company.id AS company_id, c.id AS connection_id, c.start_date
                  FROM res_company company
                  JOIN res_company owner ON company.parent_path LIKE owner.parent_path || '%%'
                  JOIN fieldpromax_connection c ON c.company_id = owner.id AND %(in_use)s
                 ORDER BY company.id, length(owner.parent_path) DESC
            ), document AS (
                SELECT l.id * 4::bigint AS id, l.connection_id, m.company_id, m.commercial_partner_id AS partner_id,
                       NULL AS customer, m.currency_id,
                       CASE WHEN l.read_at IS NULL THEN '5_not_read' ELSE '1_linked' END AS section,
                       CASE WHEN m.state = 'posted' THEN m.amount_residual ELSE 0 END AS odoo_due,
                       COALESCE(l.external_due, 0) AS books_due, l.kind
                  FROM fieldpromax_link l
                  JOIN fieldpromax_connection c ON c.id = l.connection_id AND %(in_use)s
                  JOIN account_move m ON m.id = l.move_id
                 WHERE l.kind IN %(kinds)s
                   AND (m.state = 'posted' AND m.amount_residual != 0 OR COALESCE(l.external_due, 0) != 0)
                UNION ALL
                SELECT m.id * 4::bigint + 1, s.connection_id, m.company_id, m.commercial_partner_id, NULL,
                       m.currency_id,
                       CASE WHEN m.invoice_date < s.start_date THEN '4_before_start' ELSE '2_only_odoo' END,
                       m.amount_residual, 0, CASE WHEN m.move_type = 'out_refund' THEN 'credit_note' END
                  FROM account_move m
                  JOIN serving s ON s.company_id = m.company_id
                 WHERE m.move_type IN %(types)s AND m.state = 'posted' AND m.amount_residual != 0
                   AND NOT EXISTS (SELECT FROM fieldpromax_link l
                                    WHERE l.move_id = m.id AND l.connection_id = s.connection_id)
                UNION ALL
                SELECT l.id * 4::bigint + 2, l.connection_id, l.company_id, NULL, l.external_name,
                       (SELECT id FROM res_currency WHERE name = l.external_document ->> 'currency'),
                       '3_only_books', 0, l.external_due, l.kind
                  FROM fieldpromax_link l
                  JOIN fieldpromax_connection c ON c.id = l.connection_id AND %(in_use)s
                 WHERE l.kind IN %(kinds)s AND l.move_id IS NULL AND l.external_due != 0
                UNION ALL
                SELECT d.id * 4::bigint + 3, d.connection_id, d.company_id, p.partner_id, d.contact_name,
                       (SELECT id FROM res_currency WHERE name = d.currency), '3_only_books', 0, d.due,
                       d.kind
                  FROM fieldpromax_books_document d
                  JOIN fieldpromax_connection c ON c.id = d.connection_id AND %(in_use)s
                  LEFT JOIN fieldpromax_link p ON p.connection_id = d.connection_id AND p.kind = 'contact'
                       AND p.external_id = d.contact_external_id
                 WHERE d.kind IN %(kinds)s
                   AND NOT EXISTS (SELECT FROM fieldpromax_link l
                                    WHERE l.connection_id = d.connection_id AND l.kind = d.kind
                                      AND l.external_id = d.external_id)
            ), signed AS (
                SELECT d.id, d.connection_id, d.company_id, d.partner_id, d.customer, d.currency_id, d.section,
                       CASE WHEN d.kind = 'credit_note' THEN -d.odoo_due ELSE d.odoo_due END AS odoo_due,
                       CASE WHEN d.kind = 'credit_note' THEN -d.books_due ELSE d.books_due END AS books_due
                  FROM document d
            ), looked AS (
                SELECT connection_id, min(pulled_at) AS pulled_at
                  FROM fieldpromax_checkpoint WHERE kind IN %(kinds)s GROUP BY connection_id
            )
            -- one of its documents stands for a row: to number the rows, all companies would be added up first
            SELECT min(d.id) AS id,
                   d.connection_id, d.company_id, d.partner_id,
                   COALESCE(min(p.complete_name), d.customer) AS customer,
                   d.section, d.currency_id, count(*) AS document_count,
                   sum(d.odoo_due) AS odoo_due, sum(d.books_due) AS books_due,
                   CASE WHEN d.section = '1_linked' THEN sum(d.odoo_due) - sum(d.books_due) END AS difference,
                   min(k.pulled_at) AS as_of
              FROM signed d
              LEFT JOIN res_partner p ON p.id = d.partner_id
              LEFT JOIN looked k ON k.connection_id = d.connection_id
             GROUP BY d.connection_id, d.company_id, d.partner_id, d.customer, d.section, d.currency_id
            """,
            in_use=self.env['fieldpromax.connection']._in_use_sql(),
            kinds=tuple(DOCUMENT_KINDS.values()),
            types=tuple(DOCUMENT_KINDS),
        )
