"""What the rules claim, run: the measured table, its plots, and the code before and after of each rule."""
