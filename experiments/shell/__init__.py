"""Code shared by the scripts."""

from shell.interrupt import end_at_interrupt

end_at_interrupt()  # before the imports of JAX and TFDS, which take a second
