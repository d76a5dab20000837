"""The address of an estimator's documentation, for the link in its HTML representation."""

from importlib.metadata import PackageNotFoundError, metadata

PAGE = "api/generated/{estimator_module}.{estimator_name}.html"
"""Path of an estimator's page below the root of the documentation, for scikit-learn to fill in."""


class DocLinkMixin:
    """Makes scikit-learn link the HTML representation of an estimator to its page."""

    _doc_link_module = "skmlp"

    @property
    def _doc_link_template(self) -> str:
        """Address of an estimator's page, for scikit-learn to fill in."""
        return page_template()


def page_template() -> str:
    """Return the address of an estimator's page, for scikit-learn to fill in; "" if unknown.

    The root of the documentation is the URL named Documentation in the metadata of the package.
    It is set in one place, ``[project.urls]`` in pyproject.toml.
    """
    try:
        urls = metadata("skmlp").get_all("Project-URL") or []
    except PackageNotFoundError:  # run from a directory, not installed
        urls = []
    for label, _, url in (entry.partition(",") for entry in urls):
        if label.strip().lower() == "documentation":
            root = url.strip().rstrip("/").replace("{", "{{").replace("}", "}}")
            return f"{root}/{PAGE}"
    return ""
