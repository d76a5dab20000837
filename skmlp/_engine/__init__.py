"""One fit on the device: its data, its state and the compiled program that runs on them."""
