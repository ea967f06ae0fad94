def migrate(cr, _version):
    """Have customers and products read in full at the next pull: what the books have of them is kept from now on, so
    that later changes can be told. The records of Odoo are not touched by that, but where one side lacks a value."""
    cr.execute(
        """
        UPDATE fieldpromax_checkpoint SET full_at = full_at - interval '8 days'
         WHERE kind IN ('contact', 'item') AND full_at IS NOT NULL
        """
    )
