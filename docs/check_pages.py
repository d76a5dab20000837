"""Check the pages that Sphinx has built. Run it from the root of the repository with

python docs/check_pages.py docs/_build/html
"""

import json
import re
import sys
from pathlib import Path

SEARCHED = {"dropout": "dropout", "GPU": "gpu", "categorical": "categor"}
"""Words that users search for, as the index has them."""

FROM_ELSEWHERE = re.compile(r'<(?:script|link|img|iframe)[^>]*?(?:src|href)="(?:https?:)?//[^"]*"')
"""Tags that make a browser load something from another site."""

LINKS = {
    "api/generated/skmlp.TFMLPClassifier.html": "https://scikit-learn.org/stable/modules/generated/",
    "api/generated/skmlp.TFMLPRegressor.html": "https://numpy.org/doc/stable/reference/",
    "how_it_works.html": "https://www.tensorflow.org/api_docs/python/tf/function",
}
"""Pages, and the start of a link to another project that each must have."""


def missing_from_search(root):
    """Yield the words that the search of the pages does not find."""
    text = (root / "searchindex.js").read_text(encoding="utf-8")
    index = json.loads(text[text.index("{") : text.rindex("}") + 1])
    found = index["terms"].keys() | index["titleterms"].keys()
    for word, term in SEARCHED.items():
        if term not in found:
            yield f"the search does not find {word!r}"


def faults(root):
    """Yield a message for each fault of the pages."""
    yield from missing_from_search(root)
    for page in sorted(root.rglob("*.html")):
        name = page.relative_to(root).as_posix()
        html = page.read_text(encoding="utf-8")
        for tag in FROM_ELSEWHERE.findall(html):
            yield f"{name} needs a network: {tag}"
        if html.count('class="contents') > 0:
            yield f"{name} has a second table of contents"
        if LINKS.get(name, "") not in html:
            yield f"{name} has no link to {LINKS[name]}"


if __name__ == "__main__":
    found = list(faults(Path(sys.argv[1])))
    print("\n".join(found) or "The pages are as they should be.")
    sys.exit(bool(found))
