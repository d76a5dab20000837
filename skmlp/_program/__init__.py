"""The graphs that the engine compiles. Nothing here imports TensorFlow.

Every function that builds a part of a graph receives the module as ``tf``. The gradients are
written by hand, operation for operation as scikit-learn computes them, so that in float64 the
results differ by rounding only.

What may change from fit to fit without another compilation is a tensor: the learning rate and
every other hyper-parameter, the number of samples, the size of the batch, the number of epochs.
What is static, because it is the shape of something, is in `types.ProgramSpec`.
"""
