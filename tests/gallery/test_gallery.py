"""Scripts like those of scikit-learn's gallery, run with its networks and with ours.

Each script leaves its findings in `results`.
"""

import re
import runpy
import warnings
from collections import Counter
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest

SCRIPTS = sorted(Path(__file__).parent.glob("plot_*.py"))

ROUNDING = 1e-7
"""Differences of scores, losses and probabilities by rounding that nothing amplifies."""

AMPLIFIED = {r"plot_alpha: .*, alpha (0\.1|0\.3|1\.0): ": 0.3}
"""Results in which hundreds of L-BFGS iterations amplify rounding, and their tolerances.

With the samples in reverse order the probabilities of scikit-learn's own networks differ by 0.28.
"""


def tolerance_of(result):
    """Return the tolerance for a result."""
    return next((AMPLIFIED[each] for each in AMPLIFIED if re.match(each, result)), ROUNDING)


def swap_import(source):
    """Return a script with our estimators under the names of scikit-learn's."""
    pattern = r"from sklearn\.neural_network import (\w+)"
    swapped, n_swapped = re.subn(pattern, r"from skmlp import TF\1 as \1", source)
    assert n_swapped == 1
    return swapped


def run(source, path):
    """Return the results of a script, and how many warnings of each category it gives."""
    path.write_text(source, encoding="utf-8")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        results = runpy.run_path(str(path), run_name="__main__")["results"]
    plt.close("all")
    return results, Counter(warning.category for warning in caught)


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_swapped_import_changes_nothing(script, tmp_path, monkeypatch, capsys):
    """Check the results, the printed text, and that there are no new warnings."""
    monkeypatch.setattr(plt, "show", lambda: None)
    source = script.read_text(encoding="utf-8")
    theirs, their_warnings = run(source, tmp_path / script.name)
    their_output = capsys.readouterr()
    ours, our_warnings = run(swap_import(source), tmp_path / script.name)
    assert not our_warnings - their_warnings
    assert capsys.readouterr() == their_output
    assert list(ours) == list(theirs)
    for name, expected in theirs.items():
        tolerance = tolerance_of(f"{script.stem}: {name}")
        np.testing.assert_allclose(ours[name], expected, rtol=0, atol=tolerance, err_msg=name)


def test_there_are_ten_scripts():
    """Check that no script is lost, as a search for files that finds none tests nothing."""
    assert len(SCRIPTS) == 10
