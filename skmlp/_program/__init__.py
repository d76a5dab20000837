"""The functions that programs are compiled from. No module here imports TensorFlow.

Every function that builds a part of a program receives the TensorFlow module as ``tf``. The
gradients are written by hand, operation for operation as scikit-learn computes them. In float64 the
results therefore differ from scikit-learn's by rounding only.

Numbers that may change from fit to fit without another compilation are tensors: the learning rate
and every other hyper-parameter, the number of samples of a batch and the number of epochs.
Everything that fixes a shape or an operation is static, and is a field of `spec.ProgramSpec`.
"""
