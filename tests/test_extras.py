"""Optional libraries."""

import sys

import pytest

from skmlp._extras import import_extra


def test_a_module_that_is_there_is_returned():
    """Check a module within a package."""
    import xml.dom

    assert import_extra("xml.dom", "extra", "This") is xml.dom


@pytest.mark.parametrize("module", ["json", "json.decoder"])
def test_a_missing_library_is_named_with_the_command(module, monkeypatch):
    """Check the message, and that the cause is kept."""
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError) as caught:
        import_extra(module, "some", "Decoding")
    message = str(caught.value)
    assert message.startswith("Decoding needs json, which cannot be imported")
    assert message.endswith('Install it with: python -m pip install "skmlp[some]"')
    assert isinstance(caught.value.__cause__, ImportError)
