"""The command `headgate`: one file per noun, each a thin translation between a terminal and the use cases.

`app.py` joins the commands and words their faults; `output.py` is the only file that prints; `world.py` decides
which stack is meant. Modules import what is slow inside their functions, so that `headgate --help` stays quick.
"""
