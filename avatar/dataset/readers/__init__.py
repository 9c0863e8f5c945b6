"""One module for each format of chat export."""
