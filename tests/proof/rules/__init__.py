"""Each rule's remedy, run before and after on every database."""
