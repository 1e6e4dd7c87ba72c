//! The flusher under test: its rules one by one, and the whole delivery against a model of a collector.
