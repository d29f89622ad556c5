"""Why a training fails that raises no error: evidence gathered once, checks that name the cause."""
