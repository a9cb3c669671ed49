"""The documentation, put to the test: what its pages show is run, parsed or built."""
