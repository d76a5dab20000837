"""The demonstration, and the code in the README."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers import ROOT, run_python

README = ROOT / "README.md"


def run_main(*arguments):
    command = [sys.executable, "-m", "skmlp", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def test_main_job_trains_and_writes_pictures(tmp_path):
    """Check the line of each epoch, the accuracy, and the files that it announces."""
    done = run_main("--output-dir", str(tmp_path / "pictures"))
    assert (done.returncode, done.stderr) == (0, "")
    epochs = re.findall(
        r"^Epoch: +(\d+), training loss: \S+, validation loss: \S+, validation accuracy: \S+%$",
        done.stdout,
        flags=re.MULTILINE,
    )
    assert [int(number) for number in epochs] == list(range(1, len(epochs) + 1))
    assert len(epochs) > 10
    accuracy = re.search(r"[Aa]ccuracy on \d+ test images: (\S+)%", done.stdout)[1]
    assert float(accuracy) > 96
    paths = [Path(path) for path in re.findall(r"Picture: (.+)", done.stdout)]
    assert [path.name for path in paths] == ["losses.png", "predictions.png", "errors.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths)


def test_main_job_names_a_directory_that_it_cannot_make(tmp_path):
    """Check a file in the way, before any training."""
    (tmp_path / "file").write_text("")
    done = run_main("--output-dir", str(tmp_path / "file" / "pictures"))
    assert done.returncode == 2
    assert "cannot make the directory" in done.stderr
    assert "Epoch" not in done.stdout


@pytest.mark.skipif(not README.is_file(), reason="needs a checkout, for its README.md")
def test_code_of_the_readme_runs():
    """Check every Python block, without a warning."""
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    done = run_python("import warnings; warnings.simplefilter('error')\n" + "\n".join(blocks))
    assert (done.returncode, done.stderr) == (0, "")
