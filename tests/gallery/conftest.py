"""The scripts are run by the test, not imported by pytest's search for examples."""

collect_ignore_glob = ["plot_*.py"]
