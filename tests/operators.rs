//! Questions that operators ask, and the commands that answer them.
