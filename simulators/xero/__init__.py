"""A simulator of Xero: OAuth 2.0, the Accounting API and pages for a person, on loopback."""
