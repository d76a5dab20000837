"""Conversion of fitted estimators to ONNX, by skl2onnx."""

from typing import Any

import numpy as np

from skmlp._estimators.classifier import TFMLPClassifier
from skmlp._estimators.regressor import TFMLPRegressor
from skmlp._estimators.tabular_classifier import TabularMLPClassifier
from skmlp._estimators.tabular_regressor import TabularMLPRegressor
from skmlp._extras import import_extra
from skmlp._model.activations import ACTIVATIONS, OnnxNodes

__all__ = ["register_converters"]


def register_converters() -> None:
    """Tell skl2onnx how to convert the estimators of skmlp.

    Call this function once in a process, before ``skl2onnx.to_onnx`` or
    ``skl2onnx.convert_sklearn``. Estimators are then converted alone, in pipelines and in
    meta-estimators, as estimators of scikit-learn are.

    Raises
    ------
    ImportError
        If skl2onnx cannot be imported; the extra ``onnx`` installs it.

    See Also
    --------
    skmlp.TFMLPClassifier.to_keras : The network as a Keras model.

    Notes
    -----
    :class:`skmlp.TabularMLPClassifier` and :class:`skmlp.TabularMLPRegressor` can't be converted,
    and raise NotImplementedError in ``to_onnx``.

    As usual in skl2onnx, the declared type of the input decides: a model with float64 (double)
    input computes in float64, any other model in float32, whatever the type of `coefs_`.

    A classifier has the outputs ``label`` and ``probabilities``. With the option ``zipmap=False``,
    ``probabilities`` is an array with the columns of `predict_proba`; otherwise it is a list of
    dicts. Labels are strings or 64-bit integers; booleans become 0 and 1. For multilabel targets,
    ``label`` has indicators. A regressor has the output ``variable`` of shape
    (n_samples, `n_outputs_`).

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skl2onnx import to_onnx
    >>> from skmlp import TFMLPClassifier
    >>> from skmlp.onnx import register_converters
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = TFMLPClassifier(learning_rate_init=0.01, random_state=0).fit(X, y)
    >>> register_converters()
    >>> model = to_onnx(clf, X[:1], options={"zipmap": False})
    >>> [output.name for output in model.graph.output]
    ['label', 'probabilities']
    """
    skl2onnx = import_extra("skl2onnx", "onnx", "Conversion to ONNX")
    options = {
        "zipmap": [True, False, "columns"],
        "nocl": [True, False],
        "output_class_labels": [False, True],
    }
    classifiers = {
        TFMLPClassifier: (_infer_classifier_types, _convert_classifier),
        TabularMLPClassifier: (_refuse, _convert_classifier),  # `_refuse` raises first
    }
    regressors = {
        TFMLPRegressor: (_infer_regressor_types, _convert_regressor),
        TabularMLPRegressor: (_refuse, _convert_regressor),
    }
    for estimator, functions in (classifiers | regressors).items():
        skl2onnx.update_registered_converter(
            estimator,
            f"Skmlp{estimator.__name__}",
            *functions,
            options=options if estimator in classifiers else None,
        )


def _refuse(operator: Any) -> None:
    """Raise the error for an estimator that can't be converted."""
    name = type(operator.raw_operator).__name__
    raise NotImplementedError(
        f"{name} can't be converted to ONNX, as its encoding of the columns of a table has no "
        'converter. Use pickle, joblib or skops, which the page "Persistence and export" of the '
        f"documentation compares, or {name.replace('Tabular', 'TF')} with encoders of scikit-learn."
    )


def _infer_classifier_types(operator: Any) -> None:
    """Set the types and shapes of the labels and of the probabilities."""
    from skl2onnx.common.data_types import Int64TensorType, StringTensorType

    clf = operator.raw_operator
    n_samples = operator.inputs[0].get_first_dimension()
    labels, probabilities = operator.outputs
    has_strings = _labels(operator.scope_inst, clf).dtype.kind == "U"
    label_type = StringTensorType if has_strings else Int64TensorType
    label_shape = [n_samples, clf.n_outputs_] if _is_multilabel(clf) else [n_samples]
    labels.set_type(label_type(label_shape))
    n_columns = clf.n_outputs_ + (not _is_multilabel(clf) and clf.n_outputs_ == 1)
    probabilities.set_type(_number_type(operator)([n_samples, n_columns]))


