"""Scripts of a newcomer who changes only an import."""
