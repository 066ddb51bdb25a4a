"""How long headpin takes, and on what: see README.md here."""
