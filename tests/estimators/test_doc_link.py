"""The link in the HTML representation of an estimator."""

from email.message import Message
from importlib.metadata import PackageNotFoundError

import pytest

from skmlp import TFMLPClassifier, TFMLPRegressor
from skmlp._estimators import doc_link as _doc_link

ROOT = "https://docs.example/skmlp"


@pytest.fixture
def project_urls(monkeypatch):
    """Return a function that sets the URLs in the metadata of the package."""

    def set_urls(*urls):
        message = Message()
        for url in urls:
            message["Project-URL"] = url
        monkeypatch.setattr(_doc_link, "metadata", lambda name: message)

    return set_urls


@pytest.mark.parametrize("estimator", [TFMLPClassifier, TFMLPRegressor])
@pytest.mark.parametrize("end", ["", "/"])
def test_estimators_link_to_their_page(estimator, end, project_urls):
    """Check the address, and that no link leads to scikit-learn's pages."""
    project_urls("Source, https://source.example", f"Documentation, {ROOT}{end}")
    page = f"{ROOT}/api/generated/skmlp.{estimator.__name__}.html"
    assert estimator()._get_doc_link() == page
    html = estimator()._repr_html_()
    assert f'href="{page}"' in html
    assert 'href="https://scikit-learn.org' not in html


@pytest.mark.parametrize("urls", [[], ["Source, https://source.example"]])
def test_without_an_address_there_is_no_link(urls, project_urls):
    """Check metadata without the URL."""
    project_urls(*urls)
    assert TFMLPClassifier()._get_doc_link() == ""
    assert "Documentation for" not in TFMLPClassifier()._repr_html_()


def test_a_package_that_is_not_installed_has_no_link(monkeypatch):
    """Check that nothing is raised."""

    def metadata(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(_doc_link, "metadata", metadata)
    assert TFMLPClassifier()._get_doc_link() == ""


def test_classes_of_users_have_no_page(project_urls):
    """Check a derived class in a module of another package."""
    project_urls(f"Documentation, {ROOT}")
    derived = type("Derived", (TFMLPClassifier,), {"__module__": "elsewhere"})
    assert derived()._get_doc_link() == ""
