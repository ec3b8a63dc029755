"""An order system that sends its results back to where its orders come from, and its repaired twin."""
