from odoo import api, fields, models
from odoo.tools import SQL


class FieldpromaxSettlementDue(models.Model):
    """An invoice whose payments are to be looked at again, because something happened to what settles it.

    All that is done while a person reconciles, posts or cancels is to note this, in one statement. What it means is
    worked out by the push driver: see :meth:`fieldpromax.settlement._evaluate`.
    """

    _name = 'fieldpromax.settlement.due'
    _description = 'Invoice whose payments are to be looked at'
    _rec_name = 'move_id'
    _order = 'id'
    _check_company_auto = True
    _check_company_domain = models.check_company_domain_parent_of

    connection_id = fields.Many2one(
        'fieldpromax.connection', required=True, index=True, ondelete='cascade', readonly=True
    )
    company_id = fields.Many2one('res.company', required=True, index=True, readonly=True)
    move_id = fields.Many2one(
        'account.move', 'Invoice', required=True, index=True, ondelete='cascade', readonly=True
    )

    _move_unique = models.Constraint(
        'unique(connection_id, move_id)', 'An invoice is looked at once for all that happened to it.'
    )

    @api.model
    def _note(self, connection, moves):
        """Note these invoices, in one statement, and wake the driver.

        It always writes the row that it relies on: a race with the driver becomes a serialization failure, which Odoo
        repeats.
        """
        if not moves:
            return
        self.flush_model()
        self.env.cr.execute(
            SQL(
                """
                INSERT INTO fieldpromax_settlement_due AS d (connection_id, company_id, move_id, create_uid, write_uid,
                       create_date, write_date)
                SELECT %(connection)s, r.company_id, r.id, %(uid)s, %(uid)s, now() AT TIME ZONE 'UTC',
                       now() AT TIME ZONE 'UTC'
                  FROM unnest(%(ids)s::int[], %(companies)s::int[]) AS r(id, company_id)
                ON CONFLICT (connection_id, move_id) DO UPDATE SET
                       write_uid = EXCLUDED.write_uid, write_date = EXCLUDED.write_date
                """,
                connection=connection.id,
                uid=self.env.uid,
                ids=moves.ids,
                companies=[move.company_id.id for move in moves],
            )
        )
        self.invalidate_model()
        connection._trigger_push()
