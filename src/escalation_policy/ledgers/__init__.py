"""Call ledgers in the databases of backends. Each is a module of its own and needs an extra of its own."""
