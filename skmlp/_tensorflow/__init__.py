"""The import of TensorFlow, and every use of its private parts. See README.md in this folder."""
