"""Programs that people start: one module a command of the Makefile."""
