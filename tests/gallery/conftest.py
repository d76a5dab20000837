"""The gallery test runs the scripts; pytest's search for doctests does not import them."""

collect_ignore_glob = ["plot_*.py"]
