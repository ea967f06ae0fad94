from . import (
    test_project_invoice,
    test_project_pull,
    test_project_push,
    test_project_settings,
    test_quickbooks_projects,
)
