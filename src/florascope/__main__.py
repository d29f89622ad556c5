"""`python -m florascope` is the command `florascope`."""

from florascope.cli.main import main

main()
