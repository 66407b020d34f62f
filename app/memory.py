"""What a process is made of, once it is ready."""

import gc


def settle_memory() -> None:
    """What the process is made of is never garbage: looking through it again and again took up to 66 ms each time.

    Whoever reads rows by the thousand is looked through less often, too.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)
