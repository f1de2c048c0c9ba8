"""Pure training functions: no files, no flags, no logging, no devices."""
