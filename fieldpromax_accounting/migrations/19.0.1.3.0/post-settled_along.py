def migrate(cr, version):
    """Candidates that were settled along with a decision name it now; the time of both told it before."""
    cr.execute(
        """
        UPDATE fieldpromax_match along
           SET settled_by_id = decided.id
          FROM fieldpromax_match decided
         WHERE along.decision = 'never' AND decided.decision IN ('link', 'create')
           AND decided.connection_id = along.connection_id AND decided.kind = along.kind
           AND decided.external_id = along.external_id AND decided.decided_at = along.decided_at
        """
    )
