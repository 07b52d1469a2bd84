"""How many rows the tables of a project hold: the one part of the plugin that runs Django and the project."""
