"""The command line: a file for each group of commands, and how a program speaks and ends."""
