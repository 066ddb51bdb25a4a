"""How headpin is installed: what is below deploy/, asked with the programs that will read it."""
