"""One module per verb; each takes ports and returns plain records."""
