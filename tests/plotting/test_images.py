"""Grids of images."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from skmlp.plotting import plot_example_errors, plot_images
from tests.helpers import run_python


def images(n_images=12, shape=(64,)):
    return np.random.RandomState(0).uniform(size=(n_images, *shape))


def captions(axes):
    return [ax.get_xlabel() for ax in axes.flat if ax.images]


def test_a_grid_of_three_by_three_is_the_default():
    """Check the shape, the captions, and that images beyond the grid are left out."""
    axes = plot_images(images(), range(12))
    assert axes.shape == (3, 3)
    assert captions(axes) == [f"True: {i}" for i in range(9)]


def test_predictions_are_in_the_captions():
    """Check labels that are text."""
    axes = plot_images(images(2), ["cat", "dog"], ["cat", "cow"])
    assert captions(axes) == ["True: cat, Pred: cat", "True: dog, Pred: cow"]


def test_cells_without_an_image_are_empty():
    """Check fewer images than cells, and none at all."""
    for n_images in (4, 0):
        axes = plot_images(images(n_images), range(n_images))
        assert len(captions(axes)) == n_images
        assert [ax.axison for ax in axes.flat] == [i < n_images for i in range(9)]


@pytest.mark.parametrize(
    ("shape", "image_shape", "expected"),
    [
        ((64,), None, (8, 8)),
        ((8, 8), None, (8, 8)),
        ((4, 6), None, (4, 6)),
        ((24,), (4, 6), (4, 6)),
        ((4, 6), (6, 4), (6, 4)),
        ((5, 5, 3), None, (5, 5, 3)),
        ((75,), (5, 5, 3), (5, 5, 3)),
    ],
)
def test_shapes_of_images(shape, image_shape, expected):
    """Check flattened, square, given and coloured images."""
    data = images(3, shape)
    axes = plot_images(data, range(3), image_shape=image_shape)
    drawn = axes[0, 1].images[0].get_array()
    np.testing.assert_array_equal(drawn, data[1].reshape(expected))


def test_size_title_and_colours_of_the_grid():
    """Check the remaining parameters."""
    axes = plot_images(images(), range(12), n_rows=2, n_cols=5, title="All", cmap="gray")
    assert axes.shape == (2, 5)
    assert axes[0, 0].figure.get_suptitle() == "All"
    assert axes[0, 0].images[0].get_cmap().name == "gray"
    assert plot_images(images(), range(12))[0, 0].figure.get_suptitle() == ""


def test_axes_of_the_user_are_drawn_on():
    """Check that no figure is made."""
    figure, axes = plt.subplots(2, 2)
    before = plt.get_fignums()
    returned = plot_images(images(), range(12), n_rows=2, n_cols=2, axes=axes)
    assert (returned == axes).all()
    assert returned[0, 0].figure is figure
    assert plt.get_fignums() == before


def test_axes_that_were_drawn_on_before_are_cleared():
    """Check fewer images than before, then more."""
    _, axes = plt.subplots(2, 2)
    for n_images in (4, 1, 3):
        plot_images(images(n_images), range(n_images), n_rows=2, n_cols=2, axes=axes)
        assert [len(ax.images) for ax in axes.flat] == [i < n_images for i in range(4)]
        assert [ax.axison for ax in axes.flat] == [i < n_images for i in range(4)]


def test_labels_may_look_like_mathematics(tmp_path):
    """Check dollar signs, which matplotlib would otherwise parse."""
    axes = plot_images(images(3), ["$x", "a$_", "b$^$"])
    assert captions(axes) == ["True: $x", "True: a$_", "True: b$^$"]
    axes[0, 0].figure.savefig(tmp_path / "grid.png")


NUMBERS, TEXT, BYTES = [0, 1, 2], ["0", "1", "2"], [b"0", b"1", b"2"]


def of_objects(labels):
    return np.array(labels, dtype=object)


@pytest.mark.parametrize(
    ("y_true", "y_pred", "kinds"),
    [
        (NUMBERS, TEXT, "numbers of type int64, and text of type <U1"),
        (of_objects(NUMBERS), TEXT, "numbers of type object, and text of type <U1"),
        (NUMBERS, of_objects(TEXT), "numbers of type int64, and text of type object"),
        (of_objects(TEXT), of_objects(NUMBERS), "text of type object, and numbers of"),
        (pd.Series(TEXT), pd.Series(NUMBERS), "text of type .*, and numbers of type int64"),
        (pd.Series(TEXT, dtype="category"), NUMBERS, "text of type object, and numbers"),
        (BYTES, TEXT, "bytes of type |S1, and text of type <U1"),
        (of_objects([0, b"1", 2]), TEXT, "bytes and numbers of type object, and text"),
    ],
)
def test_labels_of_two_kinds_are_not_compared(y_true, y_pred, kinds):
    """Check the error for labels of different kinds, in typed arrays and in objects."""
    with pytest.raises(ValueError, match=f"must be labels of one kind to be compared, got {kinds}"):
        plot_example_errors(images(3), y_true, y_pred)


@pytest.mark.parametrize(
    ("y_true", "y_pred", "n_wrong"),
    [
        (of_objects(NUMBERS), NUMBERS, 0),
        (of_objects(TEXT), TEXT, 0),
        (pd.Series(TEXT, dtype="string"), TEXT, 0),
        (of_objects([0, "1", 2]), TEXT, 2),
        (of_objects([0, "1", 2]), NUMBERS, 1),
        (NUMBERS, [0.0, 1.0, 2.5], 1),
        ([False, True, True], [0, 1, 0], 1),
    ],
)
def test_labels_of_a_common_kind_are_compared(y_true, y_pred, n_wrong):
    """Check arrays of objects that mix kinds, and numbers of several types."""
    axes = plot_example_errors(images(3), y_true, y_pred)
    title = axes.flat[0].figure.get_suptitle()
    assert title == f"{n_wrong} of 3 images misclassified"


def test_errors_are_the_images_whose_labels_differ():
    """Check the drawn images, and their number in the title."""
    y_true, y_pred = np.arange(12), np.arange(12)
    y_pred[[3, 7]] = [1, 2]
    data = images()
    axes = plot_example_errors(data, y_true, y_pred)
    assert captions(axes) == ["True: 3, Pred: 1", "True: 7, Pred: 2"]
    np.testing.assert_array_equal(axes[0, 1].images[0].get_array(), data[7].reshape(8, 8))
    assert axes[0, 0].figure.get_suptitle() == "2 of 12 images misclassified"


def test_no_errors_at_all_are_an_empty_grid():
    """Check a perfect prediction."""
    axes = plot_example_errors(images(), np.arange(12), np.arange(12), title="None")
    assert captions(axes) == []
    assert not any(ax.axison for ax in axes.flat)
    assert axes[0, 0].figure.get_suptitle() == "None"


def test_lists_and_series_are_accepted():
    """Check that labels are compared one by one, whatever holds them."""
    pd = pytest.importorskip("pandas")
    y_true = pd.Series([1, 2, 3], index=[7, 8, 9])
    axes = plot_example_errors(pd.DataFrame(images(3)), y_true, [1, 0, 3])
    assert captions(axes) == ["True: 2, Pred: 0"]


def test_pictures_can_be_written(tmp_path):
    """Check that a file is written."""
    plot_images(images(), range(12))[0, 0].figure.savefig(tmp_path / "grid.png")
    assert (tmp_path / "grid.png").stat().st_size > 1000


@pytest.mark.parametrize("plot", [plot_images, plot_example_errors])
@pytest.mark.parametrize(
    ("data", "y_true", "y_pred", "params", "message"),
    [
        (images(3), range(2), range(3), {}, "y_true must have one label for each of the 3"),
        (images(3), range(3), range(4), {}, "y_pred must have one label for each of the 3"),
        (images(3), np.eye(3), range(3), {}, "y_true must have one label"),
        (images(3, (60,)), range(3), range(3), {}, "60 pixels.*image_shape"),
        (images(3), range(3), range(3), {"image_shape": (7, 9)}, "64 pixels.*image_shape"),
        (images(3), range(3), range(3), {"image_shape": (64,)}, "image_shape must be"),
        (np.ones(4), range(4), range(4), {}, "images must be numbers of the shape"),
        (images(3), range(3), range(3), {"n_rows": 0}, "n_rows must be an int"),
        (images(3), range(3), range(3), {"n_cols": "3"}, "n_cols must be an int"),
        (images(3), range(3), range(3), {"image_shape": 8}, "image_shape must be"),
        (images(3), range(3), range(3), {"image_shape": (-8, -8)}, "image_shape must be"),
        (images(3, (4, 4, 2)), range(3), range(3), {}, "1, 3 or 4 channels"),
        (images(3, (2, 2, 2, 2)), range(3), range(3), {}, "images must be numbers of the shape"),
        (images(3, (0,)), range(3), range(3), {}, "images must be numbers of the shape"),
        (np.full((3, 4), "a"), range(3), range(3), {}, "images must be numbers of the shape"),
        (images(3), range(3), range(3), {"axes": np.array([None])}, "axes must have"),
    ],
)
def test_what_does_not_fit_is_named(plot, data, y_true, y_pred, params, message):
    """Check lengths, shapes and the grid, and that no figure stays open."""
    before = plt.get_fignums()
    with pytest.raises(ValueError, match=message):
        plot(data, y_true, y_pred, **params)
    assert plt.get_fignums() == before


def test_matplotlib_is_imported_when_something_is_drawn():
    """Check that an import of skmlp leaves it out."""
    done = run_python("import skmlp.plotting, sys; assert 'matplotlib' not in sys.modules")
    assert (done.returncode, done.stderr) == (0, "")
