"""Video providers that are ready to use. Each is a module of its own and needs an extra of its own."""
