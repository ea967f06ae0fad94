"""The reasons in words. The one place with texts: codes and values travel, sentences are made where they are read."""

TEMPLATES = {
    # names
    'name_same': 'same name',
    'name_written': 'same name, written differently',
    'name_letter': 'name differs by one letter',
    'name_letters': 'name differs by %(count)s letters',
    'name_order': 'the words of the name are in another order',
    'name_spaces': 'the words of the name are parted differently',
    'name_spelling': 'other spelling: "%(books)s" and "%(odoo)s"',
    'name_initial': 'initial: "%(books)s" and "%(odoo)s"',
    'name_short_form': 'forms of one first name: "%(books)s" and "%(odoo)s"',
    'name_abbreviation': 'abbreviation: "%(books)s" and "%(odoo)s"',
    'name_more_books': 'only the books have "%(words)s" in the name',
    'name_more_odoo': 'only Odoo has "%(words)s" in the name',
    'name_words': 'the name has "%(books)s" in the books and "%(odoo)s" in Odoo',
    'name_numbers': 'the number in the name is %(books)s in the books and %(odoo)s in Odoo',
    'name_digits': 'the numbers in the name are parted differently',
    'name_title': 'a title on one side only',
    'name_titles': 'the title is "%(books)s" in the books and "%(odoo)s" in Odoo',
    'name_form_missing': 'the legal form is on one side only',
    'name_forms': 'another legal form: "%(books)s" in the books and "%(odoo)s" in Odoo',
    'name_currency': 'the name has a currency on one side only (%(currency)s)',
    'name_currencies': 'the name has %(books)s in the books and %(odoo)s in Odoo',
    'name_note_books': 'marked as "%(note)s" in the books',
    'name_note_odoo': 'marked as "%(note)s" in Odoo',
    'name_other': 'name differs',
    'name_missing': 'a name is missing',
    # customers
    'email_same': 'same e-mail',
    'email_mailbox': 'e-mail of the same mailbox, written differently',
    'email_domain': 'other e-mail of the same domain',
    'email_other': 'e-mail differs',
    'email_missing_both': 'neither side has an e-mail',
    'email_missing_books': 'the books have no e-mail',
    'email_missing_odoo': 'Odoo has no e-mail',
    'email_via': 'same e-mail as its contact "%(via)s"',
    'phone_same': 'same phone',
    'phone_other': 'phone differs',
    'tax_same': 'same tax number',
    'tax_other': 'tax number differs',
    'place_same': 'same postal code or city',
    'place_other': 'other city',
    'currency_other': 'currency is %(books)s in the books and %(odoo)s in Odoo',
    # products
    'code_same': 'same code',
    'code_shape': 'codes look alike: "%(books)s" and "%(odoo)s"',
    'code_other': 'code differs',
    'code_missing_both': 'neither side has a code',
    'code_missing_books': 'the books have no code',
    'code_missing_odoo': 'Odoo has no internal reference',
    'price_same': 'same price',
    'price_other': 'price differs',
    # what stands in the way of linking
    'found_via': 'found by its contact "%(via)s"',
    'archived': 'archived in Odoo',
    'linked': 'linked to "%(name)s" of the books already',
    'several': '%(count)s records of Odoo have its name, e-mail or code',
    'rival_books': 'another record of the books, "%(name)s", has the same name, e-mail or code',
    'nameless': 'it has nothing that could be compared',
}


def sentence(reasons, translate=None):
    """``reasons`` as one sentence: "Same e-mail; name differs by one letter.".

    :param translate: text of a template in English → in the reader's language
    """
    parts = []
    for reason in reasons:
        template = TEMPLATES[reason.code]
        parts.append((translate(template) if translate else template) % dict(reason.values))
    text = '; '.join(parts)
    return f'{text[:1].upper()}{text[1:]}.' if text else ''
