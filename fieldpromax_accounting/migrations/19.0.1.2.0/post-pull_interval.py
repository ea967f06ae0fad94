def migrate(cr, version):
    """Connections read what changed every 15 minutes unless somebody chooses otherwise; it was every hour."""
    cr.execute(
        """
        UPDATE ir_cron
           SET interval_number = 15, interval_type = 'minutes',
               nextcall = LEAST(nextcall, now() AT TIME ZONE 'UTC' + interval '15 minutes')
         WHERE id IN (SELECT pull_cron_id FROM fieldpromax_connection)
           AND interval_number = 1 AND interval_type = 'hours'
        """
    )
