"""What goes through the seam between this library and the host's providers and ledgers."""
