from . import (
    account_move,
    fieldpromax_checkpoint,
    fieldpromax_connection,
    fieldpromax_exchange,
    fieldpromax_issue,
    fieldpromax_link,
    fieldpromax_match,
    fieldpromax_run,
    fieldpromax_run_line,
    project_project,
    project_project_stage,
)
