"""The command line: what `python main.py <command>` does besides serving."""
