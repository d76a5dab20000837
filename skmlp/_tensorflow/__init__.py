"""TensorFlow: its import, and every use of a part of it that is not public. See README.md here."""
