"""Files for developers: files that repeat a fact agree."""

import re
import tomllib

import skmlp
from skmlp._tensorflow.releases import TRICKS
from tests.helpers import ROOT


def text(path):
    return (ROOT / path).read_text(encoding="utf-8")


PROJECT = tomllib.loads(text("pyproject.toml"))["project"]


def test_commits_are_checked_by_the_same_ruff():
    """Check the version in the git hooks against the extra for developers."""
    [release] = [each for each in PROJECT["optional-dependencies"]["dev"] if "ruff" in each]
    found = re.findall(r"ruff==[\w.]+", text(".pre-commit-config.yaml"))
    assert len(found) == 2
    assert set(found) == {release}


def test_the_citation_has_the_version():
    """Check the version in the citation file."""
    assert re.search("^version: (.*)$", text("CITATION.cff"), re.MULTILINE)[1] == skmlp.__version__


def test_hosted_checks_run_all_pythons_and_releases():
    """Check the workflow against the classifiers, the sessions of nox, and the tricks' table."""
    workflow = text(".github/workflows/tests.yml")
    pythons = re.search(r"python: \[(.*)\]", workflow)[1]
    declared = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
    assert re.findall(r"[\d.]+", pythons) == declared
    assert PROJECT["requires-python"] == f">={declared[0]}"
    sessions = re.findall(r'nox.param\("(.*)", id="(.*)"\)', text("noxfile.py"))
    releases = {name for _, name in sessions}
    assert releases == set(re.findall(r'"(2\.\d+(?:rc)?)"', workflow))
    tried = {version.rstrip(".") for trick in TRICKS.values() for version in trick.tried}
    wanted = {wanted.strip("~=").removesuffix(".0") if "rc" not in wanted else wanted.strip("=")
              for wanted, _ in sessions}  # fmt: skip
    assert wanted == tried


def test_one_command_runs_the_tests_everywhere():
    """Check that CI reads the README's command, and that the README has just one."""
    commands = re.findall(r"^python -m pip install .*pytest.*$", text("README.md"), re.MULTILINE)
    assert len(commands) == 1
    assert " python -m pytest " in commands[0]
    assert "README.md" in text(".ci/run")
