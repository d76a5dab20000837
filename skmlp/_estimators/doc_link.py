"""Where the documentation of an estimator is, for the link in its HTML representation."""

from importlib.metadata import PackageNotFoundError, metadata

PAGE = "api/generated/{estimator_module}.{estimator_name}.html"
"""Page of an estimator below the root of the documentation, as a format of scikit-learn's."""


class DocLinkMixin:
    """Has scikit-learn link the HTML representation of an estimator to its page."""

    _doc_link_module = "skmlp"

    @property
    def _doc_link_template(self) -> str:
        """Address of an estimator's page, as a format."""
        return page_template()


def page_template() -> str:
    """Return the address of an estimator's page as a format, or "" if none is known.

    The root of the documentation is the URL named Documentation in the metadata of the package,
    so that there is one place to set it: ``[project.urls]`` in pyproject.toml.
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
