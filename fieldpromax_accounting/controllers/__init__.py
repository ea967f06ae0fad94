from . import fieldpromax_accounting, log_redaction, webhook

log_redaction.install()
