"""The programs that are compiled. Nothing here imports TensorFlow.

Every function that builds a part of a program receives the module as ``tf``. The gradients are
written by hand, operation for operation as scikit-learn computes them, so that in float64 the
results differ by rounding only.

Numbers that may change from fit to fit without another compilation are tensors: the learning rate
and every other hyper-parameter, the number of samples, the size of the batch, the number of epochs.
Whatever fixes a shape or an operation is static, and stands in `spec.ProgramSpec`.
"""
