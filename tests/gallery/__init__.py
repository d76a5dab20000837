"""Scripts of a newcomer, who changes an import."""
