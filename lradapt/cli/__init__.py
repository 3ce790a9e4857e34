"""The command line: a module for each group of commands, and for output, help and errors."""
