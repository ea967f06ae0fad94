{
    'name': 'FieldPromax Accounting: Projects',
    'summary': 'Projects of the books and of Odoo kept in step, and named on invoices',
    'version': '19.0.1.0.0',
    'category': 'Accounting/Accounting',
    'license': 'LGPL-3',
    'author': 'FieldPromax',
    'website': 'https://github.com/fieldpromax/fieldpromax_accounting',
    'depends': ['fieldpromax_accounting', 'project'],
    'data': [
        'views/fieldpromax_connection_views.xml',
        'views/fieldpromax_exchange_views.xml',
        'views/fieldpromax_match_views.xml',
        'views/project_project_views.xml',
        'views/project_project_stage_views.xml',
        'views/account_move_views.xml',
    ],
    'auto_install': True,
}
