from . import base_partner_merge, fieldpromax_run_schedule
