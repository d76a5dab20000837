"""Training on the host, without TensorFlow: a plan goes in, a trained network comes out."""
