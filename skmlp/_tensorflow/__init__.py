"""TensorFlow: its import, and all that is used of it and is not public. See README.md here."""
