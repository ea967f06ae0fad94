"""A simulator of QuickBooks Online: Intuit's consent and tokens, the Accounting API, projects, and pages for a
person."""
