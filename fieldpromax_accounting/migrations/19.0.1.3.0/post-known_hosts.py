def migrate(cr, version):
    """The host under which the database is known now is one that nobody has to confirm."""
    cr.execute(
        r"""
        UPDATE fieldpromax_connection
           SET known_hosts = (
                   SELECT CASE WHEN host IN ('127.0.0.1', '[::1]') THEN 'localhost' ELSE trim(host, '[]') END
                     FROM (SELECT lower(substring(value FROM '^[a-z]+://(\[[^]]*\]|[^:/]+)')) AS host
                             FROM ir_config_parameter WHERE key = 'web.base.url') AS base
               )
         WHERE known_hosts IS NULL
        """
    )
