"""Configuration of the documentation. Build it from the root of the repository with

python -m sphinx -W --keep-going -b html docs docs/_build/html
"""

import os
import sys
from pathlib import Path

from numpydoc.xref import DEFAULT_LINKS

import skmlp
from skmlp._estimators.base import BaseTFMLP
from skmlp._estimators.doc_link import PAGE
from skmlp._estimators.tabular import BaseTabularMLP
from skmlp.datasets import MNIST_ENVIRONMENT_VARIABLE

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_extensions"))

project = "skmlp"
author = "the skmlp authors"
copyright = f"2026, {author}"  # noqa: A001, the name is given by Sphinx
version = release = skmlp.__version__

extensions = [
    "formulas",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.extlinks",
    "sphinx.ext.intersphinx",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]

exclude_patterns = ["_build", "_templates", "examples", "inventories"]
templates_path = ["_templates"]
default_role = "literal"
extlinks = {
    "arxiv": ("https://arxiv.org/abs/%s", "arXiv:%s"),
    "gallery": ("https://scikit-learn.org/stable/auto_examples/%s.html", "%s"),
}
numpydoc_show_class_members = False
numpydoc_xref_param_type = True
numpydoc_xref_ignore = "all"  # except the aliases below
numpydoc_xref_aliases = {word: word for word in DEFAULT_LINKS} | {
    "Axes": "matplotlib.axes.Axes",
    "DataFrame": "pandas.DataFrame",
    "Figure": "matplotlib.figure.Figure",
    "RandomState": "numpy.random.RandomState",
    "ndarray": "numpy.ndarray",
}
toc_object_entries_show_parents = "hide"
autodoc_typehints = "none"  # the docstrings give types with more detail
html_math_renderer = "ziamath"
nitpicky = True  # a name that no inventory has is an error
copybutton_prompt_text = r">>> |\.\.\. "
copybutton_prompt_is_regexp = True

# These lists are in this repository, so a build downloads nothing. See inventories/README.md.
intersphinx_mapping = {
    name: (root, str(HERE / "inventories" / f"{name}.txt"))
    for name, root in {
        "joblib": "https://joblib.readthedocs.io/en/stable/",
        "keras": "https://keras.io/api/",
        "matplotlib": "https://matplotlib.org/stable/",
        "numpy": "https://numpy.org/doc/stable/",
        "pandas": "https://pandas.pydata.org/docs/",
        "python": "https://docs.python.org/3/",
        "scikit-learn": "https://scikit-learn.org/stable/",
        "scipy": "https://docs.scipy.org/doc/scipy/",
        "tensorflow": "https://www.tensorflow.org/api_docs/python/",
    }.items()
}

html_theme = "pydata_sphinx_theme"
html_title = "skmlp"
html_favicon = "_static/logo.svg"
html_static_path = ["_static"]
html_css_files = ["skmlp.css"]
html_theme_options = {
    "logo": {"image_light": "_static/logo.svg", "image_dark": "_static/logo.svg", "text": "skmlp"},
    "show_toc_level": 2,
    "header_links_before_dropdown": 6,
    "navigation_with_keys": False,
}
html_sidebars = {name: [] for name in ("index", "install", "faq", "changes")}
html_show_sourcelink = False

# The gallery shows estimators, which link to their pages in this build, not to those of a release.
BaseTFMLP._doc_link_template = BaseTabularMLP._doc_link_template = f"../{PAGE}"

EXAMPLES_WITHOUT_DATA = r"[\\/]plot_(?!mnist\.py)"

has_mnist = Path(os.environ.get(MNIST_ENVIRONMENT_VARIABLE, "")).expanduser().is_file()
if has_mnist:
    tags.add("mnist")  # noqa: F821, Sphinx defines it
else:
    print(
        f"The environment variable {MNIST_ENVIRONMENT_VARIABLE} names no file, so the example "
        "plot_mnist.py is NOT RUN: its page will have no output. Set it to the path of mnist.npz."
    )

sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"[\\/]plot_" if has_mnist else EXAMPLES_WITHOUT_DATA,
    "within_subsection_order": "gallery_order.TeachingOrder",
    "backreferences_dir": "api/generated/backreferences",
    "doc_module": ("skmlp",),
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_signature": False,
    "write_computation_times": False,
}
