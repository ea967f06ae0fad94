from . import fieldpromax_accounting, log_redaction

log_redaction.install()
