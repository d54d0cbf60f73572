"""`make demo`: the whole path on this machine, told in numbered steps, each of which checks what it says."""
