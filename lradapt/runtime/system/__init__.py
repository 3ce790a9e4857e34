"""What differs between operating systems: each difference in one module, with a portable twin.

No other code of lradapt names `fcntl`, `/proc` or a function that only some systems have (a test
checks this). Where the system has it, it is used; a twin serves where it is absent, as on Windows.
"""
