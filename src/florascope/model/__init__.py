"""The network and everything that goes with it to another machine."""
