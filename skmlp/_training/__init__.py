"""Training on the host, without TensorFlow: it turns a plan into a trained network."""
