"""Configuration of the documentation. Build it from the root of the repository with

python -m sphinx -W --keep-going -b html docs docs/_build/html
"""

import os
from pathlib import Path

import skmlp
from skmlp._estimators.base import BaseTFMLP
from skmlp._estimators.doc_link import PAGE
from skmlp._estimators.tabular import BaseTabularMLP
from skmlp.datasets import MNIST_ENVIRONMENT_VARIABLE

project = "skmlp"
author = "the skmlp authors"
copyright = f"2026, {author}"  # noqa: A001, the name is given by Sphinx
version = release = skmlp.__version__

SINGLE_PAGES = ["user_guide", "tabular", "coming_from", "displays"]
"""Pages without pages below them, which need no list of such beside them."""

extensions = [
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.extlinks",
    "sphinx.ext.mathjax",
    "sphinx_gallery.gen_gallery",
]

exclude_patterns = ["_build", "_templates", "examples"]
templates_path = ["_templates"]
default_role = "literal"
extlinks = {"arxiv": ("https://arxiv.org/abs/%s", "arXiv:%s")}
numpydoc_show_class_members = False
autodoc_typehints = "none"  # the docstrings say more

html_theme = "pydata_sphinx_theme"
html_title = "skmlp"
html_theme_options = {"show_toc_level": 2, "header_links_before_dropdown": 6}
html_sidebars = {name: [] for name in SINGLE_PAGES}
html_show_sourcelink = False

# The gallery shows estimators, which link to their pages here and not to those of a release.
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
    "within_subsection_order": "FileNameSortKey",
    "backreferences_dir": "api/generated/backreferences",
    "doc_module": ("skmlp",),
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_signature": False,
    "write_computation_times": False,
}
