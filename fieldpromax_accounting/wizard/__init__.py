from . import (
    base_partner_merge,
    fieldpromax_conflict_resolve,
    fieldpromax_mapping_guide,
    fieldpromax_mapping_rule,
    fieldpromax_match_decide,
    fieldpromax_preview,
    fieldpromax_preview_line,
    fieldpromax_push_older,
    fieldpromax_radar_accept,
    fieldpromax_relink,
    fieldpromax_run_schedule,
    fieldpromax_run_undo,
)
