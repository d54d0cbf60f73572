"""Notifiers: other people's wire formats, one file each."""
