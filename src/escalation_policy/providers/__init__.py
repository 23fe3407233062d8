"""Video providers that are ready to use, each in a module of its own that needs an extra of its own."""
