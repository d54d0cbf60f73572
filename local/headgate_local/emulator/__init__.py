"""The AWS emulator of the local stack: ministack, held to what AWS does where Headgate needs it.

Runs in a venv of its own (``.venv/emulator``), so nothing here imports more than the standard library,
ministack and what ministack brings. ``patches.py`` lists every difference in one place; each module is one
subject and says why its patch exists.
"""
