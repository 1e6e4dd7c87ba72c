//! Properties of selectors as a whole; parts have theirs beside them.