def _infer_regressor_types(operator: Any) -> None:
    """Set the type and shape of the values."""
    n_samples = operator.inputs[0].get_first_dimension()
    shape = [n_samples, operator.raw_operator.n_outputs_]
    operator.outputs[0].set_type(_number_type(operator)(shape))


def _convert_classifier(scope: Any, operator: Any, container: Any) -> None:
    """Add the nodes of a classifier to the graph."""
    onnx_ops = import_extra("skl2onnx.algebra.onnx_ops", "onnx", "Conversion to ONNX")
    clf, opset = operator.raw_operator, container.target_opset
    labels, probabilities = ([output] for output in operator.outputs)
    outputs = _forward(onnx_ops, operator, opset)
    dtype = _number_dtype(operator)
    if _is_multilabel(clf):
        above = onnx_ops.OnnxGreater(outputs, np.array([0.5], dtype), op_version=opset)
        y_prob = onnx_ops.OnnxIdentity(outputs, op_version=opset, output_names=probabilities)
        y = onnx_ops.OnnxCast(above, to=_INT64, op_version=opset, output_names=labels)
    else:
        if clf.n_outputs_ == 1:
            rest = onnx_ops.OnnxSub(np.array([1], dtype), outputs, op_version=opset)
            outputs = onnx_ops.OnnxConcat(rest, outputs, axis=1, op_version=opset)
        y_prob = onnx_ops.OnnxIdentity(outputs, op_version=opset, output_names=probabilities)
        best = onnx_ops.OnnxArgMax(outputs, axis=1, keepdims=0, op_version=opset)
        # A single class has two columns too, and is predicted whichever column is larger.
        classes = np.resize(_labels(scope, clf), max(2, len(clf.classes_)))
        y = onnx_ops.OnnxGather(classes, best, axis=0, op_version=opset, output_names=labels)
    y_prob.add_to(scope, container)
    y.add_to(scope, container)


def _convert_regressor(scope: Any, operator: Any, container: Any) -> None:
    """Add the nodes of a regressor to the graph."""
    onnx_ops = import_extra("skl2onnx.algebra.onnx_ops", "onnx", "Conversion to ONNX")
    opset = container.target_opset
    outputs = _forward(onnx_ops, operator, opset)
    values = onnx_ops.OnnxIdentity(outputs, op_version=opset, output_names=operator.outputs[:1])
    values.add_to(scope, container)


def _forward(onnx_ops: Any, operator: Any, opset: int) -> Any:
    """Return the node that holds the outputs of the network."""
    from skl2onnx.common.data_types import guess_proto_type

    est, dtype = operator.raw_operator, _number_dtype(operator)
    nodes = OnnxNodes(onnx_ops, opset, dtype)
    to = guess_proto_type(_number_type(operator)())
    values = onnx_ops.OnnxCast(operator.inputs[0], to=to, op_version=opset)
    last = len(est.coefs_) - 1
    for layer, (coef, intercept) in enumerate(zip(est.coefs_, est.intercepts_, strict=True)):
        values = onnx_ops.OnnxGemm(
            values, coef.astype(dtype), intercept.astype(dtype), op_version=opset
        )
        activation = est.out_activation_ if layer == last else est.activation
        values = ACTIVATIONS[activation].onnx(nodes, values)
    return values


_INT64 = 7
"""The number of the type int64 in ONNX."""


def _number_type(operator: Any) -> Any:
    """Return the ONNX type in which a model computes: float64 for float64 input, else float32."""
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    is_double = isinstance(operator.inputs[0].type, DoubleTensorType)
    return DoubleTensorType if is_double else FloatTensorType


def _number_dtype(operator: Any) -> Any:
    from skl2onnx.common.data_types import DoubleTensorType

    return np.float64 if _number_type(operator) is DoubleTensorType else np.float32


def _is_multilabel(clf: TFMLPClassifier) -> bool:
    return clf._label_binarizer.y_type_.startswith("multilabel")


def _labels(scope: Any, clf: TFMLPClassifier) -> np.ndarray:
    """Return the classes in ONNX: strings or int64, or their indices with the option nocl."""
    from skl2onnx.common.utils_classifier import get_label_classes

    classes = get_label_classes(scope, clf)
    if all(isinstance(label, str) for label in classes.tolist()):
        return classes.astype(str)
    numbers = classes.astype(np.int64)
    if not (numbers == classes).all():
        raise ValueError(
            "classes_ must be strings, or numbers that fit into signed 64-bit integers, to be "
            f"converted to ONNX; got {classes}."
        )
    return numbers
