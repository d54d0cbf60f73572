"""One port, one class, one file."""
