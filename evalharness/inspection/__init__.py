"""What is wrong with texts as they come in: on the floor, so that test sets and systems are held to one rule."""
