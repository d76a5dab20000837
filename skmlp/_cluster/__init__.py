"""Training of one network by several processes, on one machine or on many."""
